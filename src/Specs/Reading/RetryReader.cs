using Fanfare.Contracts;

namespace Fanfare.Specs.Reading;

internal static class RetryReader
{
    private const int MostAttempts = 1000;

    public static RetrySpec Read(Value value)
    {
        var plain = RetrySpec.Default;
        if (value.IsScalar) return value.AsInt(1, MostAttempts) is { } attempts ? plain with { MaxAttempts = attempts } : plain;
        if (Fields.Of(value, "a retry", FieldNames.Retry) is not { } fields) return plain;
        var retry = plain with
        {
            MaxAttempts = fields["max_attempts"]?.AsInt(1, MostAttempts) ?? plain.MaxAttempts,
            MaxLosses = fields["max_losses"]?.AsInt(0, 1_000_000) ?? plain.MaxLosses,
            ExitCodes = fields["exit_codes"] is { } codes ? ExitCodes(codes) : null,
        };
        return fields["backoff"] is { } backoff ? Backoff(backoff, retry) : retry;
    }

    private static List<int>? ExitCodes(Value value)
    {
        const string rule = "a list of exit codes";
        var codes = value.AsList(rule);
        if (codes is null) return null;
        if (codes.Count == 0) value.Complain("The list of exit codes is empty; then nothing would be retried.", "List codes from 1 to 255, or remove 'exit_codes' to retry all.");
        return [.. codes.Select(c => c.AsInt(1, 255) ?? 1).Distinct()];
    }

    private static RetrySpec Backoff(Value value, RetrySpec retry)
    {
        if (Fields.Of(value, "a backoff", FieldNames.Backoff) is not { } fields) return retry;
        return retry with
        {
            InitialDelay = fields["initial"]?.AsDuration(TimeSpan.Zero) ?? retry.InitialDelay,
            Factor = fields["factor"]?.AsNumber(1, 100) ?? retry.Factor,
            MaxDelay = fields["max"]?.AsDuration(TimeSpan.Zero) ?? retry.MaxDelay,
            Jitter = fields["jitter"]?.AsNumber(0, 1) ?? retry.Jitter,
        };
    }
}
