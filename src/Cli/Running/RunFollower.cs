using System.Threading.Channels;
using Fanfare.Cli.Api;

namespace Fanfare.Cli.Running;

/// <summary>Follows a run to its end. The server's events say when to look; what is shown is always read anew, so a
/// connection that was lost costs nothing but time.</summary>
internal sealed class RunFollower(ApiClient api, TimeProvider clock, ProgressView view)
{
    private static readonly TimeSpan ShortestGap = TimeSpan.FromMilliseconds(100);

    // Looked at even without an event, should one get lost.
    private static readonly TimeSpan LongestGap = TimeSpan.FromSeconds(2);

    /// <summary>How long a server may be away before following is given up.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Called with each event, in order; each comes once.</summary>
    public Action<EventView>? EventSeen { get; init; }

    /// <exception cref="UnreachableException">The server stayed away for longer than <see cref="Patience"/>.</exception>
    public async Task<RunSnapshot> FollowAsync(string run, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        var listening = ListenAsync(run, changes.Writer, stop.Token);
        try
        {
            while (true)
            {
                var start = clock.GetTimestamp();
                var snapshot = await LookAsync(run, cancellationToken);
                view.Update(snapshot);
                if (snapshot.Run.Status.IsTerminal()) return snapshot;
                // A run with very many openings takes a while to read: rest for longer than the reading took.
                var cost = clock.GetElapsedTime(start);
                await Task.Delay(cost * 4 > ShortestGap ? cost * 4 : ShortestGap, clock, cancellationToken);
                await ChangeAsync(changes.Reader, cancellationToken);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await listening;
        }
    }

    private async Task<RunSnapshot> LookAsync(string run, CancellationToken cancellationToken)
    {
        long? lostAt = null;
        for (var wait = 0.2; ; wait = Math.Min(wait * 1.5, 5))
        {
            try
            {
                var view1 = await api.GetRunAsync(run, cancellationToken);
                var snapshot = new RunSnapshot(view1, await api.ListStepsAsync(run, cancellationToken));
                if (lostAt is not null) view.Note("The server answers again.");
                return snapshot;
            }
            catch (Exception e) when (e is UnreachableException or ApiException { Problem.Status: 429 or >= 500 })
            {
                lostAt ??= clock.GetTimestamp();
                if (clock.GetElapsedTime(lostAt.Value) > Patience) throw;
                if (wait == 0.2) view.Note($"{e.Message} Trying again for {Output.Words.Exactly(Patience)}.");
            }
            await Task.Delay(TimeSpan.FromSeconds(wait), clock, cancellationToken);
        }
    }

    private async Task ChangeAsync(ChannelReader<bool> changes, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(LongestGap, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            await changes.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Nothing came: look all the same.
        }
    }

    private async Task ListenAsync(string run, ChannelWriter<bool> changes, CancellationToken cancellationToken)
    {
        long last = 0;
        for (var wait = 0.2; !cancellationToken.IsCancellationRequested; wait = Math.Min(wait * 2, 5))
        {
            try
            {
                var after = last == 0 ? null : last.ToString(System.Globalization.CultureInfo.InvariantCulture);
                await foreach (var item in api.ReadEventsAsync(run, after, cancellationToken))
                {
                    wait = 0.2;
                    if (item.Id <= last) continue;
                    last = item.Id;
                    EventSeen?.Invoke(item);
                    changes.TryWrite(true);
                }
            }
            catch (Exception e) when (e is UnreachableException or ApiException)
            {
                // The look-ups notice the same, and speak of it.
            }
            catch (OperationCanceledException)
            {
                return;
            }
            changes.TryWrite(true);
            await Task.Delay(TimeSpan.FromSeconds(wait), clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
