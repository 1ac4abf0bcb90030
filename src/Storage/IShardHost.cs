using Fanfare.Contracts;

namespace Fanfare.Storage;

/// <summary>Who works on the shards that a node owns. Calls come one after another.</summary>
public interface IShardHost
{
    /// <summary>These are the node's from now on: what is unfinished in them is to be woken. Returns when they are known to be, with what completes when all of it is awake; a failure is the host's to mend.</summary>
    Task<Task> GainedAsync(IReadOnlyList<int> shards);

    /// <summary>These are to be another node's. When it returns, nothing more is written to them; what was given to the journal before is written still.</summary>
    Task LosingAsync(IReadOnlyList<int> shards);

    /// <summary>How far the history of a run can be read that another node owns: what that node says of it (<see cref="IReadModel.GetPositionAsync"/>).</summary>
    /// <exception cref="RefusedException">The owner cannot be asked at the moment.</exception>
    Task<long> PositionAsync(StreamId run, CancellationToken cancellationToken);

    /// <summary>This node has put out the one at this address, for that hangs or was killed. Must be quick and not throw.</summary>
    void PutOut(string address);
}
