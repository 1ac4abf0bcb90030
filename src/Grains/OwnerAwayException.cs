namespace Fanfare.Grains;

/// <summary>The owner of a stream is not known at the moment, or no silo answers where it is: nothing was sent.</summary>
[Serializable, GenerateSerializer, Alias("fanfare.owner-away")]
internal sealed class OwnerAwayException(string message) : Exception(message);
