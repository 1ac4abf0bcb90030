using System.Globalization;
using Fanfare.Contracts;
using Fanfare.Contracts.Api;
using Fanfare.Worker.Leases;

namespace Fanfare.Worker.Spot;

/// <summary>Looks whether EC2 takes the machine back, and has the worker leave in order: after a recommendation to leave it takes nothing more, and ends with its last task; after a notice its tasks are told, and have until
/// shortly before the time given.</summary>
/// <remarks>From when a notice can be seen to SIGTERM it takes at most the time between two looks and the two seconds that these two questions may take: 7 s, of two minutes.</remarks>
internal sealed class SpotWatch(SpotOptions options, string worker, TimeSpan leastGrace, LeaseTable table, TimeProvider time, IWorkerLog log) : IDisposable
{
    public const string ActionPath = "/latest/meta-data/spot/instance-action", RebalancePath = "/latest/meta-data/events/recommendations/rebalance";

    /// <summary>How long before the machine's end what still runs is killed: its processes have to end, what they wrote last to be uploaded, and the loss to be reported.</summary>
    private static readonly TimeSpan Reserve = TimeSpan.FromSeconds(10);

    /// <summary>How long before the machine's end uploads are given up, so that the task is handed back rather than missed.</summary>
    private static readonly TimeSpan LastReport = TimeSpan.FromSeconds(4);

    /// <summary>A machine's end that is said to be further away than this is a mistake; nothing waits for it.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    /// <summary>After a failure the next look comes sooner, a few times: it may be the one that counts.</summary>
    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(1);

    private const int SoonAgain = 3;

    private readonly MetadataService _service = new(options.Endpoint, time);
    private Interruption? _interruption;
    private DateTimeOffset? _rebalance;
    private int _failures;
    private readonly Dictionary<string, string> _misread = [];

    /// <summary>One look. Takes a few seconds at the most.</summary>
    public async Task LookAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (await _service.GetAsync(ActionPath, cancellationToken) is { } action && Understand(ActionPath, action, Interruption.Read, out var notice)) Interrupt(notice.Action, notice.At);
            else if (_rebalance is null && await _service.GetAsync(RebalancePath, cancellationToken) is { } advice && Understand(RebalancePath, advice, Interruption.ReadRebalance, out var since)) Cordon(since);
            if (_failures > 0) log.Write(LogSeverity.Information, $"EC2's metadata service at {options.Endpoint} answers.");
            _failures = 0;
        }
        catch (MetadataException e)
        {
            if (_failures++ == 0)
                log.Write(LogSeverity.Warning, $"EC2's metadata service at {options.Endpoint} cannot be asked: {e.Message}. Without it this worker does not hear of it when EC2 takes the machine back. It asks again and again; start it with --spot off where there is no such service.");
        }
    }

    /// <summary>Looks again and again, until EC2 takes the machine back, or the worker ends.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        while (_interruption is null)
        {
            var pause = _failures is > 0 and <= SoonAgain && AfterFailure < options.Every ? AfterFailure : options.Every - time.GetElapsedTime(began);
            if (pause > TimeSpan.Zero) await Task.Delay(pause, time, cancellationToken);
            began = time.GetTimestamp();
            await LookAsync(cancellationToken);
        }
        var left = _interruption.At - LastReport - time.GetUtcNow();
        var least = _interruption.Deadline + TimeSpan.FromSeconds(1) - time.GetUtcNow();
        if (left < least) left = least;
        if (left > Longest) left = Longest;
        if (left > TimeSpan.Zero) await Task.Delay(left, time, cancellationToken);
        table.AbandonUploads();
    }

    public void Dispose() => _service.Dispose();

    private bool Understand<T>(string path, string said, Func<string, T> read, out T notice)
    {
        try
        {
            notice = read(said);
            return true;
        }
        catch (FormatException e)
        {
            if (_misread.GetValueOrDefault(path) != said) log.Write(LogSeverity.Warning, $"What EC2's metadata service says at {path} is not understood, and left alone: {e.Message}.");
            _misread[path] = said;
            notice = default!;
            return false;
        }
    }

    private void Cordon(DateTimeOffset since)
    {
        _rebalance = since;
        var running = table.Drain("rebalance recommended");
        log.Write(LogSeverity.Warning, $"EC2 recommends since {Words(since)} to leave this machine, since it may be taken back soon. Worker {worker} takes no more tasks, and ends when those that it has ({running}) are over.");
    }

    private void Interrupt(string action, DateTimeOffset at)
    {
        var now = time.GetUtcNow();
        // A machine that hibernates does so at once, without the two minutes.
        var deadline = at - Reserve < now + leastGrace ? now + leastGrace : at - Reserve;
        if (deadline > now + Longest) deadline = now + Longest;
        _interruption = new Interruption(action, at, deadline);
        var running = table.Interrupt(_interruption, deadline - now);
        log.Write(LogSeverity.Warning, $"EC2 takes this machine back ({action} at {Words(at)}). Worker {worker} takes no more tasks. Those that it runs ({running}) get SIGTERM, and SIGKILL at {Words(deadline)}; what has not succeeded by then is handed back, and runs elsewhere.");
    }

    private static string Words(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
