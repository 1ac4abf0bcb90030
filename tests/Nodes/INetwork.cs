using Fanfare.Contracts;

namespace Fanfare.Nodes;

/// <summary>What is between the nodes: how they reach each other.</summary>
internal interface INetwork : IAsyncDisposable
{
    /// <summary>A place for one more node.</summary>
    Task<IPlace> OpenAsync(string name);
}

/// <summary>Where a node lives.</summary>
internal interface IPlace : IAsyncDisposable
{
    /// <summary>Under which the others know it.</summary>
    string Address { get; }

    /// <summary>The node is made, and reaches the others by what this returns.</summary>
    INodes Settle(Member member);

    /// <summary>It can be reached from now on.</summary>
    void Open();

    Task<long> PositionAsync(StreamId run, CancellationToken cancellationToken);

    void PutOut(string address);

    /// <summary>Nobody can reach it, from one moment to the next.</summary>
    Task KillAsync();
}
