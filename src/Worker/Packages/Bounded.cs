namespace Fanfare.Worker.Packages;

/// <summary>Copies with a limit, for what comes from elsewhere.</summary>
internal static class Bounded
{
    /// <exception cref="BadPackageException">There is more.</exception>
    public static async Task CopyAsync(Stream from, Stream to, long mostBytes, CancellationToken cancellationToken)
    {
        var buffer = new byte[64 * 1024];
        long total = 0;
        while (await from.ReadAsync(buffer, cancellationToken) is var read and > 0)
        {
            total += read;
            if (total > mostBytes) throw new BadPackageException($"The package is larger than {mostBytes >> 20} MiB. Leave out what the flow does not need.");
            await to.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
        }
    }
}
