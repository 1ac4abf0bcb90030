using System.Formats.Tar;
using System.IO.Compression;

namespace Fanfare.Worker.Packages;

/// <summary>A code package is not what one may be.</summary>
internal sealed class BadPackageException(string message) : Exception(message);

/// <summary>Unpacks a tar.gz that nobody vouches for: nothing is written outside the directory given, nothing but files,
/// directories and links within it, and no more than the limits say.</summary>
internal static class PackageArchive
{
    public const long MostBytes = 4L << 30;
    public const int MostEntries = 200_000;

    private const UnixFileMode ReadAndRun =
        UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <returns>Bytes of all files.</returns>
    /// <exception cref="BadPackageException">Names the entry and the rule.</exception>
    public static async Task<long> ExtractAsync(Stream archive, string root, CancellationToken cancellationToken)
    {
        root = Path.GetFullPath(root);
        var links = new HashSet<string>(StringComparer.Ordinal);
        long bytes = 0;
        var entries = 0;
        try
        {
            await using var plain = new GZipStream(archive, CompressionMode.Decompress, leaveOpen: true);
            await using var tar = new TarReader(plain, leaveOpen: true);
            while (await tar.GetNextEntryAsync(copyData: false, cancellationToken) is { } entry)
            {
                if (entry.EntryType is TarEntryType.GlobalExtendedAttributes or TarEntryType.ExtendedAttributes) continue;
                if (++entries > MostEntries) throw new BadPackageException($"The package has more than {MostEntries} entries. Leave out what the flow does not need.");
                var path = Inside(root, entry.Name, links);
                if (path == root)
                {
                    if (entry.EntryType == TarEntryType.Directory) continue;
                    throw new BadPackageException($"Entry '{entry.Name}' of the package stands for its root, and only a directory may. Pack it anew.");
                }
                bytes += entry.Length;
                if (bytes > MostBytes) throw new BadPackageException($"The package unpacks to more than {MostBytes >> 20} MiB. Leave out what the flow does not need.");
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                switch (entry.EntryType)
                {
                    case TarEntryType.Directory:
                        Directory.CreateDirectory(path);
                        break;
                    case TarEntryType.RegularFile or TarEntryType.V7RegularFile:
                        await WriteAsync(entry, path, cancellationToken);
                        break;
                    case TarEntryType.SymbolicLink:
                        Link(root, path, entry);
                        links.Add(path);
                        break;
                    case TarEntryType.HardLink:
                        var target = Inside(root, entry.LinkName, links);
                        if (!File.Exists(target) || links.Contains(target)) throw new BadPackageException($"Entry '{entry.Name}' links to '{entry.LinkName}', which is no file of the package. Pack it anew.");
                        File.Copy(target, path, overwrite: true);
                        break;
                    default:
                        throw new BadPackageException($"Entry '{entry.Name}' of the package is a {entry.EntryType}; only files, directories and links may be packed. Leave it out.");
                }
            }
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or FormatException)
        {
            throw new BadPackageException($"The package is not a tar.gz, or it is damaged: {e.Message} Pack it anew.");
        }
        return bytes;
    }

    private static string Inside(string root, string name, HashSet<string> links)
    {
        if (name.Length == 0 || name[0] == '/' || name.Contains('\0', StringComparison.Ordinal) || name.Split('/').Contains(".."))
            throw new BadPackageException($"Entry '{name}' leaves the package: a name is relative and has no '..'. Pack it from within its directory.");
        var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(Path.Combine(root, name)));
        for (var parent = path; parent.Length > root.Length; parent = Path.GetDirectoryName(parent)!)
            if (links.Contains(parent)) throw new BadPackageException($"Entry '{name}' lies behind a link of the package. Pack the files themselves.");
        return path;
    }

    private static async Task WriteAsync(TarEntry entry, string path, CancellationToken cancellationToken)
    {
        if (Directory.Exists(path)) throw new BadPackageException($"Entry '{entry.Name}' is a file and a directory at once. Pack it anew.");
        File.Delete(path);
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            Options = FileOptions.Asynchronous,
        };
        // Several tasks run from one copy, so nobody writes to it; nothing gets set-user-id.
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = (entry.Mode & ReadAndRun) | UnixFileMode.UserRead;
        await using var file = new FileStream(path, options);
        if (entry.DataStream is { } data) await data.CopyToAsync(file, cancellationToken);
    }

    private static void Link(string root, string path, TarEntry entry)
    {
        var target = entry.LinkName;
        if (target.Length == 0 || target[0] == '/' || target.Contains('\0', StringComparison.Ordinal))
            throw new BadPackageException($"Entry '{entry.Name}' links to '{target}': a link is relative. Pack the file itself.");
        var leadsTo = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, target));
        if (leadsTo != root && !leadsTo.StartsWith(root + '/', StringComparison.Ordinal))
            throw new BadPackageException($"Entry '{entry.Name}' links to '{target}', which leaves the package. Pack the file itself.");
        if (File.Exists(path) || Directory.Exists(path)) throw new BadPackageException($"Entry '{entry.Name}' comes twice. Pack it anew.");
        File.CreateSymbolicLink(path, target);
    }
}
