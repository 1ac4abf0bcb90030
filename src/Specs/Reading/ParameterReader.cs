using Fanfare.Contracts;
using Fanfare.Core;
using Fanfare.Specs.Yaml;

namespace Fanfare.Specs.Reading;

internal static class ParameterReader
{
    private static readonly Dictionary<string, ParameterType> Types = new()
    {
        ["string"] = ParameterType.String,
        ["int"] = ParameterType.Int,
        ["float"] = ParameterType.Float,
        ["bool"] = ParameterType.Bool,
        ["json"] = ParameterType.Json,
    };

    public static ParameterSpec? Read(string name, Value value)
    {
        if (Fields.Of(value, "a parameter", FieldNames.Parameter) is not { } fields) return null;
        var type = Type(fields["type"]);
        var sensitive = fields["sensitive"]?.AsBool() ?? false;
        var defaultNode = fields.Raw("default");
        var required = fields["required"];
        if (sensitive && type != ParameterType.String)
            value.Complain($"Parameter '{name}' is sensitive and not of type string; a secret is a text.", "Use type string.");
        if (required?.AsBool() is { } given && given == defaultNode is not null)
            required.Complain(
                given ? $"Parameter '{name}' is required and has a default; a required parameter has none." : $"Parameter '{name}' is not required and has no default; then it would have no value.",
                given ? "Remove 'required' or 'default'." : "Give a default; for type json it may be null.");
        return new ParameterSpec
        {
            Name = name,
            Type = type,
            Sensitive = sensitive,
            Required = defaultNode is null,
            Default = defaultNode is null ? null : Default(name, type, sensitive, defaultNode),
            Help = fields["help"]?.AsText(),
        };
    }

    private static ParameterType Type(Value? value)
    {
        const string rule = "string, int, float, bool or json";
        if (value?.AsText(rule) is not { } text) return ParameterType.String;
        if (Types.TryGetValue(text, out var type)) return type;
        value.Wrong(rule, NearestName.Of(text, Types.Keys) is { } near ? $"Did you mean '{near}'?" : "Choose one of these types.");
        return ParameterType.String;
    }

    private static string? Default(string name, ParameterType type, bool sensitive, Value value)
    {
        if (JsonText.Of(value) is not { } json) return null;
        // An unquoted default of a string parameter is that text: 007 stays 007.
        if (type == ParameterType.String && value.Node is YamlScalar { IsNull: false } scalar) json = JsonText.Quote(scalar.Text);
        var parameter = new ParameterSpec { Name = name, Type = type, Sensitive = sensitive };
        if (FlowParameters.Check(parameter, json, out var canonical) is { } error)
        {
            value.Complain($"The default does not fit: {error.Message}", error.Remedy);
            return null;
        }
        return canonical;
    }
}
