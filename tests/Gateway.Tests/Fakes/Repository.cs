namespace Fanfare.Gateway.Tests;

/// <summary>Files of the repository.</summary>
internal static class Repository
{
    public static string Path(string relative)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(System.IO.Path.Combine(folder.FullName, "Scheduler.sln")))
            folder = folder.Parent ?? throw new InvalidOperationException("The tests do not run inside the repository.");
        return System.IO.Path.Combine(folder.FullName, relative);
    }
}
