using System.Globalization;

namespace Fanfare.EndToEnd.Standby;

/// <summary>A PostgreSQL server, several servers on it, and a worker that knows them all. The servers share a directory, or blobs in S3 and no directory.</summary>
internal sealed class StandbySite : IAsyncDisposable
{
    /// <summary>Each test of these has servers, a database and a worker: at once they would be in each other's way.</summary>
    public const string OneAfterAnother = "Standby";

    private readonly PrivatePostgres _postgres;
    private readonly string _database;
    private readonly IReadOnlyDictionary<string, string> _blobs;
    private readonly List<FanfareProcess> _processes = [];
    private readonly Member[] _members;

    private StandbySite(PrivatePostgres postgres, string database, int servers, bool wired, IReadOnlyDictionary<string, string>? blobs)
    {
        (_postgres, _database, _blobs) = (postgres, database, blobs ?? new Dictionary<string, string>());
        _members = [.. Enumerable.Range(0, servers).Select(_ => new Member(Api.FreePort(), wired ? new Wire(database) : null))];
    }

    /// <summary>Addresses of all servers, as commands and workers take them.</summary>
    public string Urls => string.Join(',', _members.Select(m => m.Url));

    public string Home { get; } = Directory.CreateTempSubdirectory("fanfare-standby-").FullName;

    public PrivatePostgres Postgres => _postgres;

    public string Database => _database;

    public IReadOnlyList<Member> Members => _members;

    public FanfareProcess Worker { get; private set; } = null!;

    /// <param name="wired">Whether each server reaches the database by a wire of its own.</param>
    /// <param name="blobs">Variables that name a place for blobs which is not a directory.</param>
    public static async Task<StandbySite> StartAsync(int servers = 2, int slots = 4, bool wired = false, IReadOnlyDictionary<string, string>? blobs = null)
    {
        var postgres = await PrivatePostgres.StartAsync();
        var site = new StandbySite(postgres, await postgres.CreateDatabaseAsync(), servers, wired, blobs);
        try
        {
            foreach (var member in site._members) await site.StartAsync(member);
            site.StartWorker(slots);
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }

    public string In(string name) => Path.Combine(Home, name);

    /// <summary>The data directory of a server.</summary>
    public string DataOf(Member member) => In(_blobs.Count == 0 ? "data" : FormattableString.Invariant($"data-{member.Port}"));

    /// <summary>Starts a server, and returns when it answers.</summary>
    /// <param name="database">Another than the site's.</param>
    public async Task StartAsync(Member member, string? database = null)
    {
        member.Process = Keep(FanfareProcess.Start(
            Home, _blobs, "serve", "--data", DataOf(member), "--port", member.Port.ToString(CultureInfo.InvariantCulture), "--no-worker", "--database", database ?? member.Wire?.Database ?? _database));
        await member.Api.ReadyAsync(member.Process);
    }

    public FanfareProcess Command(params string[] arguments) => Keep(FanfareProcess.Start(Home, arguments));

    /// <summary>The server that said last that it leads, of those that live.</summary>
    public Task<Member> LeaderAsync(Member? butNot = null) => Eventually.GetAsync(
        () => Task.FromResult(_members.FirstOrDefault(m => m != butNot && !m.Process.HasExited && m.Leads)), "A server that leads");

    public Member Other(Member leader) => _members.First(m => m != leader && !m.Process.HasExited);

    public async ValueTask DisposeAsync()
    {
        foreach (var process in Enumerable.Reverse(_processes)) process.Dispose();
        foreach (var member in _members)
        {
            member.Api.Dispose();
            if (member.Wire is not null) await member.Wire.DisposeAsync();
        }
        await _postgres.DisposeAsync();
        Directory.Delete(Home, recursive: true);
    }

    private void StartWorker(int slots) => Worker = Command(
        "worker", "--server", Urls, "--slots", slots.ToString(CultureInfo.InvariantCulture), "--data", In("worker"));

    private FanfareProcess Keep(FanfareProcess process)
    {
        _processes.Add(process);
        return process;
    }

    internal sealed class Member(int port, Wire? wire)
    {
        /// <summary>To the database; null where it is reached without one.</summary>
        public Wire? Wire => wire;

        public int Port => port;

        public string Url => $"http://127.0.0.1:{Port}";

        public Api Api { get; } = new(port);

        public FanfareProcess Process { get; set; } = null!;

        public bool Leads => Process.Output.LastIndexOf("This server leads.", StringComparison.Ordinal) > Process.Output.LastIndexOf("this one stands by", StringComparison.Ordinal);
    }
}
