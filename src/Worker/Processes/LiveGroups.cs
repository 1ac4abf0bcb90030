using System.Globalization;
using System.Text;
using Fanfare.Contracts.Api;

namespace Fanfare.Worker.Processes;

/// <summary>All process groups that tasks of this worker run in. Each is told to the guard, and written to a file for the next
/// worker on this directory, before its command runs. Safe to call from any thread.</summary>
internal sealed class LiveGroups : IDisposable
{
    private const long RewriteAbove = 256 * 1024;

    private readonly Lock _lock = new();
    private readonly HashSet<LiveGroup> _live = [];
    private readonly HashSet<long> _marks = [];
    private readonly Guard _guard;
    private readonly FileStream _file;
    private readonly IWorkerLog _log;
    private long _lastMark;
    private bool _toldFileError;

    /// <param name="path">The file; what an earlier worker left in it has been dealt with.</param>
    /// <param name="mark">Names this worker's tasks in their environment.</param>
    /// <param name="setsid">Path of util-linux' setsid.</param>
    /// <param name="log">The worker's log.</param>
    public LiveGroups(string path, string mark, string setsid, IWorkerLog log)
    {
        _log = log;
        Mark = mark;
        _file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        _guard = new Guard(setsid, mark);
        Rewrite_NeedsLock();
        _guard.Start([]);
    }

    /// <summary>Value of <c>FANFARE_MARK</c>, without the task's own part.</summary>
    public string Mark { get; }

    /// <summary>Value of <c>FANFARE_MARK</c> for a task. All are of one length, so that a forked child can put its own where its server's was.</summary>
    public string MarkOf(long mark) => string.Create(CultureInfo.InvariantCulture, $"{Mark}.{mark:D19}");

    /// <summary>The mark of a task that is about to start.</summary>
    public long Enter()
    {
        lock (_lock)
        {
            _marks.Add(++_lastMark);
            return _lastMark;
        }
    }

    public void Leave(long mark)
    {
        lock (_lock) _marks.Remove(mark);
    }

    public bool IsLive(long mark)
    {
        lock (_lock) return _marks.Contains(mark);
    }

    public void Add(LiveGroup group)
    {
        lock (_lock)
        {
            _live.Add(group);
            Tell_NeedsLock('+', group);
        }
    }

    public void Remove(LiveGroup group)
    {
        lock (_lock)
        {
            if (_live.Remove(group)) Tell_NeedsLock('-', group);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _guard.Dispose();
            if (_live.Count == 0) _file.SetLength(0);
            _file.Dispose();
        }
    }

    private void Tell_NeedsLock(char sign, LiveGroup group)
    {
        try
        {
            _guard.Write(sign, group);
        }
        catch (IOException)
        {
            _log.Write(LogSeverity.Warning, "The guard process is gone; starting another.");
            _guard.Start(_live);
        }
        try
        {
            if (sign == '-' && _file.Length > RewriteAbove) Rewrite_NeedsLock();
            else _file.Write(Encoding.ASCII.GetBytes($"{sign} {group}\n"));
            _toldFileError = false;
        }
        catch (IOException e)
        {
            // The guard still knows; only the fall-back is missing, and a full disk must not end tasks.
            if (!_toldFileError) _log.Write(LogSeverity.Warning, $"Cannot note live processes in {_file.Name}: {e.Message} Free some space there.");
            _toldFileError = true;
        }
    }

    private void Rewrite_NeedsLock()
    {
        var text = new StringBuilder();
        foreach (var group in _live) text.Append("+ ").Append(group).Append('\n');
        _file.SetLength(0);
        _file.Position = 0;
        _file.Write(Encoding.ASCII.GetBytes($"boot {Leftovers.MachineBoot()}\n{text}"));
    }
}
