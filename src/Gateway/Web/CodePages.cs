using System.Text;

namespace Fanfare.Gateway;

/// <summary>The pages under docs/errors, as HTML.</summary>
internal static class CodePages
{
    /// <summary>The page of an error code; null when there is none.</summary>
    public static PageContent? Read(string code)
    {
        var known = ErrorCodes.All.FirstOrDefault(c => c.Code.Equals(code, StringComparison.OrdinalIgnoreCase));
        if (known is null || Assets.Read($"errors/{known.Code}.md") is not { } markdown) return null;
        return new PageContent($"{known.Code} {known.Title}", Html.Of($"<article>{Markdown.ToHtml(Encoding.UTF8.GetString(markdown))}</article>"));
    }
}
