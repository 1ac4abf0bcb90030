using Fanfare.Storage.Postgres;
using Npgsql;

namespace Fanfare.Storage.Tests.Postgres;

/// <summary>What is made of an operator's connection string.</summary>
public sealed class PostgresSessionsTests
{
    [Fact]
    public async Task WhatTheConnectionStringLeavesOpen_IsSet()
    {
        await using var source = new PostgresSessions("Host=db;Database=flows").Writers();

        var settings = new NpgsqlConnectionStringBuilder(source.ConnectionString);
        Assert.Equal(("fanfare", 15, 5), (settings.SearchPath, settings.KeepAlive, settings.Timeout));
    }

    [Fact]
    public async Task WhatTheConnectionStringSays_Stays()
    {
        await using var source = new PostgresSessions("Host=db;Database=flows;Search Path=mine;keepalive=3;TIMEOUT=9;Options=-c lock_timeout=7s").Writers();

        var settings = new NpgsqlConnectionStringBuilder(source.ConnectionString);
        Assert.Equal(("mine", 3, 9), (settings.SearchPath, settings.KeepAlive, settings.Timeout));
        // The last word on an option counts.
        Assert.EndsWith(" -c lock_timeout=7s", settings.Options, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsNoConnectionString_IsRefused() =>
        Assert.Contains("Host=…;Username=…;Database=…", Assert.Throws<StoreUnavailableException>(() => new PostgresSessions("Colour=blue")).Message, StringComparison.Ordinal);
}
