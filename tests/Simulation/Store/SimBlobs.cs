using Fanfare.Contracts;

namespace Fanfare.Simulation.Store;

/// <summary>Blobs in memory.</summary>
internal sealed class SimBlobs : IBlobStore
{
    private readonly SortedDictionary<string, byte[]> _blobs = new(StringComparer.Ordinal);

    public void Put(string name, byte[] content) => _blobs[name] = content;

    public async Task PutAsync(string name, Stream content, CancellationToken cancellationToken)
    {
        using var bytes = new MemoryStream();
        await content.CopyToAsync(bytes, cancellationToken);
        Put(name, bytes.ToArray());
    }

    public Task<Stream?> OpenReadAsync(string name, long offset, CancellationToken cancellationToken) =>
        Task.FromResult<Stream?>(_blobs.TryGetValue(name, out var bytes) ? new MemoryStream(bytes, (int)offset, bytes.Length - (int)offset) : null);

    public Task<long?> GetSizeAsync(string name, CancellationToken cancellationToken) =>
        Task.FromResult<long?>(_blobs.TryGetValue(name, out var bytes) ? bytes.Length : null);

    public Task<long> WriteChunkAsync(string name, long offset, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        var old = _blobs.GetValueOrDefault(name) ?? [];
        if (offset > old.Length) return Task.FromResult((long)old.Length);
        var size = Math.Max(old.Length, (int)offset + content.Length);
        var bytes = new byte[size];
        old.CopyTo(bytes, 0);
        content.CopyTo(bytes.AsMemory((int)offset));
        _blobs[name] = bytes;
        return Task.FromResult((long)size);
    }

    public Task DeleteAsync(string name, CancellationToken cancellationToken)
    {
        _blobs.Remove(name);
        return Task.CompletedTask;
    }

    public IAsyncEnumerable<string> ListAsync(string prefix, CancellationToken cancellationToken) =>
        _blobs.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal)).ToArray().ToAsyncEnumerable();
}
