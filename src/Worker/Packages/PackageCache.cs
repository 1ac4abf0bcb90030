using System.Security.Cryptography;
using Fanfare.Contracts;
using Fanfare.Contracts.Api;
using Fanfare.Worker.Gateways;

namespace Fanfare.Worker.Packages;

/// <summary>Code packages, fetched once each and shared read-only by all tasks that run from them. Beyond its size the cache
/// drops the least recently used that no task runs from. Safe to call from any thread.</summary>
internal sealed class PackageCache
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private sealed class Entry
    {
        public Task<string>? Ready { get; set; }

        public int Users { get; set; }

        public long Bytes { get; set; }

        public long UsedAt { get; set; }
    }

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Entry> _entries = [];
    private readonly string _root;
    private readonly long _mostBytes;
    private readonly GatewayClient _gateway;
    private readonly TimeProvider _time;
    private readonly IWorkerLog _log;
    private long _uses;

    public PackageCache(string root, long mostBytes, GatewayClient gateway, TimeProvider time, IWorkerLog log)
    {
        _time = time;
        _root = root;
        _mostBytes = mostBytes;
        _gateway = gateway;
        _log = log;
        Directory.CreateDirectory(root);
        foreach (var directory in new DirectoryInfo(root).EnumerateDirectories().OrderBy(d => d.LastWriteTimeUtc))
        {
            // Only a whole package carries its digest's name.
            if (IsDigest(directory.Name)) _entries[directory.Name] = new Entry { Ready = Task.FromResult(directory.FullName), Bytes = SizeOf(directory), UsedAt = ++_uses };
            else Delete(directory.FullName);
        }
        foreach (var file in Directory.EnumerateFiles(root)) File.Delete(file);
    }

    /// <summary>The package's directory, kept until the use is disposed.</summary>
    /// <exception cref="BadPackageException">It is not what its digest says, or not a safe archive.</exception>
    /// <exception cref="TransferRefusedException">The gateway does not have it.</exception>
    public async Task<PackageUse> UseAsync(string digest, CancellationToken cancellationToken)
    {
        if (!IsDigest(digest)) throw new BadPackageException($"'{digest}' is not the SHA-256 of a package, 64 hexadecimal digits.");
        while (true)
        {
            Entry entry;
            Task<string> ready;
            lock (_lock)
            {
                if (!_entries.TryGetValue(digest, out entry!)) _entries.Add(digest, entry = new Entry());
                // The one who asks first fetches for all, for as long as its own task is wanted.
                entry.Ready ??= FetchAsync(digest, entry, cancellationToken);
                ready = entry.Ready;
                entry.Users++;
                entry.UsedAt = ++_uses;
            }
            try
            {
                return new PackageUse(await ready.WaitAsync(cancellationToken), () => Release(digest, entry));
            }
            catch (Exception e)
            {
                lock (_lock)
                {
                    entry.Users--;
                    if (_entries.TryGetValue(digest, out var current) && current == entry && entry.Ready is { IsCompletedSuccessfully: false, IsCompleted: true })
                        _entries.Remove(digest);
                }
                if (e is OperationCanceledException && !cancellationToken.IsCancellationRequested) continue;
                throw;
            }
        }
    }

    private void Release(string digest, Entry entry)
    {
        List<string> drop = [];
        lock (_lock)
        {
            entry.Users--;
            var total = _entries.Values.Sum(e => e.Bytes);
            foreach (var (name, old) in _entries.OrderBy(e => e.Value.UsedAt).ToList())
            {
                if (total <= _mostBytes) break;
                if (old.Users > 0 || old.Ready is not { IsCompletedSuccessfully: true }) continue;
                total -= old.Bytes;
                _entries.Remove(name);
                // Under another name, so that who needs it again meanwhile fetches it anew.
                var dropped = Path.Combine(_root, $"old-{name}-{++_uses}");
                Directory.Move(Path.Combine(_root, name), dropped);
                drop.Add(dropped);
            }
        }
        foreach (var directory in drop) Delete(directory);
    }

    private async Task<string> FetchAsync(string digest, Entry entry, CancellationToken cancellationToken)
    {
        await Task.Yield();
        var archive = Path.Combine(_root, $"new-{digest}.tar.gz");
        var unpacked = Path.Combine(_root, $"new-{digest}");
        try
        {
            await DownloadAsync(digest, archive, cancellationToken);
            Delete(unpacked);
            Directory.CreateDirectory(unpacked);
            await using (var file = File.OpenRead(archive)) entry.Bytes = await PackageArchive.ExtractAsync(file, unpacked, cancellationToken);
            var ready = Path.Combine(_root, digest);
            Directory.Move(unpacked, ready);
            return ready;
        }
        finally
        {
            File.Delete(archive);
            Delete(unpacked);
        }
    }

    private async Task DownloadAsync(string digest, string path, CancellationToken cancellationToken)
    {
        for (var failures = 1; ; failures++)
        {
            try
            {
                using var response = await _gateway.SendAsync(
                    () => new HttpRequestMessage(HttpMethod.Get, new Uri(WorkerRoutes.Package(digest), UriKind.Relative)), Patience, cancellationToken);
                await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
                await using var file = new FileStream(path, FileMode.Create, FileAccess.ReadWrite);
                await Bounded.CopyAsync(body, file, Limits.PackageBytes, cancellationToken);
                file.Position = 0;
                var actual = Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellationToken));
                if (actual == digest) return;
                throw new BadPackageException($"Package {digest} came with the content of {actual}. Upload it again.");
            }
            catch (Exception e) when (e is HttpRequestException or IOException && e is not FileNotFoundException && failures < 5)
            {
                _log.Write(LogSeverity.Warning, $"Fetching package {digest} broke off: {e.Message} Trying again.");
                await Task.Delay(Backoff.Delay(failures, Random.Shared.NextDouble()), _time, cancellationToken);
            }
        }
    }

    private static bool IsDigest(string name) => name.Length == 64 && name.All(char.IsAsciiHexDigitLower);

    private static long SizeOf(DirectoryInfo directory) =>
        directory.EnumerateFiles("*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }).Sum(f => f.Length);

    private static void Delete(string directory)
    {
        if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
    }
}

/// <summary>A task's hold on a package.</summary>
internal sealed class PackageUse(string directory, Action release) : IDisposable
{
    private Action? _release = release;

    public string Directory { get; } = directory;

    public void Dispose() => Interlocked.Exchange(ref _release, null)?.Invoke();
}
