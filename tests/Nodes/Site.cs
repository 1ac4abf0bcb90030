using System.Collections.Concurrent;
using Fanfare.Contracts;
using Fanfare.Postgres;
using Fanfare.Storage;
using Fanfare.Storage.Blobs;

namespace Fanfare.Nodes;

/// <summary>A database, the nodes on it and workers that know them all.</summary>
internal sealed class Site(INetwork network, string database) : IAsyncDisposable
{
    public const string Ns = "default";

    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(3), _look = TimeSpan.FromMilliseconds(20);

    private readonly string _directory = Directory.CreateTempSubdirectory("fanfare-nodes-").FullName;
    private readonly ConcurrentDictionary<string, Member> _members = [];
    private readonly List<Worker> _workers = [];
    private readonly ConcurrentQueue<string> _warnings = [];
    private readonly ConcurrentQueue<string> _runs = [];
    private DirectoryBlobStore? _blobs;

    public INetwork Network => network;

    public string Database => database;

    public IBlobStore Blobs => _blobs ??= new DirectoryBlobStore(_directory);

    /// <summary>Whom notices are told to, by all nodes.</summary>
    public Receivers Receivers { get; } = new();

    /// <summary>Where machines of pools come from, for all nodes.</summary>
    public Cloud Cloud => field ??= new Cloud(this);

    public string Warnings => string.Join('\n', _warnings);

    public IReadOnlyCollection<Member> Members => [.. _members.Values];

    public IReadOnlyCollection<string> Runs => [.. _runs];

    public void Warn(string line) => _warnings.Enqueue(line);

    public async Task<Member> JoinAsync(string name)
    {
        var member = await Member.JoinAsync(this, name);
        _members[name] = member;
        member.Start();
        return member;
    }

    /// <summary>Waits until these own all shards among them, and each its share: they come in slices, and are even but for chance.</summary>
    public static Task SharedAsync(params Member[] members) =>
        UntilAsync(() => members.All(member => member.Owned.Count >= Shards.Count / members.Length * 3 / 4 && member.Live.Count == members.Length) && members.Sum(member => member.Owned.Count) == Shards.Count, "A share for each node");

    public async Task LeaveAsync(Member member)
    {
        await member.DisposeAsync();
        _members.TryRemove(member.Name, out _);
    }

    /// <param name="gateways">Names of members, in the order in which it tries them.</param>
    public Worker Work(string name, int slots, TimeSpan each, params string[] gateways) => Work(name, slots, each, queue: null, gateways);

    /// <param name="queue">The one that it serves; null for all.</param>
    public Worker Work(string name, int slots, TimeSpan each, string? queue, IReadOnlyList<string> gateways)
    {
        var worker = NewWorker(name, slots, each, queue, gateways);
        _workers.Add(worker);
        return worker;
    }

    /// <summary>One that somebody else ends.</summary>
    public Worker NewWorker(string name, int slots, TimeSpan each, string? queue, IReadOnlyList<string> gateways) =>
        new(name, slots, each, gateways, name => _members.TryGetValue(name, out var member) && !member.IsDown ? member.Scheduler.PollAsync : null, queue);

    /// <param name="at">Owner of the run; null for whichever.</param>
    public async Task<string> StartRunAsync(Member through, FlowSpec flow, Member? at = null)
    {
        await through.Scheduler.DeployAsync(new DeployFlow(Ns, "test", flow, "test", null), default);
        string run;
        do run = Core.RunIds.Of(Guid.NewGuid().ToByteArray());
        while (at is not null && through.OwnerOf(StreamId.Run(Ns, run)) != at.Address);
        _runs.Enqueue(run);
        await through.Scheduler.StartRunAsync(new StartRun(Ns, "test", flow.Name, null, "{}", [], 0, null, run), default);
        return run;
    }

    /// <summary>Runs that nobody here started, and which are part of the history.</summary>
    public void Knows(IEnumerable<string> runs)
    {
        foreach (var run in runs) _runs.Enqueue(run);
    }

    public async Task EndAsync(Member through, RunStatus status = RunStatus.Succeeded)
    {
        foreach (var run in _runs)
        {
            RunRow? row = null;
            for (var until = DateTime.UtcNow + _patience; row?.Status.IsTerminal() != true; await Task.Delay(_look))
            {
                row = await through.Store.ReadModel.GetRunAsync(Ns, run, default);
                if (DateTime.UtcNow >= until) Assert.Fail($"Run {run} is {row?.Status} after {_patience.TotalSeconds} s; its owner is {through.OwnerOf(StreamId.Run(Ns, run))}.\n{await StateAsync(through, run)}\n{Warnings}");
            }
            Assert.Equal(status, row!.Status);
        }
    }

    private static async Task<string> StateAsync(Member through, string run)
    {
        var steps = (await through.Store.ReadModel.ListStepsAsync(Ns, run, null, 100, default)).Items;
        var workers = await through.Scheduler.ListWorkersAsync(default);
        return string.Join('\n', steps.Select(step => $"{step.Key}: {step.Status}, {step.Running} run, {step.Backoff} wait, {step.Succeeded} of {step.Total} succeeded; its owner is {through.OwnerOf(StreamId.Step(Ns, run, step.Key))}").Concat(workers.Select(worker => $"{worker}")));
    }

    /// <summary>Stops all, and reads the whole history.</summary>
    public async Task CheckAsync(params FlowSpec[] flows)
    {
        foreach (var worker in _workers) await worker.DisposeAsync();
        _workers.Clear();
        foreach (var member in Members)
        {
            member.Wire.Mend();
            await LeaveAsync(member);
        }
        await Histories.CheckAsync(database, Ns, flows.Select(flow => flow.Name), [.. _runs]);
    }

    public static async Task UntilAsync(Func<bool> done, string what)
    {
        for (var until = DateTime.UtcNow + _patience; !done(); await Task.Delay(_look)) Assert.True(DateTime.UtcNow < until, $"{what} did not come within {_patience.TotalSeconds} s.");
    }

    /// <param name="state">Says how it stands when it does not come.</param>
    public static async Task UntilAsync(Func<Task<bool>> done, string what, Func<Task<string>>? state = null)
    {
        for (var until = DateTime.UtcNow + _patience; !await done(); await Task.Delay(_look))
        {
            if (DateTime.UtcNow >= until) Assert.Fail($"{what} did not come within {_patience.TotalSeconds} s.{(state is null ? "" : $"\n{await state()}")}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var worker in _workers) await worker.DisposeAsync();
        await Cloud.DisposeAsync();
        foreach (var member in Members)
        {
            member.Wire.Mend();
            await member.DisposeAsync();
        }
        await network.DisposeAsync();
        _blobs?.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
