using System.CommandLine;
using System.Runtime.InteropServices;
using Fanfare.Cli.Api;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare version</c>: this program's release, and the server's where one answers.</summary>
internal static class VersionCommand
{
    public static Command Create(GlobalOptions global)
    {
        var command = new Command("version", "Show the release of this program and of the server");
        ExampleHelp.Add(command, "fanfare version --json");
        return global.On(command, async (session, _, cancel) =>
        {
            VersionView? server = null;
            string? reason = null;
            try
            {
                server = await session.Api.GetVersionAsync(cancel);
            }
            // A server that was named must answer; without one there is just less to show.
            catch (UnreachableException e) when (!session.Address.Explicit)
            {
                reason = e.Foreign ? e.Message : $"No server answers at {session.Api.BaseUrl.ToString().TrimEnd('/')}.";
            }
            var url = session.Api.BaseUrl;
            if (session.Screen.Json)
            {
                session.Screen.WriteJson(new VersionReport(ProductVersion.Text, RuntimeInformation.FrameworkDescription, url, server));
                return ExitCode.Success;
            }
            session.Screen.Say($"fanfare {ProductVersion.Text} on {RuntimeInformation.FrameworkDescription}");
            session.Screen.Say(server is null
                ? reason!
                : $"server  {server.Version} at {url.ToString().TrimEnd('/')}, process {server.ProcessId}, journal format {server.JournalFormat}, data in {Words.Printable(server.DataDirectory)}");
            return ExitCode.Success;
        });
    }
}
