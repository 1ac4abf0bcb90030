namespace Fanfare.Processes;

/// <summary>A test that mounts a file system of its own; skipped by name where that is not permitted.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class MountFactAttribute : FactAttribute
{
    private static readonly Lazy<string?> _refusal = new(() =>
    {
        var directory = Directory.CreateTempSubdirectory("fanfare-mount-").FullName;
        try
        {
            using var mount = SmallDisk.Mount(directory, "size=64k");
            return null;
        }
        catch (InvalidOperationException e)
        {
            return $"This machine does not let the test mount a file system: {e.Message}";
        }
        finally
        {
            Directory.Delete(directory);
        }
    });

    /// <summary>Why no file system can be mounted here; null when it can.</summary>
    public static string? Refusal => _refusal.Value;

    public MountFactAttribute() => Skip = Refusal;
}
