using Fanfare.Chaos.Faults;

namespace Fanfare.Chaos.Checks;

/// <summary>Holds what tasks wrote of themselves against what the journal says of them.</summary>
internal sealed class EffectChecker(IReadOnlyList<AttemptFate> fates, IReadOnlyList<EffectLine> effects, IReadOnlyList<FaultWindow> faults, DateTimeOffset zeroAt)
{
    /// <summary>An end that is decided while the attempt's start is on its way.</summary>
    private const double Crossing = 2;

    private readonly bool _clockWasSet = faults.Any(f => f.Kind == FaultKind.StepClock);
    private readonly List<Violation> _violations = [];
    private readonly Dictionary<(string, string, int), AttemptFate> _fates = fates.ToDictionary(f => f.Of);

    public IReadOnlyList<Violation> Check()
    {
        CheckStarts();
        CheckEnds();
        foreach (var task in effects.Where(e => e.Starts).GroupBy(e => (e.Run, e.Task))) CheckOrder([.. task]);
        return _violations;
    }

    // A process is started for a lease, and once.
    private void CheckStarts()
    {
        foreach (var starts in effects.Where(e => e.Starts).GroupBy(e => e.Of))
        {
            if (starts.Count() > 1) Complain(starts.First(), $"was started {starts.Count()} times");
            if (!_fates.TryGetValue(starts.Key, out var fate)) Complain(starts.First(), "was started without a lease");
            else CheckNotOver(fate, starts.First());
        }
    }

    // An attempt that was given up, cancelled or ended does not start any more: who holds the lease knows its term.
    private void CheckNotOver(AttemptFate fate, EffectLine start)
    {
        if (_clockWasSet || fate.End is not { } end) return;
        var over = (end.CommittedAt - zeroAt).TotalSeconds;
        if (start.At > over + Crossing && !FrozenBetween(start, over, start.At)) Complain(start, $"began {start.At - over:0.0} s after it was over: {end.Json}");
    }

    private void CheckEnds()
    {
        var started = effects.Where(e => e.Starts).Select(e => e.Of).ToHashSet();
        var ends = effects.Where(e => !e.Starts).ToLookup(e => e.Of);
        foreach (var fate in fates)
        {
            var said = ends[fate.Of].Select(e => e.Word).ToList();
            if (said.Count > 1) Complain(fate, $"ended {said.Count} times: {string.Join(", ", said)}");
            if (said.Count > 0 && !started.Contains(fate.Of)) Complain(fate, "ended, and never started");
            if (fate.Succeeded && !said.Contains("ok")) Complain(fate, $"was accepted, and its task never said that it was done{Instead(said)}");
            if (fate.Error is { Type: "exit", ExitCode: 1 or 3 } && !said.Contains("fail")) Complain(fate, $"counts as failed, and its task never said so{Instead(said)}");
            if (fate.Error is { Type: "exit" } && said.Contains("ok")) Complain(fate, $"was done, and counts as failed: {fate.Error.Message}");
        }
    }

    // In the order of the file: one attempt after another, none beside another, unless a worker was frozen and could not keep its term.
    private void CheckOrder(List<EffectLine> starts)
    {
        for (var at = 0; at < starts.Count; at++)
        {
            var (start, before) = (starts[at], starts[..at]);
            if (start.Word != "free" && !before.Any(b => FrozenBetween(b, b.At, start.At)))
                Complain(start, $"began while another attempt ran; before it began {Words(before)}, and no worker of theirs was frozen");
            foreach (var newer in before.Where(b => b.Attempt > start.Attempt))
                if (!FrozenBetween(start, newer.At, start.At)) Complain(start, $"began after attempt {newer.Attempt} had begun, and its worker was not frozen");
        }
    }

    private bool FrozenBetween(EffectLine attempt, double from, double to) =>
        _fates.TryGetValue(attempt.Of, out var fate)
        && faults.Any(f => f.Kind is FaultKind.FreezeWorker or FaultKind.FreezeWorkerPastLease && f.Target == fate.Leased.Worker && f.From <= to && f.To >= from);

    private static string Instead(List<string> said) => said.Count == 0 ? "" : $", but {string.Join(", ", said)}";

    private string Words(List<EffectLine> starts) => starts.Count == 0 ? "none" : string.Join(", ", starts.Select(s => $"attempt {s.Attempt} on {_fates.GetValueOrDefault(s.Of)?.Leased.Worker} at {s.At:0.00}"));

    private void Complain(EffectLine line, string what) => Complain(line.Run, $"{line.Task} attempt {line.Attempt} (process {line.Process}, at {line.At:0.00}) {what}");

    private void Complain(AttemptFate fate, string what) => Complain(fate.Run, $"{fate.Task} attempt {fate.Leased.Attempt} (event {fate.End?.Position}) {what}");

    private void Complain(string run, string what) => _violations.Add(new Violation(run, long.MaxValue, $"effects of run {run}: {what}"));
}
