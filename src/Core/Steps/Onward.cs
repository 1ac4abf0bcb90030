using System.Buffers;
using System.Text;
using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>What a task's end decides about the way on: the case a switch chose, what a foreach goes over.</summary>
internal readonly record struct Onward(string? Chosen, ForeachItems? Items, int Count)
{
    /// <summary>Reads the decision from a task's output.</summary>
    /// <param name="error">Set when the output does not say what the step's <c>next</c> needs; that fails the task.</param>
    public static Onward Evaluate(
        StepNode node, FlowGraph graph, StepKey key, string? output, FileItems? file, int fileCount, RunContext context, out TaskError? error)
    {
        error = null;
        switch (node.Spec.Next)
        {
            case Switch choice:
                return Choose(node, key, choice, output, out error);
            case Foreach each:
                return Spread(each, output, file, fileCount, context, out error);
            default:
                return default;
        }
    }

    /// <summary>The output of a task whose error was caught.</summary>
    public static string CaughtOutput(string name, TaskError error)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WritePropertyName(name);
            JsonSerializer.Serialize(writer, error, ContractsJson.Default.TaskError);
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static Onward Choose(StepNode node, StepKey key, Switch choice, string? output, out TaskError? error)
    {
        error = null;
        var value = Text(Property(output, choice.Output));
        var target = choice.Cases.FirstOrDefault(c => c.Value == value)?.Step ?? choice.Default;
        if (target is null)
        {
            var cases = string.Join(", ", choice.Cases.Select(c => c.Value));
            error = new TaskError("switch_no_case", value is null
                ? $"Output '{choice.Output}' is missing, and the switch has no default. Write it to $FANFARE_OUTPUT as one of: {cases}."
                : $"Output '{choice.Output}' is '{value}', for which the switch has neither a case nor a default. Cases: {cases}.");
            return default;
        }
        if (node.BackEdges.Contains(target) && key.Loops.Last >= Math.Min(choice.MaxLoops ?? 0, Limits.LoopRounds))
        {
            error = new TaskError("loop_bound", $"The loop back to '{target}' was taken {key.Loops.Last} times, which is max_loops. Raise max_loops, or leave the loop earlier.");
            return default;
        }
        return new Onward(target, null, 0);
    }

    private static Onward Spread(Foreach each, string? output, FileItems? file, int fileCount, RunContext context, out TaskError? error)
    {
        error = null;
        switch (each.Over)
        {
            case OverRange range:
                var stop = range.StopParameter is { } name ? context.Integer(name) ?? 0 : range.Stop;
                var count = RangeCount(range.Start, stop, range.Step);
                if (count > Limits.Splits)
                {
                    error = new TaskError("foreach_source", $"The range has {count} splits; at most {Limits.Splits} are allowed.");
                    return default;
                }
                return new Onward(null, new RangeItems(range.Start, range.Step), (int)count);
            case OverFile over:
                if (file is null)
                {
                    error = new TaskError("foreach_source", $"The foreach goes over file '{over.Path}', which the task did not write into $FANFARE_ARTIFACTS.");
                    return default;
                }
                return new Onward(null, file, fileCount);
            case OverOutput over:
                var value = Property(output, over.Output);
                if (value is { ValueKind: JsonValueKind.Array } list) return new Onward(null, new ListItems(over.Output), list.GetArrayLength());
                if (value is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out var n) && n >= 0 && n <= Limits.Splits)
                    return new Onward(null, new RangeItems(0, 1), n);
                error = new TaskError("foreach_source", value is null
                    ? $"The foreach goes over output '{over.Output}', which is missing. Write a list or a count under that name to $FANFARE_OUTPUT."
                    : $"The foreach goes over output '{over.Output}', which must be a list, or a count from 0 to {Limits.Splits}.");
                return default;
            default:
                throw new InvalidOperationException($"Unknown foreach source {each.Over}.");
        }
    }

    private static decimal RangeCount(long start, long stop, long step)
    {
        if (step > 0 && stop > start) return Math.Ceiling(((decimal)stop - start) / step);
        if (step < 0 && stop < start) return Math.Ceiling(((decimal)start - stop) / -(decimal)step);
        return 0;
    }

    private static JsonElement? Property(string? output, string name)
    {
        if (output is null) return null;
        using var document = JsonDocument.Parse(output);
        return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty(name, out var value) ? value.Clone() : null;
    }

    private static string? Text(JsonElement? value) => value?.ValueKind switch
    {
        null or JsonValueKind.Null or JsonValueKind.Undefined => null,
        JsonValueKind.String => value.Value.GetString(),
        _ => value.Value.GetRawText(),
    };
}
