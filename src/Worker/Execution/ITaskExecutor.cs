using Fanfare.Contracts;

namespace Fanfare.Worker;

/// <summary>How a worker carries out an attempt.</summary>
public interface ITaskExecutor
{
    /// <summary>Runs the attempt to its end and says how it ended; the user's and the platform's failures are outcomes, not exceptions.
    /// Ends soon after <see cref="TaskAssignment.Stop"/> is cancelled, with nothing of it left running.</summary>
    Task<FinishedAttempt> RunAsync(TaskAssignment assignment);
}
