using Fanfare.Contracts;

namespace Fanfare.Grains;

/// <summary>Keys of grains: the address of a node, or that and the stream of an entity at this node, with a bar between.</summary>
internal static class GrainKey
{
    private const char Bar = '|';

    public static string Of(string node, StreamId stream) => $"{node}{Bar}{stream}";

    public static string NodeOf(string key) => key.IndexOf(Bar, StringComparison.Ordinal) is var bar and >= 0 ? key[..bar] : key;

    public static StreamId StreamOf(string key) => StreamId.TryParse(key[(key.IndexOf(Bar, StringComparison.Ordinal) + 1)..], out var stream) ? stream : throw new InvalidOperationException($"'{key}' names no stream.");
}
