using Fanfare.Contracts;
using Fanfare.Engine;
using Fanfare.Simulation.Kernel;
using Fanfare.Simulation.Store;

namespace Fanfare.Simulation.Cluster;

/// <summary>The server's side: nodes over one durable store, of which one leads. A node crashes, freezes or is deposed at drawn moments, and another
/// takes over; one that was frozen or deposed lives on for a while beside it, and does not know.</summary>
internal sealed class SimCluster
{
    private readonly Faults _faults;
    private readonly Chance _chance;
    private readonly VirtualProcess _world;
    private int _starts;

    public SimCluster(VirtualLoop loop, Faults faults, CrashPoint? crashPoint)
    {
        (Loop, _faults, CrashPoint, _chance) = (loop, faults, crashPoint, loop.Chance.Fork());
        Store = new DurableStore(loop);
        _world = loop.AddProcess("world");
    }

    public VirtualLoop Loop { get; }

    public DurableStore Store { get; }

    public SimBlobs Blobs { get; } = new();

    /// <summary>What receivers of notices have got.</summary>
    public HashSet<(string Notice, string Receiver)> Received { get; } = [];

    /// <summary>Where machines of a pool come from; null in a life without one.</summary>
    public SimCloud? Cloud { get; set; }

    public Faults Faults => _faults;

    public CrashPoint? CrashPoint { get; }

    /// <summary>What the engine told operators.</summary>
    public List<string> Warnings { get; } = [];

    public int Crashes { get; private set; }

    /// <summary>Where replies are taken, outside every node.</summary>
    public TaskScheduler Scheduler => _world.TaskScheduler;

    private VirtualProcess? Leader { get; set; }

    private EngineNode? Engine { get; set; }

    // Mostly before their streams are as long as in a life that lasts.
    private int CarriedAfter => new Chance(Chance.Mix(Loop.Seed ^ Chance.Hash("carried"))).Pick([3, 10, 256]);

    public void Start()
    {
        var name = $"node{++_starts}";
        var process = Loop.AddProcess(name, _faults.RateOf(name));
        var journal = new SimJournal(Store, process, _faults, _chance.Fork());
        var ways = _chance.Fork();
        var options = new EngineOptions { IsApart = _ => ways.Roll(_faults.ApartShare), LeaseTerm = _faults.LeaseTerm, LeaseMargin = _faults.LeaseMargin, IdleAfter = _faults.IdleAfter, HeavyAppend = _faults.HeavyAppend, MostAtRest = _faults.MostAtRest, Seed = _chance.Next(), CarriedAfter = CarriedAfter, Carrier = new SimCarrier(process, _faults).CarryAsync, Notifier = new SimNotifier(process, new Chance(Chance.Mix(Loop.Seed ^ Chance.Hash("receivers " + name))), Received) };
        if (Cloud?.For(process) is { } provider) options = options with { ProviderOf = _ => provider };
        if (_faults.ClocksAreSet && _faults.At("wrong clock", name) is { } wrong) process.ClockOffset = wrong.Chance.Span(-60_000, 60_000);
        var engine = new EngineNode(options, journal, new SimReadModel(Store, process, _faults, _chance.Fork()), Blobs, process.Clock, process.TaskScheduler, message => Warn(process, message));
        (Leader, Engine) = (process, engine);
        Loop.Trace($"{name} starts");
        var recovered = engine.RecoverAsync();
        recovered.ContinueWith(t => Warn(process, $"recovery failed: {t.Exception!.GetBaseException()}"), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, _world.TaskScheduler);
        if (_starts == 1) CrashPoint?.Arm(process, journal, () => Crash(process, "at the point given"));
        PlanClock(process);
        PlanEnd(process, journal, engine);
    }

    /// <summary>Calls the leading node over the network; the reply may never come, the call may come twice.</summary>
    /// <param name="caller">Whose network it is.</param>
    public void Call<T>(string caller, Func<EngineNode, Task<T>> call, Action<T> reply, Action<Exception> failed)
    {
        Send();
        if (_faults.At("call doubled", caller, _faults.LossShare / 4) is not null) Send();

        void Send()
        {
            if (_faults.At("call lost", caller, _faults.LossShare) is not null) return;
            Loop.After(Latency("call late", caller), () =>
            {
                if (Leader is not { Alive: true } leader || Engine is not { } engine) return;
                Loop.At(Loop.Now, () => call(engine).ContinueWith(done => Answer(caller, done, reply, failed), CancellationToken.None, TaskContinuationOptions.None, _world.TaskScheduler), leader);
            });
        }
    }

