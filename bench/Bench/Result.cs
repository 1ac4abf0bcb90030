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

    /// <summary>Adds the rounds of a further pass.</summary>
    public void Add(Result pass)
    {
        Bare.Add(pass.Bare);
        Postgres.Add(pass.Postgres);
        if (pass.Peers is null) return;
        Peers ??= [];
        foreach (var peer in pass.Peers.OfType<JsonObject>())
        {
            var name = (string?)peer["peer"];
            var before = Peers.OfType<JsonObject>().FirstOrDefault(p => (string?)p["peer"] == name);
            if (before is null || before["error"] is not null)
            {
                if (before is not null) Peers.Remove(before);
                Peers.Add(peer.DeepClone());
                continue;
            }
            foreach (var (measurement, rounds) in before)
                if (rounds is JsonArray known && peer[measurement] is JsonArray more)
                    foreach (var value in more) known.Add(value!.DeepClone());
        }
    }

    /// <summary>The rounds of one of a peer's measurements; empty when it failed or was left out.</summary>
    public Samples Peer(string peer, string measurement) =>
        new() { Values = [.. Peers?.FirstOrDefault(p => (string?)p!["peer"] == peer)?[measurement]?.AsArray().Select(v => (double)v!) ?? []] };
}
