using System.Net;
using System.Text;

namespace Fanfare.EndToEnd.Metrics;

public sealed class OtlpTests : IDisposable
{
    private readonly string _home = Directory.CreateTempSubdirectory("fanfare-otlp-").FullName;

    public void Dispose() => Directory.Delete(_home, recursive: true);

    [Fact]
    public async Task WhereTheEnvironmentNamesAReceiver_MetricsAreSentThere()
    {
        var (receiver, port) = (new HttpListener(), Api.FreePort());
        using var closing = receiver;
        receiver.Prefixes.Add($"http://127.0.0.1:{port}/");
        receiver.Start();
        var environment = new Dictionary<string, string>
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://127.0.0.1:{port}",
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            ["OTEL_METRIC_EXPORT_INTERVAL"] = "200",
            ["OTEL_RESOURCE_ATTRIBUTES"] = "deployment.environment.name=test-of-otlp",
        };
        using var server = FanfareProcess.Start(_home, environment, "serve", "--data", Path.Combine(_home, "data"), "--port", $"{Api.FreePort()}", "--no-worker");

        var request = await receiver.GetContextAsync().WaitAsync(Eventually.Limit);
        using var body = new MemoryStream();
        await request.Request.InputStream.CopyToAsync(body);
        request.Response.Close();

        var text = Encoding.Latin1.GetString(body.ToArray());
        Assert.Equal("/v1/metrics", request.Request.Url!.AbsolutePath);
        Assert.Contains("fanfare.task.ended", text, StringComparison.Ordinal);
        Assert.Contains("fanfare.server.ready", text, StringComparison.Ordinal);
        Assert.Contains("test-of-otlp", text, StringComparison.Ordinal);
    }
}
