using System.Globalization;
using Fanfare.Storage;

namespace Fanfare.Chaos.Sites;

/// <summary>A data directory with an SQLite journal, on a small disk of its own where this machine lets one be mounted.</summary>
internal sealed class SqliteChaosStore : ChaosStore
{
    // Only what is written counts: it lies in memory.
    private const string Roomy = "size=2g";

    // A server that found the disk full takes a moment to say so and end.
    private const double Lingers = 20;

    private readonly string _data;
    private readonly SmallDisk? _disk;
    private volatile bool _isFull;
    private double _freedAt = double.MinValue;

    public SqliteChaosStore(string data)
    {
        _data = Directory.CreateDirectory(data).FullName;
        try
        {
            _disk = SmallDisk.Mount(data, Roomy);
        }
        catch (InvalidOperationException e)
        {
            DiskRefusal = $"this machine does not let the test mount a file system: {e.Message}";
        }
    }

    public override string Name => "sqlite";

    public override IReadOnlyList<string> ServeOptions => ["--data", _data];

    public override string? DiskRefusal { get; }

    public override bool MayRefuse => _isFull || SystemTime.Now - Volatile.Read(ref _freedAt) < Lingers;

    // The disk shrinks to what is on it: that fills it at once, whatever its size.
    public override void Fill()
    {
        _isFull = true;
        for (var room = 0; ; room += 64 * 1024)
        {
            var drive = new DriveInfo(_data);
            try
            {
                _disk!.Remount(string.Create(CultureInfo.InvariantCulture, $"size={drive.TotalSize - drive.AvailableFreeSpace + room}"));
                return;
            }
            catch (InvalidOperationException) when (room < 1 << 20)
            {
                // The server wrote more meanwhile.
            }
        }
    }

    public override void Free()
    {
        _disk!.Remount(Roomy);
        Volatile.Write(ref _freedAt, SystemTime.Now);
        _isFull = false;
    }

    public override async Task<Reading> ReadAsync()
    {
        await using var store = await SqliteStore.OpenAsync(_data, TimeProvider.System);
        return await new StoreReader(store.Journal, store.ReadModel).ReadAsync();
    }

    public override void Keep(string directory)
    {
        foreach (var file in Directory.EnumerateFiles(_data, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(directory, Path.GetRelativePath(_data, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    public override ValueTask DisposeAsync()
    {
        _disk?.Dispose();
        return ValueTask.CompletedTask;
    }
}
