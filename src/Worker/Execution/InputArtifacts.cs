using Fanfare.Contracts;
using Fanfare.Worker.Gateways;

namespace Fanfare.Worker;

/// <summary>Brings the predecessors' artifacts to <c>$FANFARE_INPUT_ARTIFACTS/STEP/SPLITS/NAME</c>, SPLITS joined by '.', or '-'
/// outside any foreach. A few at a time.</summary>
internal sealed class InputArtifacts(Lease lease, TaskDirectory directory, GatewayClient gateway, TimeProvider time, CancellationToken cancellationToken) : IDisposable
{
    private const int AtATime = 8;
    private const int Tries = 5;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim _room = new(AtATime);
    private readonly List<Task> _fetches = [];

    public async Task AddAsync(LeaseInput input)
    {
        foreach (var artifact in input.Artifacts ?? [])
        {
            if (!ArtifactName.IsValid(artifact.Name))
                throw AttemptFailure.Failed("start_failed", $"Artifact '{artifact.Name}' of {input.Name} cannot be fetched: {ArtifactName.Rule}.");
            await _room.WaitAsync(cancellationToken);
            _fetches.RemoveAll(f => f.IsCompletedSuccessfully);
            _fetches.Add(FetchAsync(input, artifact));
        }
    }

    public Task CompleteAsync() => Task.WhenAll(_fetches);

    public void Dispose() => _room.Dispose();

    private async Task FetchAsync(LeaseInput input, Artifact artifact)
    {
        try
        {
            var path = Path.Combine(directory.InputArtifacts, input.Step.Step, input.Splits.Length == 0 ? "-" : input.Splits.Join('.'), artifact.Name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            var source = new TaskRef(lease.Task.Namespace, lease.Task.Run, input.Step, input.Split);
            for (var failures = 1; ; failures++)
            {
                try
                {
                    using var response = await gateway.SendAsync(
                        () => new HttpRequestMessage(HttpMethod.Get, new Uri(WorkerRoutes.PublishedArtifact(source, input.Attempt, artifact.Name), UriKind.Relative)),
                        Patience, cancellationToken);
                    await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
                    await using var file = File.Create(path);
                    await body.CopyToAsync(file, cancellationToken);
                    if (file.Length == artifact.Bytes) return;
                    throw new HttpIOException(HttpRequestError.ResponseEnded, $"artifact {artifact.Name} of {input.Name} has {artifact.Bytes} bytes, and {file.Length} came.");
                }
                catch (IOException) when (failures < Tries)
                {
                    await Task.Delay(Backoff.Delay(failures, Random.Shared.NextDouble()), time, cancellationToken);
                }
            }
        }
        catch (TransferRefusedException e)
        {
            throw AttemptFailure.Lost("input_artifact", $"Artifact {artifact.Name} of {input.Name} could not be fetched. {e.Message}");
        }
        finally
        {
            _room.Release();
        }
    }
}
