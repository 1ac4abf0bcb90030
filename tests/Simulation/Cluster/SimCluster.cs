using Fanfare.Contracts;
using Fanfare.Engine;
using Fanfare.Simulation.Kernel;
using Fanfare.Simulation.Store;

namespace Fanfare.Simulation.Cluster;

/// <summary>The server's side: one engine node at a time leads on the durable store; it crashes at drawn moments and is started anew.</summary>
internal sealed class SimCluster
{
    private readonly Faults _faults;
    private readonly Chance _chance;
    private readonly VirtualProcess _world;
    private int _starts;

    public SimCluster(VirtualLoop loop, Faults faults)
    {
        (Loop, _faults, _chance) = (loop, faults, loop.Chance.Fork());
        Store = new DurableStore(loop);
        _world = loop.AddProcess("world");
    }

    public VirtualLoop Loop { get; }

    public DurableStore Store { get; }

    public SimBlobs Blobs { get; } = new();

    public Faults Faults => _faults;

    /// <summary>What the engine told operators.</summary>
    public List<string> Warnings { get; } = [];

    public int Crashes { get; private set; }

    private VirtualProcess? Leader { get; set; }

    private EngineNode? Engine { get; set; }

    public void Start()
    {
        var process = Loop.AddProcess($"node{++_starts}");
        var journal = new SimJournal(Store, process, _faults.Active ? _faults.Pace : JournalPace.Calm, _chance.Fork());
        var options = new EngineOptions { LeaseTerm = _faults.LeaseTerm, LeaseMargin = _faults.LeaseMargin, IdleAfter = _faults.IdleAfter, Seed = _chance.Next() };
        var engine = new EngineNode(options, journal, new SimReadModel(Store), Blobs, process.Clock, process.TaskScheduler, message => Warn(process, message));
        (Leader, Engine) = (process, engine);
        Loop.Trace($"{process.Name} starts");
        var recovered = engine.RecoverAsync();
        recovered.ContinueWith(t => Warn(process, $"recovery failed: {t.Exception!.GetBaseException()}"), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, _world.TaskScheduler);
        if (_faults.Active) PlanEnd(process, journal, engine);
    }

    /// <summary>Calls the leading node over the network; the reply may never come.</summary>
    public void Call<T>(Func<EngineNode, Task<T>> call, Action<T> reply, Action<Exception> failed, bool lossy = true)
    {
        if (lossy && _faults.Loses(_chance)) return;
        Loop.After(_faults.Latency(_chance), () =>
        {
            if (Leader is not { Alive: true } leader || Engine is not { } engine) return;
            Loop.At(Loop.Now, () => call(engine).ContinueWith(done => Answer(done, reply, failed, lossy), CancellationToken.None, TaskContinuationOptions.None, _world.TaskScheduler), leader);
        });
    }

    private void Answer<T>(Task<T> done, Action<T> reply, Action<Exception> failed, bool lossy)
    {
        if (lossy && _faults.Loses(_chance)) return;
        Loop.After(_faults.Latency(_chance), () =>
        {
            if (done.IsCompletedSuccessfully) reply(done.Result);
            else failed(done.Exception?.GetBaseException() ?? new OperationCanceledException());
        });
    }

    private void Warn(VirtualProcess process, string message)
    {
        Loop.CheckThread("a warning");
        Warnings.Add($"{process.Name}: {message}");
        Loop.Trace($"{process.Name} warns: {message.Split('\n')[0]}");
    }

    // Draws how and when this process ends: between two awaits, before a commit, or after it and before its acknowledgement.
    private void PlanEnd(VirtualProcess process, SimJournal journal, EngineNode engine)
    {
        switch (_chance.Int(10))
        {
            case < 4:
                var tasks = _chance.Between(10, _chance.Roll(0.3) ? 200 : 3000);
                process.BeforeTask = () => { if (--tasks == 0) Crash(process, "between two awaits"); };
                break;
            case < 6:
                var before = _chance.Between(1, 300);
                journal.BeforeCommit = () => { if (--before == 0) Crash(process, "before a commit"); };
                break;
            case < 8:
                var after = _chance.Between(1, 300);
                journal.AfterCommit = () => { if (--after == 0) Crash(process, "after a commit, before its acknowledgement"); };
                break;
            case 8:
                Loop.After(_chance.Span(500, 30_000), () => Stop(process, engine), process);
                break;
            default:
                Loop.After(_chance.Span(500, 30_000), () => Freeze(process), process);
                break;
        }
    }

    private void Crash(VirtualProcess process, string where)
    {
        if (!_faults.Active || !process.Alive) return;
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

    // The process hangs, another takes over, and then it comes back to life for a while, not knowing of it.
    private void Freeze(VirtualProcess process)
    {
        if (!_faults.Active) return;
        Crashes++;
        Loop.Trace($"{process.Name} freezes");
        process.Frozen = true;
        Leader = null;
        var thaw = _chance.Span(50, 20_000);
        Loop.After(thaw, () =>
        {
            Loop.Trace($"{process.Name} thaws, and is no longer the leader");
            process.Frozen = false;
        });
        Loop.After(thaw + _chance.Span(50, 5_000), process.Kill);
        Restart();
    }

    private void Restart()
    {
        (Leader, Engine) = (null, null);
        Loop.After(_chance.Roll(0.2) ? _chance.Span(3_000, 40_000) : _chance.Span(20, 2_000), Start);
    }
}
