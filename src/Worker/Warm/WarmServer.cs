using System.Buffers;
using System.ComponentModel;
using System.Globalization;
using System.IO.Pipes;
using System.Text.Json;
using Fanfare.Worker.Logs;
using Fanfare.Worker.Processes;

namespace Fanfare.Worker.Warm;

/// <summary>A fork server: a process that has loaded what the tasks of a step load, and forks for each of them (docs/tasks.md, Warm starts).
/// It gets requests as lines of JSON, and says only once whether it can serve; each child speaks for itself, through pipes of its own,
/// so that the server's death costs no task. Safe to call from any thread.</summary>
internal sealed class WarmServer : IDisposable
{
    /// <summary>Longest time from the start until it is ready: what it loads may be much.</summary>
    public static readonly TimeSpan LoadPatience = TimeSpan.FromSeconds(120);

    // A fork takes milliseconds; a server that does not fork by then hangs.
    private static readonly TimeSpan ForkPatience = TimeSpan.FromSeconds(20);

    private const int MostLogLines = 200;
    private const int Killed = 128 + Libc.SigKill;

    private readonly ProcessGroup _group;
    private readonly Stream _input;
    private readonly LiveGroups _live;
    private readonly SemaphoreSlim _writing = new(1);

    private WarmServer(ProcessGroup group, Stream input, LiveGroups live, Action<string> log)
    {
        _group = group;
        _input = input;
        _live = live;
        Ready = ReadyAsync(new LineReader(group.Output));
        _ = LogAsync(group.Error, log);
    }

    /// <summary>Completes when it can fork.</summary>
    /// <exception cref="ColdException">It will not; says why.</exception>
    public Task Ready { get; }

    /// <summary>Starts one; it has to become <see cref="Ready"/>.</summary>
    /// <param name="setsid">Path of util-linux' setsid.</param>
    /// <param name="command">The server's command, in its directory and environment.</param>
    /// <param name="live">Where its process, and those that it forks, are noted.</param>
    /// <param name="log">Takes what it writes to standard error, a line at a time.</param>
    /// <exception cref="ColdException">The system refused to start it.</exception>
    public static WarmServer Start(string setsid, GroupCommand command, LiveGroups live, Action<string> log)
    {
        try
        {
            var (group, input) = ProcessGroup.StartWithInput(setsid, command, live);
            return new WarmServer(group, input, live, log);
        }
        catch (Win32Exception e)
        {
            throw new ColdException($"the system refused to start the fork server: {e.Message}");
        }
    }

    /// <summary>A child that runs the command as its own process group.</summary>
    /// <exception cref="ColdException">The server did not fork; nothing of the command ran.</exception>
    public async Task<ProcessGroup> ForkAsync(GroupCommand command, CancellationToken stop)
    {
        var pipes = new Pipes();
        try
        {
            var status = new LineReader(pipes.Status);
            await SendAsync(Request(command, pipes), stop);
            var pid = await BornAsync(status, stop);
            // The child has its ends of the pipes open; its end is to close them.
            pipes.CloseChildEnds();
            var group = new LiveGroup(pid, ProcStat.Read(pid)?.StartTime ?? 0);
            _live.Add(group);
            try
            {
                await pipes.Go.WriteAsync("go\n"u8.ToArray(), CancellationToken.None);
            }
            catch (IOException)
            {
                // Somebody ended it already; its status will tell.
            }
            return new ProcessGroup(_live, group, pipes.Output, pipes.Error, ExitAsync(status, group), pipes);
        }
        catch
        {
            // A child that waits for its word ends when the pipe does.
            pipes.Dispose();
            throw;
        }
    }

    /// <summary>Ends the server; its children go on.</summary>
    public void Dispose()
    {
        try
        {
            _input.Close();
        }
        catch (IOException)
        {
            // It is gone already.
        }
        _group.Dispose();
        _writing.Dispose();
    }

    private async Task ReadyAsync(LineReader answers)
    {
        string? said;
        try
        {
            said = await answers.NextAsync().WaitAsync(LoadPatience);
        }
        catch (TimeoutException)
        {
            throw new ColdException($"the fork server was not ready within {LoadPatience.TotalSeconds:0} s");
        }
        if (said is null) throw new ColdException($"the fork server ended with exit code {await _group.Exited} before it was ready");
        if (said != "ready") throw new ColdException(said.StartsWith("unfit ", StringComparison.Ordinal) ? said["unfit ".Length..] : $"the fork server said '{said}' instead of 'ready'");
        // What else it writes there is nothing to anyone, and must not stop it.
        _ = _group.Output.CopyToAsync(Stream.Null).ContinueWith(copied => _ = copied.Exception, TaskScheduler.Default);
    }

    private static async Task LogAsync(Stream error, Action<string> log)
    {
        var lines = new LineReader(error);
        for (var count = 0; await lines.NextAsync() is { } line; count++)
        {
            if (count < MostLogLines) log(line);
            else if (count == MostLogLines) log("(further lines are not shown)");
        }
    }

