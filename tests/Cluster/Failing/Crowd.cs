using System.Collections.Concurrent;
using System.Diagnostics;
using Fanfare.Worker;

namespace Fanfare.Cluster.Failing;

/// <summary>Workers whose tasks only take their time, so that few processors do for many; each is a whole worker agent that knows all silos. Of each run it is known how long it waited between one task and the next.</summary>
internal sealed class Crowd : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private const int KeptLines = 50;

    private readonly ConcurrentDictionary<string, (long Since, TaskRef Ended, string Worker)> _waiting = [];
    private readonly ConcurrentDictionary<string, ConcurrentQueue<(DateTimeOffset At, string Line)>> _logs = [];
    private readonly ConcurrentQueue<(long Until, Wait Wait)> _waits = [];
    private readonly string _home = Directory.CreateTempSubdirectory("fanfare-crowd-").FullName;
    private readonly TimeSpan _each;
    private readonly List<Task> _agents = [];
    private int _ended;

    /// <param name="capacity">Tasks that all of them hold together.</param>
    /// <param name="each">How long a task of the step 'each' takes, give or take a half.</param>
    public Crowd(IReadOnlyList<SiloProcess> silos, int workers, int capacity, TimeSpan each)
    {
        _each = each;
        for (var i = 0; i < workers; i++)
        {
            var options = new WorkerOptions
            {
                Name = $"crowd-{i}",
                // Each begins with another.
                Servers = [.. silos.Skip(i % silos.Count).Concat(silos.Take(i % silos.Count)).Select(silo => new Uri(silo.Url))],
                WorkDirectory = Path.Combine(_home, $"{i}"),
                Capacity = new ResourceSpec((capacity + workers - 1) / workers, 1 << 20, 0, 1 << 20),
            };
            var log = _logs[options.Name] = [];
            _agents.Add(Task.Run(() => new WorkerAgent(options, new Member(this, options.Name), TimeProvider.System, new Kept(log)).RunAsync(_stop.Token)));
        }
    }

    /// <summary>Tasks that came to their end.</summary>
    public int Ended => _ended;

    private async Task<FinishedAttempt> RunAsync(TaskAssignment assignment, string worker)
    {
        var (task, token, since) = (assignment.Lease.Task, assignment.Lease.Token, DateTimeOffset.UtcNow);
        if (_waiting.TryRemove(task.Run, out var waited)) _waits.Enqueue((Stopwatch.GetTimestamp(), new Wait(waited.Ended, waited.Worker, task, worker, since - Stopwatch.GetElapsedTime(waited.Since), since)));
        var left = task.Step.Step != "each" ? TimeSpan.Zero : _each * (0.5 + Random.Shared.NextDouble());
        await Task.Delay(left, assignment.Stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var outcome = assignment.Stop.IsCancellationRequested ? AttemptOutcome.Cancelled : AttemptOutcome.Succeeded;
        if (outcome == AttemptOutcome.Succeeded)
        {
            Interlocked.Increment(ref _ended);
            _waiting[task.Run] = (Stopwatch.GetTimestamp(), task, worker);
        }
        return new FinishedAttempt { Task = task, Token = token, Outcome = outcome, StartedAt = since, EndedAt = DateTimeOffset.UtcNow, Error = outcome == AttemptOutcome.Cancelled ? new TaskError("cancelled", "It was told to end.") : null };
    }

    /// <summary>Returns when every run that waits for its next task now has it.</summary>
    /// <param name="explain">Says why a run waits.</param>
    /// <exception cref="TimeoutException">Names those that still wait.</exception>
    public async Task CaughtUpAsync(TimeSpan limit, Func<string, Task<string>> explain)
    {
        var now = Stopwatch.GetTimestamp();
        while (_waiting.Where(run => run.Value.Since <= now).Select(run => run.Key).ToList() is { Count: > 0 } behind)
        {
            if (Stopwatch.GetElapsedTime(now) > limit) throw new TimeoutException($"{behind.Count} runs still wait for their next task. The first: {await explain(behind[0])}");
            await Task.Delay(20);
        }
    }

    /// <summary>Waits of runs that had their next task since then, the shortest first.</summary>
    public IReadOnlyList<TimeSpan> WaitsSince(long timestamp) => [.. _waits.Where(wait => wait.Until >= timestamp).Select(wait => wait.Wait.Length).Order()];

    /// <summary>What a worker said in that time.</summary>
    public IEnumerable<string> Said(string worker, DateTimeOffset from, DateTimeOffset until) =>
        _logs[worker].Where(said => said.At >= from && said.At <= until).Select(said => FormattableString.Invariant($"{worker} after {(said.At - from).TotalSeconds:0.00} s: {said.Line}"));

    /// <summary>The longest that a run waited that had its next task since then; null when none had.</summary>
    public Wait? LongestSince(long timestamp) => _waits.Where(wait => wait.Until >= timestamp).Select(wait => wait.Wait).MaxBy(wait => wait.Length);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_agents);
        _stop.Dispose();
        Directory.Delete(_home, recursive: true);
    }

    private sealed class Kept(ConcurrentQueue<(DateTimeOffset At, string Line)> log) : IWorkerLog
    {
        public bool TakesAttempts(LogSeverity level) => level >= LogSeverity.Information;

        public void Write(LogSeverity level, string message)
        {
            if (!TakesAttempts(level)) return;
            log.Enqueue((DateTimeOffset.UtcNow, message));
            if (log.Count > KeptLines) log.TryDequeue(out _);
        }

        public void Write(LogSeverity level, Lease about, string message) => Write(level, message);
    }

    private sealed class Member(Crowd crowd, string name) : ITaskExecutor
    {
        public Task<FinishedAttempt> RunAsync(TaskAssignment assignment) => crowd.RunAsync(assignment, name);
    }
}

/// <summary>A run between two of its tasks, and who ended the one and got the other.</summary>
internal sealed record Wait(TaskRef Ended, string By, TaskRef Next, string To, DateTimeOffset From, DateTimeOffset Until)
{
    public TimeSpan Length => Until - From;
}
