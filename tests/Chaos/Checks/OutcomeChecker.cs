using System.Text.Json;
using Fanfare.Chaos.Workload;

namespace Fanfare.Chaos.Checks;

/// <summary>Holds the ends of runs against what was ordered. Where operators meddled, only that the run ended is certain.</summary>
internal sealed class OutcomeChecker(HistoryChecker history, IReadOnlyList<Order> orders, IReadOnlyList<AttemptFate> fates)
{
    private readonly List<Violation> _violations = [];
    private readonly ILookup<string, AttemptFate> _fates = fates.ToLookup(f => f.Run);

    public IReadOnlyList<Violation> Check()
    {
        foreach (var twice in orders.GroupBy(o => o.Run).Where(g => g.Count() > 1)) Complain(twice.Key, $"answers to {twice.Count()} keys: {string.Join(", ", twice.Select(o => o.Key))}");
        foreach (var same in history.Runs.GroupBy(r => r.Value.Started?.IdempotencyKey).Where(g => g.Count() > 1)) Complain(same.First().Key, $"key {same.Key} started {same.Count()} runs");
        foreach (var (run, life) in history.Runs)
        {
            if (life.Ended is null) Complain(run, "never ended");
            if (life.Ended is { Status: RunStatus.Cancelled } && !life.CancelRequested) Complain(run, "was cancelled, and nobody asked for it");
        }
        foreach (var order in orders) Check(order);
        return _violations;
    }

    private void Check(Order order)
    {
        if (!history.Runs.TryGetValue(order.Run, out var life))
        {
            Complain(order.Run, $"was acknowledged under {order.Key}, and is not in the journal");
            return;
        }
        if (life.Started?.IdempotencyKey != order.Key) Complain(order.Run, $"was acknowledged under {order.Key}, and has key {life.Started?.IdempotencyKey}");
        if (life.Interfered || life.Ended is not { } ended) return;
        var flow = order.Flow;
        if (ended.Status != flow.Status)
        {
            Complain(order.Run, $"flow {flow.Name} must come to {flow.Status}, and came to {ended.Status}: {ended.Error?.Type} {ended.Error?.Message}");
            return;
        }
        var done = _fates[order.Run].Where(f => f.End?.Entry.Event is TaskSucceeded).ToList();
        if (flow.Ends is { } last && ValueOf(done.SingleOrDefault(f => f.Task == last)) is var value && value != flow.Output!(order.Width))
            Complain(order.Run, $"flow {flow.Name} of {order.Width} must put out {flow.Output(order.Width)}, and put out {value}");
        if (flow.Tasks?.Invoke(order.Width) is { } count && done.Count != count) Complain(order.Run, $"flow {flow.Name} of {order.Width} has {count} tasks that succeed, and {done.Count} did");
        if (flow.Status != RunStatus.Failed) return;
        foreach (var handler in life.Spec.OnFailure.Concat(life.Spec.Finally))
            if (!done.Exists(f => f.Task == handler)) Complain(order.Run, $"flow {flow.Name} failed, and {handler} was not run");
    }

    private static string? ValueOf(AttemptFate? fate)
    {
        if (fate?.End?.Entry.Event is not TaskSucceeded { Output: { } output }) return null;
        using var document = JsonDocument.Parse(output);
        return document.RootElement.TryGetProperty("v", out var value) ? value.GetString() : null;
    }

    private void Complain(string run, string what) => _violations.Add(new Violation(run, long.MaxValue, $"run {run}: {what}"));
}
