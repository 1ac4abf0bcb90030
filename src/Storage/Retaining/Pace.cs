using System.Diagnostics;

namespace Fanfare.Storage.Retaining;

/// <summary>Keeps work in the background from taking what others need: after each piece it rests for several times as long as the piece took. What else
/// the store has to do shows in how long a piece takes, so the busier that is, the longer the rests. When more comes than goes, the rests are shorter: a store that only grows would slow
/// everybody in the end.</summary>
internal sealed class Pace(TimeProvider clock)
{
    /// <summary>Rest for each unit of work: a fifth of the time is worked, a half when it is behind. A piece that took long found the store slow, and it is a tenth, or a fifth.</summary>
    private const int Rests = 4, RestsBehind = 1, LongRests = 9, LongRestsBehind = 4;

    private static readonly TimeSpan _slow = TimeSpan.FromMilliseconds(100), _longest = TimeSpan.FromSeconds(5), _shortest = TimeSpan.FromMilliseconds(1);

    private TimeSpan _owed;

    /// <summary>Whether more is to be done than was done lately.</summary>
    public bool IsBehind { get; set; }

    public async Task<T> PieceAsync<T>(Func<Task<T>> piece, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var outcome = await piece().ConfigureAwait(false);
        var took = Stopwatch.GetElapsedTime(started);
        // Timers are coarse: rests too short for one are added up.
        _owed += took * (took > _slow ? IsBehind ? LongRestsBehind : LongRests : IsBehind ? RestsBehind : Rests);
        if (_owed > _longest) _owed = _longest;
        if (_owed >= _shortest)
        {
            var rested = Stopwatch.GetTimestamp();
            await Task.Delay(_owed, clock, cancellationToken).ConfigureAwait(false);
            _owed -= Stopwatch.GetElapsedTime(rested);
            if (_owed < -_slow) _owed = -_slow;
        }
        return outcome;
    }

    public Task PieceAsync(Func<Task> piece, CancellationToken cancellationToken) => PieceAsync(async () =>
    {
        await piece().ConfigureAwait(false);
        return true;
    }, cancellationToken);
}
