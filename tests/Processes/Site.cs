using System.Globalization;

namespace Fanfare.Processes;

/// <summary>A server and a worker of their own, in a home directory of their own.</summary>
public sealed class Site : IAsyncDisposable
{
    private readonly int[] _ports;
    private readonly List<FanfareProcess> _processes = [];

    private Site(string? data, int servers = 1)
    {
        Data = data ?? In("data");
        _ports = [.. Enumerable.Range(0, servers).Select(_ => Api.FreePort())];
        Api = new Api(_ports);
        Directory.CreateDirectory(In("secrets"));
    }

    public string Home { get; } = Directory.CreateTempSubdirectory("fanfare-e2e-").FullName;

    public string Data { get; }

    /// <summary>Of all servers, as commands take them.</summary>
    public string Url => string.Join(',', _ports.Select(port => $"http://127.0.0.1:{port}"));

    public Api Api { get; }

    public FanfareProcess Server { get; private set; } = null!;

    public FanfareProcess Worker { get; private set; } = null!;

    /// <summary>Makes a site with a server and a worker that runs.</summary>
    public static async Task<Site> StartAsync(int slots = 4, string? data = null)
    {
        var site = new Site(data);
        try
        {
            await site.StartServerAsync();
            site.StartWorker(slots);
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }

    /// <summary>Makes a site of several silos on one database, and a worker; each request goes to another silo.</summary>
    public static async Task<Site> OfSilosAsync(string database, int silos, int slots)
    {
        var site = new Site(null, silos);
        try
        {
            var started = site._ports.Select((port, i) => (Port: port, Process: site.Command(
                "silo", "--database", database, "--blobs", site.In("blobs"), "--data", site.In($"data-{i}"), "--port", $"{port}", "--silo", $"127.0.0.1:{Api.FreePort()}", "--no-worker"))).ToList();
            foreach (var (port, process) in started)
            {
                using var api = new Api(port);
                await api.ReadyAsync(process);
            }
            site.StartWorker(slots);
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }

    /// <summary>A site in which nothing runs yet.</summary>
    public static Site Empty(string? data = null) => new(data);

    /// <summary>A path in the site's home.</summary>
    public string In(string name) => Path.Combine(Home, name);

    /// <summary>Makes a file that a task waits for.</summary>
    public void Touch(string name) => File.WriteAllText(In(name), "");

    /// <summary>Starts a command of the program.</summary>
    public FanfareProcess Command(params string[] arguments)
    {
        var process = FanfareProcess.Start(Home, arguments);
        _processes.Add(process);
        return process;
    }

    public async Task StartServerAsync(bool withWorker = false, params string[] more)
    {
        Server = Serve(withWorker, more);
        await Api.ReadyAsync(Server);
    }

    /// <summary>Starts the server, which may end for what is wrong.</summary>
    public FanfareProcess Serve(bool withWorker = false, params string[] more) => Command(
        ["serve", "--data", Data, "--port", _ports[0].ToString(CultureInfo.InvariantCulture), .. withWorker ? (string[])[] : ["--no-worker"], .. more]);

    public void StartWorker(int slots = 4, params string[] more) => Worker = Command(
        ["worker", "--server", Url, "--slots", slots.ToString(CultureInfo.InvariantCulture), "--data", In("worker"), "--secrets", In("secrets"), .. more]);

    public async ValueTask DisposeAsync()
    {
        foreach (var process in Enumerable.Reverse(_processes)) process.Dispose();
        Api.Dispose();
        // The guard of a worker that was killed may still be ending processes that write here.
        await Eventually.TrueAsync(() => TryDelete(Home), $"The end of {Home}");
    }

    private static bool TryDelete(string directory)
    {
        try
        {
            Directory.Delete(directory, recursive: true);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
