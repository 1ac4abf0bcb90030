using System.Net;
using Fanfare.Contracts;
using Fanfare.Core;
using Fanfare.Specs.Reading;
using Fanfare.Specs.Yaml;

namespace Fanfare.Specs;

/// <summary>Reads the file of receivers that a server is given, as YAML or JSON (docs/notifications.md).</summary>
public static class ReceiverFileReader
{
    private const int MostAddresses = 50, MostHeaders = 50;

    private static readonly string[] Common = ["kind", "title", "text", "timeout"];

    private static readonly Dictionary<string, (string[] Fields, Func<Fields, ReceiverSpec?> Read)> Kinds = new()
    {
        ["webhook"] = ([.. Common, "url", "headers", "secrets"], Webhook),
        ["slack"] = ([.. Common, "url"], Slack),
        ["pagerduty"] = ([.. Common, "routing_key", "endpoint", "severity"], PagerDuty),
        ["email"] = ([.. Common, "host", "port", "tls", "user", "password", "from", "to"], Email),
    };

    private static readonly string[] Severities = ["critical", "error", "warning", "info"];

    private static readonly Dictionary<string, MailSecurity> Securities = new() { ["starttls"] = MailSecurity.StartTls, ["implicit"] = MailSecurity.Implicit, ["none"] = MailSecurity.None };

    // What the sender itself says of a request.
    private static readonly string[] Reserved = ["host", "connection", "content-length", "content-type", "content-encoding", "transfer-encoding", "upgrade", "te", "trailer", "expect"];

    private static readonly string[] SecretWords = ["authorization", "cookie", "token", "secret", "password", "key"];

    /// <summary>Whatever the text is, this returns: every error is in the result, with line, column, path, rule and remedy.</summary>
    /// <returns>The receivers, or errors; never both.</returns>
    public static (IReadOnlyList<ReceiverSpec> Receivers, IReadOnlyList<SpecError> Errors) Read(string text)
    {
        var complaints = new Complaints();
        var receivers = new List<ReceiverSpec>();
        if (YamlTree.Read(text.TrimStart('\uFEFF'), complaints) is { } root)
        {
            var document = new Value(root, null, "", complaints);
            var entries = document.AsEntries("a mapping of names to receivers") ?? [];
            if (entries.Count > Limits.Receivers) document.Complain($"There are {entries.Count} receivers; a server has at most {Limits.Receivers}.", "Remove some.");
            receivers.AddRange(entries.Take(Limits.Receivers).Select(entry => Read(entry.Key, entry.Value)).OfType<ReceiverSpec>());
        }
        return complaints.Count == 0 ? (receivers, []) : ([], complaints.Sorted());
    }

    private static ReceiverSpec? Read(string name, Value value)
    {
        if (!Names.IsValid(name)) value.Complain($"'{name}' is no valid name of a receiver: {Names.Rule}.", "Choose a name of that form.");
        if (KindOf(value) is not { } kind) return null;
        if (Fields.Of(value, $"a receiver of kind {kind}", Kinds[kind].Fields) is not { } fields || Kinds[kind].Read(fields) is not { } receiver) return null;
        return receiver with
        {
            Name = name,
            Title = NotifyReader.Template(fields["title"], Limits.TitleTemplateChars),
            Text = NotifyReader.Template(fields["text"], Limits.TextTemplateChars),
            Timeout = Timeout(fields["timeout"]) ?? receiver.Timeout,
        };
    }

    // Which fields there are depends on the kind, so it is read before them.
    private static string? KindOf(Value value)
    {
        var rule = $"one of {string.Join(", ", Kinds.Keys)}";
        if (value.AsEntries("a mapping that describes a receiver") is not { } entries) return null;
        if (entries.FirstOrDefault(entry => entry.Key == "kind").Value is not { } given)
        {
            value.Complain("'kind' is missing; it is required.", $"Give {rule}.");
            return null;
        }
        if (given.AsText(rule) is not { } text) return null;
        if (Kinds.ContainsKey(text)) return text;
        given.Wrong(rule, NearestName.Of(text, Kinds.Keys) is { } near ? $"Did you mean '{near}'?" : "Choose one of them.");
        return null;
    }

