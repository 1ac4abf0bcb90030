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

        // The first may be sent before all counts have begun.
        var (path, text) = await Eventually.GetAsync(async () => await TakeAsync(receiver) is var sent && sent.Item2.Contains("fanfare.task.ended", StringComparison.Ordinal) ? sent : null, "Metrics at the receiver");

        Assert.Equal("/v1/metrics", path);
        Assert.Contains("fanfare.server.ready", text, StringComparison.Ordinal);
        Assert.Contains("test-of-otlp", text, StringComparison.Ordinal);
    }

    private static async Task<Tuple<string, string>> TakeAsync(HttpListener receiver)
    {
        var request = await receiver.GetContextAsync().WaitAsync(Eventually.Limit);
        using var body = new MemoryStream();
        await request.Request.InputStream.CopyToAsync(body);
        request.Response.Close();
        return Tuple.Create(request.Request.Url!.AbsolutePath, Encoding.Latin1.GetString(body.ToArray()));
    }
}
