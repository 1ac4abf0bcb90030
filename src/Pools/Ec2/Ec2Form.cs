using System.Globalization;

namespace Fanfare.Pools.Ec2;

/// <summary>The parameters of a request in the EC2 Query protocol: names with dots, lists counted from 1.</summary>
internal sealed class Ec2Form
{
    public const string Version = "2016-11-15";

    private readonly List<KeyValuePair<string, string>> _fields = [];

    public Ec2Form(Ec2Action action)
    {
        Action = action;
        Add("Action", action.Name);
        Add("Version", Version);
    }

    public Ec2Action Action { get; }

    public IReadOnlyList<KeyValuePair<string, string>> Fields => _fields;

    public void Add(string name, string? value)
    {
        if (value is not null) _fields.Add(new KeyValuePair<string, string>(name, value));
    }

    public void Add(string name, long? value) => Add(name, value?.ToString(CultureInfo.InvariantCulture));

    /// <summary>A list: <c>name.1</c>, <c>name.2</c> and so on.</summary>
    public void AddAll(string name, IEnumerable<string> values)
    {
        var i = 0;
        foreach (var value in values) Add($"{name}.{++i}", value);
    }

    /// <summary>Tags: <c>name.1.Key</c>, <c>name.1.Value</c> and so on, in the order of their keys, so that the same tags make the same request.</summary>
    public void AddTags(string name, IReadOnlyDictionary<string, string> tags)
    {
        var i = 0;
        foreach (var (key, value) in tags.OrderBy(t => t.Key, StringComparer.Ordinal))
        {
            Add($"{name}.{++i}.Key", key);
            Add($"{name}.{i}.Value", value);
        }
    }

    /// <summary>One filter and what it lets pass.</summary>
    public void AddFilter(int number, string name, IEnumerable<string> values)
    {
        Add($"Filter.{number}.Name", name);
        AddAll($"Filter.{number}.Value", values);
    }
}
