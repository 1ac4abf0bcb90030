using System.Globalization;
using System.Reflection;
using Fanfare.Chaos.Faults;

namespace Fanfare.Chaos.Sites;

/// <summary>A server on a store, three workers and a client, each on a link of its own, in a home directory of their own.</summary>
internal sealed class ChaosSite : IAsyncDisposable
{
    /// <summary>Short, so that a fault of half a minute outlasts it.</summary>
    public static readonly TimeSpan LeaseTerm = TimeSpan.FromSeconds(10);

    private readonly int _port = Api.FreePort(), _standbyPort = Api.FreePort();
    private readonly List<(Supervised Worker, FaultyLink Link)> _workers = [];

    public ChaosSite(Func<string, ChaosStore> store)
    {
        Directory.CreateDirectory(In("locks"));
        using (var script = Assembly.GetExecutingAssembly().GetManifestResourceStream("task.sh")!)
        using (var file = File.Create(Script))
            script.CopyTo(file);
        Store = store(In("data"));
        Clock = FaultyClock.In(Home);
        ClientLink = new FaultyLink(_port);
        Server = new Supervised("server", () => Serve(_port), () => Store.MayRefuse);
        if (Store.Servers > 1) Standby = new Supervised("standby", () => Serve(_standbyPort), () => Store.MayRefuse);
        foreach (var name in (string[])["w1", "w2", "w3"])
        {
            var link = new FaultyLink(_port);
            _workers.Add((new Supervised(name, () => Work(name, link), () => false), link));
        }
    }

    public string Home { get; } = Directory.CreateTempSubdirectory("fanfare-chaos-").FullName;

    public string Script => In("task.sh");

    public string Effects => In("effects");

    public ChaosStore Store { get; }

    /// <summary>Null where the server's clock cannot be moved.</summary>
    public FaultyClock? Clock { get; }

    public Supervised Server { get; }

    /// <summary>A second server on the same store, where that can be shared.</summary>
    public Supervised? Standby { get; }

    public IReadOnlyList<(Supervised Worker, FaultyLink Link)> Workers => _workers;

    public FaultyLink ClientLink { get; }

    /// <summary>The server itself, past all links.</summary>
    public int ServerPort => _port;

    public IEnumerable<string> Complaints => Server.Complaints.Concat(Standby?.Complaints ?? []).Concat(_workers.SelectMany(w => w.Worker.Complaints));

    public string In(string name) => Path.Combine(Home, name);

    public void Start()
    {
        Server.Start();
        Standby?.Start();
        foreach (var (worker, _) in _workers) worker.Start();
    }

    /// <summary>Keeps what the store holds and what the processes printed, for whoever looks into a violation.</summary>
    public void Keep()
    {
        Store.Keep(In("kept"));
        foreach (var process in _workers.Select(w => w.Worker).Append(Server).Concat(Standby is null ? [] : [Standby])) File.WriteAllText(In(process.Name + ".log"), process.Output);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (worker, link) in _workers)
        {
            await worker.DisposeAsync();
            await link.DisposeAsync();
        }
        await Server.DisposeAsync();
        if (Standby is not null) await Standby.DisposeAsync();
        await ClientLink.DisposeAsync();
        await Store.DisposeAsync();
    }

    private FanfareProcess Serve(int port) => FanfareProcess.Start(
        Home, new Dictionary<string, string>(Clock is null ? Store.Environment : Store.Environment.Concat(Clock.Environment)),
        ["serve", "--no-worker", "--port", Text(port), "--lease-term", Text((int)LeaseTerm.TotalSeconds), .. Store.ServeOptions]);

    private FanfareProcess Work(string name, FaultyLink link) => FanfareProcess.Start(
        Home, "worker", "--name", name, "--server", $"http://127.0.0.1:{Text(link.Port)}{(Standby is null ? "" : $",http://127.0.0.1:{Text(_standbyPort)}")}", "--slots", "2", "--data", In(name));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
