using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Fanfare.Cli.Output;
using Fanfare.Storage.Retaining;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare archive</c>: what is left of runs that were removed.</summary>
internal static class ArchiveCommand
{
    public static Command Create(GlobalOptions global)
    {
        var source = new Argument<string>("FILE|RUN") { Description = "An archive's file, or the id of a run whose archive the server has" };
        var show = new Command("show", "Print the history that an archive holds, and check that it is whole. With --json its lines as they are") { source };
        ExampleHelp.Add(show, "fanfare archive show RUN", "fanfare archive show RUN --json | jq -r '.task.output // empty'", "fanfare archive show /srv/fanfare/blobs/archives/default/2026-03-01/RUN.1772366400000000.jsonl.gz");
        global.On(show, async (session, parsed, cancel) =>
        {
            var given = parsed.GetRequiredValue(source);
            var path = Path.GetFullPath(given, session.Host.WorkingDirectory);
            try
            {
                if (File.Exists(path))
                {
                    await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 64 * 1024, FileOptions.Asynchronous);
                    await ShowAsync(session, file, cancel);
                }
                else
                {
                    await session.Api.ReadArchiveAsync(given, content => ShowAsync(session, content, cancel), cancel);
                }
            }
            catch (InvalidDataException damaged)
            {
                throw new CommandException(ExitCode.Usage, damaged.Message);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new CommandException(ExitCode.Usage, $"{Words.Printable(given)} cannot be read: {e.Message}");
            }
            return ExitCode.Success;
        });
        var command = new Command("archive", "Look into the archives of runs that were removed") { show };
        ExampleHelp.Add(command, "fanfare archive show RUN");
        return command;
    }

    private static async Task ShowAsync(Session session, Stream archive, CancellationToken cancellationToken)
    {
        var screen = session.Screen;
        await foreach (var line in ArchiveReader.ReadAsync(archive, cancellationToken))
        {
            if (screen.Json) session.Host.Out.WriteLine(JsonSerializer.Serialize(line, ArchiveJson.Default.ArchiveLine));
            else if (Text(line) is { } text) session.Host.Out.WriteLine(text);
        }
        await session.Host.Out.FlushAsync(cancellationToken);
    }

    // The rows say nothing that the events do not; they are there for programs.
    private static string? Text(ArchiveLine line) => line switch
    {
        { Archive: { } head } => $"{head.Flow} {head.Run} {Words.Of(head.Status)}, ended {Time(head.EndedAt)}, archived {Time(head.ArchivedAt)}",
        { Event: { } e } => Words.Printable($"{Time(e.At)}  {e.Stream}  {e.Sequence}  {e.Actor}  {e.Payload.GetRawText()}"),
        { End: { } end } => $"whole: {Words.Count((int)Math.Min(int.MaxValue, end.Events), "event")}, {Words.Count((int)Math.Min(int.MaxValue, end.Tasks), "task")}, SHA-256 {end.Sha256}",
        _ => null,
    };

    private static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}
