namespace Fanfare.Simulation.Kernel;

/// <summary>A process of the simulated cluster: its scheduler and its clock. When it dies, nothing of it runs again.</summary>
internal sealed class VirtualProcess
{
    private readonly VirtualLoop _loop;
    private readonly Scheduler _scheduler;
    private bool _frozen;

    public VirtualProcess(string name, VirtualLoop loop)
    {
        (Name, _loop) = (name, loop);
        _scheduler = new Scheduler(this);
        Clock = new VirtualTime(loop, this);
    }

    public string Name { get; }

    public bool Alive { get; private set; } = true;

    public TaskScheduler TaskScheduler => _scheduler;

    public TimeProvider Clock { get; }

    /// <summary>What the process's wall clock is ahead of the loop's.</summary>
    public TimeSpan ClockOffset { get; set; }

    /// <summary>Seconds of its monotonic clock in one second of the loop's.</summary>
    public double ClockRate { get; init; } = 1;

    /// <summary>Tasks that could run now.</summary>
    public int Runnable => _frozen ? 0 : _scheduler.Count;

    /// <summary>Tasks run so far.</summary>
    public long Ran { get; private set; }

    /// <summary>Called before each task; where crashes are decided.</summary>
    public Action? BeforeTask { get; set; }

    public List<Timed> Deferred { get; } = [];

    /// <summary>Stopped like a machine that swaps, or a paused virtual machine: its time goes on without it.</summary>
    public bool Frozen
    {
        get => _frozen;
        set
        {
            _frozen = value;
            if (value) return;
            foreach (var timed in Deferred) _loop.At(_loop.Now, () => { if (!timed.Cancelled) timed.Action(); }, this);
            Deferred.Clear();
        }
    }

    public void Kill()
    {
        Alive = false;
        _scheduler.Clear();
        Deferred.Clear();
        _loop.Remove(this);
    }

    public void RunOne(int index)
    {
        BeforeTask?.Invoke();
        if (!Alive) return;
        Ran++;
        _scheduler.Run(index);
    }

    private sealed class Scheduler(VirtualProcess process) : TaskScheduler
    {
        private readonly List<Task> _queue = [];

        public int Count => _queue.Count;

        public override int MaximumConcurrencyLevel => 1;

        public void Clear() => _queue.Clear();

        public void Run(int index)
        {
            var task = _queue[index];
            _queue.RemoveAt(index);
            TryExecuteTask(task);
        }

        protected override void QueueTask(Task task)
        {
            process._loop.CheckThread("the scheduler of " + process.Name);
            if (process.Alive) _queue.Add(task);
        }

        protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

        protected override IEnumerable<Task> GetScheduledTasks() => _queue;
    }
}
