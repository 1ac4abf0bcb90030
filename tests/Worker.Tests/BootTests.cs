using Fanfare.Contracts;

namespace Fanfare.Worker.Tests;

public sealed class BootTests : IDisposable
{
    private static readonly DateTimeOffset s_now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly string _root = Directory.CreateTempSubdirectory("fanfare-boot-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void ALaterStart_IsLater_EvenWhenTheClockWasSetBack()
    {
        var starts = new List<DateTimeOffset>();
        foreach (var now in (DateTimeOffset[])[s_now, s_now - TimeSpan.FromDays(1), s_now, s_now + TimeSpan.FromSeconds(1)])
        {
            using var directory = WorkDirectory.Open(_root, now);
            starts.Add(directory.StartedAt);
        }

        Assert.Equal(starts.Order(), starts);
        Assert.Equal(starts.Count, starts.Distinct().Count());
        Assert.Equal(s_now + TimeSpan.FromSeconds(1), starts[^1]);
    }

    [Fact]
    public void ADirectoryKeepsItsId()
    {
        string first;
        using (var directory = WorkDirectory.Open(_root, s_now)) first = directory.Id;

        using var again = WorkDirectory.Open(_root, s_now);

        Assert.Equal(first, again.Id);
    }

    [Fact]
    public void BootsOfVersion7_AreOrderedByTime_AndOthersAreNot()
    {
        var (earlier, later) = (Guid.CreateVersion7(s_now), Guid.CreateVersion7(s_now + TimeSpan.FromMilliseconds(1)));

        Assert.True(BootId.IsBefore(earlier.ToString("N"), later.ToString("N")));
        Assert.True(BootId.IsBefore(earlier.ToString("D"), later.ToString("N")));
        Assert.False(BootId.IsBefore(later.ToString("N"), earlier.ToString("N")));
        Assert.False(BootId.IsBefore(earlier.ToString("N"), earlier.ToString("N")));
        Assert.False(BootId.IsBefore(earlier.ToString("N"), null));
        Assert.False(BootId.IsBefore("b1", "b2"));
        Assert.False(BootId.IsBefore(Guid.NewGuid().ToString("N"), later.ToString("N")));
    }
}
