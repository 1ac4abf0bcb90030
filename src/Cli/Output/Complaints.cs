using System.Text;
using Fanfare.Cli.Api;

namespace Fanfare.Cli.Output;

/// <summary>Failures in words: what is wrong, where, and what to do.</summary>
internal static class Complaints
{
    public static string Of(Problem problem, SourceText? source)
    {
        var text = new StringBuilder("error: ").Append(Words.Printable(problem.Title));
        // The detail of a problem with one error often is that error.
        var told = problem.Errors.Any(e => problem.Detail == $"{e.Field}: {e.Message}" || problem.Detail == $"{e.Field} {e.Message}");
        if (!string.IsNullOrEmpty(problem.Detail) && !told) text.Append('\n').Append(Indented(problem.Detail, "  "));
        foreach (var error in problem.Errors)
        {
            text.Append('\n');
            if (source is not null && error.Line is > 0)
            {
                text.Append(source.Show(error.Line.Value, error.Column ?? 0, Sentence(error.Field, error.Message), error.Remedy));
            }
            else
            {
                text.Append("  ").Append(Sentence(error.Field, error.Message));
                if (error.Remedy.Length > 0) text.Append('\n').Append(Indented(error.Remedy, "    "));
            }
        }
        if (problem.Type is not null) text.Append("\n  see ").Append(Words.Printable(problem.Type));
        if (problem.Status == 401) text.Append("\n  Give the server's access token with --token or FANFARE_TOKEN.");
        return text.ToString();
    }

    public static string Of(SpecError error, SourceText source) =>
        source.Show(error.Line, error.Column, Sentence(error.Path, error.Message), error.Remedy);

    public static string Of(string message, string? remedy) =>
        remedy is null ? $"error: {Words.Printable(message)}" : $"error: {Words.Printable(message)}\n{Indented(remedy, "  ")}";

    // "size is not a number", but "size: A size is needed."
    private static string Sentence(string field, string message) => Words.Printable(
        field.Length == 0 ? message
        : message.Length > 0 && char.IsLower(message[0]) ? $"{field} {message}"
        : $"{field}: {message}");

    private static string Indented(string text, string indent) =>
        string.Join('\n', text.Split('\n').Select(l => indent + Words.Printable(l.TrimEnd('\r'))));
}
