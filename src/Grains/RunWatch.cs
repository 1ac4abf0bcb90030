using Fanfare.Contracts;
using Orleans;

namespace Fanfare.Grains;

/// <summary>Hears of commits of runs that other nodes own, for those who follow them through this node.</summary>
/// <param name="changed">Told of a run of which there may be something new; must be quick and not throw.</param>
public sealed class RunWatch(IShardMap map, IGrainFactory grains, TimeProvider clock, Action<string, string> changed) : IRunWatch
{
    private static readonly TimeSpan _afterFailure = TimeSpan.FromMilliseconds(250);

    public IDisposable Watch(string ns, string run)
    {
        var end = new CancellationTokenSource();
        _ = WatchAsync(StreamId.Run(ns, run), end.Token);
        return new Ending(end);
    }

    private async Task WatchAsync(StreamId run, CancellationToken end)
    {
        for (var after = 0L; !end.IsCancellationRequested;)
        {
            var moved = map.ChangedAsync();
            var owner = map.AddressOf(Shards.Of(run));
            if (owner is null || owner == map.Own)
            {
                // What this node commits is heard of by itself.
                await moved.WaitAsync(end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                after = 0;
            }
            else
            {
                try
                {
                    var last = (await grains.GetGrain<IRunGrain>(GrainKey.Of(owner, run)).WatchAsync(after, end).ConfigureAwait(false)).Get();
                    if (last == after) continue;
                    after = last;
                }
                catch (Exception) when (!end.IsCancellationRequested)
                {
                    // It moves, or its owner is away. What was missed is looked for.
                    after = 0;
                    await Task.Delay(_afterFailure, clock, end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
                catch (Exception)
                {
                    return;
                }
            }
            if (!end.IsCancellationRequested) changed(run.Namespace, run.Name);
        }
    }

    private sealed class Ending(CancellationTokenSource end) : IDisposable
    {
        public void Dispose()
        {
            end.Cancel();
            end.Dispose();
        }
    }
}
