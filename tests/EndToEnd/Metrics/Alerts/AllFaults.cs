namespace Fanfare.EndToEnd.Metrics.Alerts;

/// <summary>Plays all faults at once, since most of each is waiting; their tests wait for one each.</summary>
public sealed class AllFaults : IAsyncLifetime
{
    private readonly Site _shared = Site.Empty();
    private readonly Dictionary<Type, Task> _plays = [];
    private RunningPrometheus? _prometheus;

    internal static IReadOnlyList<Type> Kinds { get; } = [.. typeof(AlertFault).Assembly.GetTypes().Where(type => !type.IsAbstract && type.IsSubclassOf(typeof(AlertFault)))];

    public async Task InitializeAsync()
    {
        if (Prometheus.Refusal is not null) return;
        await _shared.StartServerAsync(false, "--lease-term", "10");
        // The queue of whoever names none; others have workers of their own.
        _shared.StartWorker(4, "--queue", "default");
        _prometheus = Watching([_shared.Url]);
        foreach (var kind in Kinds)
        {
            var fault = (AlertFault)Activator.CreateInstance(kind)!;
            if (fault.Refusal is null) _plays[kind] = Task.Run(() => PlayAsync(fault));
        }
    }

    public async Task DisposeAsync()
    {
        // Whatever came of them: that is for their tests to say.
        await Task.WhenAny(Task.WhenAll(_plays.Values));
        _prometheus?.Dispose();
        await _shared.DisposeAsync();
    }

    internal Task EndOf<T>()
        where T : AlertFault => _plays[typeof(T)];

    private async Task PlayAsync(AlertFault fault)
    {
        await using var _ = fault;
        var servers = await fault.StartAsync(_shared);
        using var own = fault.IsShared ? null : Watching(servers);
        var prometheus = own ?? _prometheus!;
        await prometheus.ValueAsync("min(fanfare_server_ready)", value => value == 1);
        foreach (var alert in fault.Alerts) await prometheus.NotFiringAsync(alert, fault.Label);

        await fault.BreakAsync(prometheus);
        await Task.WhenAll(fault.Alerts.Select(alert => prometheus.FiringAsync(alert, fault.Label)));

        await fault.MendAsync();
        foreach (var alert in fault.Alerts) await prometheus.NotFiringAsync(alert, fault.Label);
    }

    private static RunningPrometheus Watching(IEnumerable<string> servers) => new([.. servers.Select(server => new Uri(server).Authority)], ScaledRules.Text());
}

/// <summary>The test of a fault; skipped by name where it cannot be brought about.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class FaultAttribute<T> : FactAttribute, IFaultTest
    where T : AlertFault, new()
{
    public FaultAttribute()
    {
        Skip = Prometheus.Refusal ?? new T().Refusal;
    }

    public Type Fault => typeof(T);
}

internal interface IFaultTest
{
    Type Fault { get; }
}
