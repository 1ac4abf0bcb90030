using System.Text.Json.Serialization;

namespace Fanfare.Contracts;

/// <summary>One task: a step's opening in a run, and the split of its innermost foreach (0 outside any foreach).</summary>
public sealed record TaskRef(string Namespace, string Run, StepKey Step, int Split)
{
    /// <summary>The name people read: <c>train[3,1]</c>; outside any foreach the step's name alone.</summary>
    public string Name(bool inForeach) => NameOf(Step, Split, inForeach);

    public static string NameOf(StepKey step, int split, bool inForeach)
    {
        if (!inForeach) return step.ToString();
        var path = step.Outer.Push(split);
        return step.Loops.IsZero ? step.Step + path : $"{step.Step}{path}#{step.Loops.Join('.')}";
    }

    /// <summary>The step's stream, which owns this task.</summary>
    [JsonIgnore]
    public StreamId Stream => StreamId.Step(Namespace, Run, Step);
}
