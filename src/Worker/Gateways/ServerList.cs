using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Fanfare.Contracts.Api;

namespace Fanfare.Worker.Gateways;

/// <summary>The gateways that a worker knows, and which of them to ask now. Safe to call from any thread.</summary>
internal sealed class ServerList
{
    private readonly Lock _lock = new();
    private readonly Server[] _servers;
    private readonly TimeProvider _time;
    private readonly IWorkerLog _log;
    private readonly int _home;
    private int _current;
    private long _heardAt;
    private bool _connected, _spreads;

    /// <param name="worker">Its name says which of many servers is its own, so that workers that were given the same list spread over it. Rendezvous hashing
    /// (Thaler and Ravishankar, 1998): where a server is added to the list, only workers that become its own move.</param>
    public ServerList(IReadOnlyList<Uri> servers, string worker, TimeProvider time, IWorkerLog log)
    {
        _time = time;
        _log = log;
        _servers = [.. servers.Select(s => new Server(s.AbsoluteUri.EndsWith('/') ? s : new Uri(s.AbsoluteUri + "/"), time.GetTimestamp()))];
        _heardAt = time.GetTimestamp();
        _home = Enumerable.Range(0, _servers.Length).MaxBy(i => BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"{worker} {_servers[i].Address}"))));
    }

    /// <summary>The gateway in use, for what tasks are told.</summary>
    public Uri Current
    {
        get
        {
            lock (_lock) return _servers[_current].Address;
        }
    }

    /// <summary>The worker's own server, where it is to go when that is ready; null while it is there, or where the servers do not share the work.</summary>
    public Server? Home
    {
        get
        {
            lock (_lock) return _spreads && _current != _home ? _servers[_home] : null;
        }
    }

    /// <summary>How long none of them has answered, or since the worker's start.</summary>
    public TimeSpan SilentFor
    {
        get
        {
            lock (_lock) return _time.GetElapsedTime(_heardAt);
        }
    }

    /// <summary>One of them is there, whether it can do something for the worker or not.</summary>
    public void Heard()
    {
        lock (_lock) _heardAt = _time.GetTimestamp();
    }

    /// <summary>The servers share the work, so that their workers are to spread over them.</summary>
    public void Spread()
    {
        lock (_lock) _spreads = true;
    }

    /// <summary>The worker's own server is ready: it is the one in use from now on.</summary>
    public void Return()
    {
        lock (_lock)
        {
            _current = _home;
            (_servers[_home].Failures, _servers[_home].RestsUntil) = (0, _time.GetTimestamp());
        }
    }

    /// <summary>Waits until a gateway may be asked: the current one, else the next in order that does not rest after a failure.</summary>
    public async Task<Server> NextAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            TimeSpan rest;
            lock (_lock)
            {
                var now = _time.GetTimestamp();
                var soonest = long.MaxValue;
                for (var i = 0; i < _servers.Length; i++)
                {
                    var index = (_current + i) % _servers.Length;
                    if (_servers[index].RestsUntil <= now)
                    {
                        _current = index;
                        return _servers[index];
                    }
                    soonest = Math.Min(soonest, _servers[index].RestsUntil);
                }
                rest = _time.GetElapsedTime(now, soonest);
            }
            await Task.Delay(rest + TimeSpan.FromMilliseconds(1), _time, cancellationToken);
        }
    }

    public void Answered(Server server)
    {
        lock (_lock)
        {
            server.Failures = 0;
            _heardAt = _time.GetTimestamp();
            if (_connected) return;
            _connected = true;
            foreach (var each in _servers) each.ToldReason = null;
            _log.Write(LogSeverity.Information, $"Connected to {server.Address}.");
        }
    }

    /// <param name="retryAfter">What the gateway asked for, in place of the worker's own backoff.</param>
    public void Failed(Server server, string reason, TimeSpan? retryAfter)
    {
        lock (_lock)
        {
            server.Failures++;
            var rest = retryAfter ?? Backoff.Delay(server.Failures, Random.Shared.NextDouble());
            server.RestsUntil = _time.GetTimestamp() + (long)(rest.TotalSeconds * _time.TimestampFrequency);
            if (_servers[_current] == server) _current = (_current + 1) % _servers.Length;
            _connected = false;
            if (server.ToldReason == reason) return;
            server.ToldReason = reason;
            _log.Write(LogSeverity.Warning, $"Gateway {server.Address} failed: {reason} Tasks keep running while the worker tries again.");
        }
    }
}

internal sealed class Server(Uri address, long restsUntil)
{
    /// <summary>Ends with a slash.</summary>
    public Uri Address { get; } = address;

    public long RestsUntil { get; set; } = restsUntil;

    public int Failures { get; set; }

    /// <summary>What the log said of it last, so that it says each thing once.</summary>
    public string? ToldReason { get; set; }
}
