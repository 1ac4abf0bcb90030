using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Worker.Gateways;
using Fanfare.Worker.Processes;

namespace Fanfare.Worker;

/// <summary>Uploads what a task left in <c>$FANFARE_ARTIFACTS</c>, before its result is reported.</summary>
internal sealed class ArtifactUpload(TaskAssignment assignment, TaskDirectory directory, GatewayClient gateway)
{
    public const int MostFiles = 10_000;

    private const int AtATime = 4;

    /// <summary>All artifacts, uploaded; null when there are none.</summary>
    /// <exception cref="AttemptFailure">A file that cannot be published, with the reason.</exception>
    public async Task<IReadOnlyList<Artifact>?> RunAsync(CancellationToken cancellationToken)
    {
        var files = Find();
        if (files.Count == 0) return null;
        var artifacts = new Artifact[files.Count];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, files.Count),
            new ParallelOptions { MaxDegreeOfParallelism = AtATime, CancellationToken = cancellationToken },
            async (i, token) =>
            {
                var (name, path) = files[i];
                artifacts[i] = new Artifact(name, await PutAsync(name, WorkerRoutes.Artifact(assignment.Held, name), path, token));
            });
        return artifacts;
    }

    /// <summary>Uploads the lines that the step's foreach goes over; null when it goes over no file.</summary>
    /// <exception cref="AttemptFailure">The file is missing, or not JSON Lines.</exception>
    public async Task<ItemsUploaded?> ItemsAsync(CancellationToken cancellationToken)
    {
        if (assignment.Lease.Step.Next is not Foreach { Over: OverFile source }) return null;
        if (!ArtifactName.IsValid(source.Path)) throw AttemptFailure.Failed("foreach_source", $"foreach: '{source.Path}' is no name of an artifact: {ArtifactName.Rule}.");
        var (_, path) = Find().Find(f => f.Name == source.Path);
        if (path is null) throw AttemptFailure.Failed("foreach_source", $"foreach: the step did not write {source.Path} into $FANFARE_ARTIFACTS. Write one JSON value a line there; an empty file stands for no items.");
        try
        {
            var (answer, _) = await SendAsync(source.Path, WorkerRoutes.Items(assignment.Held), path, cancellationToken);
            using var response = answer;
            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            return await JsonSerializer.DeserializeAsync(body, AnswersJson.ItemsUploaded, cancellationToken)
                ?? throw new JsonException("The answer to the upload of a foreach's lines was null.");
        }
        catch (TransferRefusedException e)
        {
            throw AttemptFailure.Failed("foreach_source", $"foreach: {source.Path} was refused. {e.Message}");
        }
    }

    private List<(string Name, string Path)> Find()
    {
        var files = new List<(string, string)>();
        if (!Directory.Exists(directory.Artifacts)) return files;
        if (new DirectoryInfo(directory.Artifacts).LinkTarget is not null) throw Bad("the directory", "was replaced by a link. Write into the directory itself");
        var pending = new Stack<DirectoryInfo>([new DirectoryInfo(directory.Artifacts)]);
        while (pending.TryPop(out var at))
        {
            foreach (var entry in at.EnumerateFileSystemInfos())
            {
                var name = Path.GetRelativePath(directory.Artifacts, entry.FullName);
                if (!ArtifactName.IsValid(name)) throw Bad(name, $"cannot be published: {ArtifactName.Rule}. Rename it");
                if (entry.LinkTarget is not null) files.Add((name, Follow(name, entry)));
                else if (entry is DirectoryInfo inner) pending.Push(inner);
                else files.Add((name, entry.FullName));
                if (files.Count > MostFiles) throw Bad("the directory", $"has more than {MostFiles} files. Pack them into an archive");
            }
        }
        files.Sort((a, b) => string.CompareOrdinal(a.Item1, b.Item1));
        return files;
    }

    private string Follow(string name, FileSystemInfo link)
    {
        FileSystemInfo? target;
        try
        {
            target = link.ResolveLinkTarget(returnFinalTarget: true);
        }
        catch (IOException e)
        {
            throw Bad(name, $"is a link that leads nowhere ({e.Message}). Write a file instead");
        }
        if (target is not FileInfo { Exists: true } file) throw Bad(name, "is a link to no file. Write a file instead");
        // A directory on the way may be a link as well, so the whole path has to be what it seems.
        var path = Path.GetFullPath(file.FullName);
        if (!path.StartsWith(directory.Artifacts + '/', StringComparison.Ordinal) || HasLinkedParent(path))
            throw Bad(name, "is a link that leaves the directory. Copy the file instead");
        return path;
    }

    private bool HasLinkedParent(string path)
    {
        for (var parent = Path.GetDirectoryName(path)!; parent.Length > directory.Artifacts.Length; parent = Path.GetDirectoryName(parent)!)
            if (new DirectoryInfo(parent).LinkTarget is not null) return true;
        return false;
    }

    private async Task<long> PutAsync(string name, string route, string path, CancellationToken cancellationToken)
    {
        try
        {
            var (response, size) = await SendAsync(name, route, path, cancellationToken);
            response.Dispose();
            return size;
        }
        catch (TransferRefusedException e)
        {
            throw Bad(name, $"was refused. {e.Message}");
        }
    }

    private async Task<(HttpResponseMessage Response, long Size)> SendAsync(string name, string route, string path, CancellationToken cancellationToken)
    {
        var size = Open(name, path, out var first);
        await first.DisposeAsync();
        // A gateway that takes less than 256 KiB a second is stuck.
        var patience = TimeSpan.FromSeconds(30 + size / (256.0 * 1024));
        var response = await gateway.SendAsync(
            () =>
            {
                Open(name, path, out var file);
                return new HttpRequestMessage(HttpMethod.Put, new Uri(route, UriKind.Relative)) { Content = new StreamContent(file) { Headers = { ContentLength = size } } };
            },
            patience, cancellationToken);
        return (response, size);
    }

    private static long Open(string name, string path, out FileStream file)
    {
        try
        {
            file = new FileStream(Libc.OpenWithoutWaiting(path), FileAccess.Read, bufferSize: 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw Bad(name, $"cannot be read: {e.Message}");
        }
        if (file.CanSeek) return file.Length;
        file.Dispose();
        throw Bad(name, "is no regular file. Write a file instead");
    }

    private static AttemptFailure Bad(string name, string what) => AttemptFailure.Failed("bad_artifact", $"$FANFARE_ARTIFACTS: {name} {what}");
}
