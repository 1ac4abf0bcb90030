namespace Fanfare.Gateway.Tests;

/// <summary>The part of a journal that the gateway uses: health, incarnation, and word of commits.</summary>
internal sealed class FakeJournal : IJournal
{
    public event Action<long, IReadOnlyCollection<(string Namespace, string Run)>>? Committed;

    public string Incarnation => "a1b2";

    public int Format => JournalFormat.Version;

    public string? Health { get; set; }

    public int Listeners => Committed?.GetInvocationList().Length ?? 0;

    public void Commit(long position, string ns, string run) => Committed?.Invoke(position, [(ns, run)]);

    public Task<OpenedStream> OpenAsync(StreamId stream, CancellationToken cancellationToken) => throw new NotSupportedException();

    public OpenedStream? TryOpenNew(StreamId stream) => throw new NotSupportedException();

    public OpenedStream AssumeNew(StreamId stream) => throw new NotSupportedException();

    public Task<AppendOutcome> AppendAsync(IReadOnlyList<Append> appends) => throw new NotSupportedException();

    public Task<AppendOutcome> AcknowledgeAsync(StreamId stream, long epoch, Wake? wake, long? carried = null) => throw new NotSupportedException();

    public Task<IReadOnlyList<(StreamId Stream, DateTimeOffset Due)>> ScanWakesAsync(WakeQuery query, int limit, StreamId? after, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
