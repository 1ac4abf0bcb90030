namespace Fanfare.Chaos.Faults;

internal enum FaultKind
{
    KillServer,
    KillWorker,
    KillAll,
    FreezeServer,

    /// <summary>Beyond the lease's term: workers have to end their tasks in time, and the server must not judge by its own sleep.</summary>
    FreezeServerPastLease,
    FreezeWorker,

    /// <summary>Beyond the lease's term: the worker's tasks go on, and are given up.</summary>
    FreezeWorkerPastLease,
    DrainServer,
    DrainWorker,

    /// <summary>Connections are reset, new ones too.</summary>
    Cut,

    /// <summary>A cut beyond the lease's term: the worker has to end its tasks in time.</summary>
    CutPastLease,

    /// <summary>Each piece of data waits.</summary>
    Delay,

    /// <summary>Connections stay open, and nothing comes through.</summary>
    HalfOpen,

    /// <summary>Connections are reset within a reply.</summary>
    ResetReplies,
    FillDisk,

    /// <summary>The database's own processes.</summary>
    KillStore,
    FreezeStore,

    /// <summary>Every connection to the database is ended by it.</summary>
    EndConnections,

    /// <summary>The server of the bucket that the blobs lie in.</summary>
    KillBlobs,

    /// <summary>The server's clock is set forward or back while it runs.</summary>
    StepClock,
}
