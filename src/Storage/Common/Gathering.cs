namespace Fanfare.Storage.Common;

/// <summary>Looks things up that are asked for one by one, and together what is asked for while the lookups before are under way: one that comes alone waits for nobody, a thousand that come at once are a handful of queries.</summary>
/// <param name="load">Looks up some; what is not there is left out.</param>
/// <param name="most">Looked up together.</param>
/// <param name="atOnce">Lookups under way at a time.</param>
internal sealed class Gathering<TKey, TValue>(Func<IReadOnlyList<TKey>, Task<Dictionary<TKey, TValue>>> load, int most, int atOnce)
    where TKey : notnull
{
    private readonly Lock _lock = new();
    private readonly Queue<(TKey Key, TaskCompletionSource<TValue?> Asked)> _waiting = [];
    private int _running;

    /// <summary>The default when it is not there.</summary>
    public Task<TValue?> GetAsync(TKey key, CancellationToken cancellationToken)
    {
        var asked = new TaskCompletionSource<TValue?>(TaskCreationOptions.RunContinuationsAsynchronously);
        bool isToRun;
        lock (_lock)
        {
            _waiting.Enqueue((key, asked));
            isToRun = _running < atOnce;
            if (isToRun) _running++;
        }
        if (isToRun) _ = RunAsync();
        return asked.Task.WaitAsync(cancellationToken);
    }

    private async Task RunAsync()
    {
        while (true)
        {
            var some = new List<(TKey Key, TaskCompletionSource<TValue?> Asked)>();
            lock (_lock)
            {
                while (some.Count < most && _waiting.TryDequeue(out var next)) some.Add(next);
                if (some.Count == 0)
                {
                    _running--;
                    return;
                }
            }
            await AnswerAsync(some).ConfigureAwait(false);
        }
    }

    private async Task AnswerAsync(List<(TKey Key, TaskCompletionSource<TValue?> Asked)> some)
    {
        try
        {
            var found = await load([.. some.Select(each => each.Key).Distinct()]).ConfigureAwait(false);
            foreach (var (key, asked) in some) asked.TrySetResult(found.GetValueOrDefault(key));
        }
        catch (Exception error) when (some.Count == 1)
        {
            some[0].Asked.TrySetException(error);
        }
        catch (Exception)
        {
            // What is wrong with one must not be the others' trouble.
            foreach (var each in some) await AnswerAsync([each]).ConfigureAwait(false);
        }
    }
}
