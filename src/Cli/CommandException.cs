namespace Fanfare.Cli;

/// <summary>A failure that was foreseen: printed as a message and its remedy, never with a stack trace.</summary>
internal sealed class CommandException : Exception
{
    public CommandException()
        : this(Fanfare.Cli.ExitCode.Usage, "The command cannot be carried out.")
    {
    }

    public CommandException(string message)
        : this(Fanfare.Cli.ExitCode.Usage, message)
    {
    }

    public CommandException(string message, Exception innerException)
        : base(message, innerException) => Code = Fanfare.Cli.ExitCode.Usage;

    public CommandException(int code, string message, string? remedy = null)
        : base(message)
    {
        Code = code;
        Remedy = remedy;
    }

    /// <summary>One of <see cref="ExitCode"/>.</summary>
    public int Code { get; }

    /// <summary>What to do about it; null when the message says it.</summary>
    public string? Remedy { get; }
}
