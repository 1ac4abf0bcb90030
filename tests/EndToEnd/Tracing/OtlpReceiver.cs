using System.Collections.Concurrent;
using System.Net;

namespace Fanfare.EndToEnd.Tracing;

/// <summary>A receiver of OTLP over HTTP, which keeps what it is sent.</summary>
internal sealed class OtlpReceiver : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly int _port = Api.FreePort();
    private readonly Task _receiving;

    public OtlpReceiver()
    {
        _listener.Prefixes.Add($"{Url}/");
        _listener.Start();
        _receiving = ReceiveAsync();
    }

    public string Url => $"http://127.0.0.1:{_port}";

    /// <summary>In the order in which they came.</summary>
    public ConcurrentQueue<SentSpan> Spans { get; } = [];

    /// <summary>In the order in which they came.</summary>
    public ConcurrentQueue<SentLog> Logs { get; } = [];

    public void Dispose()
    {
        _listener.Close();
        _receiving.GetAwaiter().GetResult();
    }

    private async Task ReceiveAsync()
    {
        try
        {
            while (true)
            {
                var request = await _listener.GetContextAsync();
                using var body = new MemoryStream();
                await request.Request.InputStream.CopyToAsync(body);
                Take(request.Request.Url!.AbsolutePath, body.ToArray());
                request.Response.Close();
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // Closed.
        }
    }

    private void Take(string path, byte[] body)
    {
        var records = ProtoMessage.Read(body).Messages(1).SelectMany(resource => resource.Messages(2)).SelectMany(scope => scope.Messages(2));
        if (path == "/v1/traces")
            foreach (var record in records) Spans.Enqueue(SentSpan.Of(record));
        else if (path == "/v1/logs")
            foreach (var record in records) Logs.Enqueue(SentLog.Of(record));
    }
}

/// <param name="Parent">Empty for none.</param>
/// <param name="Status">0 for neither, 1 for well, 2 for an error.</param>
internal sealed record SentSpan(string Trace, string Id, string Parent, string Name, ulong Start, ulong End, ulong Status, string Error)
{
    public required IReadOnlyDictionary<string, string> Attributes { get; init; }

    /// <summary>Trace and span of what it leads to; empty for nothing.</summary>
    public required string Link { get; init; }

    // Numbers of the fields as opentelemetry-proto has them.
    public static SentSpan Of(ProtoMessage span)
    {
        var status = span.Messages(15).FirstOrDefault();
        return new SentSpan(span.Hex(1), span.Hex(2), span.Hex(4), span.Text(5), span.Number(7), span.Number(8), status?.Number(3) ?? 0, status?.Text(2) ?? "")
        {
            Attributes = span.Attributes(9),
            Link = span.Messages(13).Select(link => $"{link.Hex(1)}-{link.Hex(2)}").FirstOrDefault() ?? "",
        };
    }

    public bool Equals(SentSpan? other) => other is not null && (Trace, Id, Parent, Name, Start, End, Status, Error) == (other.Trace, other.Id, other.Parent, other.Name, other.Start, other.End, other.Status, other.Error);

    public override int GetHashCode() => Id.GetHashCode(StringComparison.Ordinal);
}

/// <param name="Trace">Empty for none; so with the span.</param>
internal sealed record SentLog(ulong Severity, string Text, string Trace, string Span, IReadOnlyDictionary<string, string> Attributes)
{
    public static SentLog Of(ProtoMessage log) => new(log.Number(2), log.Messages(5).FirstOrDefault()?.Text(1) ?? "", log.Hex(9), log.Hex(10), log.Attributes(6));
}
