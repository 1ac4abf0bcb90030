namespace Fanfare.Cli.Api;

/// <summary>The server refused a request, and said why.</summary>
internal sealed class ApiException : Exception
{
    public ApiException()
        : this(new Problem(0, "The server refused.", null, null, []))
    {
    }

    public ApiException(string message)
        : this(new Problem(0, message, null, null, []))
    {
    }

    public ApiException(string message, Exception innerException)
        : base(message, innerException) => Problem = new Problem(0, message, null, null, []);

    public ApiException(Problem problem)
        : base(problem.Title) => Problem = problem;

    public Problem Problem { get; }

    /// <summary>A server that is there but cannot serve now counts as unreachable; any other refusal is about the input.</summary>
    public int ExitCode => Problem.Status is 429 or >= 500 ? Cli.ExitCode.Unreachable : Cli.ExitCode.Usage;
}

/// <summary>Nothing answers at the server's address, or something that is not Fanfare.</summary>
internal sealed class UnreachableException : Exception
{
    public UnreachableException()
        : this("No server answers.")
    {
    }

    public UnreachableException(string message)
        : base(message)
    {
    }

    public UnreachableException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>True when something answered that is not a Fanfare server.</summary>
    public bool Foreign { get; init; }

    /// <summary>True when there was no connection: what was asked for was not done.</summary>
    public bool NothingSent { get; init; }
}
