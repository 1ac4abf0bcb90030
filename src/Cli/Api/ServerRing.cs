namespace Fanfare.Cli.Api;

/// <summary>The servers that a client knows, and which of them it asks now. Safe to call from any thread.</summary>
internal sealed class ServerRing
{
    // With a slash at the end, for paths to be put behind.
    private readonly Uri[] _all;
    private volatile int _current;

    public ServerRing(IReadOnlyList<Uri> urls) => _all = [.. urls.Select(url => new Uri(url.ToString().TrimEnd('/') + "/"))];

    public int Count => _all.Length;

    public Uri Current => _all[_current];

    /// <summary>All of them, for messages.</summary>
    public string Shown => string.Join(", ", _all.Select(Show));

    public static string Show(Uri server) => server.ToString().TrimEnd('/');

    /// <summary>Goes on to the next, unless somebody else has meanwhile.</summary>
    public void Leave(Uri server)
    {
        var at = _current;
        if (_all[at] == server) Interlocked.CompareExchange(ref _current, (at + 1) % _all.Length, at);
    }
}
