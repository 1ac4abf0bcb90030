using System.Diagnostics;

namespace Fanfare.Metaflow;

/// <summary>A test with the real Metaflow; skipped where it cannot be imported.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class MetaflowFactAttribute : FactAttribute
{
    private static readonly Lazy<string?> _refusal = new(() =>
    {
        var start = new ProcessStartInfo("python3", ["-c", "import metaflow, requests"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PYTHONPATH"] = PluginTests.PythonPath;
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        process.WaitForExit();
        Task.WaitAll(output, error);
        return process.ExitCode == 0 ? null : "Python cannot import Metaflow. Install it, or name the directory of its source in FANFARE_METAFLOW.";
    });

    public MetaflowFactAttribute() => Skip = _refusal.Value;
}
