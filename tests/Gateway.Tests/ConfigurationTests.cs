using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Fanfare.Gateway.Tests;

public sealed class ConfigurationTests
{
    private static readonly GatewayOptions Options = new() { DataDirectory = "/data", Port = 0 };

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("*")]
    [InlineData("::")]
    [InlineData("192.168.1.4")]
    public void ListeningBeyondLoopbackWithoutAToken_IsRefused(string host)
    {
        var refused = Assert.Throws<GatewayConfigurationException>(() => GatewayHost.Build(Options with { Host = host }, _ => { }));

        Assert.Contains("access token", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("example.com", null, 0, "address")]
    [InlineData("127.0.0.1", "short", 0, "16")]
    [InlineData("127.0.0.1", "has spaces in it, which no header takes", 0, "printable")]
    [InlineData("127.0.0.1", null, 70000, "70000")]
    public void OptionsThatCannotWork_AreNamed(string host, string? token, int port, string mentions)
    {
        var refused = Assert.Throws<GatewayConfigurationException>(() => GatewayHost.Build(Options with { Host = host, AccessToken = token, Port = port }, _ => { }));

        Assert.Contains(mentions, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void MissingPorts_AreAllNamed()
    {
        var refused = Assert.Throws<GatewayConfigurationException>(() => GatewayHost.Build(Options, services => services.AddSingleton(TimeProvider.System)));

        Assert.All(["IScheduler", "IReadModel", "IBlobStore", "IJournal", "IMetaflowStore", "ISpecReader"], port => Assert.Contains(port, refused.Message, StringComparison.Ordinal));
        Assert.DoesNotContain("TimeProvider", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithAToken_ItListensEverywhere()
    {
        await using var server = await Server.StartAsync(o => o with { Host = "0.0.0.0", AccessToken = "0123456789abcdef" });

        Assert.Equal("0.0.0.0", server.Address.Host);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public async Task SignalsStopTheServer_UnlessTheHostHandlesThem(bool handle, bool console)
    {
        await using var server = await Server.StartAsync(o => o with { HandleSignals = handle });

        Assert.Equal(console, server.Services.GetRequiredService<IHostLifetime>().GetType().Name == "ConsoleLifetime");
    }
}
