namespace Fanfare.Gateway;

/// <summary>Reads task names as people write them, <c>train[3,1]</c> or <c>train[3,1]#0.1</c>, by the shape of the deployment's steps.</summary>
internal static class TaskNames
{
    private const int MaxChars = 512;

    /// <exception cref="ApiFault">No task can have this name.</exception>
    public static (StepKey Key, int Split) Read(string name, Deployment deployment)
    {
        var shape = ShapeOf(name, "task", deployment);
        if (!StepKey.TryParse(name, shape.LoopCounters, out var written)
            || written.Loops.Length != shape.LoopCounters
            || written.Outer.Length != shape.ForeachDepth)
            throw ApiFault.Field("task", $"'{name}' is not a task of step {written.Step ?? StepOf(name)}", Remedy(StepOf(name), shape, shape.ForeachDepth));
        return shape.InForeach
            ? (written with { Outer = written.Outer.Pop() }, written.Outer.Last)
            : (written, 0);
    }

    /// <summary>Reads the key of a step's opening, <c>train[3]</c>.</summary>
    public static StepKey ReadKey(string text, Deployment deployment)
    {
        var shape = ShapeOf(text, Q.Key.Name, deployment);
        var outer = Math.Max(0, shape.ForeachDepth - 1);
        return StepKey.TryParse(text, shape.LoopCounters, out var key) && key.Loops.Length == shape.LoopCounters && key.Outer.Length == outer
            ? key
            : throw ApiFault.Field(Q.Key.Name, $"'{text}' is not an opening of step {StepOf(text)}", Remedy(StepOf(text), shape, outer));
    }

    public static string Write(TaskRow row, Deployment deployment) => TaskRef.NameOf(row.Key, row.Split, InForeach(row.Key, deployment));

    public static SplitPath Splits(StepKey key, int split, Deployment deployment) => InForeach(key, deployment) ? key.Outer.Push(split) : key.Outer;

    private static bool InForeach(StepKey key, Deployment deployment) => deployment.Steps.TryGetValue(key.Step, out var shape) && shape.InForeach;

    private static StepShape ShapeOf(string text, string field, Deployment deployment)
    {
        var step = StepOf(text);
        if (text.Length > MaxChars || !deployment.Steps.TryGetValue(step, out var shape))
            throw new ApiFault(ErrorCodes.NotFound, $"Deployment {deployment.Row.Version} of flow {deployment.Row.Flow} has no step '{(step.Length > 80 ? step[..80] + "…" : step)}'.",
                new FieldError(field, "names no step of the flow", Suggestion.For(step, [.. deployment.Steps.Keys])));
        return shape;
    }

    private static string StepOf(string text)
    {
        var end = text.AsSpan().IndexOfAny('[', '#');
        return end < 0 ? text : text[..end];
    }

    private static string Remedy(string step, StepShape shape, int items)
    {
        var path = items == 0 ? "" : $"[{string.Join(',', Enumerable.Repeat("N", items))}]";
        return $"Write {step}{path}, in later rounds of a loop followed by # and {shape.LoopCounters} loop counter{(shape.LoopCounters == 1 ? "" : "s")} with dots between; percent-encode it in URLs.";
    }
}
