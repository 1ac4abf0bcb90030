namespace Fanfare.Gateway.Tests;

/// <summary>A small world: flow <c>train</c> with a loop and nested foreaches, one running run, one that succeeded.</summary>
internal static class World
{
    public const string Running = "r1", Ended = "r2";

    public static readonly DateTimeOffset T0 = new(2026, 1, 31, 18, 0, 0, TimeSpan.Zero);

    public static readonly IReadOnlyDictionary<string, StepShape> Shapes = new Dictionary<string, StepShape>
    {
        ["start"] = new(0, 1),
        ["train"] = new(1, 2),
        ["fold"] = new(2, 3),
        ["gather"] = new(0, 1),
    };

    public static FlowSpec Spec(string name) => new()
    {
        Name = name,
        Description = "Trains until good enough.",
        Parameters = [new ParameterSpec { Name = "rounds", Type = ParameterType.Int, Default = "3" }],
        Steps = [.. Shapes.Keys.Select(step => new StepSpec { Name = step, Run = new CommandSpec(["true"], null) })],
    };

    public static PoolInfo Pool(string name) => new(
        new PoolSpec { Name = name, Provider = PoolProvider.Local, Queues = ["gpu"], Machine = new ResourceSpec(8, 32L << 30, 1, 0), Max = 3, Lifetime = TimeSpan.FromDays(1) }, 2, new PoolSetting("ada", T0), null, 2,
        [new MachineInfo("m1", MachineState.Busy, "process", "", CapacityKind.OnDemand, T0, 4, null), new MachineInfo("m2", MachineState.Draining, "process", "", CapacityKind.OnDemand, T0, 1, "it is older than 1d")],
        ["It has as many machines as it may have: 3."]);

    public static StepKey Key(string step, params int[] outer) => new(step, new SplitPath(outer), new SplitPath(new int[Shapes[step].LoopCounters]));

    public static TaskRef Task(string step, int split, params int[] outer) => new("default", Running, Key(step, outer), split);

    public static void Fill(FakeReads reads)
    {
        var spec = FlowSpecJson.Write(Spec("train"));
        for (var version = 1; version <= 3; version++)
            reads.Deployments.Add(new DeploymentRow("default", "train", version, new string((char)('a' + version), 64), spec, "flow train", null, T0, "ada"));
        reads.Runs[Running] = new RunRow("default", Running, "train", 3, RunStatus.Running, """{"rounds":3,"note":"<script>alert(1)</script>"}""", ["nightly", "<i>tag</i>"], 0, null, "ada", 0, T0, null, null);
        reads.Runs[Ended] = new RunRow("default", Ended, "train", 2, RunStatus.Succeeded, "{}", [], 5, "k1", "anonymous", 1, T0.AddHours(-1), T0.AddMinutes(-30), null);
        reads.Runs["r3"] = new RunRow("default", "r3", "train", 2, RunStatus.Failed, "{}", [], 0, null, "anonymous", 0, T0.AddHours(-2), T0.AddMinutes(-90), new TaskError("exit", "Task train[7] ended with exit code 1.", 1));
        reads.Steps.Add(new StepRow("default", Running, Key("start"), StepStatus.Succeeded, false, 1, 0, 0, 1, 0, 0, T0, T0.AddSeconds(4)));
        reads.Steps.Add(new StepRow("default", Running, Key("train"), StepStatus.Open, true, 100_000, 4, 2, 580, 2, 0, T0.AddSeconds(4), null));
        reads.Steps.Add(new StepRow("default", Running, Key("fold", 3), StepStatus.Open, true, 8, 1, 0, 5, 0, 0, T0.AddSeconds(9), null));
        reads.Tasks.Add(new TaskRow("default", Running, Key("start"), 0, TaskStatus.Succeeded, 0, "w1", T0, T0, T0.AddSeconds(4), null, """{"items":[1,2]}""", [new("report.html", 48), new("plots/loss 1.txt", 5)]));
        reads.Attempts.Add(new AttemptRow("default", Running, Key("start"), 0, 0, AttemptStatus.Succeeded, "w1", "1.0.a", T0, T0, T0.AddSeconds(4), null));
        for (var split = 0; split < 60; split++)
        {
            var failed = split is 7 or 9;
            reads.Tasks.Add(new TaskRow("default", Running, Key("train"), split, failed ? TaskStatus.Failed : TaskStatus.Succeeded, failed ? 1 : 0, "w1",
                T0.AddSeconds(4), T0.AddSeconds(5), T0.AddSeconds(5 + (split % 9)), failed ? new TaskError("exit", "ValueError: could not convert <NaN> to int", 1) : null, failed ? null : "{}", null));
        }
        foreach (var attempt in new[] { 0, 1 })
            reads.Attempts.Add(new AttemptRow("default", Running, Key("train"), 7, attempt, attempt == 0 ? AttemptStatus.Lost : AttemptStatus.Failed, "w1", $"2.{attempt}.a", T0, T0, T0.AddSeconds(9), new TaskError("exit", "ValueError: could not convert <NaN> to int", 1)));
        reads.Tasks.Add(new TaskRow("default", Running, Key("fold", 3), 1, TaskStatus.Running, 0, "w1", T0.AddSeconds(9), T0.AddSeconds(9), null, null, null, null));
        reads.Attempts.Add(new AttemptRow("default", Running, Key("fold", 3), 1, 0, AttemptStatus.Running, "w1", "3.0.a", T0.AddSeconds(9), T0.AddSeconds(9), null, null));
        reads.Append(StreamId.Run("default", Running), new RunStarted("train", 3, "{}", [], 0, null));
        reads.Append(StreamId.Run("default", Ended), new RunStarted("train", 2, "{}", [], 0, "k1"));
        reads.Append(StreamId.Step("default", Running, Key("start")), new TaskLeased(0, 0, "1.0.a", "w1", "b1"));
        reads.Append(StreamId.Run("default", Ended), new RunEnded(RunStatus.Succeeded, null));
    }
}
