namespace Fanfare.Cli.Packaging;

/// <param name="Name">Relative, with forward slashes.</param>
internal sealed record PackageFile(string Name, string FullPath, long Bytes);

/// <summary>The files of a flow's directory that go into its package. Links are followed; a link to a directory that lies
/// around it and a dangling one are left out. What has no bytes (an empty file, but also a pipe or a socket) goes as an empty file.</summary>
internal static class PackageFiles
{
    /// <returns>In ordinal order of their names.</returns>
    public static IEnumerable<PackageFile> Of(string directory, string? without) =>
        Walk(new DirectoryInfo(directory), "", IgnoreRules.ForDirectory(directory), without, [RealPath(new DirectoryInfo(directory))]);

    private static IEnumerable<PackageFile> Walk(DirectoryInfo directory, string prefix, IgnoreRules rules, string? without, HashSet<string> around)
    {
        foreach (var entry in Entries(directory))
        {
            var name = prefix + entry.Name;
            if (without is not null && string.Equals(entry.FullName, without, StringComparison.Ordinal)) continue;
            var target = entry.LinkTarget is null ? entry : Target(entry);
            if (target is DirectoryInfo)
            {
                var real = RealPath(target);
                if (rules.Ignores(name, directory: true) || !around.Add(real)) continue;
                foreach (var file in Walk(new DirectoryInfo(entry.FullName), name + "/", rules, without, around)) yield return file;
                around.Remove(real);
            }
            else if (target is FileInfo { Exists: true } file && !rules.Ignores(name, directory: false))
            {
                yield return new PackageFile(name, entry.FullName, file.Length);
            }
        }
    }

    private static FileSystemInfo[] Entries(DirectoryInfo directory)
    {
        try
        {
            var entries = directory.GetFileSystemInfos();
            // Sorted as if directories ended in '/', so that the whole listing is in ordinal order.
            Array.Sort(entries, (a, b) => string.CompareOrdinal(SortName(a), SortName(b)));
            return entries;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                ExitCode.Usage, $"The directory {directory.FullName} belongs to the flow and cannot be read: {e.Message}",
                $"Make it readable, or list it in {IgnoreRules.FileName} beside the flow.");
        }
    }

    private static string SortName(FileSystemInfo entry) => entry is DirectoryInfo ? entry.Name + "/" : entry.Name;

    private static FileSystemInfo? Target(FileSystemInfo link)
    {
        try
        {
            return link.ResolveLinkTarget(returnFinalTarget: true) is { Exists: true } target ? target : null;
        }
        catch (IOException)
        {
            // A circle of links leads nowhere, like a dangling one.
            return null;
        }
    }

    private static string RealPath(FileSystemInfo directory) =>
        (directory.ResolveLinkTarget(returnFinalTarget: true) ?? directory).FullName.TrimEnd('/');
}
