namespace Fanfare.Contracts;

/// <summary>A webhook that the server takes: requests of another system, signed by it, of which each is an event.</summary>
public sealed record WebhookSpec
{
    /// <summary>Part of its address: <c>/hooks/NAME</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Name of the events.</summary>
    public required string Event { get; init; }

    /// <summary>Namespace of the events.</summary>
    public string Namespace { get; init; } = "default";

    public WebhookScheme Scheme { get; init; } = WebhookScheme.Standard;

    /// <summary>Where its secrets are; a request is signed by one of them, so that they can be changed one after the other.</summary>
    public IReadOnlyList<SecretPlace> Secrets { get; init; } = [];

    /// <summary>How far the time of a signed request may lie from the server's. Above zero, default 5 minutes.</summary>
    public TimeSpan Tolerance { get; init; } = TimeSpan.FromMinutes(5);
}

/// <summary>How requests are signed: all by HMAC with SHA-256.</summary>
public enum WebhookScheme
{
    /// <summary>Standard Webhooks: the headers <c>webhook-id</c>, <c>webhook-timestamp</c> and <c>webhook-signature</c>. https://www.standardwebhooks.com</summary>
    Standard,

    /// <summary>As GitHub does: the header <c>X-Hub-Signature-256</c> over the body alone.</summary>
    GitHub,
}

/// <summary>Where a secret is: in a variable of the server's environment, or a file. One of the two is null.</summary>
public sealed record SecretPlace(string? Variable, string? File);
