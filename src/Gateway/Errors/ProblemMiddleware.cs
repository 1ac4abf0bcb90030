namespace Fanfare.Gateway;

/// <summary>Turns whatever went wrong below into problem details: exceptions, and bare statuses such as routing's 404 and 405.</summary>
internal sealed partial class ProblemMiddleware(RequestDelegate next, IJournal journal, Drain drain, ILogger<ProblemMiddleware> log)
{
    public async Task InvokeAsync(HttpContext http)
    {
        try
        {
            await next(http);
        }
        catch (Exception exception) when (!IsAbort(http, exception))
        {
            await AnswerAsync(http, exception);
            return;
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or BadHttpRequestException)
        {
            LogAborted(http.Request.Method, http.Request.Path);
            return;
        }
        if (http.Response is { HasStarted: false, StatusCode: >= 400, ContentType: null })
            await Problems.WriteAsync(http, ErrorCodes.OfStatus(http.Response.StatusCode), BareStatus(http), []);
    }

    private static bool IsAbort(HttpContext http, Exception exception) =>
        http.RequestAborted.IsCancellationRequested && exception is OperationCanceledException or IOException or BadHttpRequestException { StatusCode: 400 };

    private async Task AnswerAsync(HttpContext http, Exception exception)
    {
        var (code, detail, errors) = Read(exception);
        if (code.Status >= 500 && code.Status != StatusCodes.Status503ServiceUnavailable) LogFailed(exception, http.Request.Method, http.Request.Path, code.Code);
        if (http.Response.HasStarted)
        {
            // Half an answer must not look like a whole one.
            http.Abort();
            return;
        }
        http.Response.Clear();
        await Problems.WriteAsync(http, code, detail, errors);
    }

    private (ErrorCode Code, string Detail, IReadOnlyList<FieldError> Errors) Read(Exception exception) => exception switch
    {
        ApiFault fault => (fault.Code, fault.Message, fault.Errors),
        RefusedException refusal => (ErrorCodes.Of(refusal), refusal.Message, [.. refusal.Fields.Select(f => new FieldError(f.Path, f.Message, f.Remedy))]),
        BadHttpRequestException { StatusCode: 413 } => (ErrorCodes.TooLarge, "The body is larger than this route takes. Limits are listed in docs/limits.md.", []),
        BadHttpRequestException bad => (ErrorCodes.OfStatus(bad.StatusCode), bad.Message, []),
        JournalFormatException or Storage.DataDirectoryException => (ErrorCodes.JournalUnreadable, exception.Message, []),
        Storage.Postgres.StoreUnavailableException or Storage.Blobs.BlobStoreUnavailableException => (ErrorCodes.Busy, exception.Message, []),
        IOException or UnauthorizedAccessException => (ErrorCodes.Busy, $"The data directory cannot be read or written: {exception.Message} Free space or restore access, then repeat the request.", []),
        OperationCanceledException when drain.Token.IsCancellationRequested => (ErrorCodes.Busy, "The server is shutting down. Repeat the request in a moment.", []),
        OperationCanceledException => (ErrorCodes.Busy, journal.Health ?? "The request was not done in time. Repeat it in a moment.", []),
        _ => (ErrorCodes.Unexpected, "This is a defect of the server; its log says more. The request may be repeated.", []),
    };

    private static string BareStatus(HttpContext http) => http.Response.StatusCode switch
    {
        404 => $"There is nothing at {http.Request.Path}. The routes are listed in /openapi/v1.json.",
        405 => $"{http.Request.Method} does not apply to {http.Request.Path}; allowed: {http.Response.Headers.Allow}.",
        415 => "Send the body as application/json.",
        _ => $"The request was answered with status {http.Response.StatusCode}.",
    };

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Path} failed with {Code}.")]
    private partial void LogFailed(Exception exception, string method, PathString path, string code);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Method} {Path}: the client went away.")]
    private partial void LogAborted(string method, PathString path);
}
