using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

/// <summary>Takes what an engine says to operators, with what it is about. Called on the engine's loop: it must be quick, must not throw, and must not wait.</summary>
public interface IEngineLog
{
    /// <param name="about">The stream that it is about; null for none.</param>
    void Warn(string message, StreamId? about);

    /// <summary>Whether this is to be told of once it is durable.</summary>
    bool Takes(Event landed);

    /// <summary>Told of what has become durable, and is taken.</summary>
    void Landed(Entity entity, JournalEvent entry);
}
