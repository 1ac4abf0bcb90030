namespace Fanfare.Worker;

/// <summary>Whether a worker looks out for EC2 taking its machine back.</summary>
public enum SpotMode
{
    /// <summary>On a machine of EC2, as far as the machine itself shows that.</summary>
    Auto,

    /// <summary>In any case.</summary>
    On,

    /// <summary>Never.</summary>
    Off,
}

/// <summary>How a worker learns that EC2 takes its machine back.</summary>
public sealed record SpotOptions
{
    /// <summary>Where EC2's instance metadata service is on every instance, by IPv4 and by IPv6.</summary>
    public static readonly Uri StandardEndpoint = new("http://169.254.169.254"), StandardEndpointV6 = new("http://[fd00:ec2::254]");

    // The names and meanings are those of AWS's SDKs.
    private const string EndpointVariable = "AWS_EC2_METADATA_SERVICE_ENDPOINT", EndpointModeVariable = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", DisabledVariable = "AWS_EC2_METADATA_DISABLED";

    /// <summary>Base address of the instance metadata service.</summary>
    public Uri Endpoint { get; init; } = StandardEndpoint;

    /// <summary>From one look to the next; AWS recommends 5 s. Between 10 ms and 5 s. Default: 5 s.</summary>
    public TimeSpan Every { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>What a worker in this environment and on this machine is to do; null when it is not to look out. Asks nobody, so it takes no time.</summary>
    /// <param name="mode">What the operator wants.</param>
    /// <param name="variable">Looks up an environment variable.</param>
    /// <param name="sys">Where the kernel shows what the machine is.</param>
    /// <exception cref="ArgumentException">The environment says what cannot be, or the contrary of the mode.</exception>
    public static SpotOptions? Find(SpotMode mode, Func<string, string?> variable, string sys = "/sys")
    {
        ArgumentNullException.ThrowIfNull(variable);
        if (mode == SpotMode.Off) return null;
        if (string.Equals(variable(DisabledVariable), "true", StringComparison.OrdinalIgnoreCase))
        {
            if (mode == SpotMode.Auto) return null;
            throw new ArgumentException($"--spot on: the environment has {DisabledVariable}=true, so the machine's metadata must not be asked. Remove one of the two.");
        }
        if (mode == SpotMode.Auto && !IsEc2(sys)) return null;
        if (variable(EndpointVariable) is { Length: > 0 } given)
        {
            return Uri.TryCreate(given, UriKind.Absolute, out var endpoint) && endpoint.Scheme is "http" or "https" ? new SpotOptions { Endpoint = endpoint }
                : throw new ArgumentException($"{EndpointVariable}: '{given}' is not an absolute http or https address. Write it like {StandardEndpoint}, or remove it.");
        }
        return new SpotOptions { Endpoint = string.Equals(variable(EndpointModeVariable), "IPv6", StringComparison.OrdinalIgnoreCase) ? StandardEndpointV6 : StandardEndpoint };
    }

    internal IEnumerable<string> Validate()
    {
        if (!Endpoint.IsAbsoluteUri || Endpoint.Scheme is not ("http" or "https")) yield return $"Spot: '{Endpoint}' is not an absolute http or https address. The standard one is {StandardEndpoint}.";
        if (Every < TimeSpan.FromMilliseconds(10) || Every > TimeSpan.FromSeconds(5)) yield return $"Spot: {Every} between two looks is not between 10 ms and 5 s. The default is 5 s.";
    }

    // Instances on Nitro, metal ones too, name their maker; those on Xen have an id that begins with ec2. All of it is there for everybody to read, in containers too.
    private static bool IsEc2(string sys) =>
        Says(Path.Combine(sys, "devices/virtual/dmi/id/sys_vendor"), "Amazon EC2")
        || Says(Path.Combine(sys, "devices/virtual/dmi/id/bios_vendor"), "Amazon EC2")
        || Says(Path.Combine(sys, "hypervisor/uuid"), "ec2");

    private static bool Says(string file, string beginning)
    {
        try
        {
            return File.Exists(file) && File.ReadAllText(file).StartsWith(beginning, StringComparison.OrdinalIgnoreCase);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A kernel that does not show it says nothing; --spot on is there for that.
            return false;
        }
    }
}
