using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Net.Http.Headers;

namespace Fanfare.Gateway;

/// <summary>Writes a refusal: problem details for programs, a page for browsers outside the API.</summary>
internal static class Problems
{
    private const int RetryAfterSeconds = 2;

    // No HTML page embeds these bodies, so quotes may stay readable.
    private static readonly ProblemJson Json = new(new JsonSerializerOptions(ProblemJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public static async Task WriteAsync(HttpContext http, ErrorCode code, string detail, IReadOnlyList<FieldError> errors)
    {
        var response = http.Response;
        response.StatusCode = code.Status;
        if (code.Status is 429 or 503)
            response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        if (code.Status == 401)
            response.Headers.WWWAuthenticate = "Bearer realm=\"fanfare\"";
        response.Headers.CacheControl = "no-store";
        if (WantsPage(http.Request))
        {
            await Layout.WriteAsync(http, ErrorPage.Of(code, detail, errors), code.Status);
            return;
        }
        var body = new ProblemBody(code.Page, code.Title, code.Status, detail, http.Request.Path.Value ?? "/", code.Code, errors);
        response.ContentType = ProblemBody.ContentType;
        var bytes = JsonSerializer.SerializeToUtf8Bytes(body, Json.ProblemBody);
        response.ContentLength = bytes.Length;
        await response.Body.WriteAsync(bytes);
    }

    private static bool WantsPage(HttpRequest request) =>
        !request.Path.StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase)
        && (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method))
        && MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var accepted)
        && accepted.Any(type => type.MediaType.Equals("text/html", StringComparison.OrdinalIgnoreCase));
}
