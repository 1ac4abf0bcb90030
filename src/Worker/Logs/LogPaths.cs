using System.Text.Json;

namespace Fanfare.Worker.Logs;

/// <summary>Files that a forked task asks the worker to keep its output in, beside the log.</summary>
internal sealed record LogPaths(string Output, string Error)
{
    /// <summary>Reads <c>{"logs": {"stdout": PATH, "stderr": PATH}}</c>; null when it is not that.</summary>
    public static LogPaths? Parse(string json)
    {
        try
        {
            using var said = JsonDocument.Parse(json);
            return said.RootElement.TryGetProperty("logs", out var logs) && Path(logs, "stdout") is { } output && Path(logs, "stderr") is { } error ? new LogPaths(output, error) : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static string? Path(JsonElement logs, string name) => logs.TryGetProperty(name, out var path) && path.GetString() is { Length: > 0 } text && System.IO.Path.IsPathRooted(text) ? text : null;
}
