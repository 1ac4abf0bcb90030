using System.Globalization;
using System.Security.Cryptography;
using Fanfare.Contracts.Http;

namespace Fanfare.Gateway;

/// <summary>Whether a request comes from who knows a webhook's secret, and which one it is of all that do.</summary>
internal static class WebhookSignature
{
    private const string HubSignature = "X-Hub-Signature-256";

    private const int MaxIdChars = 200;

    /// <summary>What the request is known by: the same when it is sent again, whoever sends it. It is part of what is signed.</summary>
    /// <exception cref="ApiFault">It is not signed with one of the secrets, or not now.</exception>
    public static string Check(Webhook hook, IHeaderDictionary headers, ReadOnlySpan<byte> body, DateTimeOffset now) => hook.Spec.Scheme switch
    {
        WebhookScheme.Standard => CheckStandard(hook, headers, body, now),
        WebhookScheme.GitHub => CheckGitHub(hook, headers, body),
        _ => throw new InvalidOperationException($"Unknown scheme {hook.Spec.Scheme}."),
    };

    private static string CheckStandard(Webhook hook, IHeaderDictionary headers, ReadOnlySpan<byte> body, DateTimeOffset now)
    {
        var (id, timestamp, signatures) = (Header(headers, StandardWebhooks.Id), Header(headers, StandardWebhooks.Timestamp), Header(headers, StandardWebhooks.Signature));
        if (!Printable.IsValid(id, MaxIdChars)) throw ApiFault.Field(StandardWebhooks.Id, "is no id", $"Give 1 to {MaxIdChars} printable characters.");
        if (!long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) || seconds > DateTimeOffset.MaxValue.ToUnixTimeSeconds())
            throw ApiFault.Field(StandardWebhooks.Timestamp, "is no time", "Give seconds since 1970-01-01T00:00:00Z.");
        var signed = StandardWebhooks.Signed(id, timestamp, body);
        var isSigned = false;
        foreach (var signature in signatures.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            if (signature.StartsWith(StandardWebhooks.Version, StringComparison.Ordinal) && Decoded(signature[StandardWebhooks.Version.Length..]) is { } given) isSigned |= IsSigned(hook, signed, given);
        if (!isSigned) throw NotSigned(hook);
        // What was signed long ago was perhaps overheard; what is told twice within the time is known by its id.
        if ((now - DateTimeOffset.FromUnixTimeSeconds(seconds)).Duration() > hook.Spec.Tolerance)
            throw new ApiFault(ErrorCodes.BadSignature, $"The request was signed at {DateTimeOffset.FromUnixTimeSeconds(seconds):yyyy-MM-dd'T'HH:mm:ss'Z'}, which is further than {hook.Spec.Tolerance.TotalSeconds} s from now. Set the sender's clock, or sign it anew.");
        return id;
    }

    // The id of the delivery is not signed, so one that is sent again is known by its body.
    private static string CheckGitHub(Webhook hook, IHeaderDictionary headers, ReadOnlySpan<byte> body)
    {
        var given = Header(headers, HubSignature);
        if (!given.StartsWith("sha256=", StringComparison.Ordinal) || given.Length != 7 + 64 || !given.Skip(7).All(char.IsAsciiHexDigit) || !IsSigned(hook, body.ToArray(), Convert.FromHexString(given[7..]))) throw NotSigned(hook);
        return Convert.ToHexStringLower(SHA256.HashData(body));
    }

    private static bool IsSigned(Webhook hook, byte[] signed, byte[] given)
    {
        var found = false;
        foreach (var secret in hook.Secrets) found |= CryptographicOperations.FixedTimeEquals(HMACSHA256.HashData(secret.Span, signed), given);
        return found;
    }

    private static byte[]? Decoded(string text)
    {
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var written) ? bytes[..written] : null;
    }

    private static string Header(IHeaderDictionary headers, string name) => headers[name] is [{ Length: > 0 } value] ? value
        : throw new ApiFault(ErrorCodes.BadSignature, $"The request has {(headers[name].Count > 1 ? "several headers" : "no header")} {name}; it is part of how this webhook's requests are signed.");

    private static ApiFault NotSigned(Webhook hook) =>
        new(ErrorCodes.BadSignature, $"The request is not signed with a secret of webhook '{hook.Spec.Name}'. The signature is over the body as it is sent, byte for byte.");
}
