using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Core.Tests.Parameters;

public sealed class FlowParametersTests
{
    private static readonly FlowSpec Flow = new()
    {
        Name = "flow",
        Steps = [],
        Parameters =
        [
            new() { Name = "top", Type = ParameterType.Int, Default = "5" },
            new() { Name = "word", Type = ParameterType.String, Default = "\"a\"" },
            new() { Name = "rate", Type = ParameterType.Float, Default = "0.5" },
            new() { Name = "fast", Type = ParameterType.Bool, Default = "false" },
            new() { Name = "grid", Type = ParameterType.Json, Default = "null" },
            new() { Name = "token", Sensitive = true, Default = """{"secret":"api"}""" },
        ],
    };

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("{}")]
    public void WithoutValues_TheDefaultsAreFilledIn_InTheFlowsOrder(string given) =>
        Assert.Equal("""{"top":5,"word":"a","rate":0.5,"fast":false,"grid":null,"token":{"secret":"api"}}""", Bound(given));

    [Fact]
    public void ValuesTakeThePlaceOfDefaults() =>
        Assert.Equal(
            """{"top":-7,"word":"b","rate":3,"fast":true,"grid":{"a":[1,"x"]},"token":{"secret":"other"}}""",
            Bound("""{ "grid": {"a": [1, "x"]}, "token": {"secret": "other"}, "fast": true, "rate": 3, "word": "b", "top": -7 }"""));

    public static TheoryData<string, string, string, string, string> Wrong => new()
    {
        { "parameters are an object", "[1]", "parameters", "must be a JSON object", "{\"top\": 5}" },
        { "parameters are JSON", "{top: 5}", "parameters", "no valid JSON", "{\"top\": 5}" },
        { "parameters are known", """{"tpo": 5}""", "parameters.tpo", "no parameter 'tpo'", "Did you mean 'top'?" },
        { "what is unlike any is listed against", """{"colour": 5}""", "parameters.colour", "no parameter 'colour'", "top, word, rate" },
        { "each is given once", """{"top": 5, "top": 6}""", "parameters.top", "given twice", "Remove one" },
        { "an int is no text", """{"top": "5"}""", "parameters.top", "its type is int", "an integer" },
        { "an int is whole", """{"top": 5.5}""", "parameters.top", "its type is int", "an integer" },
        { "an int has 64 bits", """{"top": 9223372036854775808}""", "parameters.top", "its type is int", "9223372036854775807" },
        { "a string is no number", """{"word": 5}""", "parameters.word", "its type is string", "a JSON string" },
        { "a string is no null", """{"word": null}""", "parameters.word", "is null", "a JSON string" },
        { "a string is Unicode", """{"word": "\ud800"}""", "parameters.word", "is a string; its type is string", "a JSON string" },
        { "a float is finite", """{"rate": 1e999}""", "parameters.rate", "its type is float", "finite" },
        { "a bool is no number", """{"fast": 1}""", "parameters.fast", "its type is bool", "true or false" },
        { "a secret is no value", """{"token": "hunter2"}""", "parameters.token", "history for ever", "{\"secret\": \"name\"}" },
        { "a secret has a name", """{"token": {"secret": "a b"}}""", "parameters.token", "history for ever", "{\"secret\": \"name\"}" },
        { "only a sensitive parameter names a secret", """{"grid": {"secret": "api"}}""", "parameters.grid", "not sensitive", "any valid JSON but" },
    };

    [Theory, MemberData(nameof(Wrong))]
    public void ABrokenRule_IsNamedWithPathAndRemedy(string rule, string given, string path, string message, string remedy)
    {
        var (json, errors) = FlowParameters.Bind(Flow, given);

        Assert.Equal("{}", json);
        var error = Assert.Single(errors);
        Assert.True(error.Path == path
            && error.Message.Contains(message, StringComparison.Ordinal)
            && error.Remedy.Contains(remedy, StringComparison.Ordinal), $"{rule}: {error}");
    }

    [Fact]
    public void AParameterWithoutADefault_IsRequired()
    {
        var flow = Flow with { Parameters = [new() { Name = "region", Required = true }] };

        var error = Assert.Single(FlowParameters.Bind(flow, "{}").Errors);
        Assert.Equal("parameters.region", error.Path);
        Assert.Contains("must be given it", error.Message, StringComparison.Ordinal);
        Assert.Equal("""{"region":"eu"}""", FlowParameters.Bind(flow, """{"region":"eu"}""").Json);
    }

    [Fact]
    public void AllErrorsComeAtOnce() =>
        Assert.Equal(["parameters.x", "parameters.top", "parameters.fast"],
            FlowParameters.Bind(Flow, """{"x": 1, "fast": 1, "top": true}""").Errors.Select(e => e.Path));

    [Fact]
    public void ParametersAreBounded()
    {
        var error = Assert.Single(FlowParameters.Bind(Flow, $$"""{"word": "{{new string('x', Limits.ParameterBytes)}}"}""").Errors);

        Assert.Contains("262144 bytes", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void DefaultsCountTowardsTheBound()
    {
        var half = $"\"{new string('x', Limits.ParameterBytes / 2)}\"";
        var flow = Flow with { Parameters = [new() { Name = "a", Default = half }, new() { Name = "b", Default = "\"\"" }] };

        Assert.Empty(FlowParameters.Bind(flow, "{}").Errors);
        Assert.Contains("with their defaults", Assert.Single(FlowParameters.Bind(flow, $$"""{"b": {{half}}}""").Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void DeepJson_IsRefused()
    {
        var error = Assert.Single(FlowParameters.Bind(Flow, $$"""{"grid": {{new string('[', 100)}}{{new string(']', 100)}}}""").Errors);

        Assert.Contains("no valid JSON", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TextThatIsNoUnicode_IsRefused() =>
        Assert.NotEmpty(FlowParameters.Bind(Flow, "{\"word\": \"" + (char)0xD800 + "\"}").Errors);

    private static string Bound(string given)
    {
        var (json, errors) = FlowParameters.Bind(Flow, given);
        Assert.True(errors.Count == 0, string.Join(Environment.NewLine, errors));
        return json;
    }
}
