using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

/// <summary>Makes of a grant what travels to the worker: the step's command, the run's parameters, the foreach item, and what the
/// predecessors put out.</summary>
/// <param name="traces">Says whether a task's trace is kept; null where none is, and tasks are told of none.</param>
internal sealed class LeaseAssembly(RunContexts runs, IReadModel readModel, IBlobStore blobs, ITraces? traces)
{
    /// <summary>Bytes that one input takes beside its output.</summary>
    private const int InputOverhead = 200;

    private readonly ForeachItemReader _items = new(readModel, blobs);

    /// <param name="gang">For one of a gang.</param>
    public async ValueTask<Lease> AssembleAsync(Grant grant, LeaseGang? gang, CancellationToken cancellationToken)
    {
        var task = grant.Task;
        var context = runs.Find(task.Namespace, task.Run) ?? await runs.GetAsync(task.Namespace, task.Run, cancellationToken);
        var node = context.Graph[task.Step.Step];
        var run = node.IsHandler ? await readModel.GetRunAsync(task.Namespace, task.Run, cancellationToken) : null;
        return new Lease
        {
            Task = task,
            Name = task.Name(node.InForeach),
            Token = grant.Token,
            Attempt = grant.Attempt,
            Failures = grant.Failures == 0 ? null : grant.Failures,
            WasLost = grant.WasLost ? true : null,
            Gang = gang,
            Flow = context.Graph.Spec.Name,
            Deployment = context.Deployment,
            Step = node.Spec,
            Parameters = context.Parameters,
            Item = grant.Inputs.Item is { } item ? await _items.ReadAsync(task, item, cancellationToken) : null,
            Inputs = await InlineAsync(context, task, grant.Inputs, cancellationToken),
            Package = context.Package,
            RunError = run?.Error,
            TraceParent = traces is null ? null : TraceIds.ParentOf(task, grant.Attempt, traces.IsSampled(task.Namespace, task.Run)),
        };
    }

    /// <summary>The inputs, in split order.</summary>
    public async IAsyncEnumerable<LeaseInput> ReadAsync(
        RunContext context, TaskRef task, TaskInputs inputs, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var readers = inputs.Sources
            .Select(source => ReadSource(context, task, inputs, source, cancellationToken).GetAsyncEnumerator(cancellationToken)).ToList();
        try
        {
            var merge = IsMerged(context, task);
            var open = new List<IAsyncEnumerator<LeaseInput>>();
            foreach (var reader in readers)
                if (await reader.MoveNextAsync()) open.Add(reader);
            while (open.Count > 0)
            {
                var next = merge ? open.MinBy(r => r.Current.Split)! : open[0];
                yield return next.Current;
                if (!await next.MoveNextAsync()) open.Remove(next);
            }
        }
        finally
        {
            foreach (var reader in readers) await reader.DisposeAsync();
        }
    }

    // Members of a foreach may have come by several steps (after a switch): merged by split. Branches keep their order.
    private static bool IsMerged(RunContext context, TaskRef task) => context.Graph[task.Step.Step].Joins == FrameKind.Foreach;

    private async ValueTask<IReadOnlyList<LeaseInput>?> InlineAsync(RunContext context, TaskRef task, TaskInputs inputs, CancellationToken cancellationToken)
    {
        var count = inputs.Sources.Sum(s => (long)s.Splits.Count);
        if (count == 0) return [];
        // A foreach's opener put out its list, of which each task gets one item and no more.
        if (!inputs.FromOpener && inputs.OutputBytes + (count * InputOverhead) > Limits.InlineInputBytes) return null;
        if (inputs.OutputBytes == 0)
        {
            var empty = inputs.Sources.SelectMany(source => source.Splits.Select(split => Input(context, new TaskOutput(source.Step, split, 0, null, null))));
            return [.. IsMerged(context, task) ? empty.OrderBy(input => input.Split) : empty];
        }
        var list = new List<LeaseInput>();
        await foreach (var input in ReadAsync(context, task, inputs, cancellationToken)) list.Add(input);
        return list;
    }

