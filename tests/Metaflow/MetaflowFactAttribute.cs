using System.Diagnostics;

namespace Fanfare.Metaflow;

/// <summary>A test with the real Metaflow; skipped where it cannot be imported.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class MetaflowFactAttribute : FactAttribute
{
    private static readonly Lazy<string?> _refusal = new(() => WhyNot("metaflow, requests"));

    public MetaflowFactAttribute() => Skip = Refusal;

    internal static string? Refusal => _refusal.Value;

    /// <summary>Why Python cannot import these modules; null when it can.</summary>
    internal static string? WhyNot(string modules)
    {
        var start = new ProcessStartInfo("python3", ["-c", $"import {modules}"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PYTHONPATH"] = PluginTests.PythonPath;
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        process.WaitForExit();
        Task.WaitAll(output, error);
        return process.ExitCode == 0 ? null : $"Python cannot import {modules}. Install it; FANFARE_METAFLOW may name the directory of Metaflow's source.";
    }
}

/// <summary>A test with the real Metaflow and an S3 server; skipped where one of them is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class MetaflowOnS3FactAttribute : FactAttribute
{
    private static readonly Lazy<string?> _boto3 = new(() => MetaflowFactAttribute.WhyNot("boto3"));

    public MetaflowOnS3FactAttribute() => Skip = MetaflowFactAttribute.Refusal ?? _boto3.Value ?? S3Server.Refusal;
}

/// <summary>A test that runs Metaflow's own suites, for half an hour or more; skipped without FANFARE_LONG, where something is missing, and where FANFARE_METAFLOW names no checkout that has them.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class MetaflowSuiteFactAttribute : FactAttribute
{
    private static readonly Lazy<string?> _pytest = new(() => MetaflowFactAttribute.WhyNot("pytest, pytest_timeout, xdist, omegaconf"));

    public MetaflowSuiteFactAttribute() => Skip = !IsLong ? "It takes half an hour. Run it with --long." : MetaflowFactAttribute.Refusal ?? _pytest.Value ?? NoSuite;

    /// <summary>The checkout of Metaflow.</summary>
    internal static string Source => Environment.GetEnvironmentVariable("FANFARE_METAFLOW") ?? "";

    private static bool IsLong => Environment.GetEnvironmentVariable("FANFARE_LONG") is { Length: > 0 };

    private static string? NoSuite => Directory.Exists(Path.Combine(Source, "test", "core")) ? null : "FANFARE_METAFLOW names no checkout of Metaflow that has its tests.";
}
