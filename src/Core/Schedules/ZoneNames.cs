using NodaTime;
using NodaTime.TimeZones;

namespace Fanfare.Core;

/// <summary>Time zones by their IANA names. They come with the program (NodaTime's copy of the database) and not from the operating system,
/// so that all nodes agree on when a schedule is due, however old their systems are; a new release of the program brings new rules.</summary>
internal static class ZoneNames
{
    /// <param name="suggestion">When there is no such zone: the name that was probably meant; null when none is near.</param>
    public static DateTimeZone? Find(string name, out string? suggestion)
    {
        suggestion = null;
        // The provider would also take offsets, "UTC+02:00", which are no names of the database.
        if (TzdbDateTimeZoneSource.Default.CanonicalIdMap.ContainsKey(name)) return DateTimeZoneProviders.Tzdb[name];
        suggestion = Suggest(name);
        return null;
    }

    private static string? Suggest(string name)
    {
        var source = TzdbDateTimeZoneSource.Default;
        if (source.WindowsMapping.PrimaryMapping.TryGetValue(name, out var id)) return id;
        var names = source.CanonicalIdMap.Keys.Order(StringComparer.Ordinal).ToList();
        if (NearestName.Of(name, names) is { } near) return near;
        // "Berlin", "new york": a place without its region.
        var place = NearestName.Of(name.Replace(' ', '_'), names.Select(PlaceOf));
        return place is null ? null : names.First(n => PlaceOf(n) == place);
    }

    private static string PlaceOf(string name) => name[(name.LastIndexOf('/') + 1)..];
}
