using Fanfare.Contracts;
using Fanfare.Simulation.Kernel;

namespace Fanfare.Simulation.Cluster;

// What befalls a worker: it crashes and comes back with a new boot, freezes past its leases, is cut off from the network, is a spot
// machine that is taken away with and without notice, and reports once more what it reported long ago.
internal sealed partial class SimWorker
{
    private const int MostRemembered = 64;

    private readonly List<FinishedAttempt> _reported = [];
    private DateTimeOffset _cutOffUntil;

    private void PlanTrouble()
    {
        var every = _cluster.Faults.WorkerTroubleEvery;
        if (every == TimeSpan.Zero) return;
        _loop.After(_chance.Span(1000, 2 * every.TotalMilliseconds), () =>
        {
            if (!_cluster.Faults.Active || _machine?.EndedAt is not null) return;
            Suffer();
            PlanTrouble();
        });
    }

    private void Suffer()
    {
        var term = _cluster.Faults.LeaseTerm.TotalMilliseconds;
        switch (_chance.Int(5))
        {
            case 0:
                if (_cluster.Faults.At("worker crash", Name) is { } crash) Crash(crash.Chance.Span(100, 8_000), Name);
                break;
            case 1:
                if (_cluster.Faults.At("worker freeze", Name) is { } freeze) FreezeFor(freeze.Chance.Span(500, 2.5 * term));
                break;
            case 2:
                if (_cluster.Faults.At("worker cut off", Name) is not { } cut) break;
                _cutOffUntil = _loop.Now + cut.Chance.Span(500, 2 * term);
                _loop.Trace($"{_boot} is cut off until {VirtualLoop.Stamp(_cutOffUntil)}");
                break;
            case 3:
                if (_cluster.Faults.At("spot loss", Name) is { } loss) Crash(loss.Chance.Span(1_000, 60_000), Replacement());
                break;
            default:
                if (_cluster.Faults.At("spot notice", Name) is { } notice) Drain(notice.Chance);
                break;
        }
    }

    // Another machine takes its place: nobody comes back under the name, so nothing proves the loss.
    private string Replacement() => $"{Name.Split('.')[0]}.{_boots}";

    private void Crash(TimeSpan away, string back)
    {
        if (!_process.Alive) return;
        _loop.Trace($"{_boot} crashes{(back == Name ? "" : ", and never comes back")}");
        foreach (var held in _held.Values) held.Execution?.Stop(_loop.Now, "crashed");
        _process.Kill();
        if (_machine is not null && back != Name) _cluster.Cloud!.End(_machine, "taken back");
        _loop.After(away, () =>
        {
            // A machine of a pool is the pool's to replace.
            if (_machine?.EndedAt is not null) return;
            if (back != Name) _reported.Clear();
            Name = back;
            Boot();
        });
    }

    /// <summary>Nothing of its machine runs any more.</summary>
    public void MachineEnded()
    {
        foreach (var held in _held.Values) held.Execution?.Stop(_loop.Now, "its machine ended");
        _process.Kill();
    }

    // The server told it to end with its last task.
    private void Leave()
    {
        _loop.Trace($"{_boot} has no more tasks, and ends: {_drains}");
        _process.Kill();
        if (_machine is not null) _cluster.Cloud!.Leave(_machine);
    }

    // It takes nothing more, has some time for what it has, hands back what has not ended by then, if it still can, and is gone.
    private void Drain(Chance chance)
    {
        if (!_process.Alive || _process.Frozen) return;
        _loop.Trace($"{_boot} is to be taken away, and drains");
        var (process, at) = (_process, _loop.Now + chance.Span(2_000, 20_000));
        _drains = SpotInterruption.Draining("terminate", at);
        var isInTime = chance.Roll(0.7);
        _loop.At(at, () =>
        {
            if (!isInTime || process.Frozen) return;
            var lost = new TaskError(SpotInterruption.ErrorType, SpotInterruption.Reason(Name, "terminate", at));
            foreach (var token in _held.Keys.ToArray()) End(token, AttemptOutcome.Lost, lost, null);
        }, process);
        _loop.At(at + chance.Span(200, 3_000), () =>
        {
            if (ReferenceEquals(process, _process)) Crash(chance.Span(1_000, 30_000), Replacement());
        });
    }

    private void FreezeFor(TimeSpan time)
    {
        var process = _process;
        if (process.Frozen || !process.Alive) return;
        _loop.Trace($"{_boot} freezes for {time.TotalSeconds:0.0} s");
        process.Frozen = true;
        foreach (var held in _held.Values) if (held.Execution is { } execution) execution.Froze = true;
        _loop.After(time, () =>
        {
            if (process.Alive) process.Frozen = false;
        });
    }

    private void Remember(FinishedAttempt attempt)
    {
        _recent.Add(attempt.Token);
        if (_reported.Count == MostRemembered) _reported.RemoveAt(0);
        _reported.Add(attempt);
    }

    // What was settled, said again, by this boot or by a later one: late, doubled, and for attempts that others have long followed.
    private FinishedAttempt[] ReportedAgain() =>
        _reported.Count > 0 && _cluster.Faults.At("report doubled", Name, 0.02) is { } again ? [again.Chance.Pick(_reported)] : [];
}
