using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using Fanfare.Contracts;

namespace Fanfare.Storage.Tests.Conformance;

/// <summary>One event of every type, each member filled, made from the contracts themselves so that a new event is covered at once.</summary>
internal static class Samples
{
    public static IEnumerable<Event> OfEveryEvent() =>
        typeof(Event).GetCustomAttributes<JsonDerivedTypeAttribute>().Select(derived => (Event)Of(derived.DerivedType, ""));

    /// <summary>The canonical text of an entry; lists make records unequal though they say the same.</summary>
    public static string Text(JournalEvent entry) =>
        $"{entry.Sequence} {entry.At:O} {entry.Actor} {entry.Event.GetType().Name} {JsonSerializer.Serialize(entry.Event, ContractsJson.Default.Event)}";

    private static object Of(Type type, string name)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string)) return $"{name} \"quoted\" ü 日本 \n";
        if (type == typeof(int)) return 42;
        if (type == typeof(long)) return 1L << 40;
        if (type == typeof(double)) return 7.5;
        if (type == typeof(decimal)) return 0.40m;
        if (type == typeof(TimeSpan)) return new TimeSpan(1, 2, 3, 4, 5, 6);
        if (type == typeof(bool)) return true;
        if (type == typeof(DateTimeOffset)) return A.T0;
        if (type.IsEnum) return Enum.GetValues(type).GetValue(1)!;
        if (type == typeof(StepKey)) return A.Key("train", new SplitPath(3), new SplitPath(0, 2));
        if (type == typeof(StreamId)) return StreamId.Step(A.Ns, "r1", A.Key());
        if (type == typeof(SplitRanges)) return SplitRanges.Of([1, 2, 3, 9]);
        if (type == typeof(ForeachItems)) return new FileItems("blob", "index", 100);
        if (type == typeof(IReadOnlyDictionary<string, int>)) return new Dictionary<string, int> { ["train"] = 2, ["Kind of_join"] = 1 };
        if (type == typeof(IReadOnlyDictionary<string, string>)) return new Dictionary<string, string> { ["team"] = "ü\n", ["cost-Centre"] = "7" };
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>))
        {
            var list = Array.CreateInstance(type.GetGenericArguments()[0], 2);
            for (var i = 0; i < 2; i++) list.SetValue(Of(type.GetGenericArguments()[0], name), i);
            return list;
        }
        var constructor = type.GetConstructors().OrderByDescending(c => c.GetParameters().Length).First();
        var made = constructor.Invoke([.. constructor.GetParameters().Select(p => Of(p.ParameterType, p.Name!))]);
        foreach (var property in type.GetProperties().Where(p => p.SetMethod is not null && constructor.GetParameters().All(q => q.Name != p.Name)))
            property.SetValue(made, Of(property.PropertyType, property.Name));
        return made;
    }
}
