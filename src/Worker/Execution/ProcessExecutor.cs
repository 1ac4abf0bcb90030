using System.ComponentModel;
using System.Globalization;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Contracts.Api;
using Fanfare.Worker.Gateways;
using Fanfare.Worker.Logs;
using Fanfare.Worker.Packages;
using Fanfare.Worker.Processes;
using Fanfare.Worker.Warm;

namespace Fanfare.Worker;

/// <summary>Runs each attempt as a process group of its own.</summary>
internal sealed class ProcessExecutor(
    WorkerOptions options, string setsid, LiveGroups live, Strays strays, Cgroups cgroups, PackageCache packages, WarmServers warm, GatewayClient gateway, bool hasGpus,
    TimeProvider time, IWorkerLog log) : ITaskExecutor
{
    private const int TailLines = 10;

    // What a process that left its group holds open is waited for this long, before and after it is ended.
    private static readonly TimeSpan PipePatience = TimeSpan.FromSeconds(1);

    private readonly Secrets _secrets = new(options.SecretsDirectory);
    private readonly Dictionary<string, string> _environment = TaskEnvironment.Base(options.PassEnvironment);
    private readonly string _tasks = Path.Combine(Path.GetFullPath(options.WorkDirectory), "tasks");

    public async Task<FinishedAttempt> RunAsync(TaskAssignment assignment)
    {
        await Task.Yield();
        var run = new Attempt(assignment, live.Enter());
        TaskDirectory? directory = null;
        try
        {
            directory = new TaskDirectory(_tasks, run.Mark.ToString(CultureInfo.InvariantCulture));
            await using var taskLog = new TaskLog(directory.Log, assignment, gateway, time, log);
            try
            {
                await RunAsync(run, directory, taskLog);
            }
            catch (Exception e) when (Explain(run, e) is { } failure)
            {
                run.Fail(failure.Outcome, failure.Type, failure.Message);
                // The error itself is in the log as well, for who reads only that.
                if (failure.Outcome is AttemptOutcome.Failed or AttemptOutcome.Lost) taskLog.Remark(failure.Message);
            }
            run.EndedAt = time.GetUtcNow();
            // An end is reported with its whole log. Where the uploads were given up since the lease ran out, the attempt is lost, even if the task had ended well.
            await taskLog.CompleteAsync();
        }
        catch (Exception e) when (Explain(run, e) is { } failure)
        {
            run.Fail(failure.Outcome, failure.Type, failure.Message);
        }
        finally
        {
            live.Leave(run.Mark);
            if (run.Started) strays.Look();
            run.Package?.Dispose();
            directory?.Delete(run.Lease, log);
        }
        return run.Result(time.GetUtcNow());
    }

    private sealed class Attempt(TaskAssignment assignment, long mark)
    {
        private AttemptOutcome _outcome = AttemptOutcome.Succeeded;
        private TaskError? _error;

        public TaskAssignment Assignment { get; } = assignment;

        public Lease Lease => Assignment.Lease;

        public long Mark { get; } = mark;

        public SecretMask Secrets { get; set; } = SecretMask.None;

        public PackageUse? Package { get; set; }

        public bool Started => StartedAt is not null;

        public DateTimeOffset? StartedAt { get; set; }

        public DateTimeOffset? EndedAt { get; set; }

        public string? Output { get; set; }

        public IReadOnlyList<Artifact>? Artifacts { get; set; }

        public ItemsUploaded? Items { get; set; }

        public void Fail(AttemptOutcome outcome, string type, string message, int? exitCode = null)
        {
            message = Secrets.Apply(message);
            _outcome = outcome;
            _error = new TaskError(type, message.Length <= Limits.ErrorChars ? message : message[..(Limits.ErrorChars - 1)] + "…", exitCode);
        }

        public FinishedAttempt Result(DateTimeOffset now) => new()
        {
            Task = Lease.Task,
            Token = Lease.Token,
            Outcome = _outcome,
            StartedAt = StartedAt,
            EndedAt = EndedAt ?? now,
            Error = _error,
            Output = _error is null ? Output : null,
            Artifacts = _error is null ? Artifacts : null,
            ItemsFile = _error is null ? Items?.Items : null,
            ItemsCount = _error is null ? Items?.Count ?? 0 : 0,
        };
    }

    private async Task RunAsync(Attempt run, TaskDirectory directory, TaskLog taskLog)
    {
        var (assignment, lease) = (run.Assignment, run.Lease);
        // Before the process runs, any reason to stop is one to give up.
        var code = await PrepareAsync(run, directory, assignment.Stop);
        var environment = new Dictionary<string, string>(_environment, StringComparer.Ordinal);
        var ofStep = TaskEnvironment.AddStep(environment, lease.Step, _secrets);
        // What tasks of the step have in common, and a fork server can be started with.
        var common = lease.Step.Warm is null ? null : new Dictionary<string, string>(environment, StringComparer.Ordinal);
        var (ofParameters, remarks) = TaskEnvironment.AddParameters(environment, lease.Parameters, _secrets);
        run.Secrets = new SecretMask([.. ofStep, .. ofParameters]);
        foreach (var remark in remarks) taskLog.Remark(remark);
        TaskEnvironment.AddContract(environment, assignment, directory, code, gateway.Servers.Current, live.MarkOf(run.Mark), hasGpus);
        using var cgroup = cgroups.Create(run.Mark.ToString(CultureInfo.InvariantCulture), lease, log);
        var command = Command(lease.Step.Run);
        var workdir = Workdir(code, lease.Step.Workdir);
        if (ExecutableFile.WhyNot(command[0], workdir, environment["PATH"]) is { } why) throw AttemptFailure.Failed("start_failed", why);
        assignment.Stop.ThrowIfCancellationRequested();
        // As a shell would have it; a forked task has none before it.
        environment["PWD"] = workdir;
        var start = new GroupCommand(command, workdir, environment, directory.ExecFailed, cgroup?.Directory ?? "");
        var forked = await ForkAsync(run, common, code, workdir, start);
        using var group = forked ?? Start(start);
        run.StartedAt = time.GetUtcNow();
        log.Of(LogSeverity.Debug, lease, string.Create(CultureInfo.InvariantCulture, $"runs as process group {group.Id}, {(forked is null ? "started cold" : "forked from its step's server")}."));

        bool timedOut;
        using (var copies = new LogCopies(group.Logs, time, taskLog))
            timedOut = await FollowAsync(run, group, taskLog, copies, () => WaitAsync(run, directory, group, cgroup, taskLog));
        await SucceedAsync(run, group, taskLog);

        var exitCode = await group.Exited;
        // Where the machine is taken back, what a task still brought to its end counts.
        if (assignment.Reason is { } reason && !(reason is StopReason.Interrupted && exitCode == 0))
            throw Stopped(assignment, reason);
        if (timedOut)
            run.Fail(AttemptOutcome.Failed, "timeout", $"The task ran longer than its timeout of {lease.Step.Timeout}, and was ended.", exitCode);
        else if (cgroup?.OutOfMemory == true)
            run.Fail(AttemptOutcome.Failed, "out_of_memory", $"The task needed more than its {lease.Step.Resources.MemoryBytes >> 20} MiB of memory. Ask for more in resources.memory.", exitCode);
        else if (File.Exists(directory.ExecFailed))
            run.Fail(AttemptOutcome.Failed, "start_failed", $"The command could not be executed. {taskLog.Error.Tail(1, run.Secrets)}", exitCode);
        else if (exitCode != 0)
            run.Fail(AttemptOutcome.Failed, "exit", ExitMessage(exitCode, taskLog.Error.Tail(TailLines, run.Secrets)), exitCode);
        else
            await CollectAsync(run, directory);
    }

    /// <summary>Keeps what the group writes while <paramref name="wait"/> waits for its end.</summary>
    private async Task<bool> FollowAsync(Attempt run, ProcessGroup group, TaskLog taskLog, LogCopies copies, Func<Task<bool>> wait)
    {
        using var cut = new CancellationTokenSource();
        var pumps = Task.WhenAll(
            taskLog.Output.PumpAsync(group.Output, run.Secrets, copies.Output, cut.Token),
            taskLog.Error.PumpAsync(group.Error, run.Secrets, copies.Error, cut.Token));
        var timedOut = await wait();
        await EmptyPipesAsync(run, pumps, cut, taskLog);
        if (group.IsAlive) log.Of(LogSeverity.Warning, run.Lease, string.Create(CultureInfo.InvariantCulture, $"does not end although it was killed: process group {group.Id} is ended for good when its system call returns."));
        return timedOut;
    }

    /// <summary>Has the end of a task that a signal ended told by another process, where the task does that itself at any other end.</summary>
    private async Task SucceedAsync(Attempt run, ProcessGroup group, TaskLog taskLog)
    {
        if (group.Successor is not { } succeed || !await group.EndedBySignal) return;
        var since = time.GetTimestamp();
        TimeSpan Left() => run.Assignment.UntilKill(since, run.Lease.Step.Grace);
        if (Left() == TimeSpan.Zero) return;
        using var limit = new CancellationTokenSource(Left(), time);
        try
        {
            using var next = await succeed(await group.Exited, limit.Token);
            if (next is null) return;
            using var copies = new LogCopies(null, time, taskLog);
            await FollowAsync(run, next, taskLog, copies, async () =>
            {
                await ((Task)next.Exited.WaitAsync(Left(), time)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                await GroupEnd.RunAsync(next, () => next.Exited.IsCompleted ? options.LingerGrace : TimeSpan.Zero, time);
                return false;
            });
        }
        catch (OperationCanceledException)
        {
            taskLog.Remark("There was no time left to tell of the task's end.");
        }
    }

    private async Task<string> PrepareAsync(Attempt run, TaskDirectory directory, CancellationToken stop)
    {
        var lease = run.Lease;
        string code;
        if (lease.Package is { } digest)
        {
            run.Package = await packages.UseAsync(digest, stop);
            code = run.Package.Directory;
        }
        else
        {
            code = Directory.CreateDirectory(directory.Code).FullName;
        }
        var inputs = lease.Inputs ?? await InputFile.FetchAsync(run.Assignment, directory, gateway, time, stop);
        using (var artifacts = new InputArtifacts(lease, directory, gateway, time, stop))
        {
            try
            {
                foreach (var input in inputs) await artifacts.AddAsync(input);
            }
            finally
            {
                await artifacts.CompleteAsync();
            }
        }
        await InputFile.WriteAsync(lease, lease.Inputs, directory, stop);
        return code;
    }

    /// <summary>A warm start, where the step has a fork server; null where it has none, or one that cannot serve.</summary>
    private async Task<ProcessGroup?> ForkAsync(Attempt run, IReadOnlyDictionary<string, string>? common, string code, string workdir, GroupCommand command)
    {
        var (lease, isPacked) = (run.Lease, run.Package is not null);
        if (common is null || lease.Step.Warm is not { Count: > 0 } server) return null;
        var start = new WarmStart($"{lease.Flow}.{lease.Step.Name}", server, lease.Package, isPacked ? code : null, isPacked ? workdir : null, common);
        return await warm.StartAsync(start, command, run.Assignment.Stop);
    }

    private ProcessGroup Start(GroupCommand command)
    {
        try
        {
            return ProcessGroup.Start(setsid, command, live);
        }
        catch (Win32Exception e)
        {
            // The command and its directory were looked at; what is left is the system's: too many processes, too little memory, too long a list of arguments.
            throw e.NativeErrorCode == 7
                ? AttemptFailure.Failed("start_failed", "The command, its environment and parameters are together too large for the system. Pass large values in files.")
                : AttemptFailure.Lost("start_failed", $"The system refused to start the process: {e.Message}");
        }
    }

    /// <summary>Waits for the end of the command, and sees to it that there is one. True when it ran out of time.</summary>
    private async Task<bool> WaitAsync(Attempt run, TaskDirectory directory, ProcessGroup group, Cgroup? cgroup, TaskLog taskLog)
    {
        var (assignment, step) = (run.Assignment, run.Lease.Step);
        using var limit = step.Timeout is { } timeout ? new CancellationTokenSource(timeout, time) : new CancellationTokenSource();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, assignment.Stop);
        try
        {
            await group.Exited.WaitAsync(either.Token);
        }
        catch (OperationCanceledException)
        {
            // Ended below; which of the two it was decides the outcome.
        }
        var byItself = group.Exited.IsCompleted;
        var timedOut = !byItself && limit.IsCancellationRequested;
        var interruption = byItself || timedOut ? null : assignment.Interruption;
        if (interruption is not null) Tell(run, directory, interruption, taskLog);
        var (since, ended) = (time.GetTimestamp(), (long?)null);
        var grace = byItself ? options.LingerGrace : step.Grace;
        if (timedOut) log.Of(LogSeverity.Information, run.Lease, string.Create(CultureInfo.InvariantCulture, $"is to end: it ran longer than its timeout of {step.Timeout!.Value.TotalSeconds:0.###} s."));
        if (!byItself) log.Of(LogSeverity.Debug, run.Lease, string.Create(CultureInfo.InvariantCulture, $"gets SIGTERM, and SIGKILL in {Left().TotalSeconds:0.###} s."));
        var isKilled = await GroupEnd.RunAsync(group, Left, time);
        if (isKilled) log.Of(LogSeverity.Information, run.Lease, byItself ? "left processes behind that did not end, and were killed." : "did not end within its grace, and was killed.");
        cgroup?.Kill();
        return timedOut;

        TimeSpan Left() => interruption is null ? assignment.UntilKill(since, grace) : UntilKill();

        // The task may use all of the time that its machine has left; what it leaves behind may not.
        TimeSpan UntilKill()
        {
            if (group.Exited.IsCompleted) ended ??= time.GetTimestamp();
            return ended is { } at ? assignment.UntilKill(at, options.LingerGrace) : assignment.UntilKill(since, TimeSpan.MaxValue);
        }
    }

    /// <summary>Tells a task of its deadline, before it gets SIGTERM.</summary>
    private void Tell(Attempt run, TaskDirectory directory, Interruption interruption, TaskLog taskLog)
    {
        try
        {
            InterruptFile.Write(directory.Interrupt, interruption);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.Of(LogSeverity.Warning, run.Lease, $"gets SIGTERM without having been told of its deadline: {directory.Interrupt} cannot be written. {e.Message}");
        }
        taskLog.Remark(string.Create(CultureInfo.InvariantCulture, $"EC2 takes this machine back ({interruption.Action} at {interruption.At.UtcDateTime:HH:mm:ss} UTC): the task gets SIGTERM, and SIGKILL at {interruption.Deadline.UtcDateTime:HH:mm:ss} UTC."));
    }

    /// <summary>Reads what is left in the pipes. A process that left its group may hold them open for ever: it is ended.</summary>
    private async Task EmptyPipesAsync(Attempt run, Task pumps, CancellationTokenSource cut, TaskLog taskLog)
    {
        if (await EndsAsync(pumps)) return;
        strays.End(run.Mark);
        if (await EndsAsync(pumps)) return;
        await cut.CancelAsync();
        await pumps.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        taskLog.Remark("A process that outlives the task still holds its output open; what it writes from now on is not kept.");
    }

    private async Task<bool> EndsAsync(Task pumps)
    {
        try
        {
            await pumps.WaitAsync(PipePatience, time);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private async Task CollectAsync(Attempt run, TaskDirectory directory)
    {
        var abandon = run.Assignment.Abandon;
        run.Output = await OutputFile.ReadAsync(directory.Output, abandon);
        var upload = new ArtifactUpload(run.Assignment, directory, gateway);
        run.Artifacts = await upload.RunAsync(abandon);
        run.Items = await upload.ItemsAsync(abandon);
    }

    private static AttemptFailure Stopped(TaskAssignment assignment, StopReason reason) => reason switch
    {
        StopReason.Cancelled => new AttemptFailure(AttemptOutcome.Cancelled, "cancelled", assignment.ReasonText),
        StopReason.Void => AttemptFailure.Lost("lease_void", assignment.ReasonText),
        StopReason.Expired => AttemptFailure.Lost("lease_expired", assignment.ReasonText),
        StopReason.Shutdown => AttemptFailure.Lost("worker_stopped", assignment.ReasonText),
        StopReason.Interrupted => AttemptFailure.Lost(SpotInterruption.ErrorType, assignment.ReasonText),
        _ => throw new ArgumentOutOfRangeException(nameof(reason)),
    };

    /// <summary>What an exception means for the attempt; null for a mistake of this program.</summary>
    private static AttemptFailure? Explain(Attempt run, Exception e) => e switch
    {
        AttemptFailure failure => failure,
        OperationCanceledException when run.Assignment.Reason is { } reason => Stopped(run.Assignment, reason),
        LeaseVoidException => AttemptFailure.Lost("lease_void", e.Message),
        BadPackageException => AttemptFailure.Failed("start_failed", e.Message),
        TransferRefusedException => AttemptFailure.Lost("transfer_refused", e.Message),
        IOException or UnauthorizedAccessException or HttpRequestException or JsonException => AttemptFailure.Lost("worker", $"The worker could not carry out the attempt: {e.Message}"),
        _ => null,
    };

    private static IReadOnlyList<string> Command(CommandSpec command) => command switch
    {
        { Argv: { Count: > 0 } argv } => argv,
        { Shell: { } shell } => ["/bin/sh", "-c", shell],
        _ => throw AttemptFailure.Failed("start_failed", "run: the step has no command. Give it an argument vector or a shell string."),
    };

    private static string Workdir(string code, string? workdir)
    {
        if (workdir is null) return code;
        var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(Path.Combine(code, workdir)));
        if (path != code && !path.StartsWith(code + '/', StringComparison.Ordinal))
            throw AttemptFailure.Failed("start_failed", $"workdir: '{workdir}' leaves the code package. Give a directory within it.");
        if (!Directory.Exists(path)) throw AttemptFailure.Failed("start_failed", $"workdir: '{workdir}' is no directory of the code package. Pack it, or correct the name.");
        return path;
    }

    private static string ExitMessage(int exitCode, string tail)
    {
        var how = exitCode > 128 && SignalName(exitCode - 128) is { } signal
            ? $"The task ended with exit code {exitCode} (128 + {exitCode - 128}, {signal})."
            : $"The task ended with exit code {exitCode}.";
        return tail.Length == 0 ? how : $"{how}\n{Tail(tail, Limits.ErrorChars - how.Length - 1)}";
    }

    private static string Tail(string text, int chars) => text.Length <= chars ? text : text[^chars..];

    private static string? SignalName(int signal) => signal switch
    {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        _ => null,
    };
}
