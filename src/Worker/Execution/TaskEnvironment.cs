using System.Collections;
using System.Globalization;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Worker.Processes;

namespace Fanfare.Worker;

/// <summary>The environment that a task gets. From the worker's own only <see cref="Passed"/>, <c>LC_*</c>, and the names of
/// <see cref="WorkerOptions.PassEnvironment"/>; then the step's <c>env</c>; then the <c>FANFARE_*</c> contract of docs/tasks.md,
/// which nothing overrides. The worker's token and secrets are never among them.</summary>
public static class TaskEnvironment
{
    // The system refuses a variable above 128 KiB, and with it the whole start.
    private const int MostBytes = 120 * 1024;

    /// <summary>Names passed on from the worker.</summary>
    public static IReadOnlyList<string> Passed { get; } =
    [
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
    ];

    /// <summary>Whether a shell can carry a variable of this name.</summary>
    public static bool IsVariableName(string name) =>
        name.Length > 0 && !char.IsAsciiDigit(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

    /// <summary>A name as it stands in a variable: upper case, '_' for '-'.</summary>
    public static string Upper(string name) => name.ToUpperInvariant().Replace('-', '_');

    /// <summary>The task's own split path: empty outside any foreach.</summary>
    internal static SplitPath SplitsOf(Lease lease) =>
        lease.Name.Contains('[', StringComparison.Ordinal) ? lease.Task.Step.Outer.Push(lease.Task.Split) : SplitPath.Empty;

    internal static Dictionary<string, string> Base(IReadOnlyList<string> also)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            var name = (string)entry.Key;
            if (Passed.Contains(name) || name.StartsWith("LC_", StringComparison.Ordinal) || also.Contains(name)) environment[name] = (string)entry.Value!;
        }
        environment.TryAdd("PATH", "/usr/local/bin:/usr/bin:/bin");
        return environment;
    }

    /// <summary>Adds the step's own variables. Returns the values that came from secrets.</summary>
    /// <exception cref="AttemptFailure">A name or value that cannot be passed, or an unknown secret.</exception>
    internal static IReadOnlyList<string> AddStep(Dictionary<string, string> environment, StepSpec step, Secrets secrets)
    {
        var values = new List<string>();
        foreach (var variable in step.Env)
        {
            if (!IsVariableName(variable.Name))
                throw AttemptFailure.Failed("start_failed", $"env: '{variable.Name}' is no variable's name: letters, digits and '_', no digit first. Rename it.");
            var value = variable.Secret is { } secret ? secrets.Resolve(secret) : variable.Value ?? "";
            if (variable.Secret is not null) values.Add(value);
            if (value.Contains('\0', StringComparison.Ordinal)) throw AttemptFailure.Failed("start_failed", $"env: the value of '{variable.Name}' holds a NUL character, which no variable can. Pass it in a file.");
            if (TooLong(value)) throw AttemptFailure.Failed("start_failed", $"env: the value of '{variable.Name}' is longer than {MostBytes} bytes. Pass it in a file.");
            environment[variable.Name] = value;
        }
        // The contract's names are the worker's alone.
        foreach (var name in environment.Keys.Where(n => n.StartsWith("FANFARE_", StringComparison.Ordinal)).ToList()) environment.Remove(name);
        return values;
    }

    /// <summary>Adds the parameters; a sensitive one as the value of the secret that it names.</summary>
    /// <returns>The values that came from secrets, and remarks for the task's log.</returns>
    /// <exception cref="AttemptFailure">An unknown secret, or one that no variable can hold.</exception>
    internal static (IReadOnlyList<string> Secrets, IReadOnlyList<string> Remarks) AddParameters(Dictionary<string, string> environment, string json, Secrets secrets)
    {
        var (values, remarks) = (new List<string>(), new List<string>());
        using var parameters = JsonDocument.Parse(json);
        foreach (var parameter in parameters.RootElement.EnumerateObject())
        {
            var variable = "FANFARE_PARAM_" + Upper(parameter.Name);
            if (Secrets.NamedBy(parameter.Value) is { } secret)
            {
                var revealed = secrets.Resolve(secret);
                values.Add(revealed);
                if (!Fits(revealed)) throw AttemptFailure.Failed("start_failed", $"Secret '{secret}' of parameter '{parameter.Name}' does not fit into an environment variable: it holds a NUL character, or more than {MostBytes} bytes. Pass it in a file.");
                environment[variable] = revealed;
                continue;
            }
            var value = parameter.Value.ValueKind == JsonValueKind.String ? parameter.Value.GetString()! : parameter.Value.GetRawText();
            if (Fits(value)) environment[variable] = value;
            else remarks.Add($"Parameter {parameter.Name} does not fit into an environment variable; read it from $FANFARE_INPUT.");
        }
        return (values, remarks);
    }

    /// <summary>Adds the rest of the contract.</summary>
    internal static void AddContract(
        Dictionary<string, string> environment, TaskAssignment assignment, TaskDirectory directory, string code, Uri gateway, string mark, bool hasGpus)
    {
        var lease = assignment.Lease;
        environment["FANFARE_RUN"] = lease.Task.Run;
        environment["FANFARE_FLOW"] = lease.Flow;
        environment["FANFARE_DEPLOYMENT"] = lease.Deployment.ToString(CultureInfo.InvariantCulture);
        environment["FANFARE_NAMESPACE"] = lease.Task.Namespace;
        environment["FANFARE_STEP"] = lease.Task.Step.Step;
        environment["FANFARE_TASK"] = lease.Name;
        environment["FANFARE_SPLIT"] = SplitsOf(lease).Join(',');
        environment["FANFARE_ATTEMPT"] = lease.Attempt.ToString(CultureInfo.InvariantCulture);
        if (lease.Gang is { } gang)
        {
            environment["FANFARE_GANG_SIZE"] = gang.Size.ToString(CultureInfo.InvariantCulture);
            environment["FANFARE_GANG_INDEX"] = lease.Task.Split.ToString(CultureInfo.InvariantCulture);
            environment["FANFARE_GANG_FIRST"] = gang.FirstAddress;
        }
        if (lease.TraceParent is { } parent) environment["TRACEPARENT"] = parent;
        environment["FANFARE_LOST"] = lease.WasLost == true ? "1" : "0";
        environment["FANFARE_FAILURES"] = (lease.Failures ?? 0).ToString(CultureInfo.InvariantCulture);
        environment["FANFARE_INPUT"] = directory.Input;
        environment["FANFARE_OUTPUT"] = directory.Output;
        environment["FANFARE_ARTIFACTS"] = directory.Artifacts;
        environment["FANFARE_INPUT_ARTIFACTS"] = directory.InputArtifacts;
        environment["FANFARE_INTERRUPT_FILE"] = directory.Interrupt;
        environment["FANFARE_CODE"] = code;
        environment["FANFARE_URL"] = gateway.AbsoluteUri.TrimEnd('/');
        environment[MarkedProcesses.Variable] = mark;
        environment["PYTHONUNBUFFERED"] = "1";
        // A task that asked for none sees none, where there are any.
        if (hasGpus) environment["CUDA_VISIBLE_DEVICES"] = string.Join(',', assignment.Gpus);
    }

    private static bool Fits(string value) => !TooLong(value) && !value.Contains('\0', StringComparison.Ordinal);

    private static bool TooLong(string value) => value.Length > MostBytes / 4 && System.Text.Encoding.UTF8.GetByteCount(value) > MostBytes;
}
