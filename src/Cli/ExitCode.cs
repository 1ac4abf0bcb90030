namespace Fanfare.Cli;

/// <summary>What the process exits with; the same for every command.</summary>
internal static class ExitCode
{
    public const int Success = 0;

    /// <summary>The run that was followed failed.</summary>
    public const int RunFailed = 1;

    /// <summary>Bad usage or input: unknown option, invalid spec, no such run, a refused command.</summary>
    public const int Usage = 2;

    /// <summary>No server answers, or it cannot serve now.</summary>
    public const int Unreachable = 3;

    /// <summary>Cancelled: the run was, or the command by Ctrl-C.</summary>
    public const int Cancelled = 130;

    public static int Of(RunStatus status) => status switch
    {
        RunStatus.Succeeded => Success,
        RunStatus.Cancelled => Cancelled,
        _ => RunFailed,
    };
}
