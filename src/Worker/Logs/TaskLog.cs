using System.Buffers;
using System.Net.Http.Headers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Contracts.Api;
using Fanfare.Worker.Gateways;
using Microsoft.Win32.SafeHandles;

namespace Fanfare.Worker.Logs;

/// <summary>An attempt's log: written to a file of JSON Lines, and delivered from there to the gateway as it grows, so that
/// a gateway that is away costs disk, not memory. Safe to call from any thread.</summary>
internal sealed class TaskLog : IAsyncDisposable
{
    private const int ChunkBytes = 1024 * 1024;

    // Lines that come close together share a request.
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly MediaTypeHeaderValue JsonLines = new("application/jsonl");

    private readonly Lock _lock = new();
    private readonly SafeFileHandle _file;
    private readonly TaskAssignment _assignment;
    private readonly GatewayClient _gateway;
    private readonly TimeProvider _time;
    private readonly IWorkerLog _workerLog;
    private readonly ArrayBufferWriter<byte> _line = new(512);
    private readonly Utf8JsonWriter _writer;
    private readonly TaskCompletionSource _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task? _delivery;
    private long _length;
    private bool _broken;

    public TaskLog(string path, TaskAssignment assignment, GatewayClient gateway, TimeProvider time, IWorkerLog workerLog)
    {
        _file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite, FileShare.Read, FileOptions.Asynchronous);
        _assignment = assignment;
        _gateway = gateway;
        _time = time;
        _workerLog = workerLog;
        _writer = new Utf8JsonWriter(_line, Relaxed);
        Output = new LogChannel("out", this);
        Error = new LogChannel("err", this);
    }

    public LogChannel Output { get; }

    public LogChannel Error { get; }

    /// <summary>Adds a line of the worker's own.</summary>
    public void Remark(string text) => Write("fanfare", text);

    /// <summary>Adds a line; returns the bytes that it took.</summary>
    public int Write(string stream, string text)
    {
        lock (_lock)
        {
            if (_broken) return 0;
            _line.ResetWrittenCount();
            _writer.Reset();
            JsonSerializer.Serialize(_writer, new LogLine(_time.GetUtcNow(), stream, text), ContractsJson.Default.LogLine);
            _writer.Flush();
            _line.Write("\n"u8);
            try
            {
                RandomAccess.Write(_file, _line.WrittenSpan, _length);
            }
            catch (IOException e)
            {
                // The task goes on; it is its log that ends here.
                _broken = true;
                _workerLog.Of(LogSeverity.Warning, _assignment.Lease, $"has a log that ends early: {e.Message} Free some space in the work directory.");
                return 0;
            }
            _length += _line.WrittenCount;
            _delivery ??= DeliverAsync();
            return _line.WrittenCount;
        }
    }

    /// <summary>No more lines come. Returns when all are delivered.</summary>
    /// <exception cref="LeaseVoidException">The gateway refused them since the lease is void.</exception>
    /// <exception cref="OperationCanceledException">Uploads were abandoned.</exception>
    public async Task CompleteAsync()
    {
        _completed.TrySetResult();
        Task? delivery;
        lock (_lock) delivery = _delivery;
        if (delivery is not null) await delivery;
    }

    public async ValueTask DisposeAsync()
    {
        _completed.TrySetResult();
        Task? delivery;
        lock (_lock)
        {
            _broken = true;
            delivery = _delivery;
        }
        if (delivery is not null)
        {
            _assignment.AbandonUploads();
            await delivery.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        _file.Dispose();
        await _writer.DisposeAsync();
    }

    private async Task DeliverAsync()
    {
        await Task.Yield();
        var abandon = _assignment.Abandon;
        var buffer = Array.Empty<byte>();
        long offset = 0;
        var setbacks = 0;
        while (true)
        {
            var over = _completed.Task.IsCompleted;
            long length;
            lock (_lock) length = _length;
            if (length == offset)
            {
                if (over) return;
                await Task.WhenAny(_completed.Task, Task.Delay(Gather, _time, abandon));
                abandon.ThrowIfCancellationRequested();
                continue;
            }
            if (!over && length - offset < ChunkBytes) await Task.WhenAny(_completed.Task, Task.Delay(Gather, _time, abandon));
            lock (_lock) length = _length;
            var size = (int)Math.Min(ChunkBytes, length - offset);
            if (buffer.Length < size) buffer = new byte[Math.Min(ChunkBytes, Math.Max(size, 4096))];
            var read = await RandomAccess.ReadAsync(_file, buffer.AsMemory(0, size), offset, abandon);
            // Whole lines only, so that who follows the log reads no half of one.
            var end = buffer.AsSpan(0, read).LastIndexOf((byte)'\n') + 1;
            if (end == 0) throw new InvalidDataException($"A line of the log of {_assignment.Lease.Name} is longer than {ChunkBytes} bytes.");
            var stored = await PutAsync(offset, buffer.AsMemory(0, end), abandon);
            if (stored is null) return;
            if (stored > offset)
            {
                offset = Math.Min(stored.Value, offset + end);
                setbacks = 0;
            }
            else
            {
                // The gateway has less than it said: it wants the log from there.
                await Task.Delay(Backoff.Delay(++setbacks, Random.Shared.NextDouble()), _time, abandon);
                offset = Math.Max(0, stored.Value);
            }
        }
    }

    // A reply that is cut off leaves unknown whether the chunk is stored; the same chunk may come twice, so it is sent again.
    private async Task<long?> PutAsync(long offset, ReadOnlyMemory<byte> chunk, CancellationToken abandon)
    {
        for (var failures = 1; ; failures++)
        {
            try
            {
                return await PutOnceAsync(offset, chunk, abandon);
            }
            catch (Exception e) when (e is HttpRequestException or IOException or JsonException)
            {
                await Task.Delay(Backoff.Delay(failures, Random.Shared.NextDouble()), _time, abandon);
            }
        }
    }

    private async Task<long?> PutOnceAsync(long offset, ReadOnlyMemory<byte> chunk, CancellationToken abandon)
    {
        try
        {
            using var response = await _gateway.SendAsync(
                () =>
                {
                    var content = new ReadOnlyMemoryContent(chunk);
                    content.Headers.ContentType = JsonLines;
                    return new HttpRequestMessage(HttpMethod.Put, new Uri(WorkerRoutes.Log(_assignment.Held, offset), UriKind.Relative)) { Content = content };
                },
                Patience, abandon);
            return JsonSerializer.Deserialize<long>(await response.Content.ReadAsByteArrayAsync(abandon));
        }
        catch (LeaseVoidException e)
        {
            _assignment.RequestStop(StopReason.Void, e.Message, _assignment.Lease.Step.Grace);
            throw;
        }
        catch (TransferRefusedException e)
        {
            lock (_lock) _broken = true;
            _workerLog.Of(LogSeverity.Warning, _assignment.Lease, $"has a log that ends early: {e.Message}");
            return null;
        }
    }
}