    private void Answer<T>(string caller, Task<T> done, Action<T> reply, Action<Exception> failed)
    {
        if (_faults.At("reply lost", caller, _faults.LossShare) is not null) return;
        Loop.After(Latency("reply late", caller), () =>
        {
            if (done.IsCompletedSuccessfully) reply(done.Result);
            else failed(done.Exception?.GetBaseException() ?? new OperationCanceledException());
        });
    }

    private TimeSpan Latency(string kind, string caller)
    {
        var latency = _chance.Span(0.2, 10);
        return _faults.At(kind, caller, _faults.LateShare) is { } late ? late.Chance.Span(100, 6_000) : latency;
    }

    private void Warn(VirtualProcess process, string message)
    {
        Loop.CheckThread("a warning");
        Warnings.Add($"{process.Name}: {message}");
        Loop.Trace($"{process.Name} warns: {message.Split('\n')[0]}");
    }

    private void PlanClock(VirtualProcess process)
    {
        if (!_faults.ClocksAreSet) return;
        Loop.After(_chance.Span(2_000, 60_000), () =>
        {
            if (_faults.At("clock set", process.Name) is { } set)
            {
                var step = set.Chance.Roll(0.5) ? set.Chance.Span(-5_000, 5_000) : set.Chance.Span(-400_000, 400_000);
                process.ClockOffset += step;
                Loop.Trace($"the clock of {process.Name} is set by {step.TotalSeconds:0.0} s");
            }
            if (_faults.Active) PlanClock(process);
        }, process);
    }

    // Draws how and when this process ends: between two awaits, before a commit, after it and before its acknowledgement, or otherwise.
    private void PlanEnd(VirtualProcess process, SimJournal journal, EngineNode engine)
    {
        if (_faults.At("end of a node", process.Name) is not { Chance: var chance }) return;
        switch (chance.Int(11))
        {
            case < 4:
                var tasks = chance.Between(10, chance.Roll(0.3) ? 200 : 3000);
                process.BeforeTask += () => { if (--tasks == 0 && _faults.Active) Crash(process, "between two awaits"); };
                break;
            case < 6:
                var before = chance.Between(1, 300);
                journal.BeforeCommit += () => { if (--before == 0 && _faults.Active) Crash(process, "before a commit"); };
                break;
            case < 8:
                var after = chance.Between(1, 300);
                journal.AfterCommit += () => { if (--after == 0 && _faults.Active) Crash(process, "after a commit, before its acknowledgement"); };
                break;
            case 8:
                Loop.After(chance.Span(500, 30_000), () => Stop(process, engine), process);
                break;
            case 9:
                Loop.After(chance.Span(500, 30_000), () => Depose(process, freezes: false, chance), process);
                break;
            default:
                Loop.After(chance.Span(500, 30_000), () => Depose(process, freezes: true, chance), process);
                break;
        }
    }

    private void Crash(VirtualProcess process, string where)
    {
        if (!process.Alive) return;
        Crashes++;
        Loop.Trace($"{process.Name} crashes {where}");
        process.Kill();
        Restart();
    }

    private void Stop(VirtualProcess process, EngineNode engine)
    {
        if (!_faults.Active) return;
        Loop.Trace($"{process.Name} is stopped in order");
        Leader = null;
        engine.DisposeAsync().AsTask().ContinueWith(_ => Loop.After(_chance.Span(0, 100), process.Kill), CancellationToken.None, TaskContinuationOptions.None, _world.TaskScheduler);
        // Whether it ended in order or not, it is ended in the end.
        Loop.After(TimeSpan.FromSeconds(10), process.Kill);
        Loop.After(TimeSpan.FromSeconds(11), Start);
    }

    // Another takes over, while this one lives on and does not know of it: at once, or after it was frozen, as a machine that swaps is.
    private void Depose(VirtualProcess process, bool freezes, Chance chance)
    {
        if (!_faults.Active) return;
        Crashes++;
        Loop.Trace($"{process.Name} {(freezes ? "freezes" : "is deposed")}, and does not know that another takes over");
        process.Frozen = freezes;
        var thaw = freezes ? chance.Span(50, 20_000) : TimeSpan.Zero;
        if (freezes)
        {
            Loop.After(thaw, () =>
            {
                Loop.Trace($"{process.Name} thaws, and is no longer the leader");
                process.Frozen = false;
            });
        }
        Loop.After(thaw + chance.Span(50, 8_000), process.Kill);
        Restart();
    }

    private void Restart()
    {
        (Leader, Engine) = (null, null);
        Loop.After(_chance.Roll(0.2) ? _chance.Span(3_000, 40_000) : _chance.Span(20, 2_000), Start);
    }
}
