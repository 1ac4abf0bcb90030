using System.Text.Json;
using Fanfare.Chaos.Checks;
using Fanfare.Chaos.Faults;
using Fanfare.Chaos.Sites;
using Fanfare.Chaos.Workload;

namespace Fanfare.Chaos.Checked;

/// <summary>A journal, effects and orders made up by hand: one run of a foreach of two with its join, or pieces of it. Each line of effects comes a
/// second after the one before.</summary>
internal sealed class Fabrication
{
    public const string Run = "r1", Key = "key-1";

    private static readonly DateTimeOffset Began = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly FlowSpec Spec = new()
    {
        Name = "f",
        Steps =
        [
            new StepSpec { Name = "start", Run = new CommandSpec(["true"], null), Next = new Foreach("work", new OverRange(0, 2, 1)) },
            new StepSpec { Name = "work", Run = new CommandSpec(["true"], null), Retry = new RetrySpec { MaxAttempts = 2 }, MaxParallel = 2, Next = new GoTo("last") },
            new StepSpec { Name = "last", Run = new CommandSpec(["true"], null), Join = JoinSpec.All },
        ],
        Finally = ["last"],
    };

    private static readonly JsonElement Nothing = JsonSerializer.SerializeToElement(new { });

    private readonly List<Recorded> _events = [];
    private readonly List<EffectLine> _effects = [];
    private readonly Dictionary<StreamId, long> _sequences = [];

    public List<FaultWindow> Faults { get; } = [];

    public List<Order> Orders { get; } = [new Order(Key, new ChaosFlow("f", "", RunStatus.Succeeded, "last", n => $"({n})", _ => 4), 7, Run)];

    public static StepKey StepOf(string step) => new(step, SplitPath.Empty, new SplitPath(new int[step == "work" ? 2 : 1]));

    public static StreamId StreamOf(string step) => StreamId.Step("default", Run, StepOf(step));

    /// <summary>A run as it should be.</summary>
    public static Fabrication Whole()
    {
        var made = Begun().Does("start", 0, 0);
        made.Add("work", new ForeachOpened(StepOf("start"), 0, 2, new RangeItems(0, 1), 0)).Does("work", 0, 0).Does("work", 1, 0);
        made.Add("last", new MembersExpected(0, StepOf("start"), 2)).Add("last", new MembersArrived(0, StepOf("work"), SplitRanges.Range(0, 2), SplitRanges.Empty, 0));
        return made.Does("last", 0, 0, """{"v":"(7)"}""").Ends();
    }

    /// <summary>A run that has only begun.</summary>
    public static Fabrication Begun()
    {
        var made = new Fabrication();
        made.Add(StreamId.Flow("default", "f"), new FlowDeployed(1, "digest", FlowSpecJson.Write(Spec), "", null));
        return made.Add(StreamId.Run("default", Run), new RunStarted("f", 1, "{}", [], 0, Key));
    }

    /// <summary>An attempt from its lease to its success, in the journal and in the effects.</summary>
    public Fabrication Does(string step, int split, int attempt, string? output = null) =>
        Leases(step, split, attempt).Begins(step, split, attempt).Says(step, split, attempt, "ok").Succeeds(step, split, attempt, output);

    public Fabrication Leases(string step, int split, int attempt, string worker = "w1") => Add(step, new TaskLeased(split, attempt, $"{step}.{split}.{attempt}", worker, "boot"));

    public Fabrication Succeeds(string step, int split, int attempt, string? output = null) => Add(step, new TaskSucceeded(split, attempt, Began, Began, output));

    public Fabrication Fails(string step, int split, int attempt) => Add(step, new TaskFailed(split, attempt, Began, Began, new TaskError("exit", "It failed.", 1), Began));

    public Fabrication Loses(string step, int split, int attempt) => Add(step, new TaskLost(split, attempt, "the lease ran out", Began));

    public Fabrication Ends(RunStatus status = RunStatus.Succeeded) => Add(StreamId.Run("default", Run), new RunEnded(status, null));

    public Fabrication Begins(string step, int split, int attempt, string word = "free") => Tells(true, step, split, attempt, word);

    public Fabrication Says(string step, int split, int attempt, string word) => Tells(false, step, split, attempt, word);

    public Fabrication Freezes(string worker, double from, double to)
    {
        Faults.Add(new FaultWindow(FaultKind.FreezeWorkerPastLease, worker, from, to));
        return this;
    }

    public Fabrication Add(string step, Event e) => Add(StreamOf(step), e);

    public Fabrication Add(StreamId stream, Event e)
    {
        var entry = new JournalEvent(_sequences[stream] = _sequences.GetValueOrDefault(stream) + 1, Began.AddSeconds(_events.Count), "tester", e);
        _events.Add(new Recorded(_events.Count + 1, entry.At, "tester", stream, entry, JsonSerializer.Serialize(e, ContractsJson.Default.Event)));
        return this;
    }

    public Reading Reading() => new(_events, [], [.. ((string[])["start", "work", "last"]).Select(Row)], [], []);

    public HistoryChecker History()
    {
        var history = new HistoryChecker();
        foreach (var recorded in _events) history.Read(recorded);
        return history;
    }

    public IReadOnlyList<AttemptFate> Fates() => AttemptFate.AllOf(Reading());

    public IReadOnlyList<Violation> HistoryViolations() => History().Violations;

    public IReadOnlyList<Violation> EffectViolations() => new EffectChecker(Fates(), _effects, Faults, Began).Check();

    public IReadOnlyList<Violation> OutcomeViolations() => new OutcomeChecker(History(), Orders, Fates()).Check();

    public IReadOnlyList<Violation> PictureViolations(Picture picture) => new PictureChecker(Reading(), History(), Fates()).Check(picture);

    /// <summary>What an API would say that tells the truth.</summary>
    public Picture Picture()
    {
        var fates = Fates().ToLookup(f => f.Task);
        var tasks = fates.ToDictionary(f => (Run, f.Key), f => new TaskView(f.Key, "", SplitPath.Empty, TaskStatus.Succeeded, f.Last().Leased.Attempt, null, null, null, null, null,
            f.Last().End?.Entry.Event is TaskSucceeded { Output: { } output } ? JsonSerializer.Deserialize<JsonElement>(output) : null, null));
        var attempts = fates.ToDictionary(f => (Run, f.Key), f => (IReadOnlyList<AttemptView>)[.. f.Select(a => new AttemptView(a.Leased.Attempt, a.Status, a.Leased.Worker, Began, null, null, null))]);
        var history = _events.Where(e => e.Stream.RunId is not null).Select(e => new EventView(e.Position, e.Stream.ToString(), e.Entry.Sequence, Began, "", "", Nothing)).ToList();
        var run = new RunView(Run, "f", 1, RunStatus.Succeeded, Nothing, [], 0, Key, "", 0, Began, null, null, "");
        return new Picture(new Dictionary<string, RunView> { [Run] = run }, tasks, new Dictionary<(string, string), StepView>(), attempts,
            new Dictionary<string, IReadOnlyList<EventView>> { [Run] = history });
    }

    private Fabrication Tells(bool starts, string step, int split, int attempt, string word)
    {
        _effects.Add(new EffectLine(starts, Run, TaskRef.NameOf(StepOf(step), split, step == "work"), attempt, 100 + _effects.Count, "mark", _effects.Count, word));
        return this;
    }

    private static StepRow Row(string step) => new("default", Run, StepOf(step), StepStatus.Succeeded, step == "work", 0, 0, 0, 0, 0, 0, Began, null);
}
