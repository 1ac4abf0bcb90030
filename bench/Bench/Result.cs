using System.Text.Json.Nodes;

namespace Fanfare.Bench;

/// <summary>What one run of the benchmark measured.</summary>
internal sealed class Result
{
    public DateTimeOffset At { get; init; }

    public bool Quick { get; init; }

    public required Machine Machine { get; init; }

    public Measured Bare { get; init; } = [];

    public Measured Postgres { get; set; } = [];

    public Measured Sqlite { get; set; } = [];

    /// <summary>As each peer reports itself.</summary>
    public JsonArray? Peers { get; set; }

    public IReadOnlyDictionary<string, double?>? Ratios { get; set; }

    /// <summary>The rounds of one of a peer's measurements; empty when it failed or was left out.</summary>
    public Samples Peer(string peer, string measurement) =>
        new() { Values = [.. Peers?.FirstOrDefault(p => (string?)p!["peer"] == peer)?[measurement]?.AsArray().Select(v => (double)v!) ?? []] };
}
