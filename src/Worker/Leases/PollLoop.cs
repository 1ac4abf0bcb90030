using Fanfare.Worker.Gateways;

namespace Fanfare.Worker.Leases;

/// <summary>Keeps one poll parked at a gateway, and sends a second at once when there is something to report. While a report
/// is on its way, what finishes meanwhile gathers for the next, so that many attempts take one round trip.</summary>
internal sealed class PollLoop(LeaseTable table, GatewayClient gateway, TimeProvider time, Action<IReadOnlyList<HeldTask>> start)
{
    private const int MostInFlight = 2;

    // A gateway that is slow with one report does not hold up the next for longer.
    private static readonly TimeSpan ReportPatience = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan EmptyPause = TimeSpan.FromMilliseconds(50);

    private sealed class Exchange
    {
        public Task Done { get; set; } = Task.CompletedTask;

        /// <summary>When the request was made; null while the exchange still waits for a gateway.</summary>
        public long? SentAt { get; set; }

        public bool Reports { get; set; }
    }

    /// <summary>Runs until cancelled, or until the table drains and nothing is left to report.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var inFlight = new List<Exchange>(MostInFlight);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            while (!cancellationToken.IsCancellationRequested && !(table.Draining && table.IsEmpty))
            {
                table.Changed.Reset();
                if (MaySend(inFlight, out var patience))
                {
                    var exchange = new Exchange();
                    exchange.Done = ExchangeAsync(exchange, stop.Token);
                    inFlight.Add(exchange);
                }
                else
                {
                    var events = new List<Task>(inFlight.Select(e => e.Done)) { table.Changed.Wait() };
                    using var wait = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
                    if (patience is { } until) events.Add(Task.Delay(until, time, wait.Token));
                    await Task.WhenAny(events);
                    await wait.CancelAsync();
                }
                foreach (var exchange in inFlight)
                    if (exchange.Done.IsCompleted) await exchange.Done;
                inFlight.RemoveAll(e => e.Done.IsCompleted);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The caller asked for the end.
        }
        finally
        {
            await stop.CancelAsync();
            foreach (var exchange in inFlight) await exchange.Done.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>One short poll to tell the end of what was stopped, and of a worker that drains. Nobody waits for its answer for long.</summary>
    public async Task ReportOnceAsync(TimeSpan limit)
    {
        using var timeout = new CancellationTokenSource(limit, time);
        try
        {
            while (table.HasNews)
            {
                var server = await gateway.Servers.NextAsync(timeout.Token);
                var (request, _) = table.Compose(TimeSpan.Zero);
                var sentAt = time.GetTimestamp();
                var response = await gateway.PollAsync(server, request, limit, timeout.Token);
                if (response is null) table.NotSent(request);
                else table.Apply(request, response, sentAt);
            }
        }
        catch (OperationCanceledException)
        {
            // No gateway answered in time; the next boot of this worker proves the loss.
        }
    }

    private bool MaySend(List<Exchange> inFlight, out TimeSpan? patience)
    {
        patience = null;
        if (inFlight.Count == 0) return true;
        if (inFlight.Count >= MostInFlight || !table.HasNews) return false;
        var other = inFlight[0];
        // Not made yet: it will carry all there is.
        if (other.SentAt is not { } sentAt) return false;
        if (!other.Reports) return true;
        var left = ReportPatience - time.GetElapsedTime(sentAt);
        if (left <= TimeSpan.Zero) return true;
        patience = left;
        return false;
    }

    private async Task ExchangeAsync(Exchange exchange, CancellationToken cancellationToken)
    {
        var server = await gateway.Servers.NextAsync(cancellationToken);
        var wait = table.PollWait;
        var (request, reports) = table.Compose(wait);
        var sentAt = time.GetTimestamp();
        exchange.Reports = reports;
        exchange.SentAt = sentAt;
        var answered = false;
        try
        {
            var response = await gateway.PollAsync(server, request, wait + TimeSpan.FromSeconds(1), cancellationToken);
            if (response is null) return;
            answered = true;
            if (response.Servers > 1) gateway.Servers.Spread();
            start(table.Apply(request, response, sentAt));
            // A gateway that does not park polls must not be asked without pause.
            if (response is { Leases.Count: 0, Cancel.Count: 0, Settled.Count: 0 } && table.IsNewest(request) && time.GetElapsedTime(sentAt) < EmptyPause)
                await Task.Delay(EmptyPause, time, cancellationToken);
        }
        finally
        {
            if (!answered) table.NotSent(request);
        }
    }
}
