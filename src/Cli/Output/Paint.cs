namespace Fanfare.Cli.Output;

/// <summary>Statuses as coloured words. Colour never says what the word does not.</summary>
internal static class Paint
{
    public static string Status(RunStatus status) => Coloured(Words.Of(status), status switch
    {
        RunStatus.Succeeded => "green",
        RunStatus.Failed or RunStatus.Failing => "red",
        RunStatus.Cancelled or RunStatus.Cancelling => "yellow",
        RunStatus.Paused => "yellow",
        _ => "blue",
    });

    public static string Status(StepStatus status) => Coloured(Words.Of(status), status switch
    {
        StepStatus.Succeeded => "green",
        StepStatus.Failed => "red",
        StepStatus.Cancelled or StepStatus.Paused => "yellow",
        _ => "blue",
    });

    public static string Status(TaskStatus status) => Coloured(Words.Of(status), status switch
    {
        TaskStatus.Succeeded or TaskStatus.Skipped => "green",
        TaskStatus.Caught or TaskStatus.Backoff => "yellow",
        TaskStatus.Failed => "red",
        TaskStatus.Cancelled => "yellow",
        _ => "blue",
    });

    private static string Coloured(string word, string colour) => $"[{colour}]{word}[/]";
}
