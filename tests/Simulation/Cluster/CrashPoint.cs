using Fanfare.Simulation.Kernel;
using Fanfare.Simulation.Store;

namespace Fanfare.Simulation.Cluster;

/// <summary>One exact moment at which the first node crashes.</summary>
/// <param name="Number">Which of these moments, from 1.</param>
internal sealed record CrashPoint(CrashMoment Moment, int Number)
{
    /// <summary>How many such moments there were; with a number that is never reached, all of a life.</summary>
    public int Reached { get; private set; }

    public void Arm(VirtualProcess process, SimJournal journal, Action crash)
    {
        switch (Moment)
        {
            case CrashMoment.Await:
                process.BeforeTask += Reach;
                break;
            case CrashMoment.BeforeCommit:
                journal.BeforeCommit += Reach;
                break;
            default:
                journal.AfterCommit += Reach;
                break;
        }

        void Reach()
        {
            if (++Reached == Number) crash();
        }
    }
}

internal enum CrashMoment
{
    Await,
    BeforeCommit,
    AfterCommit,
}
