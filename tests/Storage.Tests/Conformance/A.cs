using Fanfare.Contracts;
using TaskStatus = Fanfare.Contracts.TaskStatus;

namespace Fanfare.Storage.Tests.Conformance;

/// <summary>Builds what the tests append, naming only what matters to them.</summary>
internal static class A
{
    public const string Ns = "default";

    public static readonly DateTimeOffset T0 = new(2026, 3, 1, 12, 0, 0, 123, 456, TimeSpan.Zero);

    public static StepKey Key(string step = "train", SplitPath outer = default, SplitPath loops = default) =>
        new(step, outer, loops.Length == 0 ? new SplitPath(new int[outer.Length + 1]) : loops);

    public static RunInfo Info(string run) => new(run, "etl", 1, 0, 0);

    public static Event Any(int i) => new TaskLeased(i, 0, $"{i}.0.abc", "w1", "boot");

    public static JournalEvent Entry(long sequence, Event e, DateTimeOffset? at = null) => new(sequence, at ?? T0, "system", e);

    /// <summary>An append of <paramref name="count"/> events after the head given.</summary>
    public static Append Append(StreamId stream, OpenedStream opened, long? expected = null, int count = 1, IReadOnlyList<Row>? rows = null, Wake? wake = null)
    {
        var head = expected ?? opened.Sequence;
        return new Append
        {
            Stream = stream,
            ExpectedSequence = head,
            Epoch = opened.Epoch,
            Events = [.. Enumerable.Range(1, count).Select(i => Entry(head + i, Any((int)head + i)))],
            Rows = rows ?? [],
            Wake = wake,
        };
    }

    public static RunRow Run(
        string run, string flow = "etl", RunStatus status = RunStatus.Running, DateTimeOffset? created = null, IReadOnlyList<string>? tags = null,
        int deployment = 1, TaskError? error = null, string ns = Ns) =>
        new(ns, run, flow, deployment, status, """{"x":1}""", tags ?? [], 0, null, "ann", 1, created ?? T0, status.IsTerminal() ? T0.AddMinutes(1) : null, error);

    public static StepRow Step(string run, StepKey key, StepStatus status = StepStatus.Open, int total = 1) =>
        new(Ns, run, key, status, true, total, 1, 2, 3, 4, 5, T0, status == StepStatus.Open ? null : T0.AddSeconds(9));

    public static TaskRow Task(string run, StepKey key, int split, TaskStatus status = TaskStatus.Running, string? output = null, IReadOnlyList<Artifact>? artifacts = null) =>
        new(Ns, run, key, split, status, 0, "w1", T0, T0.AddSeconds(1), status == TaskStatus.Running ? null : T0.AddSeconds(2),
            status == TaskStatus.Failed ? new TaskError("exit", "it broke", 3) : null, output, artifacts);

    /// <summary>First leases; the tasks' tokens are made of the grant and the split.</summary>
    public static GrantRow Grant(string run, StepKey key, long grant, params int[] splits) =>
        new(Ns, run, key, grant, "w1", T0, [.. splits.Select(split => new GrantedTask(split, $"{grant}.{split}.abc"))]);

    /// <summary>A task that succeeded under a grant.</summary>
    public static TaskRow Ended(string run, StepKey key, int split) => Task(run, key, split, TaskStatus.Succeeded, "{}") with { Token = $"2.{split}.abc" };

    public static AttemptRow Attempt(string run, StepKey key, int split, int attempt, AttemptStatus status = AttemptStatus.Running) =>
        new(Ns, run, key, split, attempt, status, "w1", $"1.{attempt}.abc", T0, T0.AddSeconds(1), null, status == AttemptStatus.Failed ? new TaskError("exit", "no", 1) : null);

    /// <param name="due">In seconds; null for never.</param>
    public static ScheduleRow Schedule(string flow, string name, int? due) => new(Ns, flow, name, due is { } seconds ? T0.AddSeconds(seconds) : null, new ScheduleStanding(
        2, new ScheduleSpec { Name = name, Every = TimeSpan.FromMinutes(5), Parameters = """{"text":"é"}""", Tags = ["t"] }, T0, new SchedulePause("ann", T0, "why\n"),
        ["r1"], 1, 2, T0.AddHours(-1), "r1", new DataInterval(T0, T0.AddMinutes(5)), RunStatus.Failed, 7, 8));

