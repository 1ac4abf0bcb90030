using System.Text;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Core;
using Fanfare.Specs;
using Fanfare.Worker.Tests.Fakes;

namespace Fanfare.Worker.Tests;

/// <summary>A sensitive parameter from the flow's text to the task: its name travels, and its value is only with the worker.</summary>
public sealed class SensitiveParameterTests : IAsyncLifetime
{
    private const string Flow = """
        name: sensitive
        parameters:
          token: {sensitive: true}
          spare: {sensitive: true, default: {secret: spare_token}}
          plain: {default: hello}
        steps:
          start: {run: a}
        """;

    private readonly string _secrets = Directory.CreateTempSubdirectory("fanfare-secrets-").FullName;
    private FakeGateway _gateway = null!;
    private TestWorker _worker = null!;

    public async Task InitializeAsync()
    {
        await File.WriteAllTextAsync(Path.Combine(_secrets, "api-token"), "s3cr3t-value\n");
        await File.WriteAllTextAsync(Path.Combine(_secrets, "spare_token"), "other-value");
        await File.WriteAllTextAsync(Path.Combine(_secrets, "binary"), "a\0b");
        _gateway = await FakeGateway.StartAsync();
        _worker = new TestWorker([_gateway], o => o with { SecretsDirectory = _secrets });
    }

    public async Task DisposeAsync()
    {
        await _worker.DisposeAsync();
        await _gateway.DisposeAsync();
        Directory.Delete(_secrets, recursive: true);
    }

    [Fact]
    public async Task TheLogAndTheError_AreMasked()
    {
        var lease = await RunAsync("""{"token": {"secret": "api-token"}}""", """
            echo "token=$FANFARE_PARAM_TOKEN spare=$FANFARE_PARAM_SPARE plain=$FANFARE_PARAM_PLAIN"
            echo "$FANFARE_PARAM_TOKEN is refused" >&2
            exit 3
            """);

        Assert.Equal(["***", "token=*** spare=*** plain=hello"], _gateway.Log(lease.Token).Select(l => l.Text.Replace(" is refused", "", StringComparison.Ordinal)).Order());
        Assert.EndsWith("*** is refused", _gateway.Finished[lease.Token].Error!.Message);
    }

    [Fact]
    public async Task TheTaskGetsTheValue_AndItsInputFileTheName()
    {
        var lease = await RunAsync("""{"token": {"secret": "api-token"}}""", """
            cp "$FANFARE_INPUT" "$FANFARE_ARTIFACTS/input.json"
            printf '%s|%s|%s' "$FANFARE_PARAM_TOKEN" "$FANFARE_PARAM_SPARE" "$FANFARE_PARAM_PLAIN" > "$FANFARE_ARTIFACTS/values"
            """);

        Assert.Null(_gateway.Finished[lease.Token].Error);
        Assert.Equal("s3cr3t-value|other-value|hello", Artifact(lease, "values"));
        using var input = JsonDocument.Parse(Artifact(lease, "input.json"));
        Assert.Equal("""{"token":{"secret":"api-token"},"spare":{"secret":"spare_token"},"plain":"hello"}""", input.RootElement.GetProperty("parameters").GetRawText());
    }

    [Theory]
    [InlineData("no-such", "FANFARE_SECRET_NO_SUCH")]
    [InlineData("binary", "'token'")]
    public async Task ASecretThatCannotBeGiven_FailsTheAttemptBeforeItStarts(string secret, string named)
    {
        var lease = await RunAsync($$"""{"token": {"secret": "{{secret}}"} }""", "echo started");

        var error = _gateway.Finished[lease.Token].Error!;
        Assert.Equal("start_failed", error.Type);
        Assert.Contains(named, error.Message);
        Assert.DoesNotContain(_gateway.Log(lease.Token), l => l.Text == "started");
    }

    [Theory]
    [InlineData("""{"secret":"api-token","other":1}""")]
    [InlineData("""{"secret":"no name"}""")]
    [InlineData("""{"secret":5}""")]
    [InlineData("""["secret"]""")]
    public async Task AnythingElse_IsAnOrdinaryValue(string value)
    {
        var lease = A.Task("printf '%s' \"$FANFARE_PARAM_GRID\" > \"$FANFARE_ARTIFACTS/values\"", lease: l => l with { Parameters = $$"""{"grid":{{value}}}""" });
        _gateway.Offer(lease);
        await _gateway.FinishedAsync(lease.Token);

        Assert.Equal(value, Artifact(lease, "values"));
    }

    [Theory]
    [InlineData("""{"token": "s3cr3t-value"}""")]
    [InlineData("""{"token": {"secret": "s3cr3t value"}}""")]
    [InlineData("""{"token": {"value": "s3cr3t-value"}}""")]
    public void AValueInsteadOfAName_IsRefused_AndNotRepeated(string given)
    {
        var (json, errors) = FlowParameters.Bind(FlowSpecReader.Read(Flow).Spec!, given);

        Assert.Equal("{}", json);
        var error = Assert.Single(errors);
        Assert.Equal("parameters.token", error.Path);
        Assert.DoesNotContain("s3cr3t", error.ToString());
        Assert.Contains("""{"secret": "name"}""", error.Remedy);
    }

    // As the engine does it: bound to the flow's spec, and given to the lease as it was bound.
    private async Task<Lease> RunAsync(string given, string shell)
    {
        var (parameters, errors) = FlowParameters.Bind(FlowSpecReader.Read(Flow).Spec!, given);
        Assert.Empty(errors);
        var lease = A.Task(shell, lease: l => l with { Parameters = parameters });
        _gateway.Offer(lease);
        await _gateway.FinishedAsync(lease.Token);
        return lease;
    }

    private string Artifact(Lease lease, string name) => Encoding.UTF8.GetString(_gateway.Artifacts[$"{lease.Token}/{name}"]);
}
