using System.Globalization;
using System.Reflection;
using Fanfare.Pools.Ec2;
using Fanfare.Pools.Local;
using Fanfare.Worker;

namespace Fanfare.Cli.Hosting;

/// <summary>Who makes machines for this server's pools. Each is opened when it is asked for the first time.</summary>
internal sealed class PoolProviders(LocalServerOptions options) : IDisposable
{
    private static readonly TimeSpan _leastLeave = TimeSpan.FromMinutes(10);

    private readonly TaskCompletionSource<Uri> _url = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Dictionary<PoolProvider, DeferredProvider> _providers = [];
    private readonly List<IDisposable> _opened = [];
    private readonly Lock _lock = new();

    /// <summary>The cluster's name, where none was given and it matters to this machine alone.</summary>
    public string Cluster => options.Cluster ?? "fanfare";

    /// <summary>The server answers there from now on, for workers on this machine.</summary>
    public void Open(Uri url) => _url.TrySetResult(url);

    /// <summary>Null of what this server does not make: machines of EC2 without a name by which others know theirs from its own, and machines of its own where another server may take over, which would not find them.</summary>
    public IInstanceProvider? Of(PoolProvider provider)
    {
        lock (_lock)
        {
            if (_providers.TryGetValue(provider, out var known)) return known;
            Func<CancellationToken, Task<IInstanceProvider>>? open = provider switch
            {
                PoolProvider.Local when options.Silo is null && options.Database is null => OpenLocalAsync,
                PoolProvider.Ec2 when options.Cluster is not null => OpenEc2Async,
                _ => null,
            };
            return open is null ? null : _providers[provider] = new DeferredProvider(open);
        }
    }

    // Its machines go on.
    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var opened in _opened) opened.Dispose();
        }
    }

    private async Task<IInstanceProvider> OpenLocalAsync(CancellationToken cancellationToken)
    {
        var url = await _url.Task.WaitAsync(cancellationToken);
        return Keep(new LocalProvider(
            Cluster,
            new LocalOptions
            {
                Directory = Path.Combine(options.DataDirectory, "pools"),
                Command = start => CommandOf(start, url),
                Sweep = (work, cancel) => WorkerAgent.SweepAsync(work, TimeProvider.System, cancel),
                Log = options.LogOf("Fanfare.Pools"),
            },
            TimeProvider.System));
    }

    private async Task<IInstanceProvider> OpenEc2Async(CancellationToken cancellationToken)
    {
        try
        {
            var ec2 = new Ec2Options();
            return new Ec2Provider(Keep(await Ec2Client.OpenAsync(ec2, TimeProvider.System, cancellationToken)), options.Cluster!, ec2, TimeProvider.System);
        }
        catch (ArgumentException unfit)
        {
            throw new InstanceProviderException(unfit.Message, unfit);
        }
    }

    private T Keep<T>(T opened)
        where T : IDisposable
    {
        lock (_lock) _opened.Add(opened);
        return opened;
    }

    // This program again. One whose server never comes back does not stay: its tasks are others' by then.
    private LocalCommand CommandOf(LocalStart start, Uri url)
    {
        var leave = options.LeaseTerm * 2 > _leastLeave ? options.LeaseTerm * 2 : _leastLeave;
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("The path of this program is not known.");
        List<string> arguments = [];
        if (Path.GetFileNameWithoutExtension(program) == "dotnet") arguments.Add(Assembly.GetEntryAssembly()!.Location);
        arguments.AddRange(["worker", "--server", url.ToString(), "--name", start.Id, "--data", start.WorkDirectory, "--spot", "off", "--leave-after", string.Create(CultureInfo.InvariantCulture, $"{(long)leave.TotalSeconds}s")]);
        if (start.Cores is { } cores) arguments.AddRange(["--slots", cores.ToString(CultureInfo.InvariantCulture)]);
        if (start.MemoryMiB is { } memory) arguments.AddRange(["--memory", string.Create(CultureInfo.InvariantCulture, $"{memory}MiB")]);
        if (start.Gpus is { } gpus) arguments.AddRange(["--gpus", gpus.ToString(CultureInfo.InvariantCulture)]);
        foreach (var queue in start.Labels.TryGetValue("queues", out var queues) ? queues.Split(',') : []) arguments.AddRange(["--queue", queue]);
        return new LocalCommand(program, arguments) { Environment = new Dictionary<string, string?> { ["FANFARE_TOKEN"] = options.Token, ["FANFARE_SERVER"] = null } };
    }

    /// <summary>A provider that is opened when it is asked for the first time, and again after that has failed.</summary>
    private sealed class DeferredProvider(Func<CancellationToken, Task<IInstanceProvider>> open) : IInstanceProvider
    {
        private readonly Lock _lock = new();
        private Task<IInstanceProvider>? _opening;

        // What is out of stock is known to one that has asked before.
        public LaunchPlan Plan(LaunchRequest wanted) => _opening is { IsCompletedSuccessfully: true, Result: var opened } ? opened.Plan(wanted) : new LaunchPlan(wanted, []);

        public async Task<LaunchAnswer> LaunchAsync(LaunchRequest request, CancellationToken cancellationToken)
        {
            IInstanceProvider provider;
            try
            {
                provider = await OpenedAsync(cancellationToken);
            }
            catch (InstanceProviderException failed) when (!failed.IsPassing)
            {
                // It says nothing of a launch that may have been made by one that could be opened.
                throw new InstanceProviderException(failed.Message, failed) { Reason = RefusalReason.NoAnswer };
            }
            return await provider.LaunchAsync(request, cancellationToken);
        }

        public async Task<IReadOnlyList<Instance>> ListAsync(CancellationToken cancellationToken) => await (await OpenedAsync(cancellationToken)).ListAsync(cancellationToken);

        public async Task TerminateAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken) => await (await OpenedAsync(cancellationToken)).TerminateAsync(ids, cancellationToken);

        public async Task LabelAsync(IReadOnlyCollection<string> ids, IReadOnlyDictionary<string, string> labels, CancellationToken cancellationToken) =>
            await (await OpenedAsync(cancellationToken)).LabelAsync(ids, labels, cancellationToken);

        public async Task<IReadOnlyList<MachineType>> MachinesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken) => await (await OpenedAsync(cancellationToken)).MachinesAsync(types, cancellationToken);

        public async Task<IReadOnlyList<SpotPrice>> SpotPricesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken) => await (await OpenedAsync(cancellationToken)).SpotPricesAsync(types, cancellationToken);

        private Task<IInstanceProvider> OpenedAsync(CancellationToken cancellationToken)
        {
            lock (_lock)
            {
                if (_opening is null or { IsFaulted: true } or { IsCanceled: true }) _opening = open(cancellationToken);
                return _opening;
            }
        }
    }
}
