using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Packaging;

/// <summary>A flow's directory as a tar.gz. The same files give the same bytes, and so the same deployment: entries are
/// sorted, times and owners left out, and of the modes only whether a file is executable is kept.</summary>
/// <param name="Digest">SHA-256 of the bytes, hexadecimal.</param>
internal sealed record FlowPackage(string Digest, ReadOnlyMemory<byte> Content, int Files)
{
    private const UnixFileMode Plain =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private const UnixFileMode Executable =
        Plain | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <param name="directory">The flow's directory.</param>
    /// <param name="without">An absolute path that is left out with all below it: the data directory; null for none.</param>
    /// <param name="limit">Most bytes of the package.</param>
    /// <exception cref="CommandException">Too large, or a file cannot be read.</exception>
    public static FlowPackage Create(string directory, string? without, long limit, CancellationToken cancellationToken)
    {
        var files = new List<PackageFile>();
        using var content = new MemoryStream();
        using (var zip = new GZipStream(content, CompressionLevel.Fastest, leaveOpen: true))
        using (var tar = new TarWriter(zip, TarEntryFormat.Gnu, leaveOpen: true))
        {
            foreach (var file in PackageFiles.Of(directory, without))
            {
                cancellationToken.ThrowIfCancellationRequested();
                files.Add(file);
                Write(tar, file);
                if (content.Length > limit) throw TooLarge(directory, limit, files);
            }
        }
        if (content.Length > limit) throw TooLarge(directory, limit, files);
        var bytes = content.ToArray();
        return new FlowPackage(Convert.ToHexStringLower(SHA256.HashData(bytes)), bytes, files.Count);
    }

    private static void Write(TarWriter tar, PackageFile file)
    {
        try
        {
            // Without bytes it is not opened: it may be a pipe, which would wait for its writer.
            using var source = file.Bytes == 0 ? null : new FileStream(file.FullPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            // Not the pax format: its headers are named after the writing process, and the same flow would be a new deployment each time.
            tar.WriteEntry(new GnuTarEntry(TarEntryType.RegularFile, file.Name)
            {
                ModificationTime = DateTimeOffset.UnixEpoch,
                Mode = IsExecutable(file.FullPath) ? Executable : Plain,
                DataStream = source,
            });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                ExitCode.Usage, $"{file.Name} belongs to the flow's directory and cannot be read: {e.Message}",
                $"Make it readable, or list it in {IgnoreRules.FileName} beside the flow.");
        }
    }

    private static bool IsExecutable(string path) =>
        !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & UnixFileMode.UserExecute) != 0;

    private static CommandException TooLarge(string directory, long limit, List<PackageFile> files)
    {
        var largest = files.OrderByDescending(f => f.Bytes).Take(3).Select(f => $"{f.Name} ({Words.Bytes(f.Bytes)})");
        return new CommandException(
            ExitCode.Usage,
            $"The flow's directory {directory} is too large to be sent with the flow: more than {Words.Bytes(limit)} compressed. Largest so far: {string.Join(", ", largest)}.",
            $"Keep the flow in a directory of its own, or list what it does not need in {Path.Combine(directory, IgnoreRules.FileName)} (lines as in a .gitignore).");
    }
}
