using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fanfare.Contracts;
using Fanfare.Simulation.Kernel;
using Fanfare.Simulation.Store;

namespace Fanfare.Simulation.Flows;

/// <summary>What a simulated task does, written in its step's argv as <c>key=value</c>. Its outcome follows from the task and the attempt alone;
/// its output digests its inputs, so that a wrong or missing input shows at the end of the flow.</summary>
/// <param name="Ms">Mean duration in milliseconds.</param>
/// <param name="Flaky">The first attempts, this many, fail.</param>
/// <param name="Bad">Splits (of the innermost foreach) that always fail; "all" for all.</param>
/// <param name="Items">How many items it puts out under "items": a number, or hN for 0 to N-1 by the task's name.</param>
/// <param name="Form">Form of the items: list, count or file.</param>
/// <param name="Verdict">Output for a switch: <c>a/b</c> picks by the task's name, <c>again*2/done</c> says "again" in the first two rounds.</param>
internal sealed record TaskBehaviour(double Ms, int Flaky, string? Bad, string? Items, string Form, string? Verdict)
{
    public static TaskBehaviour Of(StepSpec step)
    {
        var settings = step.Run.Argv!.Select(a => a.Split('=', 2)).ToDictionary(p => p[0], p => p[1]);
        return new TaskBehaviour(
            double.Parse(settings.GetValueOrDefault("ms", "50"), CultureInfo.InvariantCulture),
            int.Parse(settings.GetValueOrDefault("flaky", "0"), CultureInfo.InvariantCulture),
            settings.GetValueOrDefault("bad"), settings.GetValueOrDefault("items"), settings.GetValueOrDefault("form", "list"), settings.GetValueOrDefault("verdict"));
    }

    /// <summary>Runs the task on a worker.</summary>
    public (TimeSpan After, TaskEnd End) Run(Lease lease, SimBlobs blobs)
    {
        var hash = Chance.Hash($"{lease.Name}/{lease.Attempt}");
        var after = TimeSpan.FromMicroseconds(Math.Round(Ms * (500 + (hash % 1000))));
        if (lease.Step.Timeout is { } timeout && after > timeout)
            return (timeout, new TaskEnd(AttemptOutcome.Failed, new TaskError("timeout", "Too long."), null));
        if (lease.Attempt < Flaky) return (after, Failed(1));
        if (IsBad(lease.Task.Split)) return (after, Failed(3));
        var inputs = (lease.Inputs ?? throw new InvalidOperationException("No simulated task has inputs that large.")).Select(i => ValueOf(i.Output));
        var output = Output(lease.Step, lease.Name, lease.Task.Step.Loops.Length == 0 ? 0 : lease.Task.Step.Loops.Last, lease.Item, inputs);
        return Form == "file" && Items is not null
            ? (after, WithFile(new TaskEnd(AttemptOutcome.Succeeded, null, output), lease, blobs))
            : (after, new TaskEnd(AttemptOutcome.Succeeded, null, output));
    }

    /// <summary>Whether the task fails at every attempt.</summary>
    public bool IsHopeless(StepSpec step, int split) => IsBad(split) || Flaky >= step.Retry.MaxAttempts || (step.Timeout is { } timeout && Ms / 2 > timeout.TotalMilliseconds);

    public int Count(string name) => Items is null ? 0 : Items[0] == 'h' ? (int)(Chance.Hash(name) % ulong.Parse(Items[1..], CultureInfo.InvariantCulture)) : int.Parse(Items, CultureInfo.InvariantCulture);

    public static string Item(string name, int index) => $"\"{name}:{index}\"";

    public string? Choice(string name, int round)
    {
        if (Verdict is null) return null;
        var words = Verdict.Split('/');
        if (!words[0].Contains('*', StringComparison.Ordinal)) return words[(int)(Chance.Hash("v" + name) % (ulong)words.Length)];
        var loop = words[0].Split('*');
        return round < int.Parse(loop[1], CultureInfo.InvariantCulture) ? loop[0] : words[1];
    }

    public string Output(StepSpec step, string name, int round, string? item, IEnumerable<string> inputs)
    {
        var output = new JsonObject { ["v"] = Digest(step, name, item, inputs) };
        if (Items is not null && Form == "list") output["items"] = JsonNode.Parse($"[{string.Join(",", Enumerable.Range(0, Count(name)).Select(i => Item(name, i)))}]");
        if (Items is not null && Form == "count") output["items"] = Count(name);
        if (Choice(name, round) is { } choice) output["verdict"] = choice;
        return output.ToJsonString();
    }

    /// <summary>Which members come to a join that does not need them all depends on time, so its output says nothing of them.</summary>
    public static string Digest(StepSpec step, string name, string? item, IEnumerable<string> inputs) =>
        Chance.Hash($"{name}|{item}|{(step.Join is { Kind: not JoinKind.All } ? "*" : string.Join(",", inputs))}").ToString("x16", CultureInfo.InvariantCulture);

    public static string ValueOf(string? output)
    {
        if (output is null) return "none";
        using var document = JsonDocument.Parse(output);
        return document.RootElement.TryGetProperty("v", out var value) ? value.GetString()! : "caught";
    }

    private TaskEnd WithFile(TaskEnd end, Lease lease, SimBlobs blobs)
    {
        const int chunk = 2;
        var (count, text, index) = (Count(lease.Name), new StringBuilder(), new MemoryStream());
        for (var i = 0; i < count; i++)
        {
            if (i % chunk == 0) index.Write(BitConverter.GetBytes((long)text.Length));
            text.Append(Item(lease.Name, i)).Append('\n');
        }
        var file = new FileItems(BlobNames.Items(lease.Task, lease.Attempt), BlobNames.ItemsIndex(lease.Task, lease.Attempt), chunk);
        blobs.Put(file.Blob, Encoding.UTF8.GetBytes(text.ToString()));
        blobs.Put(file.Index, index.ToArray());
        return end with { File = file, FileCount = count };
    }

    private static TaskEnd Failed(int exitCode) => new(AttemptOutcome.Failed, new TaskError("exit", $"Exit code {exitCode}.", exitCode), null);

    private bool IsBad(int split) => Bad is not null && (Bad == "all" || Bad.Split(',').Contains(split.ToString(CultureInfo.InvariantCulture)));
}

/// <summary>How a simulated task ended.</summary>
internal sealed record TaskEnd(AttemptOutcome Outcome, TaskError? Error, string? Output, FileItems? File = null, int FileCount = 0);
