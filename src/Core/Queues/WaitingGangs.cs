using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>Gangs that wait for room for all of their tasks at once: higher priority first, then who came first. Derived from steps' offers, like a <see cref="ReadyQueue"/>.</summary>
public sealed class WaitingGangs
{
    private readonly List<WaitingGang> _inOrder = [];

    /// <summary>A copy: what is placed on the way is withdrawn.</summary>
    public IReadOnlyList<WaitingGang> InOrder => [.. _inOrder];

    public int Count => _inOrder.Count;

    /// <summary>Takes a step's present offer in place of its former one; one without ready tasks withdraws it.</summary>
    /// <param name="uptime">The node's, from which a gang that is new counts its wait.</param>
    public void Put(Offer offer, TimeSpan uptime)
    {
        var at = _inOrder.FindIndex(gang => gang.Offer.Step == offer.Step);
        if (at >= 0 && offer.Ready > 0 && _inOrder[at].Offer.Priority == offer.Priority)
        {
            _inOrder[at] = _inOrder[at] with { Offer = offer };
            return;
        }
        var since = at >= 0 ? _inOrder[at].Since : uptime;
        if (at >= 0) _inOrder.RemoveAt(at);
        if (offer.Ready <= 0) return;
        var behind = _inOrder.FindIndex(gang => gang.Offer.Priority < offer.Priority);
        _inOrder.Insert(behind < 0 ? _inOrder.Count : behind, new WaitingGang(offer, since));
    }

    /// <summary>It was placed; its step's next offer says if it waits again.</summary>
    public void Remove(WaitingGang gang) => _inOrder.RemoveAll(other => other.Offer.Step == gang.Offer.Step);
}

/// <param name="Since">When it came, by the node's uptime.</param>
public sealed record WaitingGang(Offer Offer, TimeSpan Since)
{
    public int Size => Offer.Ready;

    /// <summary>Finds room for all of its tasks; null when there is not enough.</summary>
    /// <param name="places">Each with how many tasks it has room for, those to be taken first in front.</param>
    public IReadOnlyList<(T Place, int Count)>? Fit<T>(IEnumerable<(T Place, int Room)> places)
    {
        var (left, taken) = (Size, new List<(T, int)>());
        foreach (var (place, room) in places)
        {
            if (room <= 0) continue;
            taken.Add((place, Math.Min(left, room)));
            if ((left -= room) <= 0) return taken;
        }
        return null;
    }
}
