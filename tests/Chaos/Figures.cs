namespace Fanfare.Chaos;

/// <summary>What a campaign came to.</summary>
internal sealed record Figures(
    int Seed, string Store, TimeSpan Took, int Runs, int Tasks, int Attempts, int Events, int Faults, string FaultsByKind, string Commands, int Repeats, int Violations)
{
    // eng/test_results.py shows lines that begin like this.
    public override string ToString() => FormattableString.Invariant(
        $"Figures: seed {Seed} on {Store}, {Took.TotalSeconds:0} s: {Runs} runs, {Tasks} tasks, {Attempts} attempts, {Events} events; {Faults} faults ({FaultsByKind}); commands of operators: {Commands}; {Repeats} requests repeated; {Violations} violations");
}