    private async IAsyncEnumerable<LeaseInput> ReadSource(
        RunContext context, TaskRef task, TaskInputs inputs, InputSource source, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var output in readModel.ReadOutputsAsync(task.Namespace, task.Run, source.Step, source.Splits, cancellationToken))
        {
            var input = Input(context, output);
            yield return inputs is { FromOpener: true, Item.Items: ListItems list } ? input with { Output = Without(input.Output, list.Output) } : input;
        }
    }

    private static LeaseInput Input(RunContext context, TaskOutput output)
    {
        var inForeach = context.Graph[output.Step.Step].InForeach;
        return new LeaseInput(
            TaskRef.NameOf(output.Step, output.Split, inForeach), output.Step, output.Split, output.Attempt,
            inForeach ? output.Step.Outer.Push(output.Split) : SplitPath.Empty, output.Output, output.Artifacts);
    }

    private static string? Without(string? output, string name)
    {
        if (output is null || JsonNode.Parse(output) is not JsonObject outputs) return output;
        outputs.Remove(name);
        return outputs.Count == 0 ? null : outputs.ToJsonString();
    }
}

/// <summary>Reads items of a foreach: numbers of a range, elements of a list that a task put out, lines of a blob.
/// Keeps the latest list and the latest stretch of lines, since splits are leased in order.</summary>
internal sealed class ForeachItemReader(IReadModel readModel, IBlobStore blobs)
{
    private const int MostLists = 64;

    private readonly RecentlyUsed<(string Namespace, string Run, StepKey Opener, int Split, int Generation), IReadOnlyList<string>> _lists = new(MostLists);
    private readonly RecentlyUsed<string, (int First, IReadOnlyList<string> Lines)> _stretches = new(MostLists);

    public async ValueTask<string> ReadAsync(TaskRef task, ItemSource source, CancellationToken cancellationToken) => source.Items switch
    {
        RangeItems range => (range.Start + (source.Index * range.Step)).ToString(System.Globalization.CultureInfo.InvariantCulture),
        ListItems list => (await ListAsync(task, source, list, cancellationToken))[source.Index],
        FileItems file => await LineAsync(file, source.Index, cancellationToken),
        _ => throw new InvalidOperationException($"Unknown foreach items {source.Items}."),
    };

    private async Task<IReadOnlyList<string>> ListAsync(TaskRef task, ItemSource source, ListItems list, CancellationToken cancellationToken)
    {
        var key = (task.Namespace, task.Run, source.Opener, source.OpenerSplit, source.Generation);
        if (_lists.TryGet(key, out var items)) return items;
        var row = await readModel.GetTaskAsync(task.Namespace, task.Run, source.Opener, source.OpenerSplit, cancellationToken);
        using var document = JsonDocument.Parse(row?.Output ?? throw new MissingInputException($"The list that opened {task.Stream} is gone."));
        items = [.. document.RootElement.GetProperty(list.Output).EnumerateArray().Select(e => e.GetRawText())];
        _lists.Set(key, items);
        return items;
    }

    private async Task<string> LineAsync(FileItems file, int index, CancellationToken cancellationToken)
    {
        if (_stretches.TryGet(file.Blob, out var known) && index >= known.First && index < known.First + known.Lines.Count)
            return known.Lines[index - known.First];
        var chunk = index / file.LinesPerChunk;
        await using var offsets = await blobs.OpenReadAsync(file.Index, chunk * 8L, cancellationToken) ?? throw Missing(file.Index);
        var bytes = new byte[8];
        if (await offsets.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken) < bytes.Length) throw Missing(file.Index);
        await using var content = await blobs.OpenReadAsync(file.Blob, BitConverter.ToInt64(bytes), cancellationToken) ?? throw Missing(file.Blob);
        using var reader = new StreamReader(content, Encoding.UTF8);
        var lines = new List<string>(file.LinesPerChunk);
        while (lines.Count < file.LinesPerChunk && await reader.ReadLineAsync(cancellationToken) is { } line)
            if (line.Length > 0) lines.Add(line);
        _stretches.Set(file.Blob, (chunk * file.LinesPerChunk, lines));
        return index - (chunk * file.LinesPerChunk) < lines.Count ? lines[index - (chunk * file.LinesPerChunk)] : throw Missing(file.Blob);
    }

    private static MissingInputException Missing(string blob) =>
        new($"The file that the foreach goes over is gone or cut short (blob {blob}). Restore the blob store and retry the task, or run the step before it again.");
}

/// <summary>What a task is to work on is no longer in the store; trying again does not bring it back.</summary>
internal sealed class MissingInputException(string message) : Exception(message);
