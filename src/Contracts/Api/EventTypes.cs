using System.Text.Json;

namespace Fanfare.Contracts.Api;

/// <summary>POST /api/v1/events. 201 when published, 200 when the idempotency key (also header Idempotency-Key) had published it.</summary>
/// <param name="Name">1 to 256 characters.</param>
/// <param name="Payload">An object; left out, an empty one.</param>
public sealed record PublishRequest(string Name, JsonElement? Payload = null, string? IdempotencyKey = null);

/// <summary>Answer to that.</summary>
/// <param name="Event">The event's id.</param>
/// <param name="Outcomes">What it came to, at every trigger that listens.</param>
public sealed record PublishResponse(string Event, string Name, bool New, IReadOnlyList<OutcomeView> Outcomes);

/// <summary>Answer to POST /hooks/{hook}. 201 when it was published, 200 when it had been before.</summary>
/// <param name="Event">The event's id.</param>
public sealed record WebhookResponse(string Event, bool New);

/// <summary>GET /api/v1/events and /api/v1/events/{event}.</summary>
/// <param name="Kind">Whether somebody published it, or it is a run's end that a trigger listens for.</param>
/// <param name="Name">Its name; of a run's end, the flow's.</param>
public sealed record PublishedView(
    string Event, EventKind Kind, string Name, JsonElement Payload, string? IdempotencyKey, string Actor, DateTimeOffset PublishedAt, IReadOnlyList<OutcomeView> Outcomes);

/// <summary>What an event came to at one trigger.</summary>
/// <param name="Run">Id of the run that it started.</param>
/// <param name="Reason">Why it started none.</param>
public sealed record OutcomeView(string Flow, string Trigger, int Deployment, TriggerResult Result, string? Run, string? Reason);

/// <summary>GET /api/v1/triggers and /api/v1/flows/{flow}/triggers/{trigger}.</summary>
/// <param name="Held">What it has so far, where one trigger is shown that needs several events; null otherwise.</param>
public sealed record TriggerView(string Flow, string Trigger, TriggerStanding Standing, IReadOnlyList<HeldView>? Held = null);

/// <summary>An event that a trigger has, which needs others beside it.</summary>
/// <param name="Source">Which of the trigger's sources it is for: its place in the list, from 0.</param>
/// <param name="Parameters">What the source maps of it.</param>
public sealed record HeldView(int Source, string Event, DateTimeOffset PublishedAt, JsonElement Parameters);

/// <summary>POST /api/v1/flows/{flow}/triggers/{trigger}:pause, :resume.</summary>
public sealed record TriggerCommandRequest(string? Reason = null);

/// <summary>GET /api/v1/dead-letters: what should have started a run and could not.</summary>
/// <param name="Name">The event's name; of a run's end, the flow's.</param>
/// <param name="At">When it was tried last.</param>
public sealed record DeadLetterView(string Event, EventKind Kind, string Name, string Flow, string Trigger, DateTimeOffset At, string Reason);

/// <summary>POST /api/v1/dead-letters:redrive, :dismiss. Without a member: all that there are, of the oldest 1,000.</summary>
/// <param name="Event">Only of this event.</param>
/// <param name="Flow">Only of this flow's triggers.</param>
/// <param name="Trigger">With flow: only of this trigger.</param>
public sealed record DeadLettersRequest(string? Event = null, string? Flow = null, string? Trigger = null);

/// <summary>Answer to that.</summary>
/// <param name="Settled">Those that are none any more: their runs start, or they were dismissed.</param>
/// <param name="Failed">Those that could not start again; each has its reason in the listing.</param>
/// <param name="More">Whether there are others that were not looked at.</param>
public sealed record DeadLettersResponse(int Settled, int Failed, bool More);
