using System.Reflection;
using System.Text;

namespace Fanfare.Storage.Common;

/// <summary>The statements of one embedded .sql file, by name. A statement starts at its line <c>-- name: x</c>; a part that
/// several share starts at <c>-- fragment: x</c> and is put in where <c>$(x)</c> stands. Comments are left out.</summary>
internal sealed class SqlText
{
    private const string Named = "-- name: ", Fragment = "-- fragment: ";

    private readonly Dictionary<string, string> _texts = [];
    private readonly HashSet<string> _fragments = [];
    private readonly string _file;

    private SqlText(string file) => _file = file;

    public string this[string name] =>
        _texts.TryGetValue(name, out var sql) ? sql : throw new InvalidOperationException($"{_file} has no statement named {name}.");

    /// <summary>Names of the statements, fragments left out.</summary>
    public IEnumerable<string> Names => _texts.Keys.Except(_fragments);

    public static SqlText Load(string file)
    {
        var text = new SqlText(file);
        string? name = null;
        var body = new StringBuilder();
        foreach (var line in Whole(file).Split('\n'))
        {
            if (Heading(line) is { } next)
            {
                text.Add(name, body);
                name = next;
                if (line.StartsWith(Fragment, StringComparison.Ordinal)) text._fragments.Add(next);
            }
            else if (!line.TrimStart().StartsWith("--", StringComparison.Ordinal))
            {
                body.Append(line).Append('\n');
            }
        }
        text.Add(name, body);
        text.Expand();
        return text;
    }

    /// <summary>The file as it stands.</summary>
    public static string Whole(string file)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(file)
            ?? throw new InvalidOperationException($"The resource {file} is not embedded.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private static string? Heading(string line) =>
        line.StartsWith(Named, StringComparison.Ordinal) ? line[Named.Length..].Trim()
        : line.StartsWith(Fragment, StringComparison.Ordinal) ? line[Fragment.Length..].Trim()
        : null;

    private void Add(string? name, StringBuilder body)
    {
        if (name is not null) _texts.Add(name, body.ToString().Trim());
        body.Clear();
    }

    private void Expand()
    {
        foreach (var name in _texts.Keys.ToArray())
        {
            var sql = _texts[name];
            while (sql.IndexOf("$(", StringComparison.Ordinal) is var at and >= 0)
            {
                var end = sql.IndexOf(')', at);
                sql = sql[..at] + this[sql[(at + 2)..end]] + sql[(end + 1)..];
            }
            _texts[name] = sql;
        }
    }
}
