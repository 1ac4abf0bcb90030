using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Fanfare.Contracts;

/// <summary>The parts into which the streams of one journal are divided, so that several nodes can own it together: each part is owned by one of them. A run and its steps lie in one shard.</summary>
public static class Shards
{
    /// <summary>Enough for a hundred nodes with ten each. Part of the journal's format.</summary>
    public const int Count = 1024;

    /// <summary>The shard of a stream: the first two bytes of the SHA-256 of its name, or of its run's, as a number in network order, modulo <see cref="Count"/>.</summary>
    public static int Of(StreamId stream)
    {
        var name = stream.RunId is { } run ? StreamId.Run(stream.Namespace, run) : stream;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(name.ToString()), hash);
        return BinaryPrimitives.ReadUInt16BigEndian(hash) % Count;
    }
}
