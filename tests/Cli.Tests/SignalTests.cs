using System.Diagnostics;

namespace Fanfare.Cli.Tests;

/// <summary>The program as a process of its own, with real signals.</summary>
public sealed class SignalTests : IAsyncLifetime, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private FakeServer _server = null!;
    private TestCli _cli = null!;

    public async Task InitializeAsync()
    {
        _server = await FakeServer.StartAsync();
        _cli = new TestCli(_server);
        // The program itself checks what it submits.
        _cli.Write("flow/flow.yaml", "name: report\nsteps: {start: {run: \"true\"}}\n");
        _server.OnStart = _ => FakeServer.Run("r1", RunStatus.Running);
        _server.OnCancel = server => server.Change("r1", RunStatus.Cancelling);
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    public void Dispose() => _cli.Dispose();

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task ASignal_CancelsTheRun_AndTheProcessEndsWithIt_With130(string signal)
    {
        using var process = Start("run", "flow/flow.yaml");
        try
        {
            await _server.WaitForRequestAsync(r => r.Contains("/events", StringComparison.Ordinal));
            await SignalAsync(process, signal);
            await _server.WaitForRequestAsync(r => r == "POST /api/v1/runs/r1:cancel");
            Assert.False(process.HasExited);
            _server.Change("r1", RunStatus.Cancelled);

            await process.WaitForExitAsync().WaitAsync(Patience);
            Assert.Equal(ExitCode.Cancelled, process.ExitCode);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    [Fact]
    public async Task ASecondSignal_EndsTheProcessAtOnce()
    {
        using var process = Start("run", "flow/flow.yaml");
        try
        {
            await _server.WaitForRequestAsync(r => r.Contains("/events", StringComparison.Ordinal));
            await SignalAsync(process, "INT");
            await _server.WaitForRequestAsync(r => r == "POST /api/v1/runs/r1:cancel");

            // A signal soon after the first counts as its echo: one is sent again until the process has gone.
            using var limit = new CancellationTokenSource(Patience);
            while (!process.HasExited)
            {
                await SignalAsync(process, "INT");
                await Task.WhenAny(process.WaitForExitAsync(limit.Token), Task.Delay(300, limit.Token));
                limit.Token.ThrowIfCancellationRequested();
            }
            Assert.Equal(ExitCode.Cancelled, process.ExitCode);
            Assert.Equal(RunStatus.Cancelling, _server.Runs.Single().Status);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    private Process Start(params string[] args)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(CommandLineProgram).Assembly.Location, .. args])
        {
            WorkingDirectory = _cli.Directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["FANFARE_SERVER"] = _server.Url.ToString();
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        return process;
    }

    private static async Task SignalAsync(Process process, string signal)
    {
        using var kill = Process.Start("/bin/sh", ["-c", $"kill -{signal} {process.Id}"]);
        await kill.WaitForExitAsync();
        Assert.True(kill.ExitCode == 0 || process.HasExited);
    }
}
