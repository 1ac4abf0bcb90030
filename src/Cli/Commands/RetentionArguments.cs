using System.CommandLine;
using System.CommandLine.Parsing;
using Fanfare.Storage.Retaining;

namespace Fanfare.Cli.Commands;

/// <summary>The options of <c>fanfare serve</c> that say which runs go, and when.</summary>
internal sealed class RetentionArguments
{
    private const string RetainVariable = "FANFARE_RETAIN", TombstonesVariable = "FANFARE_RETAIN_TOMBSTONES";

    /// <summary>Shorter, and a client that repeats its request after an outage could start a run anew that has been removed.</summary>
    private static readonly TimeSpan _shortestTombstones = TimeSpan.FromHours(1);

    private static readonly TimeSpan _shortestAge = TimeSpan.FromSeconds(1);

    private readonly Option<string?> _age = new("--retain")
    {
        Description = $"Archive and remove runs that ended so long ago, as in 30d or 12h. Default: ${RetainVariable}, else they are kept for ever",
        HelpName = "DURATION",
    };

    private readonly Option<string?> _tombstones = new("--retain-tombstones")
    {
        Description = $"How long a removed run's id is not used again and says where its archive is. Default: ${TombstonesVariable}, else 90d",
        HelpName = "DURATION",
    };

    private readonly Option<bool> _keepBlobs = new("--keep-blobs") { Description = "With --retain: keep logs, artifacts and item files of removed runs" };

    public void AddTo(Command command)
    {
        command.Options.Add(_age);
        command.Options.Add(_tombstones);
        command.Options.Add(_keepBlobs);
    }

    /// <exception cref="CommandException">A duration is none, or is too short.</exception>
    public RetentionOptions Read(CliHost host, ParseResult parsed)
    {
        var options = RetentionOptions.For(Duration(host, "--retain", parsed.GetValue(_age), RetainVariable, _shortestAge)) with { KeepBlobs = parsed.GetValue(_keepBlobs) };
        if (options.KeepBlobs && options.Age is null) throw new CommandException(ExitCode.Usage, "--keep-blobs is of use with --retain only.", "Give --retain DURATION too, or leave it out: without it nothing is removed.");
        return Duration(host, "--retain-tombstones", parsed.GetValue(_tombstones), TombstonesVariable, _shortestTombstones) is { } tombstones ? options with { Tombstones = tombstones } : options;
    }

    private static TimeSpan? Duration(CliHost host, string option, string? given, string variable, TimeSpan shortest)
    {
        var name = option;
        if (given is null && host.Variable(variable) is { } set && !string.IsNullOrWhiteSpace(set)) (given, name) = (set.Trim(), variable);
        if (given is null) return null;
        var value = Arguments.Duration(name, given);
        return value >= shortest ? value : throw new CommandException(ExitCode.Usage, $"{name} {given} is too short.", $"Give at least {(shortest.TotalHours >= 1 ? "1h" : "1s")}.");
    }
}
