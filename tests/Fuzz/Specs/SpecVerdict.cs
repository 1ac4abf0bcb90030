using System.Text;
using Fanfare.Contracts;
using Fanfare.Core;
using Fanfare.Fuzz.Kernel;
using Fanfare.Specs;

namespace Fanfare.Fuzz.Specs;

/// <summary>What must hold of the reader, whatever the text is.</summary>
internal static class SpecVerdict
{
    /// <summary>CPU time for any text up to <see cref="Limits.SpecBytes"/>.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Bytes that may be allocated: a fixed part, and so many for each character.</summary>
    private const long FixedBytes = 64L * 1024 * 1024, BytesPerChar = 4000;

    private const int MostErrors = 501, MessageChars = 2000;

    /// <exception cref="FuzzException">Something does not hold.</exception>
    public static SpecResult Of(string text)
    {
        var (result, cost) = ThreadCost.Of(() => Read(text));
        Check(cost.Time < Patience, $"It took {cost.Time}.");
        Check(cost.Bytes < FixedBytes + (BytesPerChar * text.Length), $"It allocated {cost.Bytes} bytes for {text.Length} characters.");
        Check(result.Spec is null == result.Errors.Count > 0, "It has a spec and errors, or neither.");
        Check(result.Spec is null == result.Graph is null, "It has a spec without a graph, or the other way round.");
        Check(result.Errors.Count <= MostErrors, $"It has {result.Errors.Count} errors.");
        if (result.Errors.Count > 0) CheckErrors(text, result.Errors);
        if (result.Spec is { } spec) CheckAccepted(spec);
        return result;
    }

    private static SpecResult Read(string text)
    {
        try
        {
            return FlowSpecReader.Read(text);
        }
        catch (Exception e)
        {
            throw new FuzzException($"The reader threw {e}", e);
        }
    }

    private static void CheckErrors(string text, IReadOnlyList<SpecError> errors)
    {
        var lines = LinesOf(text);
        for (var i = 0; i < errors.Count; i++)
        {
            var error = errors[i];
            // The last one of too many counts the rest, and has no place.
            if (i == MostErrors - 1 && error is { Line: 0, Message.Length: > 0, Remedy.Length: > 0 }) continue;
            Check(error.Line >= 1 && error.Line <= lines, $"Line {error.Line} of {lines}: {error}");
            Check(error.Column >= 1 && error.Column <= text.Length + 1, $"Column {error.Column}: {error}");
            Check(error.Message.Length is > 0 and <= MessageChars, $"A message of {error.Message.Length} characters: {error.Line}:{error.Column} {error.Path[..Math.Min(80, error.Path.Length)]} {error.Message[..Math.Min(200, error.Message.Length)]}");
            Check(error.Remedy.Length is > 0 and <= MessageChars, $"A remedy of {error.Remedy.Length} characters: {error.Message}");
            Check(error.Path is not null && IsText(error.Message) && IsText(error.Remedy), $"Not to be shown: {error}");
        }
    }

    // What is accepted is stored in its canonical form, and compiled again from that for ever.
    private static void CheckAccepted(FlowSpec spec)
    {
        string json = "";
        FlowSpec again;
        try
        {
            json = FlowSpecJson.Write(spec);
            again = FlowSpecJson.Read(json);
        }
        catch (Exception e)
        {
            throw new FuzzException($"The canonical form cannot be written and read back: {e.Message}{Environment.NewLine}{json}", e);
        }
        Check(FlowSpecJson.Write(again) == json, $"The canonical form changes when it is read: {json}");
        var graph = FlowGraph.Compile(again, out var errors);
        Check(graph is not null && errors.Count == 0, $"The canonical form does not compile: {string.Join("; ", errors)}");
    }

    // YAML ends lines at these, too.
    private static int LinesOf(string text) => 2 + text.Count(c => c is '\n' or '\r' or '\u0085' or '\u2028' or '\u2029');

    private static bool IsText(string text)
    {
        try
        {
            new UTF8Encoding(false, throwOnInvalidBytes: true).GetByteCount(text);
            return true;
        }
        catch (EncoderFallbackException)
        {
            return false;
        }
    }

    private static void Check(bool holds, string otherwise)
    {
        if (!holds) throw new FuzzException(otherwise);
    }
}
