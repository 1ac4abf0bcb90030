using Fanfare.Contracts;

namespace Fanfare.Storage.Common;

/// <summary>The events of a stream as they are kept: whole, or from an event on that says all that came before it.</summary>
internal static class StreamEvents
{
    /// <summary>Those that are needed: from the last <see cref="CarriedEvent"/> on.</summary>
    /// <param name="head">Sequence of the last.</param>
    /// <param name="gap">Makes what is thrown from what is wrong.</param>
    public static IReadOnlyList<JournalEvent> Needed(List<JournalEvent> events, long head, Func<string, JournalFormatException> gap)
    {
        var carried = events.FindLastIndex(entry => entry.Event is CarriedEvent);
        var needed = carried > 0 ? events[carried..] : events;
        var first = carried < 0 ? 1 : needed[0].Sequence;
        for (var i = 0; i < needed.Count; i++)
            if (needed[i].Sequence != first + i) throw gap($"event {first + i} is missing before event {needed[i].Sequence}");
        return first + needed.Count - 1 == head ? needed : throw gap($"its head is {head}, its last event {first + needed.Count - 1}");
    }
}
