using System.Security.Cryptography;
using System.Text;
using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>Ids of runs: 16 characters of Crockford's base 32 (80 bits).</summary>
public static class RunIds
{
    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

    /// <summary>The id that belongs to an idempotency key: always the same, so that the first append is itself the guard.</summary>
    public static string Derive(string ns, string flow, string key) =>
        Of(SHA256.HashData(Encoding.UTF8.GetBytes($"{ns}\n{flow}\n{key}")));

    /// <summary>The stream of the run that a command starts.</summary>
    public static StreamId StreamOf(StartRun command) =>
        StreamId.Run(command.Namespace, command.IdempotencyKey is { } key ? Derive(command.Namespace, command.Flow, key) : command.Run);

    /// <summary>The id of the run that a schedule starts for a time. No key that a caller may give leads to it.</summary>
    public static string OfSchedule(string ns, string flow, string schedule, DateTimeOffset time) =>
        Of(SHA256.HashData(Encoding.UTF8.GetBytes($"schedule\n{ns}\n{flow}\n{schedule}\n{time.UtcTicks}")));

    /// <summary>The id of the run that a backfill starts for a time whose interval has had one.</summary>
    public static string OfBackfill(string ns, string backfill, DateTimeOffset time) => Of(SHA256.HashData(Encoding.UTF8.GetBytes($"backfill\n{ns}\n{backfill}\n{time.UtcTicks}")));

    /// <summary>The id of the backfill that is started with an idempotency key.</summary>
    public static string OfBackfillKey(string ns, string flow, string schedule, string key) => Of(SHA256.HashData(Encoding.UTF8.GetBytes($"backfill key\n{ns}\n{flow}\n{schedule}\n{key}")));

    /// <summary>The id of the run that a trigger starts by these events. No key that a caller may give leads to it.</summary>
    public static string OfTrigger(string ns, string flow, string trigger, IEnumerable<string> events) =>
        Of(SHA256.HashData(Encoding.UTF8.GetBytes($"trigger\n{ns}\n{flow}\n{trigger}\n{string.Join('\n', events)}")));

    /// <summary>The id of the event that is published with an idempotency key.</summary>
    public static string OfEvent(string ns, string name, string key) => Of(SHA256.HashData(Encoding.UTF8.GetBytes($"event\n{ns}\n{name}\n{key}")));

    /// <summary>The stream of the event that a command publishes.</summary>
    public static StreamId StreamOf(PublishEvent command) => StreamId.Event(command.Namespace, command.Key is { } key ? OfEvent(command.Namespace, command.Name, key) : command.Event);

    /// <summary>The id of the event of a run's end, of which there is one in each of its generations.</summary>
    public static string OfEnd(string ns, string run, int generation) => Of(SHA256.HashData(Encoding.UTF8.GetBytes($"end\n{ns}\n{run}\n{generation}")));

    /// <summary>The id of the notice that an outcome leads to by a rule.</summary>
    /// <param name="of">The run or the schedule.</param>
    /// <param name="number">Which of its outcomes of this kind.</param>
    /// <param name="rule">Place of the rule in the flow's.</param>
    public static string OfNotice(StreamId of, long number, int rule, NoticeKind kind) => Of(SHA256.HashData(Encoding.UTF8.GetBytes($"notice\n{of}\n{number}\n{rule}\n{kind}")));

    /// <summary>The id made of the first ten of these bytes.</summary>
    public static string Of(ReadOnlySpan<byte> bytes)
    {
        Span<char> id = stackalloc char[16];
        for (var i = 0; i < 16; i++)
        {
            var bit = i * 5;
            var pair = (bytes[bit / 8] << 8) | (bit / 8 + 1 < 10 ? bytes[bit / 8 + 1] : 0);
            id[i] = Alphabet[(pair >> (11 - (bit % 8))) & 31];
        }
        return new string(id);
    }
}
