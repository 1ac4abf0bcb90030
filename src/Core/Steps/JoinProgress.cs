using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>How far one task of a join is: which members came, from where, and what is still missing.</summary>
internal sealed class JoinProgress
{
    /// <summary>How many members the split has; null until its opener said so.</summary>
    public int? Expected { get; private set; }

    /// <summary>The step that said how many; null for a static split, whose branches the graph knows.</summary>
    public string? Opener { get; private set; }

    public List<Arrivals> Arrived { get; } = [];

    public SplitSet Succeeded { get; } = new();

    public SplitSet Failed { get; } = new();

    /// <summary>The join was let go (or has failed); later members change nothing.</summary>
    public bool Decided { get; set; }

    /// <summary>Forgets what came from steps that start over, and how many members there will be when their opener does.</summary>
    public void Forget(IReadOnlyList<string> reset)
    {
        Arrived.RemoveAll(a => reset.Contains(a.Source.Step));
        Succeeded.Clear();
        Failed.Clear();
        foreach (var arrivals in Arrived) Succeeded.AddAll(arrivals.Splits);
        if (Opener is { } opener && reset.Contains(opener)) Expected = null;
        Decided = false;
    }

    /// <summary>Members that failed run again, and will say so again if they fail.</summary>
    public void ForgetFailures() => Failed.Clear();

    public void Expect(int count, string? opener) => (Expected, Opener) = (count, opener);

    public void Arrive(MembersArrived arrived)
    {
        foreach (var (start, end) in arrived.Failed.Ranges) Failed.AddRange(start, end);
        if (arrived.Members.Count == 0) return;
        Arrivals.To(Arrived, arrived.Source).Add(arrived.Members, arrived.OutputBytes);
        Succeeded.AddAll(arrived.Members);
        // A member that failed before and was retried has succeeded after all.
        if (!Failed.IsEmpty)
            foreach (var member in arrived.Members)
                Failed.Remove(member);
    }

    /// <summary>Whether the policy is met by now, though the join may have failed before.</summary>
    public bool IsMet(JoinSpec join) => Verdict(join, evenDecided: true) == JoinVerdict.Fire;

    /// <param name="evenDecided">Judge anew, though the join was let go or has failed.</param>
    public JoinVerdict Verdict(JoinSpec join, bool evenDecided = false)
    {
        if ((Decided && !evenDecided) || Expected is not { } expected) return JoinVerdict.Wait;
        return join.Kind switch
        {
            JoinKind.All => Succeeded.Count >= expected ? JoinVerdict.Fire : JoinVerdict.Wait,
            JoinKind.Any => Succeeded.Count >= Math.Min(join.Count, expected) ? JoinVerdict.Fire
                : expected - Failed.Count < Math.Min(join.Count, expected) ? JoinVerdict.Break
                : JoinVerdict.Wait,
            JoinKind.Tolerate => Failed.Count > join.Count ? JoinVerdict.Break
                : Succeeded.Count + Failed.Count >= expected ? JoinVerdict.Fire
                : JoinVerdict.Wait,
            _ => throw new InvalidOperationException($"Unknown join kind {join.Kind}."),
        };
    }
}

internal enum JoinVerdict
{
    Wait,
    Fire,

    /// <summary>The policy can no longer be met.</summary>
    Break,
}

/// <summary>Splits that came from one source, and how many bytes of output they brought.</summary>
internal sealed class Arrivals(StepKey source)
{
    public StepKey Source { get; } = source;

    public SplitSet Splits { get; } = new();

    public long OutputBytes { get; private set; }

    public void Add(SplitRanges splits, long outputBytes)
    {
        Splits.AddAll(splits);
        OutputBytes += outputBytes;
    }

    /// <summary>The entry of this source, added when it is new.</summary>
    public static Arrivals To(List<Arrivals> all, StepKey source)
    {
        foreach (var arrivals in all)
            if (arrivals.Source == source) return arrivals;
        var added = new Arrivals(source);
        all.Add(added);
        return added;
    }
}
