using System.Buffers;
using System.Collections.Concurrent;
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

    // The server hears of a child's end at once; one that does not say so by then does not say it at all.
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(1);

    private readonly ProcessGroup _group;
    private readonly Stream _input;
    private readonly LiveGroups _live;

    // Never disposed of: forks may wait for their turn when the server is closed, and are then told so.
    private readonly SemaphoreSlim _writing = new(1);

    // A process that was disposed of does not say any more that it ended.
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _over;

    // The server's word of how each child ended, by process id.
    private readonly ConcurrentDictionary<int, TaskCompletionSource<int>> _ends = new();

    private WarmServer(ProcessGroup group, Stream input, LiveGroups live, Action<string> log)
    {
        _group = group;
        _input = input;
        _live = live;
        _over = Task.WhenAny(group.Exited, _closed.Task);
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
    /// <param name="command">What the child is.</param>
    /// <param name="ended">How a child ended that could not do what comes after it, if this one is to: 128 and a signal's number.</param>
    /// <param name="stop">Gives up.</param>
    /// <exception cref="ColdException">The server did not fork; nothing of the command ran.</exception>
    public async Task<ProcessGroup> ForkAsync(GroupCommand command, int? ended, CancellationToken stop)
    {
        var pipes = new Pipes();
        try
        {
            var status = new LineReader(pipes.Status);
            await SendAsync(Request(command, pipes, ended), stop);
            var (pid, logs) = await BornAsync(status, stop);
            // The child has its ends of the pipes open; its end is to close them.
            pipes.CloseChildEnds();
            var group = new LiveGroup(pid, ProcStat.Read(pid)?.StartTime ?? 0);
            _live.Add(group);
            var end = logs is null ? null : _ends.GetOrAdd(pid, _ => new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously));
            try
            {
                await pipes.Go.WriteAsync("go\n"u8.ToArray(), CancellationToken.None);
            }
            catch (IOException)
            {
                // Somebody ended it already; its status will tell.
            }
            var exited = ExitAsync(status, group, end);
            return new ProcessGroup(_live, group, pipes.Output, pipes.Error, CodeAsync(exited), pipes) { Logs = logs, EndedBySignal = BySignalAsync(exited) };
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
        _closed.TrySetResult();
        try
        {
            _input.Close();
        }
        catch (IOException)
        {
            // It is gone already.
        }
        _group.Dispose();
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
        _ = HearAsync(answers);
    }

    /// <summary>Reads on: how children ended, and whatever else the server writes, which must not stop it.</summary>
    private async Task HearAsync(LineReader answers)
    {
        while (await answers.NextAsync() is { } line)
        {
            if (line.Split(' ') is ["ended", var child, var how] && int.TryParse(child, CultureInfo.InvariantCulture, out var pid) && int.TryParse(how, CultureInfo.InvariantCulture, out var code)
                && _ends.TryGetValue(pid, out var end))
                end.TrySetResult(code);
        }
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

    private async Task<(int Pid, LogPaths? Logs)> BornAsync(LineReader status, CancellationToken stop)
    {
        var line = status.NextAsync();
        // The pipe does not end with a server that never opened it.
        var first = await Task.WhenAny(line, _over, Task.Delay(ForkPatience, stop));
        stop.ThrowIfCancellationRequested();
        if (first != line) throw new ColdException(first == _over ? "the fork server ended" : "the fork server does not fork", serverIsBroken: true);
        var said = await line;
        if (said?.Split(' ', 3) is ["pid", var number, .. var more] && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && pid > 1)
            return (pid, more.Length == 0 ? null : LogPaths.Parse(more[0]));
        throw new ColdException(said is null ? "the fork server's child ended before it ran" : $"the fork server could not fork: {said}");
    }

    private static async Task<int> CodeAsync(Task<(int Code, bool BySignal)> exited) => (await exited).Code;

    private static async Task<bool> BySignalAsync(Task<(int Code, bool BySignal)> exited) => (await exited).BySignal;

    /// <summary>How a child ended, by its own last word or, where it had none, by the server's if <paramref name="end"/> waits for that.</summary>
    private async Task<(int Code, bool BySignal)> ExitAsync(LineReader status, LiveGroup group, TaskCompletionSource<int>? end)
    {
        int? code = null;
        var line = status.NextAsync();
        while (true)
        {
            try
            {
                var ended = end is null ? line : await Task.WhenAny(line, end.Task).WaitAsync(TimeSpan.FromSeconds(1));
                var said = ended == line || line.IsCompleted ? await line.WaitAsync(TimeSpan.FromSeconds(1)) : null;
                if (said is not null && said.StartsWith("exit ", StringComparison.Ordinal) && int.TryParse(said.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var exit)) code = exit;
                break;
            }
            catch (TimeoutException)
            {
                // A process that it left behind may hold the pipe open.
                if (!IsThere(group)) break;
            }
        }
        var bySignal = false;
        if (end is not null)
        {
            var how = await HowAsync(end.Task, code is null ? EndPatience : EndPatience / 2);
            _ends.TryRemove(group.Id, out _);
            // Without a word of either it was most likely killed, too.
            bySignal = code is null && how is null or < 0;
            code ??= how < 0 ? 128 - how : how;
        }
        // It has said its last word; what is left of its group after it is what it left behind.
        for (var look = 0; look < 200 && IsThere(group); look++) await Task.Delay(1);
        return (code ?? Killed, bySignal);
    }

    private async Task<int?> HowAsync(Task<int> end, TimeSpan patience)
    {
        await Task.WhenAny(end, _over, Task.Delay(patience));
        return end.IsCompletedSuccessfully ? await end : null;
    }

    private static bool IsThere(LiveGroup group) => ProcStat.Read(group.Id) is { } leader && leader.StartTime == group.StartTime && leader.State is not ('Z' or 'X');

    private static ReadOnlyMemory<byte> Request(GroupCommand command, Pipes pipes, int? ended)
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
            json.WriteString("pipe", pipes.Shown);
            json.WriteBoolean("logs", true);
            if (ended is { } code) json.WriteNumber("ended", code);
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

        /// <summary>What /proc shows of the last: the number of the pipe, which is given out again long after the path.</summary>
        public string Shown => new FileInfo(ChildsGo).LinkTarget!;

        public void CloseChildEnds()
        {
            foreach (var pipe in All) pipe.DisposeLocalCopyOfClientHandle();
        }

        public void Dispose()
        {
            CloseChildEnds();
            foreach (var pipe in All) pipe.Dispose();
        }

        // A child opens "go" last, and it is closed first: who still finds it there had the others, too.
        private AnonymousPipeServerStream[] All => [_go, _output, _error, _status];

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
