using System.Text;

namespace Fanfare.Specs.Templates;

/// <summary>Takes so many characters and no more.</summary>
internal sealed class BoundedWriter(int most) : TextWriter
{
    private readonly StringBuilder _text = new();

    public override Encoding Encoding => Encoding.UTF8;

    /// <summary>What was written, or its beginning.</summary>
    public string Text => _text.Length <= most ? _text.ToString() : TextCut.To(_text.ToString(), most);

    public override void Write(char value) => Write([value]);

    public override void Write(string? value) => Write(value.AsSpan());

    public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

    public override void Write(ReadOnlySpan<char> buffer)
    {
        var room = most + 1 - _text.Length;
        _text.Append(buffer[..Math.Min(room, buffer.Length)]);
        if (buffer.Length >= room) throw new TextIsFullException();
    }

    public override Task WriteAsync(char value)
    {
        Write(value);
        return Task.CompletedTask;
    }

    public override Task WriteAsync(string? value)
    {
        Write(value);
        return Task.CompletedTask;
    }

    public override Task WriteAsync(char[] buffer, int index, int count)
    {
        Write(buffer, index, count);
        return Task.CompletedTask;
    }

    public override Task WriteAsync(ReadOnlyMemory<char> buffer, CancellationToken cancellationToken = default)
    {
        Write(buffer.Span);
        return Task.CompletedTask;
    }
}

/// <summary>There is more text than is wanted.</summary>
internal sealed class TextIsFullException : Exception;

/// <summary>Shortens texts.</summary>
public static class TextCut
{
    /// <summary>The text, or its beginning and "…", together at most <paramref name="most"/> characters.</summary>
    public static string To(string text, int most)
    {
        if (text.Length <= most) return text;
        var end = most - 1;
        if (char.IsHighSurrogate(text[end - 1])) end--;
        return text[..end] + "…";
    }
}
