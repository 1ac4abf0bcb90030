namespace Fanfare.Engine;

// What is told of the whole journal, and not of what a node has itself: dead letters and active runs, of which most are in no node's memory. One of all nodes tells it, so that a sum over them is right.
public sealed partial class EngineNode
{
    /// <summary>Whoever owns this shard tells it.</summary>
    private const int TellingShard = 0;

    /// <summary>No more than so many of each are counted: who has more needs no number, but help. A count takes some 50 ms then.</summary>
    private const int MostCounted = 100_000;

    /// <summary>The part of the time that counting may take: where there is much to count, or the store is slow, it is counted seldom.</summary>
    private const int ShareCounting = 20;

    /// <summary>Longest that a count waits after one that failed, whatever that took: how long a store that is away keeps who asks says nothing of how much there is to count, and what waits for somebody is not to stay unseen for minutes once it is back.</summary>
    private static readonly TimeSpan _afterFailure = TimeSpan.FromMinutes(1);

    private bool _counting, _isUncounted;
    private TimeSpan _countAgain;

    private bool TellsOfAll => !_stopping.IsCancellationRequested && (_shards is null || _shards.Contains(TellingShard));

    // Beside the housekeeping, which does not wait for it.
    private async Task CountOpenAsync()
    {
        if (_counting || _gauges is not { IsWatched: true } gauges || !TellsOfAll || Uptime < _countAgain) return;
        _counting = true;
        var (begun, longest) = (Uptime, TimeSpan.MaxValue);
        try
        {
            var counts = await ReadModel.CountOpenAsync(MostCounted, Stopping);
            if (TellsOfAll) gauges.TakeOpen(counts);
            _isUncounted = false;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            // What was counted before goes on being told: that a store is away settles nothing.
            longest = _afterFailure;
            if (!_isUncounted) Warn($"dead letters and active runs could not be counted, and are counted again: {exception.Message}");
            _isUncounted = true;
        }
        finally
        {
            _counting = false;
            var pause = (ShareCounting - 1) * (Uptime - begun);
            _countAgain = Uptime + (pause < longest ? pause : longest);
        }
    }

    private void StopTellingOfAll()
    {
        if (!TellsOfAll) _gauges?.TakeOpen(null);
    }
}
