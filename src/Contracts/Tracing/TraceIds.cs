using System.Security.Cryptography;
using System.Text;

namespace Fanfare.Contracts;

/// <summary>Ids of a run's trace and of the spans in it (W3C Trace Context). They follow from the names of what they stand for, so that every node comes to the same ones, before and after a failover, and nobody has to be asked for them.</summary>
public static class TraceIds
{
    private const int TraceBytes = 16, SpanBytes = 8;

    /// <summary>A run's one trace, whatever is retried in it: 32 hexadecimal digits.</summary>
    public static string OfRun(string ns, string run) => Hash(TraceBytes, $"trace\n{ns}\n{run}");

    /// <summary>The span of a run, or of one of its retries: 16 hexadecimal digits.</summary>
    /// <param name="generation">How often the run was reopened by a retry, from 0.</param>
    public static string OfGeneration(string ns, string run, int generation) => Hash(SpanBytes, $"run\n{ns}\n{run}\n{generation}");

    /// <summary>The span of one attempt at a task: 16 hexadecimal digits.</summary>
    public static string OfAttempt(TaskRef task, int attempt) => Hash(SpanBytes, $"attempt\n{task.Stream}\n{task.Split}\n{attempt}");

    /// <summary>The span of a part of an attempt: 16 hexadecimal digits.</summary>
    /// <param name="attempt">The attempt's span.</param>
    public static string OfPart(string attempt, string part) => Hash(SpanBytes, $"part\n{attempt}\n{part}");

    /// <summary>What a task finds in <c>TRACEPARENT</c>, by which its own spans stand below the attempt's.</summary>
    /// <param name="isSampled">Whether the run's trace is kept.</param>
    public static string ParentOf(TaskRef task, int attempt, bool isSampled) => $"00-{OfRun(task.Namespace, task.Run)}-{OfAttempt(task, attempt)}-{(isSampled ? "01" : "00")}";

    private static string Hash(int bytes, string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, bytes));
}
