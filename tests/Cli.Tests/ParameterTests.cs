using System.Text.Json;
using Fanfare.Cli.Running;

namespace Fanfare.Cli.Tests;

public sealed class ParameterTests : IDisposable
{
    private static readonly ParameterSpec[] Specs =
    [
        new() { Name = "day", Type = ParameterType.String },
        new() { Name = "size", Type = ParameterType.Int, Default = "10" },
        new() { Name = "rate", Type = ParameterType.Float },
        new() { Name = "config", Type = ParameterType.Json },
    ];

    private readonly TestCli _cli = new();

    public void Dispose() => _cli.Dispose();

    [Theory]
    [InlineData("day=5", "\"5\"")]
    [InlineData("day=[1]", "\"[1]\"")]
    [InlineData("size=5", "5")]
    [InlineData("size=many", "\"many\"")]
    [InlineData("rate=1e-3", "1e-3")]
    [InlineData("config={\"a\": [1]}", "{\"a\": [1]}")]
    [InlineData("config=a=b", "\"a=b\"")]
    [InlineData("unknown=true", "true")]
    [InlineData("day=", "\"\"")]
    [InlineData("day=@@home", "\"@home\"")]
    public void AValue_GetsTheFormOfItsType(string argument, string json)
    {
        var typed = ParameterValues.Type(ParameterValues.Parse([argument], _cli.Directory), Specs);

        Assert.Equal(json, typed.Single().Value.GetRawText());
    }

    [Fact]
    public void AFile_IsReadFromTheWorkingDirectory()
    {
        _cli.Write("config.json", "{\"a\":1}\n");

        var typed = ParameterValues.Type(ParameterValues.Parse(["config=@config.json"], _cli.Directory), Specs);

        Assert.Equal(1, typed["config"].GetProperty("a").GetInt32());
    }

    [Theory]
    [InlineData("size", "has no value")]
    [InlineData("=5", "has no value")]
    [InlineData("config=@none.json", "none.json")]
    public void ABadArgument_IsRefused(string argument, string expected)
    {
        var error = Assert.Throws<CommandException>(() => ParameterValues.Parse([argument], _cli.Directory));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.Remedy);
    }

    [Fact]
    public void AParameterGivenTwice_IsRefused() =>
        Assert.Contains("twice", Assert.Throws<CommandException>(() => ParameterValues.Parse(["a=1", "a=2"], _cli.Directory)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("{\"size\":10,\"day\":\"x\"}", "day=x", true)]
    [InlineData("{\"day\":\"x\",\"size\":10.0}", "day=x", true)]
    [InlineData("{\"size\":11,\"day\":\"x\"}", "day=x", false)]
    [InlineData("{\"size\":11,\"day\":\"x\"}", "day=x size=11", true)]
    [InlineData("{\"size\":10}", "day=x", false)]
    [InlineData("{\"size\":10,\"day\":\"x\"}", "", false)]
    [InlineData("{\"size\":10,\"config\":{\"b\":[1,2],\"a\":1}}", "config={\"a\":1,\"b\":[1,2]}", true)]
    [InlineData("{\"size\":10,\"config\":{\"b\":[2,1],\"a\":1}}", "config={\"a\":1,\"b\":[1,2]}", false)]
    public void ParametersAreCompared_WithTheDefaultsFilledIn_AsJson(string run, string arguments, bool same)
    {
        var given = ParameterValues.Type(ParameterValues.Parse(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries), _cli.Directory), Specs);

        Assert.Equal(same, ParameterValues.AreThoseOf(JsonDocument.Parse(run).RootElement, given, Specs));
    }
}
