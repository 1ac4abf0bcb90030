// What the SQLite journal bears: the appends of a wide foreach, each task leased and then succeeded with its rows, at most
// 256 tasks in flight over some step streams; then reads over what that left. Usage: Storage.Bench [tasks] [streams]
using System.Diagnostics;
using Fanfare.Contracts;
using Fanfare.Storage;
using TaskStatus = Fanfare.Contracts.TaskStatus;

var tasks = args.Length > 0 ? int.Parse(args[0], null) : 100_000;
var streams = args.Length > 1 ? int.Parse(args[1], null) : 64;
var directory = Directory.CreateTempSubdirectory("fanfare-bench-").FullName;
var now = TimeProvider.System.GetUtcNow();
try
{
    var store = await SqliteStore.OpenAsync(directory, TimeProvider.System);
    var run = new RunRow("default", "r1", "bench", 1, RunStatus.Running, "{}", [], 0, null, "bench", 1, now, null, null);
    var runStream = StreamId.Run("default", "r1");
    var openedRun = await store.Journal.OpenAsync(runStream, default);
    await store.Journal.AppendAsync(new Append { Stream = runStream, ExpectedSequence = 0, Epoch = openedRun.Epoch, Events = [new JournalEvent(1, now, "bench", new RunStarted("bench", 1, "{}", [], 0, null))], Rows = [run], Wake = null });

    var commits = 0;
    store.Journal.Committed += (_, _) => commits++;
    var (events, rows) = (0L, 0L);
    var cpu = Process.GetCurrentProcess().TotalProcessorTime;
    var watch = Stopwatch.StartNew();
    // Each step appends one batch of transitions at a time, as the engine does when several results come with one poll.
    await Task.WhenAll(Enumerable.Range(0, streams).Select(s => Task.Run(() => Work(s))));
    var took = watch.Elapsed.TotalSeconds;
    cpu = Process.GetCurrentProcess().TotalProcessorTime - cpu;
    Console.WriteLine($"{tasks} tasks in {took:f2} s: {tasks / took:f0} tasks/s, {(events + rows) / took:f0} events and rows/s ({events} + {rows}), {commits} commits, {events / (double)commits:f1} events a commit, {cpu.TotalSeconds:f2} s of processor, {(events + rows) / cpu.TotalSeconds:f0} events and rows per second of it");
    Console.WriteLine($"{new FileInfo(Path.Combine(directory, "journal.db")).Length / 1024 / 1024} MiB in journal.db, {new FileInfo(Path.Combine(directory, "journal.db-wal")).Length / 1024 / 1024} MiB in its log");

    var read = store.ReadModel;
    await Time("tasks, first page of 100", () => read.ListTasksAsync("default", "r1", new TaskFilter(), null, 100, default));
    await Time("tasks by status failed, 100", () => read.ListTasksAsync("default", "r1", new TaskFilter(Status: TaskStatus.Failed), null, 100, default));
    await Time("tasks by status succeeded, 100", () => read.ListTasksAsync("default", "r1", new TaskFilter(Status: TaskStatus.Succeeded), null, 100, default));
    await Time("tasks by status skipped (none)", () => read.ListTasksAsync("default", "r1", new TaskFilter(Status: TaskStatus.Skipped), null, 100, default));
    await Time("history from zero, 1000", () => read.ReadHistoryAsync("default", "r1", 0, 1000, default));
    var position = await read.GetPositionAsync("default", "r1", default);
    await Time("history, the last 10", () => read.ReadHistoryAsync("default", "r1", position - 10, 1000, default));
    await Time("a step's stream, whole", () => store.Journal.OpenAsync(Step(0), default));

    var single = StreamId.Run("default", "chain");
    var chain = await store.Journal.OpenAsync(single, default);
    var each = new List<double>();
    for (var i = 0; i < 500; i++)
    {
        var one = Stopwatch.StartNew();
        await store.Journal.AppendAsync(new Append { Stream = single, ExpectedSequence = i, Epoch = chain.Epoch, Events = [new JournalEvent(i + 1, now, "bench", new RunPaused())], Rows = [], Wake = null });
        each.Add(one.Elapsed.TotalMilliseconds);
    }
    each.Sort();
    await store.DisposeAsync();
    var start = Stopwatch.StartNew();
    await (await SqliteStore.OpenAsync(directory, TimeProvider.System)).DisposeAsync();
    Console.WriteLine($"opened and closed again: {start.Elapsed.TotalMilliseconds:f0} ms");
    Console.WriteLine($"one append at a time: p50 {each[250]:f3} ms, p99 {each[495]:f3} ms");

    async Task Work(int s)
    {
        var stream = Step(s);
        var key = stream.StepKey;
        var opened = await store.Journal.OpenAsync(stream, default);
        var head = 0L;
        const int Group = 4;
        for (var split = 0; split < tasks / streams; split += Group)
        {
            for (var phase = 0; phase < 2; phase++)
            {
                var (es, rs) = (new List<JournalEvent>(), new List<Row>());
                for (var i = split; i < split + Group; i++)
                {
                    es.Add(new JournalEvent(head + es.Count + 1, now, "worker:w1", phase == 0
                        ? new TaskLeased(i, 0, $"{head}.0.abcdef123456", "w1", "boot-1")
                        : new TaskSucceeded(i, 0, now, now, "{\"value\":12345}")));
                    rs.Add(new TaskRow("default", "r1", key, i, phase == 0 ? TaskStatus.Running : i % 1000 == 0 ? TaskStatus.Failed : TaskStatus.Succeeded, 0, "w1", now, now, phase == 0 ? null : now, null, phase == 0 ? null : "{\"value\":12345}", null));
                    rs.Add(new AttemptRow("default", "r1", key, i, 0, phase == 0 ? AttemptStatus.Running : AttemptStatus.Succeeded, "w1", $"{head}.0.abcdef123456", now, now, phase == 0 ? null : now, null));
                }
                rs.Add(new StepRow("default", "r1", key, StepStatus.Open, true, tasks / streams, 1, 0, split, 0, 0, now, null));
                var outcome = await store.Journal.AppendAsync(new Append { Stream = stream, ExpectedSequence = head, Epoch = opened.Epoch, Events = es, Rows = rs, Wake = new Wake(DateTimeOffset.MinValue, 0) });
                if (outcome != AppendOutcome.Committed) throw new InvalidOperationException($"{stream} was fenced.");
                head += es.Count;
                Interlocked.Add(ref events, es.Count);
                Interlocked.Add(ref rows, rs.Count);
            }
        }
    }
}
finally
{
    Directory.Delete(directory, recursive: true);
}

static StreamId Step(int i) => StreamId.Step("default", "r1", new StepKey("train", new SplitPath(i), new SplitPath(0, 0)));

static async Task Time<T>(string what, Func<Task<T>> query)
{
    await query(); // The first one opens a connection.
    var watch = Stopwatch.StartNew();
    await query();
    Console.WriteLine($"{what}: {watch.Elapsed.TotalMilliseconds:f1} ms");
}
