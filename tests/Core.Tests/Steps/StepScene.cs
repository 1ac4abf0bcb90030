using Fanfare.Contracts;
using Fanfare.Core.Tests.Graph;

namespace Fanfare.Core.Tests.Steps;

/// <summary>One step of a small flow, fed with messages and workers' reports; keeps all events, and checks at every look that replaying
/// them gives the same.</summary>
internal sealed class StepScene
{
    public static readonly DateTimeOffset T0 = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
    public static readonly TimeSpan Term = TimeSpan.FromMinutes(5);

    private readonly RunContext _context;
    private readonly StreamId _id;
    private readonly List<JournalEvent> _events = [];
    private readonly Dictionary<StreamId, long> _sent = [];
    private ulong _entropy = 1;

    public StepScene(FlowSpec spec, string step)
    {
        _context = new RunContext(Sketch.Graph(spec), 1, "{}", null);
        var node = _context.Graph[step];
        Key = new StepKey(step, new SplitPath(new int[Math.Max(0, node.Frame.ForeachDepth - 1)]), new SplitPath(new int[node.LoopCounters]));
        _id = StreamId.Step("default", "r", Key);
        Step = new StepEntity(_id, _context, Term);
    }

    public StepScene(string sketch, string step, Func<StepSpec, StepSpec>? change = null)
        : this(Changed(Sketch.Flow(sketch), step, change), step)
    {
    }

    public StepEntity Step { get; }

    public StepKey Key { get; }

    public DateTimeOffset Now { get; set; } = T0;

    public static RunInfo Run(int generation = 0) => new("r", "sketch", 1, 0, generation);

    public StepKey KeyOf(string step) => new(step, SplitPath.Empty, new SplitPath(new int[_context.Graph[step].LoopCounters]));

    /// <summary>A message from another stream; returns the events that it caused.</summary>
    public IReadOnlyList<Event> Receive(EntityMessage message, string from = "start")
    {
        var sender = message is CancelStep or RetryStep or PauseStep or ResumeStep ? StreamId.Run("default", "r") : StreamId.Step("default", "r", KeyOf(from));
        var sequence = _sent[sender] = _sent.GetValueOrDefault(sender) + 1;
        Step.Receive(sender, [new OutboxMessage(sequence, _id, message)], Moment());
        return Taken();
    }

    /// <summary>The same message again, as after a lost acknowledgement.</summary>
    public IReadOnlyList<Event> ReceiveAgain(EntityMessage message, string from = "start")
    {
        var sender = StreamId.Step("default", "r", KeyOf(from));
        Step.Receive(sender, [new OutboxMessage(_sent[sender], _id, message)], Moment());
        return Taken();
    }

    public Grant Lease(string worker = "w") => Assert.Single(LeaseMany(1, worker));

    public IReadOnlyList<Grant> LeaseMany(int most, string worker = "w")
    {
        var grants = Step.Lease(worker, "boot", most, Moment());
        Taken();
        return grants;
    }

    public IReadOnlyList<Event> Finish(Grant grant, AttemptOutcome outcome, string? output = null, TaskError? error = null)
    {
        Step.Finish(new FinishedAttempt
        {
            Task = grant.Task,
            Token = grant.Token,
            Outcome = outcome,
            EndedAt = Now,
            Output = output,
            Error = outcome == AttemptOutcome.Succeeded ? null : error ?? new TaskError("exit", "Exit code 1.", 1),
        }, "w", Moment());
        return Taken();
    }

    public IReadOnlyList<Event> Tick()
    {
        Step.Tick(Moment());
        return Taken();
    }

    public IReadOnlyList<Event> Do(Action<Moment> command)
    {
        command(Moment());
        return Taken();
    }

    /// <summary>Messages waiting to be sent to a step or, with null, to the run.</summary>
    public IReadOnlyList<EntityMessage> Outbox(StepKey? target = null) =>
        [.. Step.OutboxTo(target is { } key ? StreamId.Step("default", "r", key) : StreamId.Run("default", "r"), 1000).Select(m => m.Message)];

    private Moment Moment() => new(Now, "test", _entropy++, "inc", Now - T0);

    private List<Event> Taken()
    {
        var (events, _) = Step.TakeDecided();
        _events.AddRange(events);
        var replayed = new StepEntity(_id, _context, Term);
        replayed.Replay(_events, 0);
        replayed.Activated(Now - T0);
        replayed.Tick(Moment());
        Assert.Equal(Step.Running, replayed.Running);
        // A replay ends with a look at the clock, which may find more that is ready.
        Assert.InRange(replayed.Ready, Step.Ready, int.MaxValue);
        Assert.Equal(Outbox().Count, replayed.OutboxTo(StreamId.Run("default", "r"), 1000).Count);
        return [.. events.Select(e => e.Event)];
    }

    private static FlowSpec Changed(FlowSpec spec, string step, Func<StepSpec, StepSpec>? change) =>
        change is null ? spec : spec with { Steps = [.. spec.Steps.Select(s => s.Name == step ? change(s) : s)] };
}
