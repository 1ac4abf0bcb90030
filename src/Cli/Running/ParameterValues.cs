using System.Text.Json;

namespace Fanfare.Cli.Running;

/// <summary>Parameters as given on the command line: <c>name=value</c>, or <c>name=@file</c> for a file's content
/// (<c>name=@@text</c> for a value that begins with @).</summary>
internal static class ParameterValues
{
    public static IReadOnlyList<KeyValuePair<string, string>> Parse(IReadOnlyList<string> arguments, string workingDirectory)
    {
        var values = new List<KeyValuePair<string, string>>();
        foreach (var argument in arguments)
        {
            var equals = argument.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
                throw new CommandException(ExitCode.Usage, $"The parameter '{argument}' has no value.", "Write -p NAME=VALUE, or -p NAME=@FILE.");
            var name = argument[..equals];
            if (values.Any(v => v.Key == name))
                throw new CommandException(ExitCode.Usage, $"The parameter '{name}' is given twice.", "Give each parameter once.");
            values.Add(new(name, Read(name, argument[(equals + 1)..], workingDirectory)));
        }
        return values;
    }

    /// <summary>Gives each value its JSON form: text for a string parameter that is not sensitive (such a one is given as <c>{"secret": "name"}</c>); else JSON where it is JSON, and text where not,
    /// which the server then refuses with the type it wants.</summary>
    public static Dictionary<string, JsonElement> Type(IEnumerable<KeyValuePair<string, string>> values, IReadOnlyList<ParameterSpec> specs)
    {
        var typed = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var (name, text) in values)
        {
            var spec = specs.FirstOrDefault(s => s.Name == name);
            typed[name] = spec is { Type: ParameterType.String, Sensitive: false } || !TryParse(text, out var json) ? Text(text) : json;
        }
        return typed;
    }

    /// <summary>Whether a run with these parameters would get what <paramref name="run"/> has, the defaults filled in.</summary>
    public static bool AreThoseOf(JsonElement run, IReadOnlyDictionary<string, JsonElement> given, IReadOnlyList<ParameterSpec> specs)
    {
        var wanted = specs.Where(s => s.Default is not null).ToDictionary(s => s.Name, s => Json(s.Default!));
        foreach (var (name, value) in given) wanted[name] = value;
        var has = run.ValueKind == JsonValueKind.Object ? run.EnumerateObject().ToDictionary(p => p.Name, p => p.Value) : [];
        return wanted.Count == has.Count
            && wanted.All(w => has.TryGetValue(w.Key, out var value) && JsonElement.DeepEquals(w.Value, value));
    }

    private static string Read(string name, string value, string workingDirectory)
    {
        if (value.StartsWith("@@", StringComparison.Ordinal)) return value[1..];
        if (!value.StartsWith('@')) return value;
        var path = Path.GetFullPath(value[1..], workingDirectory);
        try
        {
            if (new FileInfo(path).Length > Limits.ParameterBytes)
                throw new CommandException(
                    ExitCode.Usage, $"The file {path} for parameter '{name}' is larger than the {Output.Words.Bytes(Limits.ParameterBytes)} that a run's parameters may have.",
                    "Pass the file's path as the parameter and let a step read it.");
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                ExitCode.Usage, $"The file {path} for parameter '{name}' cannot be read: {e.Message}",
                $"For a value that begins with @ write -p {name}=@{value}.");
        }
    }

    private static bool TryParse(string text, out JsonElement json)
    {
        try
        {
            json = Json(text);
            return true;
        }
        catch (JsonException)
        {
            json = default;
            return false;
        }
    }

    private static JsonElement Json(string text)
    {
        using var document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }

    private static JsonElement Text(string text) => JsonSerializer.SerializeToElement(text, TextJson.Default.String);
}

[System.Text.Json.Serialization.JsonSerializable(typeof(string))]
internal sealed partial class TextJson : System.Text.Json.Serialization.JsonSerializerContext;
