using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Fanfare.Pools.Local;

/// <summary>Machines that are workers on this machine: processes that outlive whoever started them, and are found again.</summary>
/// <remarks>
/// A machine's process holds still until its id and start time are on the disk, and then notes itself that it goes, before it does anything. So whoever finds these files after a crash, at whatever point, knows of each machine of a launch whether it was started: if not, nothing of it
/// runs, and it can be. Machines are looked after when they are listed: what died is noticed then, and what was told to end and does not is killed. A directory is used by one provider at a time.
/// </remarks>
public sealed class LocalProvider : IInstanceProvider, IDisposable
{
    /// <summary>The one type of machine.</summary>
    public const string Type = "local";

    private const string Prefix = "fanfare:";

    /// <summary>How long the exit code of a process that is gone may take to be known here.</summary>
    private static readonly TimeSpan ExitPatience = TimeSpan.FromSeconds(2);

    private readonly string _cluster, _setsid;
    private readonly LocalOptions _options;
    private readonly TimeProvider _clock;
    private readonly ProcessTable _processes;
    private readonly Action<string> _step;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private Known? _known;

    /// <param name="cluster">Whose machines these are. 1 to 128 characters.</param>
    /// <exception cref="ArgumentException">The name or an option is out of its range; says what to set.</exception>
    /// <exception cref="PlatformNotSupportedException">Workers cannot be started here; says what is missing.</exception>
    public LocalProvider(string cluster, LocalOptions options, TimeProvider clock)
        : this(cluster, options, clock, new ProcessTable(), _ => { })
    {
    }