    /// <param name="at">When it was made, in seconds.</param>
    public static BackfillRow Backfill(string id, string flow, int at, int taken = 3) => new(Ns, id, flow, "nightly", "ann\n", T0.AddSeconds(at), new BackfillStanding(
        BackfillState.Paused, new BackfillPlan(flow, "nightly", T0, T0.AddDays(9), true, 2, -10, BackfillRerun.Failed, 9), 2, new SchedulePause("ann", T0, "why\n"), new DataInterval(T0, T0.AddDays(1)), taken, 1, 1, 0, 0,
        ["r1"], 1, null, null));

    /// <summary>A trigger that listens for ends of a flow's runs, and for an event.</summary>
    public static TriggerRow Trigger(string flow, string name, string listensFor, string toFlow, bool paused = false) => new(Ns, flow, name, new TriggerStanding(
        2, new TriggerSpec { Name = name, Sources = [new TriggerSource { Event = listensFor, Where = [new PayloadCondition("a.b", PayloadTest.In, """["é"]""")], Map = [new PayloadMapping("day", "date")] }, new TriggerSource { Flow = toFlow, Ends = [RunStatus.Failed] }, new TriggerSource { Event = listensFor }] },
        paused ? new SchedulePause("ann", T0, "why\n") : null));

    public static EventRow Event(string id, string name, int at, params TriggerOutcome[] outcomes) =>
        new(Ns, id, new EventOrigin(EventKind.Event, name), """{"text":"é\u0000"}""", "k", "ann", T0.AddSeconds(at), outcomes);

    /// <param name="reason">Null for one that is settled.</param>
    /// <param name="at">When it came about, in seconds.</param>
    public static NoticeRow Notice(string id, string flow, int at, NoticeState state) => new(Ns, id, flow, T0.AddSeconds(at), new NoticeStanding(
        new NoticeContent(flow, "r1", null, NoticeKind.Failed, """{"error":{"message":"\u0000\n"}}""", ["oncall"], "{{ flow }}\n", null), [new NoticeDelivery("oncall", state, 2, T0, T0.AddSeconds(9), "why\n")]));

    public static PoolRow Pool(string name, int version, DateTimeOffset? deletedAt = null) => new(name, new PoolStanding(version, new PoolSpec
    {
        Name = name,
        Provider = PoolProvider.Ec2,
        Queues = ["gpu", "default"],
        Machine = new ResourceSpec(7.5, 30L << 30, 1, 0),
        Min = 1,
        Max = 20,
        Spare = 2,
        Idle = TimeSpan.FromMinutes(5),
        Lifetime = TimeSpan.FromHours(24),
        Ec2 = new Ec2PoolSpec
        {
            Template = "fanfare-gpu:7",
            Choices = [new MachineChoice("", "eu-central-1a"), new MachineChoice("", Subnet: "subnet-0a1b")],
            SpotPercent = 80,
            OnDemandFallback = false,
            MaxPrice = 0.40m,
            Tags = new Dictionary<string, string> { ["team"] = "é\u0000\n" },
            Needs = new MachineNeeds { VCpus = 8, MostVCpus = 16, MemoryMiB = 30720, Architecture = "x86_64", Gpus = 1, GpuKinds = ["l4"], Without = ["t2.*"] },
        },
    }, new PoolSetting("ann\n", T0), deletedAt));

    public static DeadLetterRow DeadLetter(string id, string flow, string trigger, int at, string? reason = "why\n") => new(Ns, id, flow, trigger, new EventOrigin(EventKind.RunEnd, "orders"), T0.AddSeconds(at), reason);

    public static DeploymentRow Deployment(string flow, int version, string ns = Ns) =>
        new(ns, flow, version, $"d{version}", "{}", "name: " + flow, version % 2 == 0 ? "p" : null, T0.AddHours(version), "ann");
}
