using Fanfare.Contracts;

namespace Fanfare.Bench;

/// <summary>The flows that are measured; every task is a no-op.</summary>
internal static class Flows
{
    public static FlowSpec Chain(int length) => Spec("chain",
        [.. Enumerable.Range(0, length).Select(i => Step(i == 0 ? "start" : $"s{i}", i + 1 < length ? new GoTo($"s{i + 1}") : null))]);

    /// <summary>One task.</summary>
    public static FlowSpec Single() => Spec("single", [Step("start", null)]);

    /// <summary>A foreach over a range whose body is a chain of <paramref name="body"/> steps, and its join.</summary>
    public static FlowSpec Foreach(int width, int body) => Foreach(new OverRange(0, width, 1), body);

    public static FlowSpec Foreach(ForeachSource source, int body) => Spec("foreach",
    [
        Step("start", new Foreach("b0", source)),
        .. Enumerable.Range(0, body).Select(i => Step($"b{i}", new GoTo(i + 1 < body ? $"b{i + 1}" : "join"))),
        Step("join", null) with { Join = JoinSpec.All },
    ]);

    /// <summary>A foreach in a foreach.</summary>
    public static FlowSpec Nested(int outer, int inner) => Spec("nested",
    [
        Step("start", new Foreach("each", new OverRange(0, outer, 1))),
        Step("each", new Foreach("leaf", new OverRange(0, inner, 1))),
        Step("leaf", new GoTo("inner_join")),
        Step("inner_join", new GoTo("join")) with { Join = JoinSpec.All },
        Step("join", null) with { Join = JoinSpec.All },
    ]);

    private static FlowSpec Spec(string name, IReadOnlyList<StepSpec> steps) => new() { Name = name, Steps = steps };

    private static StepSpec Step(string name, NextSpec? next) => new() { Name = name, Run = new CommandSpec(["true"], null), Next = next };
}
