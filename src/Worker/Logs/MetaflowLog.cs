using System.Globalization;
using System.Text;

namespace Fanfare.Worker.Logs;

/// <summary>Gives the lines of one task the stamps by which Metaflow's client sorts them: no two have the same. Safe to call from any thread.</summary>
internal sealed class MetaflowStamps(TimeProvider time)
{
    private readonly Lock _lock = new();
    private DateTime _last;

    public string Next()
    {
        lock (_lock)
        {
            var now = time.GetUtcNow().UtcDateTime;
            var next = _last.AddMicroseconds(1);
            _last = now > next ? now : next;
            return string.Create(CultureInfo.InvariantCulture, $"[MFLOG|0|{_last:yyyy-MM-ddTHH:mm:ss.ffffff}Z|task|{Guid.NewGuid()}]");
        }
    }
}

/// <summary>One stream of a task as Metaflow's local datastore keeps it: a stamp before each line, the rest as it came. There is no file as long as there is nothing to keep.</summary>
internal sealed class MetaflowLog(string path, MetaflowStamps stamps, Action<string> remark) : IDisposable
{
    private FileStream? _file;
    private bool _inLine;
    private bool _broken;

    public void Write(ReadOnlySpan<byte> bytes)
    {
        if (_broken) return;
        try
        {
            if (_file is null)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                _file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
            }
            while (bytes.Length > 0)
            {
                if (!_inLine) _file.Write(Encoding.ASCII.GetBytes(stamps.Next()));
                var end = bytes.IndexOf((byte)'\n') + 1;
                var piece = end == 0 ? bytes : bytes[..end];
                _file.Write(piece);
                _inLine = end == 0;
                bytes = bytes[piece.Length..];
            }
            // Whoever reads it while it grows sees what there is.
            _file.Flush();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _broken = true;
            remark($"Metaflow's copy of the log ends early: {e.Message}");
        }
    }

    public void Dispose()
    {
        try
        {
            _file?.Dispose();
        }
        catch (IOException)
        {
            // What could not be written was said.
        }
    }
}
