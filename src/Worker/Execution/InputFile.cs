using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Worker.Gateways;

namespace Fanfare.Worker;

/// <summary>Writes <c>$FANFARE_INPUT</c>; its form is documented in docs/tasks.md.</summary>
internal static class InputFile
{
    private const int Tries = 5;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes the file, with the inputs in it, or, when <paramref name="inputs"/> is null, with the name of the file that has them.</summary>
    public static async Task WriteAsync(Lease lease, IReadOnlyList<LeaseInput>? inputs, TaskDirectory directory, CancellationToken cancellationToken)
    {
        await using var file = File.Create(directory.Input);
        await using var writer = new Utf8JsonWriter(file, Relaxed);
        writer.WriteStartObject();
        writer.WriteString("run", lease.Task.Run);
        writer.WriteString("flow", lease.Flow);
        writer.WriteNumber("deployment", lease.Deployment);
        writer.WriteString("namespace", lease.Task.Namespace);
        writer.WriteString("step", lease.Task.Step.Step);
        writer.WriteString("task", lease.Name);
        WriteSplits(writer, TaskEnvironment.SplitsOf(lease));
        writer.WriteNumber("attempt", lease.Attempt);
        writer.WritePropertyName("parameters");
        writer.WriteRawValue(lease.Parameters);
        writer.WritePropertyName("item");
        writer.WriteRawValue(lease.Item ?? "null");
        writer.WritePropertyName("error");
        if (lease.RunError is { } error) JsonSerializer.Serialize(writer, error, ContractsJson.Default.TaskError);
        else writer.WriteNullValue();
        if (inputs is null)
        {
            writer.WriteString("inputs_file", directory.InputLines);
        }
        else
        {
            writer.WriteStartArray("inputs");
            foreach (var input in inputs) Write(writer, input);
            writer.WriteEndArray();
        }
        writer.WriteEndObject();
        await writer.FlushAsync(cancellationToken);
    }

    /// <summary>Fetches inputs too large for the lease into <see cref="TaskDirectory.InputLines"/>, in bounded memory. Returns
    /// those that have artifacts, without their outputs.</summary>
    public static async Task<IReadOnlyList<LeaseInput>> FetchAsync(
        TaskAssignment assignment, TaskDirectory directory, GatewayClient gateway, TimeProvider time, CancellationToken cancellationToken)
    {
        for (var failures = 1; ; failures++)
        {
            try
            {
                return await FetchOnceAsync(assignment, directory, gateway, cancellationToken);
            }
            catch (Exception e) when (e is HttpRequestException or IOException or JsonException && failures < Tries)
            {
                // The gateway went away in the middle; from another, or later, they come whole.
                await Task.Delay(Backoff.Delay(failures, Random.Shared.NextDouble()), time, cancellationToken);
            }
        }
    }

    private static async Task<IReadOnlyList<LeaseInput>> FetchOnceAsync(
        TaskAssignment assignment, TaskDirectory directory, GatewayClient gateway, CancellationToken cancellationToken)
    {
        var withArtifacts = new List<LeaseInput>();
        using var response = await gateway.SendAsync(
            () => new HttpRequestMessage(HttpMethod.Get, new Uri(WorkerRoutes.Inputs(assignment.Held), UriKind.Relative)), Patience, cancellationToken);
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        using var lines = new StreamReader(body, Encoding.UTF8);
        await using var file = File.Create(directory.InputLines);
        await using var writer = new Utf8JsonWriter(file, Relaxed);
        while (await lines.ReadLineAsync(cancellationToken) is { } line)
        {
            if (line.Length == 0) continue;
            var input = JsonSerializer.Deserialize(line, AnswersJson.LeaseInput) ?? throw new JsonException("An input was null.");
            writer.Reset();
            Write(writer, input);
            await writer.FlushAsync(cancellationToken);
            file.WriteByte((byte)'\n');
            if (input.Artifacts is { Count: > 0 }) withArtifacts.Add(input with { Output = null });
        }
        return withArtifacts;
    }

    private static void Write(Utf8JsonWriter writer, LeaseInput input)
    {
        writer.WriteStartObject();
        writer.WriteString("task", input.Name);
        writer.WriteString("step", input.Step.Step);
        WriteSplits(writer, input.Splits);
        writer.WriteNumber("attempt", input.Attempt);
        writer.WritePropertyName("outputs");
        writer.WriteRawValue(input.Output ?? "{}");
        writer.WriteStartArray("artifacts");
        foreach (var artifact in input.Artifacts ?? [])
        {
            writer.WriteStartObject();
            writer.WriteString("name", artifact.Name);
            writer.WriteNumber("bytes", artifact.Bytes);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteSplits(Utf8JsonWriter writer, SplitPath splits)
    {
        writer.WriteStartArray("splits");
        foreach (var split in splits.Items) writer.WriteNumberValue(split);
        writer.WriteEndArray();
    }
}
