namespace Fanfare.Cli;

/// <summary>The process as a host for commands. The parts that are hosted in it are put together here.</summary>
internal static class ProcessHost
{
    public static CliHost Create(Interrupts interrupts) => new()
    {
        Out = Console.Out,
        Error = Console.Error,
        Interactive = !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("TERM") is not "dumb",
        Keyboard = !Console.IsInputRedirected && !Console.IsOutputRedirected,
        Variable = Environment.GetEnvironmentVariable,
        WorkingDirectory = Environment.CurrentDirectory,
        Clock = TimeProvider.System,
        Interrupts = interrupts,
        CheckSpec = source => Specs.FlowSpecReader.Read(source).Errors,
        LocalServer = new Hosting.EmbeddedServer(),
        LocalWorker = new Hosting.EmbeddedWorker(),
    };
}
