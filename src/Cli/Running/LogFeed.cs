using System.Threading.Channels;
using Fanfare.Cli.Api;

namespace Fanfare.Cli.Running;

/// <summary>Log lines of a run's tasks as they are written. Follows a bounded number of tasks at a time; while more run, the
/// rest wait their turn, and beyond a bound are left out with a remark.</summary>
internal sealed class LogFeed : IAsyncDisposable
{
    private const int AtATime = 8, Waiting = 10_000;

    private readonly ApiClient _api;
    private readonly string _run;
    private readonly ProgressView _view;
    private readonly CancellationTokenSource _end = new();
    private readonly Channel<(StreamId Stream, int Split, int Attempt)> _attempts =
        Channel.CreateBounded<(StreamId, int, int)>(new BoundedChannelOptions(Waiting) { FullMode = BoundedChannelFullMode.Wait });

    private readonly Dictionary<string, bool> _inForeach = [];
    private readonly SemaphoreSlim _naming = new(1);
    private readonly Task[] _readers;
    private volatile bool _wanted;
    private int _leftOut;

    public LogFeed(ApiClient api, string run, ProgressView view, bool wanted)
    {
        _api = api;
        _run = run;
        _view = view;
        _wanted = wanted;
        _readers = [.. Enumerable.Range(0, AtATime).Select(_ => ReadAsync())];
    }

    /// <summary>Which lines of each attempt.</summary>
    public LogQuery Query { get; init; } = new();

    /// <summary>Whether attempts that start from now on are followed.</summary>
    public bool Wanted
    {
        get => _wanted;
        set => _wanted = value;
    }

    public void See(EventView item)
    {
        if (item.Type != "task_leased" || !_wanted) return;
        if (!StreamId.TryParse(item.Stream, out var stream) || stream.Kind != StreamKind.Step) return;
        if (!item.Data.TryGetProperty("split", out var split) || !item.Data.TryGetProperty("attempt", out var attempt)) return;
        if (!_attempts.Writer.TryWrite((stream, split.GetInt32(), attempt.GetInt32()))) _leftOut++;
    }

    /// <summary>Waits for the logs of the attempts seen so far, which have ended, to be read.</summary>
    public async Task DrainAsync(TimeSpan atMost, TimeProvider clock, CancellationToken cancellationToken)
    {
        _attempts.Writer.TryComplete();
        using var limit = new CancellationTokenSource(atMost, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        await Task.WhenAll(_readers).WaitAsync(either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_leftOut > 0) _view.Note($"The logs of {_leftOut} attempts were left out; see fanfare logs {_run} TASK.");
    }

    public async ValueTask DisposeAsync()
    {
        _attempts.Writer.TryComplete();
        await _end.CancelAsync();
        await Task.WhenAll(_readers);
        _end.Dispose();
        _naming.Dispose();
    }

    private async Task ReadAsync()
    {
        try
        {
            await foreach (var (stream, split, attempt) in _attempts.Reader.ReadAllAsync(_end.Token))
            {
                if (!_wanted) continue;
                try
                {
                    var task = await NameAsync(stream.StepKey, split, _end.Token);
                    await foreach (var line in _api.ReadLogAsync(_run, task, Query with { Follow = true, Attempt = attempt }, _end.Token))
                        _view.Log(task, line);
                }
                catch (Exception e) when (e is UnreachableException or ApiException)
                {
                    _view.Note($"The log of split {split} of {stream.StepKey} could not be followed: {e.Message}");
                }
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // Asked to stop.
        }
    }

    // Whether a step's tasks carry a split in their name is not in its events; its first task tells.
    private async Task<string> NameAsync(StepKey key, int split, CancellationToken cancellationToken)
    {
        await _naming.WaitAsync(cancellationToken);
        try
        {
            if (!_inForeach.TryGetValue(key.Step, out var inForeach))
            {
                var page = await _api.ListTasksAsync(_run, key.Step, null, 1, null, cancellationToken);
                inForeach = page.Items.Count > 0 && page.Items[0].Splits.Length > 0;
                _inForeach[key.Step] = inForeach;
            }
            return TaskRef.NameOf(key, split, inForeach);
        }
        finally
        {
            _naming.Release();
        }
    }
}
