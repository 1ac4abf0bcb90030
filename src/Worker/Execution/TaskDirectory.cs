using Fanfare.Contracts;
using Fanfare.Contracts.Api;
using Fanfare.Worker.Logs;

namespace Fanfare.Worker;

/// <summary>The files of one attempt on this worker; gone when it is over.</summary>
internal sealed class TaskDirectory
{
    public TaskDirectory(string root, string name)
    {
        Root = Path.Combine(root, name);
        Input = Path.Combine(Root, "input.json");
        InputLines = Path.Combine(Root, "inputs.jsonl");
        Output = Path.Combine(Root, "output.json");
        Artifacts = Path.Combine(Root, "artifacts");
        InputArtifacts = Path.Combine(Root, "input-artifacts");
        Code = Path.Combine(Root, "work");
        Log = Path.Combine(Root, "log.jsonl");
        Interrupt = Path.Combine(Root, "interrupt.json");
        ExecFailed = Path.Combine(Root, "exec-failed");
        const UnixFileMode mine = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(Root);
        else
            Directory.CreateDirectory(Root, mine);
        Directory.CreateDirectory(Artifacts);
        Directory.CreateDirectory(InputArtifacts);
    }

    public string Root { get; }

    public string Input { get; }

    public string InputLines { get; }

    public string Output { get; }

    public string Artifacts { get; }

    public string InputArtifacts { get; }

    /// <summary>Where a task without a code package runs.</summary>
    public string Code { get; }

    public string Log { get; }

    /// <summary>Comes into being when the machine is taken back.</summary>
    public string Interrupt { get; }

    public string ExecFailed { get; }

    /// <summary>Removes it all. What cannot be removed now goes when the next worker starts.</summary>
    public void Delete(Lease lease, IWorkerLog log)
    {
        try
        {
            Directory.Delete(Root, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.Of(LogSeverity.Warning, lease, $"leaves {Root} behind, which cannot be removed yet: {e.Message}");
        }
    }
}
