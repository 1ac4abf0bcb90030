using Fanfare.Cli.Output;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Fanfare.Cli.Running;

/// <summary>Progress that redraws itself in a terminal: a bar for each step, and on the key <c>l</c> the newest log lines.</summary>
internal sealed class LiveProgress : ProgressView
{
    private const int LogLines = 8;

    private static readonly TimeSpan FrameTime = TimeSpan.FromMilliseconds(100);

    private readonly IAnsiConsole _console;
    private readonly TimeProvider _clock;
    private readonly bool _keyboard;
    private readonly IReadOnlyList<string> _planned;
    private readonly Func<string> _interrupt;
    private readonly Action<bool> _logsToggled;
    private readonly CancellationTokenSource _end = new();
    private readonly Lock _lock = new();
    private readonly Queue<string> _log = [];
    private readonly Task _drawing;
    private RunSnapshot? _snapshot;
    private string? _note;
    private bool _logs;

    /// <param name="planned">Names of the flow's steps, so that those to come are shown too.</param>
    /// <param name="interrupt">What Ctrl-C does now, in words.</param>
    /// <param name="logs">Whether log lines are shown from the start.</param>
    /// <param name="logsToggled">Told when log lines are wanted, and when not.</param>
    public LiveProgress(IAnsiConsole console, TimeProvider clock, bool keyboard, IReadOnlyList<string> planned, Func<string> interrupt, bool logs, Action<bool> logsToggled)
    {
        _console = console;
        _clock = clock;
        _keyboard = keyboard;
        _planned = planned;
        _interrupt = interrupt;
        _logs = logs;
        _logsToggled = logsToggled;
        _drawing = DrawAsync();
    }

    public override void Update(RunSnapshot snapshot)
    {
        lock (_lock) _snapshot = snapshot;
    }

    public override void Note(string text)
    {
        lock (_lock) _note = text;
    }

    public override void Log(string task, LogLine line)
    {
        lock (_lock)
        {
            _log.Enqueue($"[dim]{Screen.Escape(task)}[/] {(line.Stream == "err" ? "[yellow]!![/] " : "")}{Screen.Escape(line.Text)}");
            while (_log.Count > LogLines) _log.Dequeue();
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _drawing;
        _end.Dispose();
    }

    private async Task DrawAsync()
    {
        // Cleared at its end, since the area never shrinks by itself; the last picture is then written to stay.
        await _console.Live(Text.Empty).AutoClear(true).Overflow(VerticalOverflow.Crop).Cropping(VerticalOverflowCropping.Bottom).StartAsync(async live =>
        {
            while (!_end.IsCancellationRequested)
            {
                ReadKeys();
                if (Picture(last: false) is { } picture) live.UpdateTarget(picture);
                await Task.Delay(FrameTime, _clock, _end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        });
        if (Picture(last: true) is { } end) _console.Write(end);
    }

    private void ReadKeys()
    {
        if (!_keyboard) return;
        while (Console.KeyAvailable)
        {
            if (Console.ReadKey(intercept: true).KeyChar is not ('l' or 'L')) continue;
            lock (_lock) _logs = !_logs;
            _logsToggled(_logs);
        }
    }

    private Rows? Picture(bool last)
    {
        lock (_lock) return _snapshot is null ? null : Picture(_snapshot, last);
    }

    private Rows Picture(RunSnapshot snapshot, bool last)
    {
        var now = _clock.GetUtcNow();
        var room = Math.Max(3, _console.Profile.Height - 4 - (_logs && !last ? LogLines + 1 : 0));
        var parts = new List<IRenderable> { StepBars.Draw(snapshot, _planned, now, _console.Profile.Width, room, last) };
        if (!last)
        {
            var keys = _keyboard ? _logs ? "l hides logs, " : "l shows logs, " : "";
            parts.Add(new Markup($"[dim]{Words.Of(snapshot.Run.Status)} for {Words.Duration(snapshot.Elapsed(now))}; {keys}{_interrupt()}[/]"));
            if (_note is not null) parts.Add(new Markup($"[yellow]{Screen.Escape(_note)}[/]"));
            if (_logs)
                parts.AddRange(_log.Select(l => new Markup(l) { Overflow = Overflow.Ellipsis }));
        }
        return new Rows(parts);
    }
}
