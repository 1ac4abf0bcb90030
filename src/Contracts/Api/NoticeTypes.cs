using System.Text.Json;

namespace Fanfare.Contracts.Api;

/// <summary>GET /api/v1/notices and /api/v1/notices/{notice}.</summary>
/// <param name="Notice">Its id.</param>
/// <param name="Run">The run that it is about; null where it is about none.</param>
/// <param name="At">When it came about.</param>
/// <param name="Deliveries">Of each receiver.</param>
public sealed record NoticeView(
    string Notice, string Flow, string? Run, string? Schedule, NoticeKind Kind, DateTimeOffset At, JsonElement Payload, IReadOnlyList<NoticeDelivery> Deliveries);

/// <summary>POST /api/v1/notices:redrive, :dismiss. Without a member: all dead letters that there are, of the newest 1,000 notices.</summary>
/// <param name="Notice">Only of this notice.</param>
/// <param name="Flow">Only of notices of this flow.</param>
/// <param name="Receiver">Only those of this receiver.</param>
public sealed record NoticesRequest(string? Notice = null, string? Flow = null, string? Receiver = null);

/// <summary>Answer to that.</summary>
/// <param name="Deliveries">Dead letters that are none any more: they are tried again, or were dismissed.</param>
/// <param name="More">Whether there are others that were not looked at.</param>
public sealed record NoticesResponse(int Deliveries, bool More);
