using System.Globalization;

namespace Fanfare.Processes;

/// <summary>A server and a worker of their own, in a home directory of their own.</summary>
public sealed class Site : IAsyncDisposable
{
    private readonly int _port = Api.FreePort();
    private readonly List<FanfareProcess> _processes = [];

    private Site(string? data)
    {
        Data = data ?? In("data");
        Api = new Api(_port);
        Directory.CreateDirectory(In("secrets"));
    }

    public string Home { get; } = Directory.CreateTempSubdirectory("fanfare-e2e-").FullName;

    public string Data { get; }

    public string Url => $"http://127.0.0.1:{_port}";

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
        ["serve", "--data", Data, "--port", _port.ToString(CultureInfo.InvariantCulture), .. withWorker ? (string[])[] : ["--no-worker"], .. more]);

    public void StartWorker(int slots = 4) => Worker = Command(
        "worker", "--server", Url, "--slots", slots.ToString(CultureInfo.InvariantCulture), "--data", In("worker"), "--secrets", In("secrets"));

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
