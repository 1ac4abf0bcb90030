using System.Diagnostics.CodeAnalysis;
using Fanfare.Contracts;
using Fanfare.Contracts.Api;
using Fanfare.Worker.Gateways;
using Fanfare.Worker.Leases;
using Fanfare.Worker.Machine;
using Fanfare.Worker.Packages;
using Fanfare.Worker.Processes;
using Fanfare.Worker.Spot;
using Fanfare.Worker.Warm;

namespace Fanfare.Worker;

/// <summary>A worker: asks its gateways for leases, runs their tasks, and reports how they ended. One instance runs once.</summary>
[SuppressMessage("Reliability", "CA1001", Justification = "The source has no timer, and a late drain may still reach it.")]
public sealed class WorkerAgent
{
    private const string Told = "told to end with its last task";

    private readonly WorkerOptions _options;
    private readonly ITaskExecutor? _executor;
    private readonly TimeProvider _time;
    private readonly IWorkerLog _log;
    private readonly CancellationTokenSource _halt = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private LeaseTable? _table;
    private bool _draining;
    private bool _started;

    /// <summary>A worker that runs tasks as processes. Linux only.</summary>
    /// <param name="options">Checked here.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Takes the worker's own log.</param>
    /// <exception cref="ArgumentException">Names everything that is wrong in the options.</exception>
    public WorkerAgent(WorkerOptions options, TimeProvider time, IWorkerLog log)
        : this(options, null, time, log, ownExecutor: true)
    {
    }

    /// <summary>A worker with another way of running tasks, such as <see cref="NoOpExecutor"/>.</summary>
    public WorkerAgent(WorkerOptions options, ITaskExecutor executor, TimeProvider time, IWorkerLog log)
        : this(options, executor, time, log, ownExecutor: false) => ArgumentNullException.ThrowIfNull(executor);