    private async Task SendAsync(ReadOnlyMemory<byte> request, CancellationToken stop)
    {
        await _writing.WaitAsync(stop);
        try
        {
            // Whole or not at all: a line that breaks off would be taken for the beginning of the next.
            await _input.WriteAsync(request, CancellationToken.None).AsTask().WaitAsync(ForkPatience, CancellationToken.None);
            await _input.FlushAsync(CancellationToken.None);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or TimeoutException)
        {
            throw new ColdException("the fork server does not take requests any more", serverIsBroken: true);
        }
        finally
        {
            _writing.Release();
        }
    }

    private async Task<int> BornAsync(LineReader status, CancellationToken stop)
    {
        var line = status.NextAsync();
        // The pipe does not end with a server that never opened it.
        var first = await Task.WhenAny(line, _group.Exited, Task.Delay(ForkPatience, stop));
        stop.ThrowIfCancellationRequested();
        if (first != line) throw new ColdException(first == _group.Exited ? "the fork server ended" : "the fork server does not fork", serverIsBroken: true);
        var said = await line;
        if (said is not null && said.StartsWith("pid ", StringComparison.Ordinal) && int.TryParse(said.AsSpan(4), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && pid > 1) return pid;
        throw new ColdException(said is null ? "the fork server's child ended before it ran" : $"the fork server could not fork: {said}");
    }

    private static async Task<int> ExitAsync(LineReader status, LiveGroup group)
    {
        var code = Killed;
        var line = status.NextAsync();
        while (true)
        {
            try
            {
                var said = await line.WaitAsync(TimeSpan.FromSeconds(1));
                if (said is not null && said.StartsWith("exit ", StringComparison.Ordinal) && int.TryParse(said.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var exit)) code = exit;
                break;
            }
            catch (TimeoutException)
            {
                // A process that it left behind may hold the pipe open.
                if (!IsThere(group)) break;
            }
        }
        // It has said its last word; what is left of its group after it is what it left behind.
        for (var look = 0; look < 200 && IsThere(group); look++) await Task.Delay(1);
        return code;
    }

    private static bool IsThere(LiveGroup group) => ProcStat.Read(group.Id) is { } leader && leader.StartTime == group.StartTime && leader.State is not ('Z' or 'X');

    private static ReadOnlyMemory<byte> Request(GroupCommand command, Pipes pipes)
    {
        var buffer = new ArrayBufferWriter<byte>(16 * 1024);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartArray("argv");
            foreach (var word in command.Command) json.WriteStringValue(word);
            json.WriteEndArray();
            json.WriteStartObject("env");
            foreach (var (name, value) in command.Environment) json.WriteString(name, value);
            json.WriteEndObject();
            json.WriteString("cwd", command.Directory);
            json.WriteString("cgroup", command.Cgroup.Length == 0 ? "" : command.Cgroup + "/cgroup.procs");
            json.WriteString("stdout", pipes.ChildsOutput);
            json.WriteString("stderr", pipes.ChildsError);
            json.WriteString("status", pipes.ChildsStatus);
            json.WriteString("go", pipes.ChildsGo);
            json.WriteEndObject();
        }
        buffer.Write("\n"u8);
        return buffer.WrittenMemory;
    }

    /// <summary>A child's four pipes. It opens its ends by this process' entry in /proc, so none is passed on, and none leaks into another child.</summary>
    private sealed class Pipes : IDisposable
    {
        private readonly AnonymousPipeServerStream _output = new(PipeDirection.In, HandleInheritability.None);
        private readonly AnonymousPipeServerStream _error = new(PipeDirection.In, HandleInheritability.None);
        private readonly AnonymousPipeServerStream _status = new(PipeDirection.In, HandleInheritability.None);
        private readonly AnonymousPipeServerStream _go = new(PipeDirection.Out, HandleInheritability.None);

        public Stream Output => _output;

        public Stream Error => _error;

        public Stream Status => _status;

        public Stream Go => _go;

        public string ChildsOutput => PathOf(_output);

        public string ChildsError => PathOf(_error);

        public string ChildsStatus => PathOf(_status);

        public string ChildsGo => PathOf(_go);

        public void CloseChildEnds()
        {
            foreach (var pipe in All) pipe.DisposeLocalCopyOfClientHandle();
        }

        public void Dispose()
        {
            CloseChildEnds();
            foreach (var pipe in All) pipe.Dispose();
        }

        private AnonymousPipeServerStream[] All => [_output, _error, _status, _go];

        private static string PathOf(AnonymousPipeServerStream pipe) =>
            string.Create(CultureInfo.InvariantCulture, $"/proc/{Environment.ProcessId}/fd/{pipe.ClientSafePipeHandle.DangerousGetHandle()}");
    }
}

/// <summary>A warm start is not to be had; the task starts cold. The message goes on after "because ".</summary>
internal sealed class ColdException(string message, bool serverIsBroken = false) : Exception(message)
{
    /// <summary>Whether another server may do what this one did not.</summary>
    public bool ServerIsBroken { get; } = serverIsBroken;
}
