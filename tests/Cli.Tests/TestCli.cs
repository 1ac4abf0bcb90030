using Fanfare.Cli.Hosting;

namespace Fanfare.Cli.Tests;

/// <summary>What a command answered.</summary>
internal sealed record Answer(int Exit, string Out, string Error)
{
    /// <summary>For assertions that fail: all there is to see.</summary>
    public override string ToString() => $"exit {Exit}\n--- out\n{Out}\n--- error\n{Error}";
}

/// <summary>Runs commands in this process, without a terminal, in a directory of its own.</summary>
internal sealed class TestCli : IDisposable
{
    private readonly Dictionary<string, string> _variables = [];
    private readonly StringWriter _out = new();
    private readonly StringWriter _error = new();
    private int _exits;

    public TestCli(FakeServer? server = null)
    {
        Directory = System.IO.Directory.CreateTempSubdirectory("fanfare-cli-").FullName;
        _variables["XDG_DATA_HOME"] = Path.Combine(Directory, ".xdg");
        _variables["USER"] = "ada";
        if (server is not null) _variables["FANFARE_SERVER"] = server.Url.ToString();
        Interrupts = new Interrupts(TimeProvider.System, () => Interlocked.Increment(ref _exits));
    }

    public string Directory { get; }

    public string DataDirectory => Path.Combine(Directory, ".xdg", "fanfare");

    public Interrupts Interrupts { get; }

    /// <summary>How often the process would have been ended at once.</summary>
    public int Exits => _exits;

    public SpecCheck CheckSpec { get; set; } = _ => [];

    public ILocalServer? LocalServer { get; set; }

    public ILocalWorker? LocalWorker { get; set; }

    public string OutSoFar
    {
        get
        {
            lock (_out) return _out.ToString();
        }
    }

    public TestCli Set(string variable, string value)
    {
        _variables[variable] = value;
        return this;
    }

    public TimeProvider Clock { get; set; } = TimeProvider.System;

    public string Write(string name, string content)
    {
        var path = Path.Combine(Directory, name);
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return path;
    }

    public async Task<Answer> RunAsync(params string[] args)
    {
        var exit = await CommandLineProgram.RunAsync(args, new CliHost
        {
            Out = new LockedWriter(_out),
            Error = new LockedWriter(_error),
            Interactive = false,
            Keyboard = false,
            Variable = name => _variables.GetValueOrDefault(name),
            WorkingDirectory = Directory,
            Clock = Clock,
            Interrupts = Interrupts,
            CheckSpec = source => CheckSpec(source),
            LocalServer = LocalServer,
            LocalWorker = LocalWorker,
        }).WaitAsync(TimeSpan.FromSeconds(60));
        return new Answer(exit, _out.ToString(), _error.ToString());
    }

    public void Dispose()
    {
        Interrupts.Dispose();
        _out.Dispose();
        _error.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    // Written by the command, read by the test meanwhile.
    private sealed class LockedWriter(StringWriter inner) : TextWriter
    {
        public override System.Text.Encoding Encoding => System.Text.Encoding.UTF8;

        public override void Write(char value)
        {
            lock (inner) inner.Write(value);
        }

        public override void Write(string? value)
        {
            lock (inner) inner.Write(value);
        }

        public override void WriteLine(string? value)
        {
            lock (inner) inner.WriteLine(value);
        }
    }
}
