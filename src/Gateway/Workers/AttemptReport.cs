using System.Text;
using System.Text.Json;

namespace Fanfare.Gateway;

/// <summary>Checks what a worker says of an attempt's end before the engine takes it: what is accepted is kept for ever, and read by every task that comes after.</summary>
internal static class AttemptReport
{
    private const int MaxArtifacts = 10_000, MaxArtifactNameChars = 1024, MaxErrorTypeChars = 128;

    /// <exception cref="ApiFault">A part is not as the protocol has it.</exception>
    public static void Check(string field, FinishedAttempt finished)
    {
        if (finished.Output is { } output) CheckOutput($"{field}.output", output);
        if (finished.Error is { } error) CheckError($"{field}.error", error);
        if (finished.Artifacts is not { } artifacts) return;
        if (artifacts.Count > MaxArtifacts) throw ApiFault.TooLarge($"{field}.artifacts", $"are more than {MaxArtifacts}", "Put files together into archives.");
        for (var i = 0; i < artifacts.Count; i++)
            if (artifacts[i] is not { Bytes: >= 0, Name: { Length: > 0 and <= MaxArtifactNameChars } name } || !Printable.IsValid(name, MaxArtifactNameChars) || !LeaseQuery.IsArtifactName(name))
                throw ApiFault.Field($"{field}.artifacts[{i}]", "is not a relative path and a size", "Give the name that it was uploaded under, and its bytes.");
    }

    private static void CheckOutput(string field, string output)
    {
        if (Encoding.UTF8.GetByteCount(output) > Limits.OutputBytes)
            throw ApiFault.TooLarge(field, $"is larger than {Limits.OutputBytes} bytes", "Report the attempt as failed; large results belong into artifacts.");
        try
        {
            using var document = JsonDocument.Parse(output);
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw ApiFault.Field(field, "is not a JSON object", "Give an object, or leave it out.");
            Body.CheckText(field, document.RootElement);
        }
        catch (JsonException)
        {
            throw ApiFault.Field(field, "is not a JSON object", "Give an object, or leave it out.");
        }
    }

    private static void CheckError(string field, TaskError error)
    {
        // A worker that cuts a message ends it with an ellipsis.
        if (error.Message.Length > Limits.ErrorChars + 1) throw ApiFault.TooLarge($"{field}.message", $"is longer than {Limits.ErrorChars} characters", "Cut it; the log has all.");
        if (!Printable.IsValid(error.Type, MaxErrorTypeChars)) throw ApiFault.Field($"{field}.type", "is not a word", $"Give 1 to {MaxErrorTypeChars} printable characters, such as 'exit'.");
    }
}
