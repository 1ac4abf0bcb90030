using Fanfare.Postgres;
using Fanfare.Processes;

namespace Fanfare.Cluster.Failing;

/// <summary>A PostgreSQL server and several silos on it, each a process, with links between all of them that can be cut.</summary>
internal sealed class SiloSite : IAsyncDisposable
{
    private readonly string _database;
    private readonly IReadOnlyList<string> _membership;
    private readonly IReadOnlyDictionary<string, string> _environment;

    private SiloSite(PrivatePostgres postgres, string database, int silos, IReadOnlyList<string> membership, IReadOnlyDictionary<string, string> environment, string programs)
    {
        (Postgres, _database, _membership, _environment) = (postgres, database, membership, environment);
        Silos = [.. Enumerable.Range(0, silos).Select(i => new SiloProcess(i, new Wire(database), programs))];
    }

    public PrivatePostgres Postgres { get; }

    public string Database => _database;

    public string Home { get; } = Directory.CreateTempSubdirectory("fanfare-silos-").FullName;

    public IReadOnlyList<SiloProcess> Silos { get; }

    /// <param name="membership">Further arguments of each silo.</param>
    /// <param name="programs">Directory of their release; null for this one's.</param>
    public static async Task<SiloSite> StartAsync(int silos = 3, IReadOnlyList<string>? membership = null, IReadOnlyDictionary<string, string>? environment = null, string? programs = null)
    {
        var postgres = await PrivatePostgres.StartAsync();
        var site = new SiloSite(postgres, await postgres.CreateDatabaseAsync(), silos, membership ?? [], environment ?? new Dictionary<string, string>(), programs ?? AppContext.BaseDirectory);
        try
        {
            foreach (var silo in site.Silos) site.Begin(silo);
            foreach (var silo in site.Silos) await silo.Api.ReadyAsync(silo.Process);
            await site.SharedAsync();
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }

    public async Task StartAsync(SiloProcess silo)
    {
        Begin(silo);
        await silo.Api.ReadyAsync(silo.Process);
    }

    /// <summary>Waits until all silos that run own all of the shards among them, each its share: they come in slices, and are even but for chance.</summary>
    public async Task SharedAsync(params SiloProcess[] without)
    {
        var silos = Silos.Except(without).ToList();
        await Eventually.TrueAsync(async () =>
        {
            foreach (var silo in silos)
            {
                var nodes = await silo.NodesAsync();
                if (nodes is null || nodes.Count != silos.Count || nodes.Any(node => node.Shards < Shards.Count / silos.Count * 3 / 4) || nodes.Sum(node => node.Shards) != Shards.Count) return false;
            }
            return true;
        }, "A share for each silo");
    }

    /// <summary>Cuts the network between one silo and all others, both ways; the database is reached still.</summary>
    public void Isolate(SiloProcess silo)
    {
        foreach (var other in Silos.Where(other => other != silo))
        {
            other.Link.Cut(silo.Process.Id);
            silo.Link.Cut(other.Process.Id);
        }
    }

    public void Reunite(SiloProcess silo)
    {
        foreach (var other in Silos.Where(other => other != silo))
        {
            other.Link.Mend(silo.Process.Id);
            silo.Link.Mend(other.Process.Id);
        }
    }

    /// <summary>What each silo says of a run that should go on, and the end of its history.</summary>
    public async Task<string> ExplainAsync(string run)
    {
        var said = new List<string> { run };
        foreach (var silo in Silos)
        {
            var steps = await silo.Api.AnswerAsync(HttpMethod.Get, $"/api/v1/runs/{run}/steps");
            var tasks = await silo.Api.AnswerAsync(HttpMethod.Get, $"/api/v1/runs/{run}/tasks?status=running");
            var history = await silo.Api.AnswerAsync(HttpMethod.Get, $"/api/v1/runs/{run}/history?limit=1000");
            said.Add($"silo {silo.Number}: {steps.Body}\n{tasks.Body}\n{(history.Body.Length > 3000 ? history.Body[^3000..] : history.Body)}\n{silo.Process.Output}");
        }
        return string.Join("\n\n", said);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var silo in Silos) await silo.DisposeAsync();
        await Postgres.DisposeAsync();
        Directory.Delete(Home, recursive: true);
    }

    private void Begin(SiloProcess silo) => silo.Process = FanfareProcess.Start(
        silo.Programs, Home, _environment, [
            "silo", "--database", silo.Wire.Database, "--blobs", Path.Combine(Home, "blobs"), "--data", Path.Combine(Home, $"data-{silo.Number}"), "--port", $"{silo.Port}", "--no-worker",
            "--silo", $"127.0.0.1:{silo.Link.Port}", "--silo-listen", $"127.0.0.1:{silo.SiloPort}", .. _membership,
        ]);
}

/// <summary>A silo as a process.</summary>
internal sealed class SiloProcess : IAsyncDisposable
{
    public SiloProcess(int number, Wire wire, string programs)
    {
        (Number, Wire, Programs, Port, SiloPort) = (number, wire, programs, Api.FreePort(), Api.FreePort());
        (Api, Link) = (new Api(Port), new SiloLink(SiloPort));
    }

    public int Number { get; }

    /// <summary>Directory of the release that it runs when it is started next.</summary>
    public string Programs { get; set; }

    /// <summary>To the database.</summary>
    public Wire Wire { get; }

    /// <summary>From the other silos.</summary>
    public SiloLink Link { get; }

    public int Port { get; }

    public int SiloPort { get; }

    public string Url => $"http://127.0.0.1:{Port}";

    public Api Api { get; }

    public FanfareProcess Process { get; set; } = null!;

    /// <summary>What it says of all silos; null while it cannot.</summary>
    public async Task<IReadOnlyList<NodeInfo>?> NodesAsync()
    {
        try
        {
            return await Api.NodesAsync();
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        Process?.Dispose();
        Api.Dispose();
        await Link.DisposeAsync();
        await Wire.DisposeAsync();
    }
}
