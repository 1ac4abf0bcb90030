using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Worker;

/// <summary>Where the <c>{secret: name}</c> of a step's <c>env</c> and of a sensitive parameter comes from: the worker's variable <c>FANFARE_SECRET_NAME</c> (upper case, '_' for
/// '-'), else the file of that name in the secrets directory, without one line end at its end.</summary>
internal sealed class Secrets(string? directory)
{
    private const long MostBytes = 64 * 1024;

    /// <exception cref="AttemptFailure">There is no such secret here.</exception>
    public string Resolve(string name)
    {
        if (!Names.IsValid(name)) throw AttemptFailure.Failed("start_failed", $"Secret '{name}' cannot be found: {Names.Rule}. Correct the step's env or the run's parameters.");
        var variable = VariableOf(name);
        if (Environment.GetEnvironmentVariable(variable) is { } value) return value;
        if (directory is not null && new FileInfo(Path.Combine(directory, name)) is { Exists: true } file)
        {
            if (file.Length > MostBytes) throw AttemptFailure.Failed("start_failed", $"Secret '{name}' is larger than {MostBytes} bytes. Pass large files in another way.");
            try
            {
                var text = File.ReadAllText(file.FullName);
                return text.EndsWith("\r\n", StringComparison.Ordinal) ? text[..^2] : text.EndsWith('\n') ? text[..^1] : text;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw AttemptFailure.Failed("start_failed", $"Secret '{name}' cannot be read on the worker: {e.Message}");
            }
        }
        throw AttemptFailure.Failed("start_failed",
            $"Secret '{name}' is not known to the worker. Set {variable} in the worker's environment{(directory is null ? ", or give the worker a secrets directory with a file of that name" : $", or write it to {Path.Combine(directory, name)}")}.");
    }

    /// <summary>The secret that a parameter's value names; null for an ordinary value. An object with the one member <c>secret</c>, a
    /// valid name, is a reference by its form alone: no ordinary parameter may have such a value.</summary>
    public static string? NamedBy(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object || value.GetPropertyCount() != 1) return null;
        if (!value.TryGetProperty("secret", out var name) || name.ValueKind != JsonValueKind.String) return null;
        return Names.IsValid(name.GetString()) ? name.GetString() : null;
    }

    public static string VariableOf(string name) => "FANFARE_SECRET_" + TaskEnvironment.Upper(name);
}
