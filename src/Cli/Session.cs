using Fanfare.Cli.Api;
using Fanfare.Cli.Output;

namespace Fanfare.Cli;

/// <summary>One command under way: whom it speaks to and where it writes.</summary>
internal sealed class Session(CliHost host, ServerAddress address, Screen screen) : IDisposable
{
    private ApiClient? _api;

    public CliHost Host { get; } = host;

    public ServerAddress Address { get; } = address;

    public Screen Screen { get; } = screen;

    public ApiClient Api => _api ??= new ApiClient(Address, Host.Clock);

    /// <summary>The source that complaints of the server are about, once a command has read one.</summary>
    public SourceText? Source { get; set; }

    public void Dispose() => _api?.Dispose();
}
