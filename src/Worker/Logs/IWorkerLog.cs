using Fanfare.Contracts;
using Fanfare.Contracts.Api;

namespace Fanfare.Worker;

/// <summary>Takes the worker's own log, from any thread, now and then while a lock is held: it has to be quick, and not throw. Output of tasks is none of it.</summary>
/// <remarks>A worker knows what happened to an attempt on its machine, not what became of it: that is for the server's log, once it is durable. So attempts that start, and those that end as attempts do, are said at <see cref="LogSeverity.Debug"/>; what was done to one
/// at <see cref="LogSeverity.Information"/>; one that was lost, unless the worker or its machine was to end, at <see cref="LogSeverity.Warning"/>.</remarks>
public interface IWorkerLog
{
    /// <summary>Whether lines about attempts are kept at this level, so that none is made up in vain.</summary>
    bool TakesAttempts(LogSeverity level);

    /// <summary>A line about the worker, its machine or its gateways.</summary>
    void Write(LogSeverity level, string message);

    /// <summary>A line about one attempt.</summary>
    /// <param name="level">How much it matters.</param>
    /// <param name="about">The attempt's lease.</param>
    /// <param name="message">A sentence that names the attempt: who reads lines as text sees nothing else of it.</param>
    void Write(LogSeverity level, Lease about, string message);
}
