using System.Collections.Concurrent;
using System.Diagnostics;
using Fanfare.Pools.Local;

namespace Fanfare.Pools.Tests.Local;

/// <summary>Local pools in a directory of their own, whose workers are shell scripts that note that they started.</summary>
internal sealed class LocalStage : IAsyncDisposable
{
    public const string Cluster = "c1";

    /// <summary>Ends in order when it is told to, and has a child in its group.</summary>
    public const string Obedient = """
        trap 'exit 0' TERM
        while :; do sleep 1000 & wait $!; done
        """;

    private static readonly DateTimeOffset AskedAt = DateTimeOffset.UtcNow;

    private readonly List<LocalProvider> _providers = [];

    public LocalStage(string script = Obedient, Func<LocalOptions, LocalOptions>? change = null)
    {
        Options = OptionsOf(Root, script) with { Log = Log.Enqueue, Sweep = SweepAsync };
        if (change is not null) Options = change(Options);
        Provider = NewProvider();
    }

    public string Root { get; } = Directory.CreateTempSubdirectory("fanfare-pools-").FullName;

    public MovedClock Clock { get; } = new();

    public LocalOptions Options { get; }

    public LocalProvider Provider { get; private set; }

    public ConcurrentQueue<string> Log { get; } = [];

    /// <summary>Work directories that were swept, in the order of that.</summary>
    public ConcurrentQueue<string> Swept { get; } = [];

    /// <summary>What the next sweeps fail with.</summary>
    public ConcurrentQueue<Exception> SweepFaults { get; } = [];

    /// <summary>Ids of the workers that began, in the order of that.</summary>
    public IReadOnlyList<string> Started => StartedIn(Root);

    public static IReadOnlyList<string> StartedIn(string root) => File.Exists(Path.Combine(root, "started")) ? File.ReadAllLines(Path.Combine(root, "started")) : [];

    public static LocalOptions OptionsOf(string root, string script = Obedient) => new()
    {
        Directory = Path.Combine(root, "pools"),
        Command = start => new LocalCommand("/bin/sh", ["-c", $"echo \"$1\" >>\"$2\"\n{script}", "worker", start.Id, Path.Combine(root, "started")]) { Environment = new Dictionary<string, string?> { ["ROOT"] = root } },
        Sweep = (_, _) => Task.CompletedTask,
    };

    public static LaunchRequest RequestOf(string id, int count, params Offering[] offerings) => new()
    {
        Cluster = Cluster,
        Pool = "cpu",
        Id = id,
        AskedAt = AskedAt,
        Count = count,
        Offerings = offerings.Length > 0 ? offerings : [new Offering(CapacityKind.OnDemand) { Choices = [new MachineChoice(LocalProvider.Type)] }],
        Labels = new Dictionary<string, string> { ["queues"] = "cpu,gpu" },
    };

    public LaunchRequest Request(int count = 1, string id = "l-1") => RequestOf(id, count) with { AskedAt = Clock.Start };

    /// <summary>A provider that knows nothing but what is on the disk.</summary>
    public LocalProvider NewProvider(Action<string>? step = null, ProcessTable? processes = null)
    {
        var provider = new LocalProvider(Cluster, Options, Clock, processes ?? new ProcessTable(), step ?? (_ => { }));
        _providers.Add(provider);
        return provider;
    }

    public LocalProvider Restart(ProcessTable? processes = null)
    {
        Provider.Dispose();
        return Provider = NewProvider(processes: processes);
    }

    public async Task<Instance> LaunchOneAsync(string id = "l-1")
    {
        var answer = await Provider.LaunchAsync(Request(id: id), CancellationToken.None);
        await UntilAsync(() => Started.Contains(answer.Instances[0].Id), "the worker has begun");
        return answer.Instances[0];
    }

    /// <summary>The files of what <see cref="LaunchOneAsync"/> made.</summary>
    public string Of(Instance instance, string name) => Path.Combine(Options.Directory, "launches", instance.Launch, name);

    public static int Pid(string file)
    {
        using var json = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(file));
        return json.RootElement.GetProperty("pid").GetInt32();
    }

    public int PidOf(Instance instance) => Pid(Of(instance, "0.json"));

    public async Task<Instance> ListedAsync(Instance instance) => (await Provider.ListAsync(CancellationToken.None)).Single(i => i.Id == instance.Id);

    /// <summary>Lists until a machine is as wanted.</summary>
    public async Task<Instance> UntilAsync(Instance instance, Func<Instance, bool> isSo)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var listed = await ListedAsync(instance);
            if (isSo(listed)) return listed;
            if (clock.Elapsed.TotalSeconds > 30) throw new TimeoutException($"The machine is still {listed}.");
            await Task.Delay(5);
        }
    }

    public static async Task UntilAsync(Func<bool> isSo, string what)
    {
        var clock = Stopwatch.StartNew();
        while (!isSo())
        {
            if (clock.Elapsed.TotalSeconds > 30) throw new TimeoutException($"It did not come about that {what}.");
            await Task.Delay(5);
        }
    }

    /// <summary>Kills whatever carries the mark of the directory.</summary>
    public static void KillAll(string directory)
    {
        var id = Path.Combine(directory, "id");
        if (!File.Exists(id)) return;
        foreach (var process in new ProcessTable().Marked(File.ReadAllText(id))) ProcessTable.Signal(-process.Pid, ProcessTable.SigKill);
    }

    public async ValueTask DisposeAsync()
    {
        await Provider.Cleaning;
        foreach (var provider in _providers) provider.Dispose();
        KillAll(Options.Directory);
        // A worker that was just let go may still be about to note that it started.
        for (var left = 100; Directory.Exists(Root) && left > 0; left--)
        {
            try
            {
                Directory.Delete(Root, recursive: true);
            }
            catch (IOException) when (left > 1)
            {
                await Task.Delay(10);
            }
        }
    }

    private Task SweepAsync(string work, CancellationToken cancellationToken)
    {
        Swept.Enqueue(work);
        return SweepFaults.TryDequeue(out var fault) ? Task.FromException(fault) : Task.CompletedTask;
    }
}

/// <summary>A clock that stands, but for when it is moved.</summary>
internal sealed class MovedClock : TimeProvider
{
    private DateTimeOffset _now = DateTimeOffset.UtcNow;

    public MovedClock() => Start = _now;

    public DateTimeOffset Start { get; }

    public override DateTimeOffset GetUtcNow() => _now;

    public void Advance(TimeSpan by) => _now += by;
}