    private WorkerAgent(WorkerOptions options, ITaskExecutor? executor, TimeProvider time, IWorkerLog log, bool ownExecutor)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(log);
        var errors = options.Validate();
        if (errors.Count > 0) throw new ArgumentException(string.Join(Environment.NewLine, errors), nameof(options));
        _options = options;
        _executor = ownExecutor ? null : executor;
        _time = time;
        _log = log;
    }

    /// <summary>Names this start of the worker; empty before it runs.</summary>
    public string Boot { get; private set; } = "";

    /// <summary>Ends what the tasks of a dead worker left running, and waits for a moment until it is gone. Nothing happens where there is no such directory.</summary>
    /// <param name="workDirectory">That worker's.</param>
    /// <returns>How many process groups there were.</returns>
    /// <exception cref="InvalidOperationException">A worker that lives uses the directory, or it cannot be written to.</exception>
    public static async Task<int> SweepAsync(string workDirectory, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(time);
        if (!Directory.Exists(workDirectory)) return 0;
        using var directory = WorkDirectory.Open(workDirectory, time.GetUtcNow());
        return await Leftovers.EndAsync(directory.Groups, directory.Id, time, cancellationToken);
    }

    /// <summary>Runs until <paramref name="stop"/>, until <see cref="DrainAsync"/> is through, until its machine is taken back (<see cref="WorkerOptions.Spot"/>), or until no gateway has answered for long (<see cref="WorkerOptions.LeaveAfter"/>). On stop all tasks are ended (SIGTERM, at most
    /// <see cref="WorkerOptions.StopGrace"/>, SIGKILL) and reported as lost if a gateway answers within about a second.
    /// When it returns, nothing of any task runs.</summary>
    /// <exception cref="InvalidOperationException">The work directory is in use or not writable, or the worker ran already.</exception>
    /// <exception cref="PlatformNotSupportedException">This machine cannot run tasks; says what is missing.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        lock (_lock)
        {
            if (_started) throw new InvalidOperationException("A worker runs once. Make another to run again.");
            _started = true;
        }
        try
        {
            using var both = CancellationTokenSource.CreateLinkedTokenSource(stop, _halt.Token);
            var setsid = _executor is null ? ProcessGroup.FindSetsid() : "";
            using var directory = WorkDirectory.Open(_options.WorkDirectory, _time.GetUtcNow());
            Boot = Guid.CreateVersion7(directory.StartedAt).ToString("N");
            var servers = new ServerList(_options.Servers, _options.Name, _time, _log);
            using var gateway = new GatewayClient(servers, _options.Token, _time);
            var (capacity, gpus) = await MachineCapacity.DetectAsync(_options, _log, _time);
            if (_executor is { } given)
            {
                await ServeAsync(given, gateway, capacity, gpus, both.Token);
                return;
            }
            var left = await Leftovers.EndAsync(directory.Groups, directory.Id, _time, CancellationToken.None);
            if (left > 0) _log.Write(LogSeverity.Warning, $"Ended {left} process groups that an earlier worker left running.");
            directory.Clean(_log);
            using var live = new LiveGroups(directory.Groups, $"{directory.Id}.{Boot}", setsid, _log);
            await using var strays = new Strays(live, _time);
            var packages = new PackageCache(directory.Packages, _options.PackageCacheBytes, gateway, _time, _log);
            var cgroups = Cgroups.Open(_options.CgroupDirectory, Boot);
            await using var warm = new WarmServers(directory.Tasks, _options.WarmServers, setsid, live, packages, _time, _log);
            var executor = new ProcessExecutor(_options, setsid, live, strays, cgroups, packages, warm, gateway, gpus.Count > 0, _time, _log);
            await ServeAsync(executor, gateway, capacity, gpus, both.Token);
        }
        finally
        {
            _ended.TrySetResult();
        }
    }

    /// <summary>Takes no more leases, lets the tasks that run come to their end, and then makes <see cref="RunAsync"/> return; after
    /// <paramref name="limit"/> it stops them as a stop does. Completes when the worker has ended.</summary>
    public async Task DrainAsync(TimeSpan limit)
    {
        lock (_lock)
        {
            _draining = true;
            _table?.Drain(Told);
            if (!_started) return;
        }
        try
        {
            await _ended.Task.WaitAsync(limit, _time);
        }
        catch (TimeoutException)
        {
            await _halt.CancelAsync();
            await _ended.Task;
        }
    }

    private async Task ServeAsync(ITaskExecutor executor, GatewayClient gateway, ResourceSpec capacity, IReadOnlyList<int> gpus, CancellationToken stop)
    {
        var options = _options with { Address = _options.Address ?? _options.Servers.Select(OwnAddress.Towards).FirstOrDefault(address => address is not null) };
        var table = new LeaseTable(options, Boot, capacity, gpus, _time, _log);
        lock (_lock)
        {
            _table = table;
            if (_draining) table.Drain(Told);
        }
        var crew = new Crew(table, executor, _time, _log);
        var polls = new PollLoop(table, gateway, _time, crew.Start);
        _log.Write(LogSeverity.Information, FormattableString.Invariant(
            $"Worker {_options.Name} offers {capacity.Cpu:0.##} cores, {capacity.MemoryBytes >> 20} MiB of memory and {capacity.Gpu} GPUs (boot {Boot[^8..]})."));
        using var spot = _options.Spot is { } looking ? new SpotWatch(looking, _options.Name, _options.StopGrace, table, _time, _log) : null;
        using var watch = new CancellationTokenSource();
        List<Task> watching = [WatchTermsAsync(table, watch.Token), gateway.KeepHomeAsync(watch.Token)];
        if (_options.LeaveAfter is { } longest) watching.Add(LeaveAsync(gateway.Servers, longest, watch.Token));
        try
        {
            // On a machine that is taken back already it takes nothing at all.
            if (spot is not null)
            {
                await spot.LookAsync(stop);
                watching.Add(spot.RunAsync(watch.Token));
            }
            await polls.RunAsync(stop);
            if (table.DrainReason is { } reason && !stop.IsCancellationRequested) _log.Write(LogSeverity.Information, $"Worker {_options.Name} has no more tasks, and ends: {reason}.");
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Told to end before it began.
        }
        finally
        {
            await watch.CancelAsync();
            await Task.WhenAll(watching).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            table.StopAll($"Worker {_options.Name} was stopped.");
            await crew.EndAsync(_options.StopGrace + TimeSpan.FromSeconds(1));
        }
        await polls.ReportOnceAsync(TimeSpan.FromSeconds(1));
    }

    /// <summary>Stops the worker when no server has answered for so long.</summary>
    private async Task LeaveAsync(ServerList servers, TimeSpan longest, CancellationToken cancellationToken)
    {
        while (servers.SilentFor is var silent && silent < longest) await Task.Delay(longest - silent + TimeSpan.FromMilliseconds(1), _time, cancellationToken);
        _log.Write(LogSeverity.Warning, FormattableString.Invariant($"Worker {_options.Name} ends: no server has answered for {longest:c} (hours, minutes, seconds), and its tasks end with it."));
        await _halt.CancelAsync();
    }

    private async Task WatchTermsAsync(LeaseTable table, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
            await Task.Delay(table.EndExpired(), _time, cancellationToken);
    }
}
