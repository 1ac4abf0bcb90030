using System.CommandLine;
using Fanfare.Cli.Hosting;
using Fanfare.Gateway;
using Fanfare.Specs;
using Fanfare.Worker;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare worker</c>: an agent that runs tasks for a server.</summary>
internal static class WorkerCommand
{
    public static Command Create(GlobalOptions global)
    {
        var name = new Option<string?>("--name") { Description = "Name, unique in the cluster. Default: the machine's name", HelpName = "NAME" };
        var queues = new Option<string[]>("--queue") { Description = "Serve only this queue; may be repeated, the preferred one first", HelpName = "QUEUE", DefaultValueFactory = _ => [] };
        var data = new Option<string?>("--data") { Description = "Directory for tasks and packages. Default: 'worker' in $XDG_DATA_HOME/fanfare, else in ~/.local/share/fanfare", HelpName = "DIR" };
        var slots = new Option<int?>("--slots") { Description = "Cores to offer. Default: all", HelpName = "N", Validators = { r => Arguments.InRange(r, 1, 100_000) } };
        var memory = new Option<string?>("--memory") { Description = "Memory to offer, as in 8GiB. Default: all", HelpName = "SIZE" };
        var gpus = new Option<int?>("--gpus") { Description = "GPUs to offer, the first of those that there are. Default: all", HelpName = "N", Validators = { r => Arguments.InRange(r, 0, 1000) } };
        var leave = new Option<string?>("--leave-after") { Description = "End, and the tasks with it, when no server has answered for so long, as in 2h. Default: never", HelpName = "TIME" };
        var secrets = new Option<string?>("--secrets") { Description = "Directory with a file for each secret", HelpName = "DIR" };
        var passed = new Option<string[]>("--pass-env") { Description = "Variable of the worker's own environment that its tasks get; may be repeated", HelpName = "NAME", DefaultValueFactory = _ => [] };
        var warm = new Option<int?>("--warm-servers") { Description = "Most fork servers kept for steps that have one. 0: every task starts cold. Default: 8", HelpName = "N", Validators = { r => Arguments.InRange(r, 0, 1000) } };
        var address = new Option<string?>("--address") { Description = "Name or IP address under which other workers reach this machine, for gangs. Default: the one from which it speaks to the server", HelpName = "HOST" };
        var spot = new Option<string?>("--spot") { Description = "Look out for EC2 taking the machine back, and leave in order when it does: always (on), never (off), or on machines of EC2 (auto). Default: auto", HelpName = "auto|on|off" };
        spot.AcceptOnlyFromAmong("auto", "on", "off");
        var command = new Command("worker", "Run tasks for a server until stopped")
        {
            name, queues, data, slots, memory, gpus, secrets, passed, warm, address, spot, leave,
        };
        var logged = new LogArguments();
        logged.AddTo(command);
        ExampleHelp.Add(command, "fanfare worker --server http://scheduler:7433", "fanfare worker --server http://a:7433,http://b:7433 --queue gpu --slots 8");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var worker = session.Host.LocalWorker ?? throw CliHost.Lacks("a worker");
            var given = parsed.GetValue(data);
            var directory = given is null ? Path.Combine(DataDirectory.Default(session.Host), "worker") : DataDirectory.Resolve(session.Host, given);
            var secretsDirectory = parsed.GetValue(secrets);
            var (format, levels) = logged.Read(session.Host, parsed);
            using var log = new ServerLog(format, levels, session.Screen.Note, session.Host.Clock, session.Host.Variable);
            await worker.RunAsync(
                new LocalWorkerOptions(
                    session.Address.Urls, global.Token(parsed), parsed.GetValue(name), parsed.GetValue(queues)!, directory, parsed.GetValue(slots),
                    secretsDirectory is null ? null : Path.GetFullPath(secretsDirectory, session.Host.WorkingDirectory), log)
                {
                    PassEnvironment = parsed.GetValue(passed)!,
                    MemoryBytes = Size(parsed.GetValue(memory)),
                    Gpus = parsed.GetValue(gpus),
                    LeaveAfter = parsed.GetValue(leave) is { } time ? Arguments.Duration("--leave-after", time) : null,
                    WarmServers = parsed.GetValue(warm),
                    Address = parsed.GetValue(address),
                    Spot = parsed.GetValue(spot) is { } mode ? Enum.Parse<SpotMode>(mode, ignoreCase: true) : SpotMode.Auto,
                },
                cancel);
            return ExitCode.Success;
        });
    }

    private static long? Size(string? given) => given is null ? null
        : SizeText.TryRead(given, out var bytes) ? bytes : throw new CommandException(ExitCode.Usage, $"--memory '{given}' is no size.", $"Write {SizeText.Rule}.");
}
