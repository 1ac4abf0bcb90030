using System.Globalization;
using Fanfare.Cli.Api;
using Fanfare.Cli.Running;

namespace Fanfare.Cli.Output;

/// <summary>Prints log lines: what a task wrote goes to standard output as it is, one line of JSON each under <c>--json</c>.</summary>
internal sealed class LogPrinter(Session session, bool named, bool timestamps) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);
    private readonly Lock _write = new();

    public async Task PrintAsync(IAsyncEnumerable<LogLine> lines, string task)
    {
        await foreach (var line in lines) Print(task, line);
    }

    /// <summary>The logs so far of all tasks, one task after another.</summary>
    public async Task PrintAllAsync(string run, LogQuery query, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            string? cursor = null;
            do
            {
                var page = await session.Api.ListTasksAsync(run, null, null, 500, cursor, cancellationToken);
                foreach (var task in page.Items.Where(t => t.LeasedAt is not null))
                    await PrintAsync(session.Api.ReadLogAsync(run, task.Task, query, cancellationToken), task.Task);
                cursor = page.Next;
            }
            while (cursor is not null);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>What the run's tasks have written, in all of their attempts, and go on to write, until the run ends.</summary>
    /// <returns>The exit code: success, whatever the outcome of the run.</returns>
    public async Task<int> FollowAsync(string run, LogQuery query, CancellationToken cancellationToken)
    {
        await using var view = new PrintingView(this, session.Screen);
        await using var feed = new LogFeed(session.Api, run, view, wanted: true) { Query = query };
        await new RunFollower(session.Api, session.Host.Clock, view) { EventSeen = feed.See }.FollowAsync(run, cancellationToken);
        await feed.DrainAsync(TimeSpan.FromSeconds(10), session.Host.Clock, cancellationToken);
        return ExitCode.Success;
    }

    public void Print(string task, LogLine line)
    {
        lock (_write)
        {
            if (session.Screen.Json)
            {
                session.Screen.WriteJsonLine(new TaskLogLine(task, line.At, line.Stream, line.Text));
                return;
            }
            var time = timestamps ? line.At.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss.fffZ ", CultureInfo.InvariantCulture) : "";
            // To a terminal nothing may go that could steer it.
            var text = session.Screen.Live ? Words.Printable(line.Text) : line.Text;
            var prefix = named ? $"{task} | " : "";
            if (line.Stream == "fanfare") session.Screen.Note($"{time}{prefix}{text}");
            else session.Screen.WriteLine($"{time}{prefix}{text}");
        }
    }

    public void Dispose() => _turn.Dispose();

    private sealed class PrintingView(LogPrinter printer, Screen screen) : ProgressView
    {
        public override void Update(RunSnapshot snapshot)
        {
        }

        public override void Note(string text) => screen.Note(text);

        public override void Log(string task, LogLine line) => printer.Print(task, line);

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
