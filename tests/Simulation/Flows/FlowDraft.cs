using Fanfare.Contracts;

namespace Fanfare.Simulation.Flows;

/// <summary>Builds a flow of simulated tasks, naming only what matters.</summary>
internal sealed class FlowDraft(string name, int timeout = 0)
{
    private readonly List<StepSpec> _steps = [];
    private IReadOnlyList<string> _onFailure = [];
    private IReadOnlyList<string> _finally = [];

    public FlowSpec Spec => new()
    {
        Name = name,
        Steps = _steps,
        Timeout = timeout > 0 ? TimeSpan.FromSeconds(timeout) : null,
        OnFailure = _onFailure,
        Finally = _finally,
    };

    public FlowDraft Named(string other)
    {
        name = other;
        return this;
    }

    /// <param name="does">A <see cref="TaskBehaviour"/>, its settings separated by spaces.</param>
    /// <param name="timeout">In seconds.</param>
    public FlowDraft Task(string step, string does = "", string? next = null, int attempts = 1, bool catches = false, int? parallel = null, int timeout = 0)
    {
        _steps.Add(new StepSpec
        {
            Name = step,
            Run = new CommandSpec(does.Split(' ', StringSplitOptions.RemoveEmptyEntries), null),
            Retry = new RetrySpec { MaxAttempts = attempts, InitialDelay = TimeSpan.FromMilliseconds(700), MaxLosses = 1000 },
            CatchOutput = catches ? "error" : null,
            MaxParallel = parallel,
            Timeout = timeout > 0 ? TimeSpan.FromSeconds(timeout) : null,
            Next = next is null ? null : new GoTo(next),
        });
        return this;
    }

    public FlowDraft Join(string step, string does = "", string? next = null, JoinKind kind = JoinKind.All, int count = 0)
    {
        Task(step, does, next);
        return Change(step, s => s with { Join = new JoinSpec(kind, count) });
    }

    /// <param name="range">Splits of a range; without it the step's output "items" (or its file) is gone over.</param>
    public FlowDraft Each(string step, string body, int? range = null) => Change(step, s => s with
    {
        Next = new Foreach(body, range is { } stop ? new OverRange(5, 5 + (2 * stop), 2)
            : s.Run.Argv!.Contains("form=file") ? new OverFile("items.jsonl") : new OverOutput("items")),
    });

    public FlowDraft Gang(string step) => Change(step, s => s with { Gang = true });

    public FlowDraft Split(string step, params string[] branches) => Change(step, s => s with { Next = new StaticSplit(branches) });

    public FlowDraft Choose(string step, int maxLoops, params (string Value, string Step)[] cases) =>
        Change(step, s => s with { Next = new Switch("verdict", [.. cases.Select(c => new SwitchCase(c.Value, c.Step))], null, maxLoops > 0 ? maxLoops : null) });

    public FlowDraft Next(string step, string next) => Change(step, s => s with { Next = new GoTo(next) });

    public FlowDraft Handlers(string[] onFailure, string[] atEnd, string? bad = null)
    {
        foreach (var handler in onFailure.Concat(atEnd)) Task(handler, handler == bad ? "bad=all" : "");
        (_onFailure, _finally) = (onFailure, atEnd);
        return this;
    }

    private FlowDraft Change(string step, Func<StepSpec, StepSpec> change)
    {
        var index = _steps.FindIndex(s => s.Name == step);
        _steps[index] = change(_steps[index]);
        return this;
    }
}
