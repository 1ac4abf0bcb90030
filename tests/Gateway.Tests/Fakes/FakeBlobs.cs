using System.Collections.Concurrent;

namespace Fanfare.Gateway.Tests;

/// <summary>Blobs in memory, with the port's promises.</summary>
internal sealed class FakeBlobs : IBlobStore
{
    public ConcurrentDictionary<string, byte[]> All { get; } = new();

    public async Task PutAsync(string name, Stream content, CancellationToken cancellationToken)
    {
        Check(name);
        using var buffer = new MemoryStream();
        await content.CopyToAsync(buffer, cancellationToken);
        All[name] = buffer.ToArray();
    }

    public Task<Stream?> OpenReadAsync(string name, long offset, CancellationToken cancellationToken)
    {
        Check(name);
        return Task.FromResult<Stream?>(All.TryGetValue(name, out var bytes)
            ? new MemoryStream(bytes[(int)Math.Min(offset, bytes.Length)..])
            : null);
    }

    public Task<long?> GetSizeAsync(string name, CancellationToken cancellationToken)
    {
        Check(name);
        return Task.FromResult(All.TryGetValue(name, out var bytes) ? bytes.Length : (long?)null);
    }

    public Task<long> WriteChunkAsync(string name, long offset, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        Check(name);
        lock (All)
        {
            var old = All.GetValueOrDefault(name, []);
            if (offset > old.Length) return Task.FromResult((long)old.Length);
            var bytes = new byte[Math.Max(old.Length, offset + content.Length)];
            old.CopyTo(bytes, 0);
            content.Span.CopyTo(bytes.AsSpan((int)offset));
            All[name] = bytes;
            return Task.FromResult((long)bytes.Length);
        }
    }

    public Task DeleteAsync(string name, CancellationToken cancellationToken)
    {
        Check(name);
        All.TryRemove(name, out _);
        return Task.CompletedTask;
    }

    public async IAsyncEnumerable<string> ListAsync(string prefix, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        foreach (var name in All.Keys.Where(n => n.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
            yield return name;
    }

    private static void Check(string name)
    {
        if (name.Split('/').Any(s => s is "" or "." or "..")) throw new ArgumentException($"Blob name '{name}' is not a relative path.", nameof(name));
    }
}