    /// <param name="step">Told of each step of a launch when it is done; where it throws, the launch ends as if its process had.</param>
    internal LocalProvider(string cluster, LocalOptions options, TimeProvider clock, ProcessTable processes, Action<string> step)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        if (string.IsNullOrEmpty(cluster) || cluster.Length > 128) throw new ArgumentException($"The cluster's name is '{cluster}'. Give it 1 to 128 characters.", nameof(cluster));
        (_cluster, _options, _clock, _processes, _step, _setsid) = (cluster, options with { Directory = Path.GetFullPath(options.Directory) }, clock, processes, step, HeldProcess.FindSetsid());
    }

    /// <summary>As the names of architectures are in requests.</summary>
    internal static string Architecture { get; } = RuntimeInformation.OSArchitecture switch { System.Runtime.InteropServices.Architecture.X64 => "x86_64", System.Runtime.InteropServices.Architecture.Arm64 => "arm64", var other => $"{other}" };

    /// <summary>Over when directories of former machines, whose time was over at the last list, are removed.</summary>
    internal Task Cleaning { get; private set; } = Task.CompletedTask;

    public LaunchPlan Plan(LaunchRequest wanted) => new(wanted, []);

    public Task<LaunchAnswer> LaunchAsync(LaunchRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.Check();
        Check(request);
        return InTurnAsync(known => Task.FromResult(Launch(known, request, LaunchToken.Of(request), cancellationToken)), cancellationToken);
    }

    public Task<IReadOnlyList<Instance>> ListAsync(CancellationToken cancellationToken) => InTurnAsync<IReadOnlyList<Instance>>(
        async known =>
        {
            foreach (var machine in known.Machines.Where(m => !m.IsOver)) await LookAsync(known, machine, cancellationToken).ConfigureAwait(false);
            var shown = known.Machines.Where(m => m.File.Cluster == _cluster && !IsPast(m)).Select(m => m.Shown).ToList();
            Clean(known);
            return shown;
        },
        cancellationToken);

    public Task TerminateAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(ids);
        return InTurnAsync(
            known =>
            {
                var left = new List<string>();
                foreach (var id in ids.Distinct(StringComparer.Ordinal))
                {
                    if (known.Find(id, _cluster) is not { File.GoneAt: null } machine || !IsLive(machine)) continue;
                    if (machine.File.ToldAt is null) Write(known, machine, machine.File with { ToldAt = _clock.GetUtcNow() });
                    _step("noted that it is to end");
                    if (!Tell(known, machine)) left.Add(id);
                }
                return left.Count == 0
                    ? Task.FromResult(true)
                    : throw new InstanceProviderException($"{left.Count} of {ids.Count} workers were not ended: {string.Join(", ", left)}. This user may not signal them. Run the server as the user who runs the workers.") { Reason = RefusalReason.NotAllowed };
            },
            cancellationToken);
    }

    public Task LabelAsync(IReadOnlyCollection<string> ids, IReadOnlyDictionary<string, string> labels, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(ids);
        ArgumentNullException.ThrowIfNull(labels);
        if (Fault(labels) is { } fault) throw new InstanceProviderException(fault);
        return InTurnAsync(
            known =>
            {
                var machines = ids.Distinct(StringComparer.Ordinal).Select(id => known.Find(id, _cluster) is { IsOver: false } machine ? machine
                    : throw new InstanceProviderException($"The worker {id} is gone and takes no labels. List the machines, and leave out those that have ended.")).ToList();
                foreach (var machine in machines)
                {
                    var all = new Dictionary<string, string>(machine.File.Labels, StringComparer.Ordinal);
                    foreach (var (name, value) in labels) all[name] = value;
                    Write(known, machine, machine.File with { Labels = all });
                }
                return Task.FromResult(true);
            },
            cancellationToken);
    }

    public Task<IReadOnlyList<MachineType>> MachinesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(types);
        // What the runtime takes the machine to have: it knows of affinity, and of the cgroup's quota and limit.
        IReadOnlyList<MachineType> known = types.Contains(Type)
            ? [new MachineType(Type, Environment.ProcessorCount, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 20, Architecture, null, 0, 0, IsSpot: false)]
            : [];
        return Task.FromResult(known);
    }

    public Task<IReadOnlyList<SpotPrice>> SpotPricesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<SpotPrice>>([]);

    /// <summary>The workers go on.</summary>
    public void Dispose() => _turn.Dispose();

    /// <summary>What this provider demands beyond what every provider does.</summary>
    private void Check(LaunchRequest request)
    {
        var fault = request switch
        {
            _ when request.Cluster != _cluster => $"It is of cluster '{request.Cluster}', and these are the machines of '{_cluster}'. Ask that cluster.",
            _ when !Names.IsValid(request.Pool) => $"Its pool's name is '{request.Pool}', and {Names.Rule}. Name the pool otherwise.",
            { Template: not "" } => $"It names the template '{request.Template}', and a local pool has none. Leave it out.",
            _ => Fault(request.Labels),
        };
        if (fault is not null) throw new InstanceProviderException($"Launch '{request.Id}' of pool '{request.Pool}' cannot be asked for. {fault}");
    }

    private static string? Fault(IReadOnlyDictionary<string, string> labels)
    {
        foreach (var name in labels.Keys)
        {
            if (name.Length is 0 or > 128) return $"The label '{name}' has {name.Length} characters in its name. Give it 1 to 128.";
            if (name.StartsWith(Prefix, StringComparison.Ordinal)) return $"The label '{name}' belongs to Fanfare. Name it otherwise.";
        }
        return null;
    }

    private LaunchAnswer Launch(Known known, LaunchRequest request, string token, CancellationToken cancellationToken)
    {
        var (wanted, refusals) = LocalShare.Of(request);
        var mayStart = _clock.GetUtcNow() - request.AskedAt <= _options.RepeatWithin;
        if (known.Launches.GetValueOrDefault(token) is not { } launch)
        {
            if (!mayStart) return new LaunchAnswer(token, [], refusals, IsSettled: true);
            launch = new LocalLaunch(token) { File = new LaunchFile(known.Prefix(request.Pool, token), request) };
            known.Files.Write(token, launch.File);
            known.Launches.Add(token, launch);
            _step("noted the launch");
        }
        else if (launch.File is null)
        {
            throw new InstanceProviderException($"Launch '{request.Id}' of pool '{request.Pool}' was asked for before, and {known.Files.LaunchPath(token)}, which says what was asked for, is damaged. Its machines are listed: end them if they are not wanted, and use a new id for what is wanted now.");
        }
        else if (LocalFiles.Text(launch.File.Request) != LocalFiles.Text(request))
        {
            throw new InstanceProviderException($"Launch '{request.Id}' of pool '{request.Pool}' was asked for before with another request. A launch that is repeated has to be as it was: look for what it made ({known.Files.Launch(token)}), and use a new id for what is wanted now.");
        }
        List<LaunchRefusal> refused = [.. refusals];
        for (var number = 0; mayStart && number < wanted.Count; number++)
        {
            if (launch.Machines.ContainsKey(number)) continue;
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                Start(known, launch, launch.File, number, request.Offerings[wanted[number]].Needs);
            }
            catch (Win32Exception e)
            {
                // Too many processes, or no memory for another: what there is, is all that can be had now.
                refused.Add(new LaunchRefusal(wanted[number], null, CapacityKind.OnDemand, RefusalReason.NoCapacity, "NotStarted", $"The system did not start a further process: {e.Message}"));
                break;
            }
        }
        return new LaunchAnswer(token, [.. launch.Machines.Values.Select(m => m.Shown)], refused, IsSettled: true);
    }

    private void Start(Known known, LocalLaunch launch, LaunchFile what, int number, MachineNeeds? needs)
    {
        var files = known.Files;
        var id = $"{what.Prefix}-{number}";
        var work = files.Work(launch.Token, number);
        Directory.CreateDirectory(work);
        _step("made its directory");
        var command = _options.Command(new LocalStart(id, what.Request.Pool, work, needs?.VCpus, needs?.MemoryMiB, needs?.Gpus, what.Request.Labels));
        using var held = HeldProcess.Start(_setsid, command, $"{files.Id}.{id}", files.Machine(launch.Token, number), files.Log(launch.Token, number), files.Went(launch.Token, number), _processes);
        _step("started it, held");
        var file = new InstanceFile
        {
            Id = id,
            Cluster = what.Request.Cluster,
            Pool = what.Request.Pool,
            Pid = held.Id,
            StartTime = held.StartTime,
            Boot = known.Boot,
            LaunchedAt = _clock.GetUtcNow(),
            Labels = what.Request.Labels,
        };
        files.Write(launch.Token, number, file);
        launch.Machines.Add(number, new LocalMachine(launch.Token, number, file) { Exited = held.Exited });
        _step("noted its process");
        held.Go();
        _step("let it go");
    }

    /// <summary>Looks whether a machine lives, ends one whose time is over, and clears up after one that is dead.</summary>
    private async Task LookAsync(Known known, LocalMachine machine, CancellationToken cancellationToken)
    {
        if (machine.File.GoneAt is null)
        {
            if (IsLive(machine))
            {
                if (machine.File.ToldAt is not { } told) return;
                // Whoever was to tell it may have died before.
                var isTold = Tell(known, machine);
                if (_clock.GetUtcNow() - told >= _options.KilledAfter) isTold = KillGroup(machine.File);
                if (!isTold) Say(machine, $"This user may not signal the worker {machine.File.Id} (process {machine.File.Pid}), so it does not end. Run the server as the user who runs the workers.");
                return;
            }
            var code = await CodeAsync(machine, cancellationToken).ConfigureAwait(false);
            // What its leader left in its own group.
            KillGroup(machine.File);
            Write(known, machine, machine.File with { GoneAt = _clock.GetUtcNow(), Ended = Words(code), IsSwept = code == 0 });
        }
        if (machine.IsOver) return;
        var work = known.Files.Work(machine.Token, machine.Number);
        try
        {
            if (Directory.Exists(work)) await _options.Sweep(work, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            // It stays listed as ending, so that nobody takes its tasks for ended, and is swept again at the next list.
            Say(machine, $"Cannot end what the worker {machine.File.Id} left running in {work}, and tries again: {e.Message}");
            return;
        }
        Write(known, machine, machine.File with { IsSwept = true });
    }

    private bool IsLive(LocalMachine machine) => machine.Exited is not { IsCompleted: true } && _known!.IsLive(machine.File);

    /// <summary>How a process ended that is gone; null where nobody says.</summary>
    private static async Task<int?> CodeAsync(LocalMachine machine, CancellationToken cancellationToken)
    {
        if (machine.Exited is not { } exited) return null;
        try
        {
            return await exited.WaitAsync(ExitPatience, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    private static string Words(int? code) => code switch
    {
        null => "its process is gone",
        > 128 and < 128 + 65 => $"killed by signal {code - 128}",
        _ => $"ended with exit code {code}",
    };

    /// <summary>Sends SIGTERM, once. False when it may not be signalled.</summary>
    private static bool Tell(Known known, LocalMachine machine)
    {
        if (machine.File.IsTold) return true;
        if (!ProcessTable.Signal(machine.File.Pid, ProcessTable.SigTerm)) return false;
        Write(known, machine, machine.File with { IsTold = true });
        return true;
    }

    /// <summary>Kills a machine's process with all that are in its group. An id is not given out again while a group of that name has members, so either there is no leader, or it is ours.</summary>
    private bool KillGroup(InstanceFile file) =>
        file.Boot != _known!.Boot || (_processes.Read(file.Pid) is { } leader && leader.StartTime != file.StartTime) || ProcessTable.Signal(-file.Pid, ProcessTable.SigKill);

    private bool IsPast(LocalMachine machine) => machine.IsOver && _clock.GetUtcNow() - machine.File.GoneAt > _options.ShownFor;

    /// <summary>Removes the directories of machines that are shown no more, and forgets launches that are repeated no more.</summary>
    private void Clean(Known known)
    {
        // It may take a while, and goes on while the next list is made. What is in the way of it is tried again after the next restart.
        if (!Cleaning.IsCompleted) return;
        var forgotten = known.Launches.Values.Where(l => l.Machines.Values.All(IsPast) && _clock.GetUtcNow() - (l.File?.Request.AskedAt ?? l.Machines.Values.Max(m => m.File.LaunchedAt)) > _options.RememberedFor).Select(l => l.Token).ToList();
        foreach (var token in forgotten) known.Launches.Remove(token);
        var past = known.Machines.Where(m => !m.IsCleaned && IsPast(m)).ToList();
        foreach (var machine in past) machine.IsCleaned = true;
        if (forgotten.Count + past.Count == 0) return;
        Cleaning = Task.Run(() =>
        {
            foreach (var token in forgotten) known.Files.Remove(token, _options.Log);
            foreach (var machine in past.Where(m => !forgotten.Contains(m.Token))) LocalFiles.Delete(known.Files.Machine(machine.Token, machine.Number), _options.Log);
        });
    }

    private void Say(LocalMachine machine, string words)
    {
        if (machine.Told == words) return;
        machine.Told = words;
        _options.Log(words);
    }

    private static void Write(Known known, LocalMachine machine, InstanceFile file)
    {
        known.Files.Write(machine.Token, machine.Number, file);
        machine.File = file;
    }

    /// <summary>One thing at a time, and the files as they are found by the first of them.</summary>
    private async Task<T> InTurnAsync<T>(Func<Known, Task<T>> work, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            _known ??= await Known.LoadAsync(_options, _clock, _processes, cancellationToken).ConfigureAwait(false);
            return await work(_known).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InstanceProviderException($"The state of local pools in {_options.Directory} cannot be read or written: {e.Message} See that there is space, and that this user may write there.", e) { Reason = RefusalReason.NoAnswer };
        }
        finally
        {
            _turn.Release();
        }
    }
}
