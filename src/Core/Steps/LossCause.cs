using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>Why the platform lost an attempt.</summary>
public enum LossCause
{
    /// <summary>The worker, or the server on its behalf, gave it up.</summary>
    GivenUp,

    /// <summary>The worker was not heard of for a whole term.</summary>
    LeaseExpired,

    /// <summary>The worker was started anew, and what it ran before is gone.</summary>
    WorkerRestarted,

    /// <summary>Another task of its gang has to start again, and so has this one. Not charged to it.</summary>
    GangRestarted,

    /// <summary>The machine was taken back, with notice: the worker handed in what it could not end in time.</summary>
    SpotInterrupted,

    /// <summary>The provider of its machine said that nothing of it runs any more.</summary>
    MachineEnded,
}

/// <summary>Events tell in words, for people, why an attempt was lost. The words are made here, so that here they can be told apart.</summary>
public static class LossCauses
{
    public const string GangRestarted = "another task of its gang has to start again";

    private const string Expired = "the lease ran out", StartedAnew = "was started anew", Ended = "has ended, on which it ran";

    public static string LeaseExpired(string worker, TimeSpan term) => FormattableString.Invariant($"{Expired}: worker {worker} was not heard of for {term.TotalSeconds:0.###} s");

    public static string WorkerRestarted(string worker) => $"worker {worker} {StartedAnew}";

    /// <param name="why">In the provider's words; null where it did not say.</param>
    public static string MachineEnded(string machine, string? why) => $"machine {machine} {Ended}{(why is null ? "" : $": {why}")}";

    /// <param name="words">A <see cref="TaskLost"/>'s reason, or the message of the error when there were too many losses.</param>
    public static LossCause Of(string words) =>
        words.Contains(Expired, StringComparison.OrdinalIgnoreCase) ? LossCause.LeaseExpired
        : words.Contains(StartedAnew, StringComparison.Ordinal) ? LossCause.WorkerRestarted
        : words == GangRestarted ? LossCause.GangRestarted
        : words.Contains(Ended, StringComparison.Ordinal) ? LossCause.MachineEnded
        : SpotInterruption.IsIn(words) ? LossCause.SpotInterrupted
        : LossCause.GivenUp;
}
