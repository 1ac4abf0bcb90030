using System.Diagnostics;
using System.Text;

namespace Fanfare.Processes;

/// <summary>The built program as a real process, with what it printed.</summary>
public sealed class FanfareProcess : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _results = new();
    private readonly List<(Func<string, bool> Wanted, TaskCompletionSource<string> Seen)> _waits = [];

    private FanfareProcess(Process process) => _process = process;

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    /// <summary>Standard output and error so far, in the order in which they were read.</summary>
    public string Output
    {
        get
        {
            lock (_output) return _output.ToString();
        }
    }

    /// <summary>Standard output alone.</summary>
    public string Results
    {
        get
        {
            lock (_output) return _results.ToString();
        }
    }

    public static FanfareProcess Start(string dataHome, params string[] arguments) => Start(dataHome, new Dictionary<string, string>(), arguments);

    /// <param name="environment">Variables beside those of the tests' own.</param>
    public static FanfareProcess Start(string dataHome, IReadOnlyDictionary<string, string> environment, params string[] arguments) => Start(AppContext.BaseDirectory, dataHome, environment, arguments);

    /// <param name="programs">Directory of the built programs.</param>
    public static FanfareProcess Start(string programs, string dataHome, IReadOnlyDictionary<string, string> environment, string[] arguments)
    {
        // A shell starts background jobs with SIGINT ignored, and that is inherited: the tests may run in one.
        var start = new ProcessStartInfo("env")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = dataHome,
        };
        start.ArgumentList.Add("--default-signal=INT");
        start.ArgumentList.Add("dotnet");
        start.ArgumentList.Add(Path.Combine(programs, arguments is ["silo", ..] ? "fanfare-silo.dll" : "fanfare.dll"));
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        start.Environment["XDG_DATA_HOME"] = dataHome;
        start.Environment.Remove("FANFARE_SERVER");
        start.Environment.Remove("FANFARE_TOKEN");
        foreach (var (name, value) in environment) start.Environment[name] = value;
        var process = new Process { StartInfo = start, EnableRaisingEvents = true };
        var started = new FanfareProcess(process);
        process.OutputDataReceived += (_, e) => started.Took(e.Data, started._results);
        process.ErrorDataReceived += (_, e) => started.Took(e.Data, null);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return started;
    }

    /// <summary>Waits for a line; what was printed before counts.</summary>
    public async Task<string> LineAsync(Func<string, bool> wanted, TimeSpan limit)
    {
        TaskCompletionSource<string> seen = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_output)
        {
            foreach (var line in _output.ToString().Split('\n'))
                if (wanted(line)) return line;
            _waits.Add((wanted, seen));
        }
        var exited = ExitAsync(limit);
        var first = await Task.WhenAny(seen.Task, exited, Task.Delay(limit));
        if (first == seen.Task) return await seen.Task;
        throw new TimeoutException($"The line did not come{(HasExited ? $"; the process ended with {ExitCode}" : "")}. Output:\n{Output}");
    }

    public async Task<int> ExitAsync(TimeSpan limit)
    {
        using var cancel = new CancellationTokenSource(limit);
        try
        {
            await _process.WaitForExitAsync(cancel.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"The process did not end within {limit.TotalSeconds} s. Output:\n{Output}");
        }
        return _process.ExitCode;
    }

    /// <summary>kill -9, of this process alone, and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        Signals.Send(Id, Signals.Kill);
        await ExitAsync(TimeSpan.FromSeconds(30));
    }

    public void Interrupt() => Signals.Send(Id, Signals.Interrupt);

    /// <summary>Freezes the process until <see cref="Thaw"/>.</summary>
    public void Freeze() => Signals.Send(Id, Signals.Stop);

    public void Thaw() => Signals.Send(Id, Signals.Continue);

    public void Terminate() => Signals.Send(Id, Signals.Terminate);

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Signals.Send(Id, Signals.Kill);
            _process.WaitForExit();
        }
        _process.Dispose();
    }

    private void Took(string? line, StringBuilder? also)
    {
        if (line is null) return;
        lock (_output)
        {
            _output.Append(line).Append('\n');
            also?.Append(line).Append('\n');
            foreach (var (wanted, seen) in _waits)
                if (wanted(line)) seen.TrySetResult(line);
        }
    }
}
