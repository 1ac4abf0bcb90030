using Fanfare.Contracts;
using Fanfare.Specs.Yaml;

namespace Fanfare.Specs.Reading;

/// <summary>Collects errors, and knows where each path of the document stands.</summary>
internal sealed class Complaints
{
    /// <summary>Errors told at once; a text with more is hardly a flow.</summary>
    public const int Most = 500;

    /// <summary>What an author wrote is told again in short: five hundred errors that each repeat a megabyte help nobody.</summary>
    private const int MostChars = 1000;

    private readonly List<SpecError> _errors = [];
    private readonly Dictionary<string, Place> _places = [];

    public int Count { get; private set; }

    /// <summary>In the order of the text.</summary>
    public IReadOnlyList<SpecError> Sorted()
    {
        var sorted = _errors.OrderBy(e => e.Line).ThenBy(e => e.Column).ToList();
        if (Count > Most)
            sorted.Add(new SpecError(0, 0, "", $"There are {Count - Most} more errors.", "Mend these first."));
        return sorted;
    }

    private static string Cut(string text) => text.Length <= MostChars ? text : text[..(char.IsHighSurrogate(text[MostChars - 4]) ? MostChars - 4 : MostChars - 3)] + "...";

    public bool Any(Func<SpecError, bool> such) => _errors.Any(such);

    public void Add(Place place, string path, string message, string remedy) => Add(place, () => (path, message, remedy));

    /// <param name="say">Asked only while there is room for more.</param>
    public void Add(Place place, Func<(string Path, string Message, string Remedy)> say)
    {
        if (++Count > Most) return;
        var (path, message, remedy) = say();
        _errors.Add(new SpecError(place.Line, place.Column, Cut(path), Cut(message), Cut(remedy)));
    }

    /// <summary>Remembers where a path stands, for errors that know only the path.</summary>
    public void Register(string path, Place place) => _places[path] = place;

    /// <summary>Takes an error without a place, and gives it that of its path, or of what is around it.</summary>
    public void AddUnplaced(SpecError error)
    {
        var path = error.Path;
        Place place;
        while (!_places.TryGetValue(path, out place) && path.Length > 0)
            path = path[..Math.Max(0, path.LastIndexOfAny(['.', '[']))];
        Add(place, error.Path, error.Message, error.Remedy);
    }
}
