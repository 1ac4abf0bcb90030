using System.Text;

namespace Fanfare.Storage.Postgres.Nodes;

/// <summary>Which node is to own which shard, so that all nodes come to the same answer without asking each other, and few shards move when one comes or goes:
/// rendezvous hashing (Thaler and Ravishankar 1998).</summary>
internal static class Rendezvous
{
    /// <summary>The node that is to own each shard; null where there is none.</summary>
    /// <param name="addresses">Of the nodes, by their terms. A node that comes back under the same address gets the same shards.</param>
    public static long?[] Assign(IReadOnlyCollection<(long Term, string Address)> addresses)
    {
        var nodes = addresses.Select(node => (node.Term, Seed: Hash(node.Address))).ToList();
        var owners = new long?[Contracts.Shards.Count];
        for (var shard = 0; shard < owners.Length; shard++)
        {
            var highest = (Weight: 0UL, Term: 0L);
            foreach (var (term, seed) in nodes)
            {
                var weight = Mix(seed ^ ((ulong)shard * 0x9E3779B97F4A7C15UL));
                if (owners[shard] is null || (weight, term).CompareTo(highest) > 0) (highest, owners[shard]) = ((weight, term), term);
            }
        }
        return owners;
    }

    // FNV-1a.
    private static ulong Hash(string text)
    {
        var hash = 14695981039346656037UL;
        foreach (var value in Encoding.UTF8.GetBytes(text)) hash = (hash ^ value) * 1099511628211UL;
        return hash;
    }

    // The finalizer of SplitMix64 (Steele, Lea, Flood 2014).
    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9UL;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EBUL;
        return value ^ (value >> 31);
    }
}
