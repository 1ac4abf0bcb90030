namespace Fanfare.Pools.Ec2;

/// <summary>What each instance of a cluster carries from its launch on: whose it is, and of which launch.</summary>
internal static class Ec2Tags
{
    public const string Prefix = "fanfare:", Cluster = Prefix + "cluster", Pool = Prefix + "pool", Launch = Prefix + "launch";

    /// <summary>Tags of one instance; EC2 takes 50, some of them are left to others.</summary>
    public const int MostLabels = 40;

    public static Dictionary<string, string> Of(LaunchRequest request, string token)
    {
        var tags = new Dictionary<string, string>(request.Labels, StringComparer.Ordinal) { [Cluster] = request.Cluster, [Pool] = request.Pool, [Launch] = token };
        // What people look for in EC2's console.
        tags.TryAdd("Name", $"fanfare {request.Cluster} {request.Pool}");
        return tags;
    }

    /// <summary>What is wrong with labels, as a sentence; null when nothing is.</summary>
    public static string? Fault(IReadOnlyDictionary<string, string> labels)
    {
        if (labels.Count > MostLabels) return $"There are {labels.Count} labels, and an instance takes {MostLabels}. Leave some out.";
        foreach (var (name, value) in labels)
        {
            if (name.Length is 0 or > 128) return $"The label '{name}' has {name.Length} characters in its name. Give it 1 to 128.";
            if (value.Length > 256) return $"The label '{name}' has a value of {value.Length} characters. Give it at most 256.";
            if (name is Cluster or Pool or Launch || name.StartsWith("aws:", StringComparison.OrdinalIgnoreCase)) return $"The label '{name}' belongs to {(name.StartsWith(Prefix, StringComparison.Ordinal) ? "Fanfare" : "AWS")}. Name it otherwise.";
        }
        return null;
    }
}
