using System.Buffers;
using System.Text;
using Fanfare.Contracts;

namespace Fanfare.Worker.Logs;

/// <summary>One of a task's two output streams: read to its end, whatever comes, and kept up to the limit.</summary>
internal sealed class LogChannel(string name, TaskLog log)
{
    private const int TailBytes = 8 * 1024;

    private readonly byte[] _tail = new byte[TailBytes];
    private int _tailLength;
    private long _kept;
    private bool _full;

    /// <summary>Reads until the end or until cancelled. The pipe is emptied also when nothing more is kept, or the task would stall.</summary>
    /// <param name="stream">The pipe.</param>
    /// <param name="mask">What is not to be seen in the log.</param>
    /// <param name="copy">Takes all of it as it is.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public async Task PumpAsync(Stream stream, SecretMask mask, MetaflowLog? copy, CancellationToken cancellationToken)
    {
        var splitter = new LineSplitter(Limits.LogLineBytes + mask.LongestBytes, (line, cut) => Line(line, cut, mask));
        var buffer = ArrayPool<byte>.Shared.Rent(32 * 1024);
        try
        {
            while (await stream.ReadAsync(buffer, cancellationToken) is var read and > 0)
            {
                copy?.Write(buffer.AsSpan(0, read));
                Remember(buffer.AsSpan(0, read));
                if (!_full) splitter.Write(buffer.AsSpan(0, read));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            if (!_full) splitter.Complete();
        }
    }

    /// <summary>The last lines that came, masked; at most <paramref name="lines"/>, for an error's message.</summary>
    public string Tail(int lines, SecretMask mask)
    {
        var text = mask.Apply(Encoding.UTF8.GetString(_tail, 0, _tailLength));
        // A secret that begins before what is remembered would show its end.
        if (_tailLength == TailBytes) text = text.IndexOf('\n', StringComparison.Ordinal) is var end and >= 0 ? text[(end + 1)..] : text[Math.Min(text.Length, mask.LongestChars)..];
        var all = text.TrimEnd().Split('\n');
        return string.Join('\n', all.TakeLast(lines).Select(l => l.TrimEnd('\r')));
    }

    private void Line(ReadOnlySpan<byte> bytes, bool cut, SecretMask mask)
    {
        if (_full) return;
        var text = Encoding.UTF8.GetString(bytes);
        text = mask.Apply(text);
        if (cut)
        {
            // The end of what was kept may hold the beginning of a secret.
            text = text[..Math.Max(0, text.Length - mask.LongestChars)];
            text = $"{Truncate(text, Limits.LogLineBytes)} [cut: a line is kept up to {Limits.LogLineBytes} bytes]";
        }
        _kept += log.Write(name, text);
        if (_kept < Limits.LogBytes) return;
        _full = true;
        log.Remark($"std{name}: {Limits.LogBytes >> 20} MiB are kept of it; what follows is not. Write large output to a file in $FANFARE_ARTIFACTS.");
    }

    private void Remember(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length >= TailBytes)
        {
            bytes[^TailBytes..].CopyTo(_tail);
            _tailLength = TailBytes;
            return;
        }
        var keep = Math.Min(_tailLength, TailBytes - bytes.Length);
        _tail.AsSpan(_tailLength - keep, keep).CopyTo(_tail);
        bytes.CopyTo(_tail.AsSpan(keep));
        _tailLength = keep + bytes.Length;
    }

    private static string Truncate(string text, int bytes)
    {
        if (Encoding.UTF8.GetByteCount(text) <= bytes) return text;
        var low = 0;
        var high = Math.Min(text.Length, bytes);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (Encoding.UTF8.GetByteCount(text.AsSpan(0, middle)) <= bytes) low = middle;
            else high = middle - 1;
        }
        if (low > 0 && char.IsHighSurrogate(text[low - 1])) low--;
        return text[..low];
    }
}
