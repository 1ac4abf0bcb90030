namespace Fanfare.Gateway;

/// <summary>A webhook with the secrets that its requests are signed with.</summary>
/// <param name="Secrets">Bytes of each; a request signed with any of them is taken.</param>
public sealed record Webhook(WebhookSpec Spec, IReadOnlyList<ReadOnlyMemory<byte>> Secrets)
{
    private const string Prefix = "whsec_";

    /// <summary>Fewest bytes of a secret.</summary>
    public const int LeastBytes = 16;

    /// <summary>The bytes of a secret as people are given it: <c>whsec_</c> and base 64, or any other text, which stands for itself.</summary>
    /// <exception cref="FormatException">It is too short, or what follows <c>whsec_</c> is no base 64.</exception>
    public static ReadOnlyMemory<byte> SecretOf(string text)
    {
        var bytes = text.StartsWith(Prefix, StringComparison.Ordinal) ? Decode(text[Prefix.Length..]) : System.Text.Encoding.UTF8.GetBytes(text);
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
