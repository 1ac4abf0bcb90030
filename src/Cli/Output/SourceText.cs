using System.Text;

namespace Fanfare.Cli.Output;

/// <summary>A source file, to show the place of a complaint in it.</summary>
internal sealed class SourceText(string file, string text)
{
    private const int Width = 120;

    private readonly string[] _lines = text.Split('\n');

    public string Text { get; } = text;

    /// <summary><c>file:line:col: message</c>, the line with a caret under the column, and the remedy.
    /// Line and column count from 1; 0 where the place is not known.</summary>
    public string Show(int line, int column, string message, string remedy)
    {
        var shown = new StringBuilder(Words.Printable(file));
        if (line > 0) shown.Append(':').Append(line);
        if (line > 0 && column > 0) shown.Append(':').Append(column);
        shown.Append(": ").Append(message);
        if (line > 0 && line <= _lines.Length) Excerpt(shown, line, column);
        if (remedy.Length > 0) shown.Append("\n  ").Append(Words.Printable(remedy));
        return shown.ToString();
    }

    private void Excerpt(StringBuilder shown, int line, int column)
    {
        var text = Words.Printable(_lines[line - 1].TrimEnd('\r')).Replace('\t', ' ');
        if (text.Trim().Length == 0) return;
        // A long line is shown around the column.
        var from = Math.Max(0, Math.Min(column - 1 - (Width / 2), text.Length - Width));
        var part = text.Substring(from, Math.Min(Width, text.Length - from));
        var number = line.ToString(System.Globalization.CultureInfo.InvariantCulture);
        shown.Append("\n  ").Append(number).Append(" | ").Append(part.TrimEnd());
        if (column > 0 && column - 1 - from <= part.Length)
            shown.Append("\n  ").Append(' ', number.Length).Append(" | ").Append(' ', column - 1 - from).Append('^');
    }
}
