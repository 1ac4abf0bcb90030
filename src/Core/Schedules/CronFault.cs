namespace Fanfare.Core;

/// <summary>What is wrong with a cron expression, and what to do about it.</summary>
internal sealed record CronFault(string Message, string Remedy);
