using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Fanfare.Contracts;

/// <summary>Machines that a pool wants. The whole request is remembered before it is sent and repeated as it was, so it holds everything that makes a difference.</summary>
public sealed record LaunchRequest
{
    /// <summary>Machines that one launch asks for, as what EC2 makes in one request is bounded.</summary>
    public const int MostInstances = 1000;

    /// <summary>The cluster's name: what it lists and may end.</summary>
    public required string Cluster { get; init; }

    public required string Pool { get; init; }

    /// <summary>The launch's own name, never used twice in the pool.</summary>
    public required string Id { get; init; }

    /// <summary>When it was first asked for. A repetition long after that looks for what was made and makes nothing.</summary>
    public required DateTimeOffset AskedAt { get; init; }

    /// <summary>How many; at most <see cref="MostInstances"/>.</summary>
    public required int Count { get; init; }

    /// <summary>Where to get them, the best first. The next is asked for what those before it did not give.</summary>
    public required IReadOnlyList<Offering> Offerings { get; init; }

    /// <summary>What the machines start from: with EC2, the id or name of a launch template and its version, as in <c>fanfare-gpu:7</c>, without a version the default one. Empty where the provider has no such thing.</summary>
    public string Template { get; init; } = "";

    /// <summary>Put onto each machine beside what the provider puts there itself.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Refuses what no provider could serve.</summary>
    /// <exception cref="InstanceProviderException">Names the field, the rule and what to write.</exception>
    public void Check()
    {
        foreach (var (field, value) in new[] { ("cluster", Cluster), ("pool", Pool), ("id", Id) })
            if (value.Length is 0 or > 128 || value.Any(char.IsControl)) throw Wrong($"its {field} is '{value}'. Give it 1 to 128 characters, without control characters");
        if (Count is < 1 or > MostInstances) throw Wrong($"its count is {Count}. Ask for 1 to {MostInstances} machines, and for more with further launches");
        if (Offerings.Count == 0) throw Wrong("it has no offering. Name at least one machine");
        for (var i = 0; i < Offerings.Count; i++)
            if (Offerings[i].Fault is { } fault) throw Wrong($"offering {i} {fault}");
    }

    private InstanceProviderException Wrong(string what) => new($"Launch '{Id}' of pool '{Pool}' cannot be asked for: {what}.");
}

/// <summary>What the machines of a launch carry, and what tells the provider that a request is a repetition.</summary>
/// <remarks>It is made of what names the launch, not of what it asks for. So the same name with another request, which only a mistake can bring about, meets a provider that compares them and refuses, instead of getting a second set of machines.</remarks>
public static class LaunchToken
{
    /// <summary>The token of a launch: 40 lower-case hexadecimal digits. The same for ever, on every machine.</summary>
    public static string Of(LaunchRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Of(request.Cluster, request.Pool, request.Id);
    }

    /// <summary>The token of a part of a launch: as long, and no other part's.</summary>
    /// <param name="part">Its place in the launch, from 0.</param>
    public static string Part(string token, int part) => Of(token, "part", part.ToString(CultureInfo.InvariantCulture));

    private static string Of(params ReadOnlySpan<string> parts)
    {
        // Lengths stand before the parts: two lists of parts are never the same text.
        var text = new StringBuilder();
        foreach (var part in parts) text.Append(CultureInfo.InvariantCulture, $"{part.Length}:{part};");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())).AsSpan(0, 20));
    }
}
