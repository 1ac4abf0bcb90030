namespace Fanfare.Gateway;

/// <summary>A webhook with the secrets that its requests are signed with.</summary>
/// <param name="Secrets">Bytes of each; a request signed with any of them is taken.</param>
public sealed record Webhook(WebhookSpec Spec, IReadOnlyList<ReadOnlyMemory<byte>> Secrets);
