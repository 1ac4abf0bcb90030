namespace Fanfare.Pools.Ec2;

/// <summary>How EC2 is reached, and how long what is known of it holds.</summary>
public sealed record Ec2Options
{
    /// <summary>As in <c>eu-central-1</c>. Null for what <c>AWS_REGION</c>, <c>AWS_DEFAULT_REGION</c>, the profile or the machine's own metadata say, in this order.</summary>
    public string? Region { get; init; }

    /// <summary>URL of something that speaks as EC2 does. Null for what <c>AWS_ENDPOINT_URL_EC2</c> or <c>AWS_ENDPOINT_URL</c> say, in this order, and else the region's own.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>How long one try of a request may take, 1 s at least. A fleet of many machines takes EC2 some seconds.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Tries of a request, the first included; 1 to 20.</summary>
    public int Attempts { get; init; } = 5;

    /// <summary>Between tries there is a random wait, below this after the first and below twice as much after each further one.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>As <see cref="RetryDelay"/>, when EC2 says that there are too many requests.</summary>
    public TimeSpan ThrottleDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>No wait between tries is longer.</summary>
    public TimeSpan MostDelay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a type is not asked for where there was none of it, or where a limit was reached.</summary>
    public TimeSpan OutOfStockFor { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>How long a type is not asked for where it is not sold.</summary>
    public TimeSpan UnsupportedFor { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long EC2 may not show what it made, or show what it ended. EC2 names no bound; it is seconds as a rule.</summary>
    public TimeSpan ListedWithin { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long after it was first asked for a launch that is repeated is sent to EC2 again; later, only what it made is looked for. EC2 has said of tokens that it knows them for a day.</summary>
    public TimeSpan RepeatWithin { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long after it was first asked for EC2's lists show whatever a launch can have made: no request for it is sent after <see cref="RepeatWithin"/>, each takes so many tries, and lists lag.</summary>
    internal TimeSpan SettledAfter => RepeatWithin + (Attempts * (AttemptTimeout + MostDelay)) + ListedWithin;

    /// <exception cref="ArgumentException">Names the field, the rule and what to set.</exception>
    internal void Check()
    {
        if (AttemptTimeout <= TimeSpan.Zero || AttemptTimeout > TimeSpan.FromMinutes(10)) throw Wrong(nameof(AttemptTimeout), AttemptTimeout, "more than nothing, and at most 10 minutes");
        if (Attempts is < 1 or > 20) throw Wrong(nameof(Attempts), Attempts, "1 to 20");
        foreach (var (name, value) in new[] { (nameof(RetryDelay), RetryDelay), (nameof(ThrottleDelay), ThrottleDelay), (nameof(MostDelay), MostDelay) })
            if (value < TimeSpan.Zero || value > TimeSpan.FromMinutes(10)) throw Wrong(name, value, "0 to 10 minutes");
        foreach (var (name, value) in new[] { (nameof(OutOfStockFor), OutOfStockFor), (nameof(UnsupportedFor), UnsupportedFor), (nameof(ListedWithin), ListedWithin) })
            if (value < TimeSpan.Zero || value > TimeSpan.FromDays(1)) throw Wrong(name, value, "0 to 1 day");
        if (RepeatWithin < TimeSpan.Zero || RepeatWithin > TimeSpan.FromHours(12)) throw Wrong(nameof(RepeatWithin), RepeatWithin, "0 to 12 hours");
        if (Endpoint is { } url && (!url.IsAbsoluteUri || (url.Scheme != Uri.UriSchemeHttps && url.Scheme != Uri.UriSchemeHttp))) throw Wrong(nameof(Endpoint), url, "a URL that begins with https:// or http://");
    }

    private static ArgumentException Wrong(string field, object value, string rule) => new($"{field} of EC2 is {value}. Set it to {rule}.");
}
