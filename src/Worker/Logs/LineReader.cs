using System.Text;

namespace Fanfare.Worker.Logs;

/// <summary>Reads short lines of UTF-8 one after another. A line of more than <see cref="MostBytes"/> comes in pieces.</summary>
internal sealed class LineReader(Stream stream)
{
    private const int MostBytes = 4096;

    private readonly byte[] _buffer = new byte[MostBytes];
    private int _start;
    private int _end;

    /// <summary>The next line without its end; null when there is none.</summary>
    public async Task<string?> NextAsync()
    {
        while (true)
        {
            var newline = Array.IndexOf(_buffer, (byte)'\n', _start, _end - _start);
            if (newline >= 0) return Take(newline, newline + 1);
            if (_start > 0)
            {
                Buffer.BlockCopy(_buffer, _start, _buffer, 0, _end - _start);
                (_start, _end) = (0, _end - _start);
            }
            if (_end == _buffer.Length) return Take(_end, _end);
            var read = await ReadAsync();
            if (read == 0) return _end == _start ? null : Take(_end, _end);
            _end += read;
        }
    }

    private async Task<int> ReadAsync()
    {
        try
        {
            return await stream.ReadAsync(_buffer.AsMemory(_end));
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // Closed on this side: nobody waits for what would come.
            return 0;
        }
    }

    private string Take(int end, int next)
    {
        var line = Encoding.UTF8.GetString(_buffer, _start, end - _start);
        _start = next;
        return line;
    }
}