    private static WebhookReceiver? Webhook(Fields fields)
    {
        if (fields.Required("url", "Give its address, or {env: NAME} or {file: PATH} where that is secret.") is not { } url) return null;
        var setting = Setting(url, "an address with http or https");
        if (setting?.Text is { } text && !IsUrl(text, out _)) url.Wrong("an address with http or https", "Write it as https://HOST/PATH.");
        return setting is null ? null : new WebhookReceiver
        {
            Name = "",
            Url = setting,
            Headers = fields["headers"] is { } headers ? Headers(headers) : [],
            Secrets = fields["secrets"] is { } secrets ? [.. secrets.AsListOrOne().Select(SecretReader.Place).OfType<SecretPlace>()] : [],
        };
    }

    private static List<(string, SettingSpec)> Headers(Value value)
    {
        var headers = new List<(string, SettingSpec)>();
        var entries = value.AsEntries("a mapping of headers to values") ?? [];
        if (entries.Count > MostHeaders) value.Complain($"There are {entries.Count} headers; it may be at most {MostHeaders}.", "Remove some.");
        foreach (var (name, given) in entries)
        {
            if (name.Length is 0 or > 200 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
                given.Complain($"'{TextOf(name)}' is no name of a header.", "Use letters, digits and '-'.");
            else if (Reserved.Contains(name, StringComparer.OrdinalIgnoreCase) || name.StartsWith("webhook-", StringComparison.OrdinalIgnoreCase))
                given.Complain($"The header '{name}' is the sender's own.", "Leave it out.");
            else if (given.IsScalar && SecretWords.Any(word => name.Contains(word, StringComparison.OrdinalIgnoreCase)))
                given.Complain("A secret stands in the file itself.", SecretReader.Remedy);
            else if (Setting(given, "the header's value") is { } setting)
            {
                if (setting.Text is { } text && text.Any(c => char.IsControl(c) || c > 126)) given.Complain("The value of a header is printable ASCII.", "Remove what is not.");
                else headers.Add((name, setting));
            }
        }
        return headers;
    }

    private static SlackReceiver? Slack(Fields fields) =>
        fields.Required("url", "Give {env: NAME} or {file: PATH}: where the address of the incoming webhook is, which is a secret.") is { } url && SecretReader.Place(url) is { } place ? new SlackReceiver { Name = "", Url = place } : null;

    private static PagerDutyReceiver? PagerDuty(Fields fields)
    {
        if (fields.Required("routing_key", "Give {env: NAME} or {file: PATH}: where the integration key of the service is.") is not { } key || SecretReader.Place(key) is not { } place) return null;
        var endpoint = fields["endpoint"]?.AsWord("an address with https");
        if (endpoint is not null && !(IsUrl(endpoint, out var url) && IsPrivate(url))) fields["endpoint"]!.Wrong("an address with https", "Write it as https://events.eu.pagerduty.com/v2/enqueue.");
        var rule = $"one of {string.Join(", ", Severities)}";
        var severity = fields["severity"]?.AsText(rule);
        if (severity is not null && !Severities.Contains(severity)) fields["severity"]!.Wrong(rule, NearestName.Of(severity, Severities) is { } near ? $"Did you mean '{near}'?" : "Choose one of them.");
        return new PagerDutyReceiver { Name = "", RoutingKey = place, Endpoint = endpoint ?? PagerDutyReceiver.DefaultEndpoint, Severity = severity };
    }

    private static EmailReceiver? Email(Fields fields)
    {
        var host = fields.Required("host", "Name the SMTP server.")?.AsWord("the name of an SMTP server");
        if (host is not null && Uri.CheckHostName(host) == UriHostNameType.Unknown) fields["host"]!.Complain($"'{TextOf(host)}' is no name of a machine, nor its address.", "Name the SMTP server, as smtp.example.com; the port is a field of its own.");
        var from = fields.Required("from", "Give the address that mails are from.") is { } sender ? Address(sender) : null;
        var to = fields.Required("to", "Give an address, or a list of some.");
        List<string> addresses = to is null ? [] : [.. to.AsListOrOne().Select(Address).OfType<string>()];
        if (to is not null && to.AsListOrOne().Count is 0 or > MostAddresses) to.Complain($"There are {to.AsListOrOne().Count} addresses; it must be 1 to {MostAddresses}.", "Use a mailing list for more.");
        foreach (var twice in addresses.GroupBy(address => address, StringComparer.OrdinalIgnoreCase).Where(same => same.Count() > 1)) to!.Complain($"'{twice.Key}' stands twice.", "Remove one of them.");
        var security = Security(fields["tls"]);
        if (security == MailSecurity.None && host is not null && !IsLoopback(host))
            fields["tls"]!.Complain("Without TLS everybody on the way can read along.", "Use 'starttls' or 'implicit'; 'none' is for a server on the same machine.");
        var user = fields["user"]?.AsWord("the name of a user");
        var password = fields["password"] is { } secret ? SecretReader.Place(secret) : null;
        if (user is not null && fields["password"] is null) fields["user"]!.Complain("A user has a password.", "Give 'password': {env: NAME} or {file: PATH}.");
        if (user is null && fields["password"] is { } alone) alone.Complain("A password is a user's.", "Give 'user'.");
        return host is null || from is null || addresses.Count == 0 ? null : new EmailReceiver
        {
            Name = "",
            Host = host,
            Port = fields["port"]?.AsInt(1, 65_535) ?? security switch { MailSecurity.StartTls => 587, MailSecurity.Implicit => 465, _ => 25 },
            Security = security,
            User = user,
            Password = password,
            From = from,
            To = addresses,
        };
    }

    private static MailSecurity Security(Value? value)
    {
        var rule = $"one of {string.Join(", ", Securities.Keys)}";
        if (value?.AsText(rule) is not { } text) return MailSecurity.StartTls;
        if (Securities.TryGetValue(text, out var security)) return security;
        value.Wrong(rule, NearestName.Of(text, Securities.Keys) is { } near ? $"Did you mean '{near}'?" : "Choose one of them.");
        return MailSecurity.StartTls;
    }

    // An address alone, or after a name: what else the standard allows is hardly ever meant.
    private static string? Address(Value value)
    {
        const string rule = "an address like ops@example.com, or Fanfare <ops@example.com>";
        if (value.AsWord(rule) is not { } text) return null;
        var bare = text.EndsWith('>') && text.IndexOf('<', StringComparison.Ordinal) is var open and > 0 ? text[(open + 1)..^1] : text;
        var at = bare.LastIndexOf('@');
        if (at > 0 && at < bare.Length - 1 && text.Length <= 320 && !text.Any(char.IsControl) && !bare.Any(c => char.IsWhiteSpace(c) || c is '<' or '>' or ',' or ';' or '"' or '(' or ')' or '\\') && bare.Count(c => c == '@') == 1
            && (bare.Length == text.Length || text[..^(bare.Length + 2)].All(c => c is not ('<' or '>' or ',' or ';' or '"' or '@' or '\\')))) return text;
        value.Wrong(rule, "Give one address; several are a list.");
        return null;
    }

    private static SettingSpec? Setting(Value value, string rule)
    {
        if (value.IsMapping) return SecretReader.Place(value) is { } place ? new SettingSpec(null, place) : null;
        return value.AsWord(rule) is { } text ? new SettingSpec(text, null) : null;
    }

    private static TimeSpan? Timeout(Value? value)
    {
        if (value?.AsDuration(TimeSpan.FromSeconds(1)) is not { } timeout) return null;
        if (timeout <= TimeSpan.FromMinutes(1)) return timeout;
        value.Complain("A try takes at most 1m; another one follows.", "Give a duration from 1s to 1m.");
        return null;
    }

    private static bool IsUrl(string text, out Uri url) => Uri.TryCreate(text, UriKind.Absolute, out url!) && url.Scheme is "http" or "https" && url.UserInfo.Length == 0;

    /// <summary>Whether nobody on the way can read what is sent there.</summary>
    public static bool IsPrivate(Uri url) => url.Scheme == "https" || IsLoopback(url.Host);

    private static bool IsLoopback(string host) => host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));

    private static string TextOf(string given) => given.Length <= 60 ? given : given[..57] + "...";
}
