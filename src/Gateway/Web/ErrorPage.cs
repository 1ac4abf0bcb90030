namespace Fanfare.Gateway;

/// <summary>A refusal as a page.</summary>
internal static class ErrorPage
{
    public static PageContent Of(ErrorCode code, string detail, IReadOnlyList<FieldError> errors) => new(code.Title, Html.Of($"""
        <article>
        <h1>{code.Title}</h1>
        <p>{detail}</p>
        {Html.If(errors.Count > 0, $"<ul>{errors.Select(e => Html.Of($"<li><code>{e.Field}</code> {e.Message}. {e.Remedy}</li>"))}</ul>")}
        {Html.If(code == ErrorCodes.Unauthorized, $"<form class=\"token\" method=\"get\"><input type=\"password\" name=\"token\" placeholder=\"Access token\" autocomplete=\"current-password\" autofocus><button>Open</button></form>")}
        <p><a href="{code.Page}">{code.Code}: what this means</a> · <a href="/">All runs</a></p>
        </article>
        """));
}
