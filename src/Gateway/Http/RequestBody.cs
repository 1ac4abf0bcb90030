namespace Fanfare.Gateway;

/// <summary>What a route takes as body, for the API's description. (The framework's own Accepts metadata also steers routing: it
/// would send a request without a body to another route.)</summary>
internal sealed record RequestBody(Type? Type, bool Required, params IReadOnlyList<string> ContentTypes);
