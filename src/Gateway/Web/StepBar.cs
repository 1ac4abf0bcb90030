namespace Fanfare.Gateway;

/// <summary>A step's progress as one bar: succeeded, failed, cancelled, running, and what is left.</summary>
internal static class StepBar
{
    public static Html Of(StepRow step) => ProgressBar.Of(
        step.Total, $"{step.Succeeded} of {step.Total} done, {step.Failed} failed, {step.Running} running",
        ("succeeded", step.Succeeded), ("failed", step.Failed), ("cancelled", step.Cancelled), ("running", step.Running), ("backoff", step.Backoff));
}
