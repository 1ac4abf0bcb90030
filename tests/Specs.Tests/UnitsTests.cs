using Fanfare.Specs.Reading;

namespace Fanfare.Specs.Tests;

public sealed class UnitsTests
{
    [Theory]
    [InlineData("500ms", 500)]
    [InlineData("30s", 30_000)]
    [InlineData("5m", 300_000)]
    [InlineData("2h", 7_200_000)]
    [InlineData("1d", 86_400_000)]
    [InlineData("1h30m", 5_400_000)]
    [InlineData("1d2h3m4s5ms", 93_784_005)]
    [InlineData("1.5h", 5_400_000)]
    [InlineData("0s", 0)]
    public void ADurationIsNumbersWithUnits(string text, double milliseconds)
    {
        Assert.True(Units.TryDuration(text, out var value));
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("s")]
    [InlineData("5 s")]
    [InlineData("-5s")]
    [InlineData("1s1s")]
    [InlineData("1m1h")]
    [InlineData("5sec")]
    [InlineData("1h30")]
    [InlineData("1.2.3s")]
    [InlineData("99999999999999999999999999d")]
    [InlineData("1e3s")]
    public void AnythingElseIsNoDuration(string text) => Assert.False(Units.TryDuration(text, out _));

    [Theory]
    [InlineData("0", 0)]
    [InlineData("1024", 1024)]
    [InlineData("10B", 10)]
    [InlineData("1kB", 1000)]
    [InlineData("1KiB", 1024)]
    [InlineData("512MiB", 512L << 20)]
    [InlineData("1.5 GB", 1_500_000_000)]
    [InlineData("1TiB", 1L << 40)]
    public void ASizeIsBytes_OrHasAUnit(string text, long bytes)
    {
        Assert.True(Units.TryBytes(text, out var value));
        Assert.Equal(bytes, value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("MiB")]
    [InlineData("1Mi")]
    [InlineData("1mib")]
    [InlineData("1025TiB")]
    [InlineData("99999999999999999999999999999999999")]
    public void AnythingElseIsNoSize(string text) => Assert.False(Units.TryBytes(text, out _));
}
