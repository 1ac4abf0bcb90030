namespace Fanfare.Notices.Tests;

/// <summary>Notices as the engine raises them, and receivers for them.</summary>
internal static class Samples
{
    public static readonly DateTimeOffset At = new(2026, 11, 27, 2, 41, 8, TimeSpan.Zero);

    public static readonly Uri Address = new("https://fanfare.example.com/");

    private const string Run = """
        "run": "r1m7xzm70248k35jvmjz", "flow": "etl", "deployment": 3, "parameters": {"day": "2026-11-27"}, "tags": ["nightly"], "actor": "schedule:nightly", "created_at": "2026-11-27T02:30:00.000000Z"
        """;

    public static Notice Failed { get; } = Of(NoticeKind.Failed, $$"""{ {{Run}}, "status": "failed", "generation": 0, "ended_at": "2026-11-27T02:41:07.123456Z", "error": {"type": "exit", "message": "load: 3 of 7 files <missing> & \"late\""} }""");

    public static Notice Succeeded { get; } = Of(NoticeKind.Succeeded, $$"""{ {{Run}}, "status": "succeeded", "generation": 0, "ended_at": "2026-11-27T02:41:07.123456Z" }""");

    public static Notice Cancelled { get; } = Of(NoticeKind.Cancelled, $$"""{ {{Run}}, "status": "cancelled", "generation": 0, "ended_at": "2026-11-27T02:30:07.123456Z" }""");

    public static Notice Late { get; } = Of(NoticeKind.Late, $$"""{ {{Run}}, "deadline": "2026-11-27T04:30:00.000000Z", "expected_at": "2026-11-27T05:10:00.000000Z" }""");

    public static Notice LateAlready { get; } = Of(NoticeKind.Late, $$"""{ {{Run}}, "deadline": "2026-11-27T04:30:00.000000Z", "expected_at": null }""") with { At = At.AddHours(2) };

    public static Notice Skipped { get; } = Of(NoticeKind.Skipped, """
        {"flow": "etl", "schedule": "nightly", "count": 1, "interval_start": "2026-11-26T02:30:00.000000Z", "interval_end": "2026-11-27T02:30:00.000000Z", "reason": "overlap"}
        """);

    public static Notice SkippedMany { get; } = Of(NoticeKind.Skipped, """
        {"flow": "etl", "schedule": "nightly", "count": 7, "interval_start": "2026-11-20T02:30:00.000000Z", "interval_end": "2026-11-27T02:30:00.000000Z", "reason": "missed"}
        """);

    public static Notice Of(NoticeKind kind, string payload) => new("n-4h2k", "default", "etl", kind, At, payload, null, null);

    /// <summary>With one receiver, whose secrets are in variables of these values.</summary>
    public static Notifier With(ReceiverSpec receiver, params (string Variable, string Value)[] secrets) =>
        new([receiver], (_, place) => secrets.Single(secret => secret.Variable == place.Variable).Value, Address, TimeProvider.System, (_, certificate, _, _) => certificate?.GetCertHashString() == SmtpReceiver.Certificate.GetCertHashString());

    public static SecretPlace Secret(string variable) => new(variable, null);
}
