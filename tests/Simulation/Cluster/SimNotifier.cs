using Fanfare.Contracts;
using Fanfare.Simulation.Kernel;

namespace Fanfare.Simulation.Cluster;

/// <summary>The receivers of notices, as a node reaches them: what they get is kept, whatever the node hears of it.</summary>
internal sealed class SimNotifier(VirtualProcess process, Chance chance, HashSet<(string Notice, string Receiver)> received) : INotifier
{
    /// <summary>Names of receivers. The last does not exist.</summary>
    public static IReadOnlyList<string> Receivers { get; } = ["oncall", "team", "nobody"];

    public async Task<NoticeAnswer> TellAsync(Notice notice, string receiver, CancellationToken cancellationToken)
    {
        await Task.Delay(chance.Span(1, chance.Roll(0.1) ? 20_000 : 500), process.Clock, cancellationToken);
        if (receiver == "nobody") return new NoticeAnswer(NoticeOutcome.Refused, "no receiver has the name");
        var way = chance.Int(10);
        if (way == 0) return new NoticeAnswer(NoticeOutcome.Later, "503", chance.Roll(0.5) ? chance.Span(1_000, 30_000) : null);
        received.Add((notice.Id, receiver));
        // It arrived, and the answer to it did not.
        if (way == 1) return new NoticeAnswer(NoticeOutcome.Later, "timed out");
        return new NoticeAnswer(NoticeOutcome.Told);
    }
}
