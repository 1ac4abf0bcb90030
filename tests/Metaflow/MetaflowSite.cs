using System.Diagnostics;
using System.Text.Json;

namespace Fanfare.Metaflow;

/// <summary>A server with a worker, and flows that are deployed to it from the command line, with everything of Metaflow's in a directory of their own.</summary>
internal sealed class MetaflowSite : IAsyncDisposable
{
    private readonly Site _site;

    private readonly Dictionary<string, string> _environment = [];

    private MetaflowSite(Site site) => _site = site;

    public Api Api => _site.Api;

    public FanfareProcess Server => _site.Server;

    public FanfareProcess Worker => _site.Worker;

    /// <summary>Who calls; each has a home of their own, where production tokens are kept.</summary>
    public string User { get; set; } = "tester";

    public void StartWorker() => _site.StartWorker(slots: 2);

    public Task StartServerAsync() => _site.StartServerAsync();

    public static async Task<MetaflowSite> StartAsync(int slots = 2) => new(await Site.StartAsync(slots));

    /// <summary>Artifacts in S3, metadata with the server: nothing is shared but these.</summary>
    public static async Task<MetaflowSite> OnS3Async(S3Server s3)
    {
        var inner = Site.Empty();
        var site = new MetaflowSite(inner);
        await inner.StartServerAsync();
        inner.StartWorker(2, [.. S3Server.Credentials.Keys.SelectMany(name => (string[])["--pass-env", name])]);
        site._environment["METAFLOW_DEFAULT_DATASTORE"] = "s3";
        site._environment["METAFLOW_DATASTORE_SYSROOT_S3"] = $"s3://{S3Server.Bucket}/{s3.NewPrefix()}";
        site._environment["METAFLOW_S3_ENDPOINT_URL"] = s3.Endpoint.ToString().TrimEnd('/');
        site._environment["METAFLOW_DEFAULT_METADATA"] = "service";
        site._environment["METAFLOW_SERVICE_URL"] = $"{inner.Url}/metaflow";
        return site;
    }

    /// <summary>A path in the site's directory.</summary>
    public string In(string name) => _site.In(name);

    /// <summary>Runs a flow's command, such as <c>fanfare create</c>; returns its exit code and all that it said.</summary>
    public Task<(int Code, string Said)> FlowAsync(string flow, params string[] command) => PythonAsync([$"{flow}.py", "--no-pylint", .. command]);

    /// <summary>As <see cref="FlowAsync"/>, of a command that is to succeed.</summary>
    public async Task<string> DoneAsync(string flow, params string[] command)
    {
        var (code, said) = await FlowAsync(flow, command);
        Assert.True(code == 0, said);
        return said;
    }

    /// <summary>Starts a run of a deployed flow; returns its id.</summary>
    public Task<string> TriggerAsync(string flow, params string[] parameters) => StartedAsync(flow, "trigger", parameters);

    /// <summary>Starts a run that resumes another; returns its id.</summary>
    public Task<string> ResumeAsync(string flow, string origin, params string[] arguments) => StartedAsync(flow, "resume", ["--origin-run-id", origin, .. arguments]);

    /// <summary>What Metaflow's client sees of a run.</summary>
    public async Task<JsonElement> ReadAsync(string pathspec, params string[] artifacts)
    {
        var (code, said) = await PythonAsync(["read.py", pathspec, .. artifacts]);
        Assert.True(code == 0, said);
        return JsonDocument.Parse(said).RootElement.Clone();
    }

    /// <summary>What Metaflow's client sees of each task of a run, by <c>step/id</c>.</summary>
    public async Task<IReadOnlyDictionary<string, JsonElement>> ReadTasksAsync(string pathspec, params string[] artifacts)
    {
        var (code, said) = await PythonAsync(["read_tasks.py", pathspec, .. artifacts]);
        Assert.True(code == 0, said);
        return JsonDocument.Parse(said).RootElement.Clone().EnumerateObject().ToDictionary(task => task.Name, task => task.Value);
    }

    /// <summary>Starts a flow's command, and leaves it running; what it says is dropped.</summary>
    public Process StartFlow(string flow, params string[] command)
    {
        var process = Process.Start(Python([$"{flow}.py", "--no-pylint", .. command]))!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    /// <summary>Runs one of the scripts; of those that read, returns only what they print.</summary>
    public async Task<(int Code, string Said)> PythonAsync(IReadOnlyList<string> arguments)
    {
        using var process = Process.Start(Python(arguments))!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        // What Metaflow says to its user goes to standard error.
        return (process.ExitCode, process.ExitCode == 0 && arguments[0].StartsWith("read", StringComparison.Ordinal) ? await output : await output + await error);
    }

    private ProcessStartInfo Python(IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo("python3", arguments) { WorkingDirectory = Path.Combine(AppContext.BaseDirectory, "Flows"), RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("METAFLOW", StringComparison.Ordinal)).ToList()) start.Environment.Remove(name);
        start.Environment["PYTHONPATH"] = PluginTests.PythonPath;
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        start.Environment["METAFLOW_FANFARE_URL"] = _site.Url;
        start.Environment["METAFLOW_HOME"] = In($"home-{User}");
        start.Environment["METAFLOW_USER"] = User;
        start.Environment["METAFLOW_DATASTORE_SYSROOT_LOCAL"] = In("store");
        foreach (var (name, value) in _environment) start.Environment[name] = value;
        return start;
    }

    public ValueTask DisposeAsync() => _site.DisposeAsync();

    private async Task<string> StartedAsync(string flow, string verb, IReadOnlyList<string> arguments)
    {
        var file = In($"run-{Guid.NewGuid():N}");
        await DoneAsync(flow, ["fanfare", verb, "--run-id-file", file, .. arguments]);
        return await File.ReadAllTextAsync(file);
    }
}
