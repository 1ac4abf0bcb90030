using Fanfare.Core;
using Fanfare.Specs.Yaml;

namespace Fanfare.Specs.Reading;

/// <summary>The fields of a mapping whose keys are known. Complains of each that is not.</summary>
internal sealed class Fields
{
    private readonly Dictionary<string, Value> _values = [];
    private readonly Value _owner;

    private Fields(Value owner) => _owner = owner;

    /// <param name="what">What the mapping describes, with its article: "a step".</param>
    /// <returns>Null, after a complaint, when the value is no mapping.</returns>
    public static Fields? Of(Value owner, string what, IReadOnlyList<string> known)
    {
        if (owner.Node is not YamlMapping mapping)
        {
            owner.Wrong($"a mapping that describes {what}", $"Give a mapping with some of: {string.Join(", ", known)}.");
            return null;
        }
        var fields = new Fields(owner);
        foreach (var entry in mapping.Entries)
        {
            if (known.Contains(entry.Key)) fields._values[entry.Key] = owner.Member(entry);
            else owner.Complaints.Add(entry.KeyPlace, () => (owner.PathOf(entry.Key), $"'{Cut(entry.Key)}' is no field of {what}.",
                NearestName.Of(entry.Key, known) is { } near ? $"Did you mean '{near}'?" : $"Remove it; {what} has {string.Join(", ", known)}."));
        }
        return fields;
    }

    /// <summary>The field's value; null when it is absent or nothing stands after it.</summary>
    public Value? this[string field] => _values.TryGetValue(field, out var value) && value.Node is not YamlScalar { IsNull: true } ? value : null;

    /// <summary>The field's value, also when it is an explicit null.</summary>
    public Value? Raw(string field) => _values.GetValueOrDefault(field);

    /// <summary>The field's value; complains when it is missing.</summary>
    public Value? Required(string field, string remedy)
    {
        if (this[field] is { } value) return value;
        _owner.Complaints.Add(_owner.Node.Place, _owner.PathOf(field), $"'{field}' is missing; it is required.", remedy);
        return null;
    }

    private static string Cut(string text) => text.Length <= 40 ? text : text[..37] + "...";
}
