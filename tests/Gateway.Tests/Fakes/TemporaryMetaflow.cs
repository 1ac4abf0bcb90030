using Fanfare.Storage;

namespace Fanfare.Gateway.Tests;

/// <summary>The real store of Metaflow's metadata, in a directory that goes with the test process. Made when a test first asks for it.</summary>
internal static class TemporaryMetaflow
{
    private static readonly Lazy<string> _root = new(() =>
    {
        var root = Directory.CreateTempSubdirectory("fanfare-metaflow-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(root, recursive: true);
        return root;
    });

    public static IMetaflowStore Open() => SqliteMetaflow.OpenAsync(Directory.CreateDirectory(Path.Combine(_root.Value, Guid.NewGuid().ToString("n"))).FullName, TimeProvider.System).GetAwaiter().GetResult();
}
