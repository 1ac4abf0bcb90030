namespace Fanfare.Contracts.Api;

/// <summary>POST /api/v1/flows/{flow}/schedules/{schedule}:backfill. Times are with an offset (2026-11-27T06:00:00+01:00), or local in the schedule's time zone (2026-11-27T06:00, or 2026-11-27 for the beginning of that day).
/// 201 when it starts, 200 when the idempotency key (also header Idempotency-Key) had started it.</summary>
/// <param name="From">Of the schedule's data intervals those that begin at this time or after it,</param>
/// <param name="To">and end at this time or before it. Default: now.</param>
/// <param name="NewestFirst">Begin with the newest of them.</param>
/// <param name="Parallel">Runs that may go on at a time, 1 to 1,000. Default: 1.</param>
/// <param name="Priority">Of its runs, -100 to 100. Default: 10 below the schedule's own.</param>
/// <param name="Rerun">Which intervals get a run although they have had one. Default: none.</param>
public sealed record BackfillRequest(
    string From, string? To = null, bool NewestFirst = false, int Parallel = 1, int? Priority = null, BackfillRerun Rerun = BackfillRerun.None, string? IdempotencyKey = null);

/// <summary>POST /api/v1/flows/{flow}/schedules/{schedule}:rerun: a backfill of one interval, whether it has had a run or not.</summary>
/// <param name="Time">One of the schedule's times: the end of the interval. As in <see cref="BackfillRequest"/>.</param>
/// <param name="Priority">Of the run, -100 to 100. Default: the schedule's own.</param>
public sealed record RerunRequest(string Time, int? Priority = null, string? IdempotencyKey = null);

/// <summary>Answer to these, and GET /api/v1/backfills and /api/v1/backfills/{backfill}.</summary>
/// <param name="Backfill">Its id. Its runs have the tag <c>backfill:ID</c>.</param>
public sealed record BackfillView(string Backfill, string Flow, string Schedule, string Actor, DateTimeOffset CreatedAt, BackfillStanding Standing);

/// <summary>POST /api/v1/backfills/{backfill}:pause, :resume, :cancel.</summary>
/// <param name="Reason">With pause and cancel: why, for others to read.</param>
/// <param name="Runs">With cancel: cancel its runs that go on, too.</param>
public sealed record BackfillCommandRequest(string? Reason = null, bool Runs = false);
