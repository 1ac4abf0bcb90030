using Fanfare.Cli.Api;
using Spectre.Console;

namespace Fanfare.Cli.Output;

/// <summary>Where a command writes: results to standard output, notes to standard error.</summary>
internal sealed class Screen
{
    // Wide enough that no cell is folded in a file or a pipe.
    private const int FileWidth = 4000;

    private readonly CliHost _host;

    public Screen(CliHost host, bool json)
    {
        _host = host;
        Json = json;
        Results = Console(host.Out, host.Interactive && !json);
        Notes = Console(host.Error, host.Interactive);
    }

    /// <summary>Whether results are JSON.</summary>
    public bool Json { get; }

    /// <summary>Whether results go to a terminal that can be redrawn.</summary>
    public bool Live => _host.Interactive && !Json;

    public IAnsiConsole Results { get; }

    public IAnsiConsole Notes { get; }

    /// <summary>A line for people: on standard output, or on standard error where that holds JSON.</summary>
    public void Say(string text) => (Json ? _host.Error : _host.Out).WriteLine(text);

    /// <summary>Like <see cref="Say"/>, with markup; cells from outside must be escaped.</summary>
    public void SayMarkup(string markup) => (Json ? Notes : Results).MarkupLine(markup);

    /// <summary>Takes the notes instead of standard error, while something redraws the terminal; null for none.</summary>
    public Action<string>? Divert { get; set; }

    public void Note(string text)
    {
        if (Divert is { } divert)
        {
            divert(text);
            return;
        }
        lock (_host.Error) _host.Error.WriteLine(text);
    }

    public void WriteJson<T>(T value) => _host.Out.WriteLine(ApiJson.Show(value));

    public void WriteJsonLine<T>(T value)
    {
        _host.Out.WriteLine(ApiJson.ShowLine(value));
        _host.Out.Flush();
    }

    public void WriteLine(string text)
    {
        _host.Out.WriteLine(text);
        _host.Out.Flush();
    }

    /// <summary>A table without rules: what fits a terminal and what <c>awk</c> can read.</summary>
    public void Table(IReadOnlyList<string> headers, IEnumerable<IReadOnlyList<string>> rows)
    {
        var table = new Table { Border = TableBorder.None, ShowHeaders = true };
        foreach (var header in headers)
            table.AddColumn(new TableColumn(new Text(header, new Style(decoration: Decoration.Dim))) { NoWrap = true, Padding = new Padding(0, 0, 2, 0) });
        foreach (var row in rows) table.AddRow(row.Select(c => new Markup(c)));
        if (Live)
        {
            Results.Write(table);
            return;
        }
        // Cells are padded to their column: in a file nothing is gained by that at the end of a line.
        using var text = new StringWriter();
        Console(text, interactive: false).Write(table);
        foreach (var line in text.ToString().TrimEnd('\n').Split('\n')) Say(line.TrimEnd());
    }

    public static string Escape(string text) => Markup.Escape(Words.Printable(text));

    private static IAnsiConsole Console(TextWriter writer, bool interactive)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = interactive ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = interactive ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = interactive ? InteractionSupport.Detect : InteractionSupport.No,
        });
        if (!interactive) console.Profile.Width = FileWidth;
        return console;
    }
}
