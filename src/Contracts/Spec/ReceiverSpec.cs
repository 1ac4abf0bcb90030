namespace Fanfare.Contracts;

/// <summary>Somebody, or a system, that a server can tell what has happened.</summary>
public abstract record ReceiverSpec
{
    /// <summary>What rules of flows call it.</summary>
    public required string Name { get; init; }

    /// <summary>Template of titles, in Liquid, where the rule has none; null for the one of what happened.</summary>
    public string? Title { get; init; }

    /// <summary>Template of texts, in Liquid, where the rule has none; null for the one of what happened.</summary>
    public string? Text { get; init; }

    /// <summary>Longest that one try may take. 1 s to 1 min, default 15 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(15);
}

/// <summary>A text that is no secret and stands in the file, or where a secret one is. One of the two is null.</summary>
public sealed record SettingSpec(string? Text, SecretPlace? Secret);

/// <summary>A system that takes JSON by HTTP POST, signed as Standard Webhooks says.</summary>
public sealed record WebhookReceiver : ReceiverSpec
{
    /// <summary>Absolute, http or https.</summary>
    public required SettingSpec Url { get; init; }

    /// <summary>Sent beside those of the signature, in the order of the source.</summary>
    public IReadOnlyList<(string Name, SettingSpec Value)> Headers { get; init; } = [];

    /// <summary>What it is signed with, once by each, so that they can be changed one after the other; none for no signature.</summary>
    public IReadOnlyList<SecretPlace> Secrets { get; init; } = [];
}

/// <summary>A channel of Slack, by an incoming webhook.</summary>
public sealed record SlackReceiver : ReceiverSpec
{
    /// <summary>The webhook's address, which is a secret.</summary>
    public required SecretPlace Url { get; init; }
}

/// <summary>A service of PagerDuty, by its Events API v2.</summary>
public sealed record PagerDutyReceiver : ReceiverSpec
{
    /// <summary>Where events are sent for accounts in the United States; the default.</summary>
    public const string DefaultEndpoint = "https://events.pagerduty.com/v2/enqueue";

    /// <summary>The integration key of the service.</summary>
    public required SecretPlace RoutingKey { get; init; }

    public string Endpoint { get; init; } = DefaultEndpoint;

    /// <summary>Of what it is told: critical, error, warning or info; null for the one of what happened.</summary>
    public string? Severity { get; init; }
}

/// <summary>Addresses that are sent e-mail by an SMTP server.</summary>
public sealed record EmailReceiver : ReceiverSpec
{
    /// <summary>Name or address of the SMTP server.</summary>
    public required string Host { get; init; }

    /// <summary>Default: 587 with <see cref="MailSecurity.StartTls"/>, 465 with <see cref="MailSecurity.Implicit"/>, else 25.</summary>
    public required int Port { get; init; }

    public MailSecurity Security { get; init; } = MailSecurity.StartTls;

    /// <summary>Whom the server knows; null where it asks nobody.</summary>
    public string? User { get; init; }

    /// <summary>With <see cref="User"/>.</summary>
    public SecretPlace? Password { get; init; }

    public required string From { get; init; }

    /// <summary>At least one; all are in one mail.</summary>
    public required IReadOnlyList<string> To { get; init; }
}

/// <summary>How a connection to an SMTP server is encrypted.</summary>
public enum MailSecurity
{
    /// <summary>After it was made, by STARTTLS; without it nothing is sent.</summary>
    StartTls,

    /// <summary>From the beginning.</summary>
    Implicit,

    /// <summary>Not at all; only to the same machine.</summary>
    None,
}
