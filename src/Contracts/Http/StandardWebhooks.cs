using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Fanfare.Contracts.Http;

/// <summary>Standard Webhooks 1.0: how a message by HTTP is signed, by whoever sends it and for whoever takes it. https://www.standardwebhooks.com</summary>
public static class StandardWebhooks
{
    /// <summary>The headers: what the message is known by, when it was signed (seconds since 1970), and one or several signatures with spaces between.</summary>
    public const string Id = "webhook-id", Timestamp = "webhook-timestamp", Signature = "webhook-signature";

    /// <summary>Before each signature: HMAC with SHA-256, as base 64.</summary>
    public const string Version = "v1,";

    /// <summary>Fewest bytes of a secret.</summary>
    public const int LeastBytes = 16;

    private const string Prefix = "whsec_";

    /// <summary>The bytes that are signed.</summary>
    public static byte[] Signed(string id, string timestamp, ReadOnlySpan<byte> body) => [.. Encoding.UTF8.GetBytes($"{id}.{timestamp}."), .. body];

    /// <summary>The headers that a message is sent with; without a secret it has no signature.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Headers(string id, DateTimeOffset now, byte[] body, IReadOnlyList<ReadOnlyMemory<byte>> secrets)
    {
        var timestamp = now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signed = Signed(id, timestamp, body);
        yield return new(Id, id);
        yield return new(Timestamp, timestamp);
        if (secrets.Count > 0) yield return new(Signature, string.Join(' ', secrets.Select(secret => Version + Convert.ToBase64String(HMACSHA256.HashData(secret.Span, signed)))));
    }

    /// <summary>The bytes of a secret as people are given it: <c>whsec_</c> and base 64, or any other text, which stands for itself.</summary>
    /// <exception cref="FormatException">It is too short, or what follows <c>whsec_</c> is no base 64.</exception>
    public static ReadOnlyMemory<byte> SecretOf(string text)
    {
        var bytes = text.StartsWith(Prefix, StringComparison.Ordinal) ? Decode(text[Prefix.Length..]) : Encoding.UTF8.GetBytes(text);
        return bytes.Length >= LeastBytes ? bytes : throw new FormatException($"It is shorter than {LeastBytes} bytes.");
    }

    private static byte[] Decode(string text)
    {
        try
        {
            return Convert.FromBase64String(text);
        }
        catch (FormatException)
        {
            throw new FormatException($"It begins with {Prefix}, and the rest is no base 64.");
        }
    }
}
