using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Fanfare.Contracts.Api;
using Fanfare.Worker.Packages;
using Fanfare.Worker.Processes;

namespace Fanfare.Worker.Warm;

/// <summary>What a fork server is started with; tasks for which all of it is the same share one.</summary>
/// <param name="Label">Names it in the worker's log.</param>
/// <param name="Command">The server's argument vector.</param>
/// <param name="Package">Digest of the code package; null when there is none.</param>
/// <param name="Code">The package's directory; null when there is none.</param>
/// <param name="Workdir">Where it starts, within the package.</param>
/// <param name="Environment">The environment, without what belongs to a single task.</param>
internal sealed record WarmStart(
    string Label, IReadOnlyList<string> Command, string? Package, string? Code, string? Workdir, IReadOnlyDictionary<string, string> Environment)
{
    /// <summary>The same for all that can share a server. A digest, since the environment may hold secrets.</summary>
    public string Key()
    {
        var text = new StringBuilder();
        foreach (var word in Command) text.Append(word).Append('\0');
        text.Append('\n').Append(Package).Append('\n').Append(Workdir).Append('\n');
        foreach (var (name, value) in Environment.OrderBy(variable => variable.Key, StringComparer.Ordinal)) text.Append(name).Append('=').Append(value).Append('\0');
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}

/// <summary>The fork servers of a worker: one for each kind of task that asked for it lately. Safe to call from any thread.</summary>
/// <param name="root">Holds a directory for each server, gone with it, as it does for each attempt.</param>
/// <param name="most">Most servers at a time; those least recently used make room, unless tasks that they forked still run.</param>
/// <param name="setsid">Path of util-linux' setsid.</param>
/// <param name="live">Where processes are noted.</param>
/// <param name="packages">A server keeps its package from being dropped.</param>
/// <param name="time">The clock.</param>
/// <param name="log">The worker's log.</param>
internal sealed class WarmServers(string root, int most, string setsid, LiveGroups live, PackageCache packages, TimeProvider time, IWorkerLog log) : IAsyncDisposable
{
    /// <summary>A server that forked nothing for this long is ended.</summary>
    public static readonly TimeSpan Idle = TimeSpan.FromMinutes(10);

    // A server that breaks so often does so for a reason; its tasks start cold from then on.
    private const int MostBreaks = 3;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Entry> _entries = [];
    private readonly CancellationTokenSource _end = new();
    private Task _watch = Task.CompletedTask;
    private bool _disposed;

    private sealed class Entry
    {
        public Task<Running>? Server { get; set; }

        /// <summary>Why there will be none.</summary>
        public string? Refusal { get; set; }

        public int Breaks { get; set; }

        public int Tasks { get; set; }

        public long UsedAt { get; set; }
    }

    private sealed record Running(WarmServer Server, string Directory, long Mark, PackageUse? Package);

    /// <summary>Forks a process group from the server for such tasks, starting it first if there is none; null when the task has to start cold.</summary>
    /// <param name="start">What the server is started with.</param>
    /// <param name="command">The task.</param>
    /// <param name="stop">Gives up.</param>
    /// <param name="ended">The exit code of a process of the task that a signal ended, if this one is to do what is left to do after it.</param>
    public async Task<ProcessGroup?> StartAsync(WarmStart start, GroupCommand command, CancellationToken stop, int? ended = null)
    {
        if (most == 0) return null;
        var key = start.Key();
        // A second try is for the server that broke since the last task.
        for (var attempt = 0; attempt < 2; attempt++)
        {
            Task<Running> server;
            Entry entry;
            lock (_lock)
            {
                if (_disposed) return null;
                if (!_entries.TryGetValue(key, out entry!)) _entries.Add(key, entry = new Entry());
                entry.UsedAt = time.GetTimestamp();
                if (entry.Refusal is not null) return null;
                entry.Server ??= StartServerAsync(start);
                server = entry.Server;
                entry.Tasks++;
                if (_watch.IsCompleted) _watch = WatchAsync();
            }
            try
            {
                var running = await server.WaitAsync(stop);
                DropOld();
                var group = await running.Server.ForkAsync(command, ended, stop);
                group.Successor = (code, cut) => StartAsync(start, command, cut, code);
                _ = group.Exited.ContinueWith(_ => Leave(entry), TaskScheduler.Default);
                return group;
            }
            catch (ColdException cold)
            {
                Leave(entry);
                if (!Broke(entry, server, start, cold)) return null;
            }
            catch
            {
                Leave(entry);
                throw;
            }
        }
        return null;
    }

    public async ValueTask DisposeAsync()
    {
        List<Entry> all;
        lock (_lock)
        {
            _disposed = true;
            all = [.. _entries.Values];
            _entries.Clear();
        }
        await _end.CancelAsync();
        await _watch.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var entry in all)
        {
            // One that is still loading ends with the worker's other processes.
            if (entry.Server is { IsCompletedSuccessfully: true } server) End(await server);
        }
        _end.Dispose();
    }

    private async Task<Running> StartServerAsync(WarmStart start)
    {
        await Task.Yield();
        var mark = live.Enter();
        PackageUse? package = null;
        WarmServer? server = null;
        var directory = Path.Combine(root, mark.ToString(CultureInfo.InvariantCulture));
        try
        {
            Directory.CreateDirectory(directory);
            package = start.Package is { } digest ? await packages.UseAsync(digest, _end.Token) : null;
            var environment = new Dictionary<string, string>(start.Environment, StringComparer.Ordinal)
            {
                ["FANFARE_CODE"] = start.Code ?? directory,
                ["FANFARE_WARM_DIR"] = directory,
                [MarkedProcesses.Variable] = live.MarkOf(mark),
                ["PYTHONUNBUFFERED"] = "1",
            };
            var command = new GroupCommand(start.Command, start.Workdir ?? directory, environment, Path.Combine(directory, "exec-failed"), "");
            server = WarmServer.Start(setsid, command, live, line => log.Write(LogSeverity.Information, $"Fork server of {start.Label}: {line}"));
            await server.Ready;
            return new Running(server, directory, mark, package);
        }
        catch
        {
            server?.Dispose();
            package?.Dispose();
            live.Leave(mark);
            Delete(directory);
            throw;
        }
    }

    /// <summary>Notes why a task starts cold. True when another server may be tried.</summary>
    private bool Broke(Entry entry, Task<Running> server, WarmStart start, ColdException cold)
    {
        Running? end = null;
        bool again, refused = false;
        lock (_lock)
        {
            var isCurrent = entry.Server == server;
            again = cold.ServerIsBroken || (entry.Refusal is null && !isCurrent);
            if (isCurrent && (cold.ServerIsBroken || !server.IsCompletedSuccessfully))
            {
                entry.Server = null;
                end = server.IsCompletedSuccessfully ? server.Result : null;
                if (!cold.ServerIsBroken || ++entry.Breaks >= MostBreaks)
                {
                    entry.Refusal = cold.Message;
                    (refused, again) = (true, false);
                }
            }
        }
        if (end is not null) End(end);
        if (refused) log.Write(LogSeverity.Warning, $"Tasks of {start.Label} start cold, because {cold.Message}.");
        return again;
    }

    private void Leave(Entry entry)
    {
        lock (_lock)
        {
            entry.Tasks--;
            entry.UsedAt = time.GetTimestamp();
        }
    }

    private void DropOld() => Drop(servers => servers.OrderBy(s => s.Value.UsedAt).Take(Math.Max(0, servers.Count - most)));

    private void Drop(Func<IReadOnlyCollection<KeyValuePair<string, Entry>>, IEnumerable<KeyValuePair<string, Entry>>> choose)
    {
        List<Running> old = [];
        lock (_lock)
        {
            foreach (var (key, entry) in choose([.. _entries.Where(e => e.Value.Server is { IsCompletedSuccessfully: true } || e.Value.Refusal is not null)]).ToList())
            {
                if (entry.Tasks > 0) continue;
                _entries.Remove(key);
                if (entry.Server is { } server) old.Add(server.Result);
            }
        }
        foreach (var running in old) End(running);
    }

    private async Task WatchAsync()
    {
        await Task.Yield();
        while (true)
        {
            await Task.Delay(Idle / 10, time, _end.Token);
            Drop(servers => servers.Where(s => time.GetElapsedTime(s.Value.UsedAt) > Idle));
            lock (_lock)
            {
                if (_entries.Count == 0) return;
            }
        }
    }

    private void End(Running running)
    {
        running.Server.Dispose();
        running.Package?.Dispose();
        live.Leave(running.Mark);
        Delete(running.Directory);
    }

    private void Delete(string directory)
    {
        try
        {
            Directory.Delete(directory, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.Write(LogSeverity.Warning, $"Cannot remove {directory} yet: {e.Message}");
        }
    }
}
