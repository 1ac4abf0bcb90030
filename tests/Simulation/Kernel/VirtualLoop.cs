namespace Fanfare.Simulation.Kernel;

/// <summary>The one thread on which all of a simulation happens. Time stands still while anything is runnable, then jumps to the next timed
/// event. Which of the runnable tasks goes next is drawn from the seed.</summary>
internal sealed class VirtualLoop(ulong seed)
{
    private readonly PriorityQueue<Timed, (DateTimeOffset At, ulong Order)> _timed = new();
    private readonly List<VirtualProcess> _processes = [];
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private readonly List<string> _trace = [];
    private ulong _order;

    public static readonly DateTimeOffset Start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public DateTimeOffset Now { get; private set; } = Start;

    public Chance Chance { get; } = new(seed);

    public ulong Seed => seed;

    public long Steps { get; private set; }

    /// <summary>What happened outside the journal: crashes, restarts, lost messages. Each line starts with its time.</summary>
    public IReadOnlyList<string> TraceLines => _trace;

    /// <summary>Code of the simulated system that ran on another thread; always a bug.</summary>
    public List<string> Escapes { get; } = [];

    public void Trace(string what) => _trace.Add($"{Stamp(Now)} {what}");

    public static string Stamp(DateTimeOffset at) => FormattableString.Invariant($"{(at - Start).TotalSeconds,11:0.000000}");

    public void CheckThread(string where)
    {
        if (Environment.CurrentManagedThreadId == _thread) return;
        lock (Escapes) Escapes.Add($"{where} was entered from thread {Environment.CurrentManagedThreadId}: an await resumed outside the loop.\n{Environment.StackTrace}");
    }

    /// <param name="clockRate">Seconds of its monotonic clock in one second of the loop's.</param>
    public VirtualProcess AddProcess(string name, double clockRate = 1)
    {
        var process = new VirtualProcess(name, this) { ClockRate = clockRate };
        _processes.Add(process);
        return process;
    }

    public void Remove(VirtualProcess process) => _processes.Remove(process);

    /// <summary>Has something happen later; not before a frozen process runs again, and never once it is dead.</summary>
    public Timed At(DateTimeOffset at, Action action, VirtualProcess? process = null)
    {
        CheckThread("the loop");
        var timed = new Timed(action, process);
        _timed.Enqueue(timed, (at < Now ? Now : at, _order++));
        return timed;
    }

    public Timed After(TimeSpan delay, Action action, VirtualProcess? process = null) => At(Now + delay, action, process);

    /// <summary>Does one thing; false when nothing is left to do.</summary>
    public bool Step()
    {
        Steps++;
        var runnable = 0;
        foreach (var process in _processes) runnable += process.Runnable;
        if (runnable > 0)
        {
            var drawn = Chance.Int(runnable);
            foreach (var process in _processes)
            {
                if (drawn < process.Runnable)
                {
                    process.RunOne(drawn);
                    return true;
                }
                drawn -= process.Runnable;
            }
        }
        if (!_timed.TryDequeue(out var timed, out var due)) return false;
        if (timed.Cancelled || timed.Process is { Alive: false }) return true;
        if (timed.Process is { Frozen: true } frozen)
        {
            frozen.Deferred.Add(timed);
            return true;
        }
        Now = due.At > Now ? due.At : Now;
        timed.Action();
        return true;
    }
}

/// <summary>Something that happens at a time; can be taken back.</summary>
internal sealed class Timed(Action action, VirtualProcess? process)
{
    public Action Action => action;

    public VirtualProcess? Process => process;

    public bool Cancelled { get; set; }
}
