using Fanfare.Cli.Hosting;

namespace Fanfare.Cli;

/// <summary>Reads a flow's source text and says all that is wrong with it; empty when it is valid.</summary>
internal delegate IReadOnlyList<SpecError> SpecCheck(string source);

/// <summary>What the commands need of the process around them; tests give their own.</summary>
internal sealed record CliHost
{
    /// <summary>Results, and nothing else under <c>--json</c>.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>Notes, warnings and errors.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Whether <see cref="Out"/> is a terminal.</summary>
    public required bool Interactive { get; init; }

    /// <summary>Whether keys can be read.</summary>
    public required bool Keyboard { get; init; }

    public required Func<string, string?> Variable { get; init; }

    public required string WorkingDirectory { get; init; }

    public required TimeProvider Clock { get; init; }

    public required Interrupts Interrupts { get; init; }

    /// <summary>Null where the program was put together without it; so with the two below.</summary>
    public SpecCheck? CheckSpec { get; init; }

    /// <summary>Hosts a server in this process.</summary>
    public ILocalServer? LocalServer { get; init; }

    /// <summary>Whether <see cref="LocalServer"/> can be one of several that share the work.</summary>
    public bool HasSilo { get; init; }

    /// <summary>Hosts a worker agent in this process.</summary>
    public ILocalWorker? LocalWorker { get; init; }

    public static CommandException Lacks(string part) => new(ExitCode.Usage, $"This program was built without {part}.");
}
