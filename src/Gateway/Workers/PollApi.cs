using System.Text.Json;

namespace Fanfare.Gateway;

/// <summary>The worker protocol's one conversation.</summary>
internal static class PollApi
{
    /// <summary>How often a poll that waits shows that its server lives: by a space before the answer, which no reader of JSON minds. Without it a worker could not
    /// tell a server that hangs from one that has nothing to say.</summary>
    private static readonly TimeSpan _beat = TimeSpan.FromSeconds(1);

    private static readonly byte[] _sign = " "u8.ToArray();

    /// <summary>How long a poll of a server that leads no more may take for what is in commit.</summary>
    private static readonly TimeSpan _farewell = TimeSpan.FromMilliseconds(250);

    private const int MaxWaitMs = 30_000, MaxItems = 100_000, MaxReasonChars = 200;

    /// <summary>2^60, an exbibyte: amounts are added and subtracted, and must not leave their type.</summary>
    private const double MaxBytes = 1L << 60;

    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapGroup("/api/v1").WithTags("Workers").MapPost("/workers/{id}:poll", PollAsync).AsPoll().WithQuery()
            .WithJsonBody(typeof(PollRequest), required: true).Produces<PollResponse>()
            .WithName("poll").WithSummary("Report what ended and what is held, and get leases and cancellations");

    private static async Task PollAsync(HttpContext http, string id, IScheduler scheduler, IBlobStore blobs, Drain drain, TimeProvider clock)
    {
        var request = await Body.ReadJsonAsync<PollRequest>(http);
        Check(request, id);
        for (var i = 0; i < request.Finished.Count; i++)
            if (request.Finished[i].ItemsFile is not null) await UploadedItems.CheckAsync($"finished[{i}]", request.Finished[i], scheduler, blobs, http.RequestAborted);
        var tenure = drain.Tenure;
        using var ending = drain.Link(http);
        var answering = scheduler.PollAsync(request, ending.Token);
        http.Response.ContentType = "application/json; charset=utf-8";
        while (!await IsDoneAsync(answering, _beat, clock, tenure))
        {
            // What it waits for may never become durable here; the worker is to ask the next server.
            if (tenure.IsCancellationRequested && !await IsDoneAsync(answering, _farewell, clock, http.RequestAborted))
                throw new ApiFault(ErrorCodes.Busy, "This server owns nothing any more, or the database does not answer it. Repeat the request at another one.");
            await http.Response.Body.WriteAsync(_sign, http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
        }
        var response = await answering;
        await JsonSerializer.SerializeAsync(http.Response.Body, response, ContractsJson.Default.PollResponse, http.RequestAborted);
    }

    private static async Task<bool> IsDoneAsync(Task answering, TimeSpan longest, TimeProvider clock, CancellationToken cancellationToken)
    {
        if (answering.IsCompleted) return true;
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var first = await Task.WhenAny(answering, Task.Delay(longest, clock, enough.Token));
        await enough.CancelAsync();
        return first == answering;
    }

    private static void Check(PollRequest request, string id)
    {
        if (request.Worker != id) throw ApiFault.Field("worker", "differs from the URL's", "Name the same worker in both.");
        if (!Printable.IsValid(request.Worker, 128)) throw ApiFault.Field("worker", "is not a name", "Give 1 to 128 printable characters.");
        if (!Printable.IsValid(request.Boot, 128)) throw ApiFault.Field("boot", "is not a boot id", "Give 1 to 128 printable characters, new at every start.");
        if (request.Sequence < 1) throw ApiFault.Field("sequence", "is below 1", "Count the polls of this boot from 1.");
        if (request.WaitMs is < 0 or > MaxWaitMs) throw ApiFault.Field("wait_ms", "is out of range", $"Give 0 to {MaxWaitMs} milliseconds.");
        if (request.MaxLeases is < 0 or > MaxItems) throw ApiFault.Field("max_leases", "is out of range", $"Give 0 to {MaxItems}.");
        if (request.Draining is { } why && !Printable.IsValid(why, MaxReasonChars)) throw ApiFault.Field("draining", "is not a reason", $"Give 1 to {MaxReasonChars} printable characters, or leave it out.");
        CheckResources("capacity", request.Capacity);
        CheckResources("free", request.Free);
        CheckItems("queues", request.Queues, queue => Names.IsValid(queue));
        CheckItems("held", request.Held, held => IsLease(held.Task, held.Token));
        CheckItems("finished", request.Finished, finished => IsLease(finished.Task, finished.Token)
            && finished is { ItemsCount: >= 0 and <= Limits.Splits }
            && (finished.Outcome == AttemptOutcome.Succeeded || finished.Error is not null));
        for (var i = 0; i < request.Finished.Count; i++) AttemptReport.Check($"finished[{i}]", request.Finished[i]);
    }

    // Free may be below zero: a worker whose capacity shrank still holds what it holds.
    private static void CheckResources(string field, ResourceSpec resources)
    {
        if (!double.IsFinite(resources.Cpu) || Math.Abs(resources.Cpu) > 1e6 || Math.Abs((double)resources.Gpu) > 1e6 || Math.Abs((double)resources.MemoryBytes) > MaxBytes || Math.Abs((double)resources.DiskBytes) > MaxBytes || (field == "capacity" && (resources.Cpu < 0 || resources.MemoryBytes < 0 || resources.Gpu < 0 || resources.DiskBytes < 0)))
            throw ApiFault.Field(field, "is not an amount of resources", "Give cpu, memory_bytes, gpu and disk_bytes, none below zero and none beyond what a machine has.");
    }

    private static void CheckItems<T>(string field, IReadOnlyList<T> items, Func<T, bool> isValid)
    {
        if (items.Count > MaxItems) throw ApiFault.TooLarge(field, $"has more than {MaxItems} items", "Send fewer in one poll.");
        for (var i = 0; i < items.Count; i++)
            if (items[i] is null || !isValid(items[i]))
                throw ApiFault.Field($"{field}[{i}]", "is not as the protocol has it", "See the schema of this request in /openapi/v1.json.");
    }

    private static bool IsLease(TaskRef task, string token) =>
        task.Split >= 0 && Names.IsValid(task.Namespace) && RunIds.IsPossible(task.Run) && token.Length is > 0 and <= 512;
}
