using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fanfare.Pools.Local;

/// <summary>A launch as it is remembered.</summary>
/// <param name="Prefix">What the ids of its machines begin with.</param>
internal sealed record LaunchFile(string Prefix, LaunchRequest Request);

/// <summary>A machine as it is remembered. It stays when the machine's directory goes, so that the same launch does not make the machine again.</summary>
internal sealed record InstanceFile
{
    public required string Id { get; init; }

    public required string Cluster { get; init; }

    public required string Pool { get; init; }

    public required int Pid { get; init; }

    /// <summary>See <see cref="ProcessStat.StartTime"/>.</summary>
    public required ulong StartTime { get; init; }

    /// <summary>The machine's start under which the two above count.</summary>
    public required string Boot { get; init; }

    public required DateTimeOffset LaunchedAt { get; init; }

    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    /// <summary>When it was to end; noted before the signal is sent.</summary>
    public DateTimeOffset? ToldAt { get; init; }

    /// <summary>Whether the signal was sent: a second one means to a worker that it shall not wait for its tasks.</summary>
    public bool IsTold { get; init; }

    /// <summary>When its process was found gone.</summary>
    public DateTimeOffset? GoneAt { get; init; }

    public string? Ended { get; init; }

    /// <summary>Whether nothing of its tasks runs any more.</summary>
    public bool IsSwept { get; init; }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, UseStringEnumConverter = true, WriteIndented = true, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(LaunchFile))]
[JsonSerializable(typeof(InstanceFile))]
internal sealed partial class LocalJson : JsonSerializerContext;

/// <summary>The files of launches and machines, each of which is there whole or not at all.</summary>
/// <remarks>
/// <code>
/// id                             names this directory in the marks of processes
/// launches/TOKEN/launch.json     the whole request
/// launches/TOKEN/N.json          its machine number N
/// launches/TOKEN/N/work          that worker's own directory
/// launches/TOKEN/N/worker.log    what it writes
/// launches/TOKEN/N/went          there from the moment when the worker itself begins
/// </code>
/// Contents are on the disk before a file has its name. That the name is, too, is not waited for: what a loss of power takes back is of processes that it ended.
/// </remarks>
internal sealed class LocalFiles
{
    private const string Dying = ".gone";

    private readonly string _launches;

    /// <exception cref="IOException">The directory cannot be used.</exception>
    public LocalFiles(string root)
    {
        _launches = Path.Combine(root, "launches");
        Directory.CreateDirectory(_launches);
        var path = Path.Combine(root, "id");
        Id = File.Exists(path) ? File.ReadAllText(path).Trim() : "";
        if (Id.Length == 16 && Id.All(char.IsAsciiHexDigitLower)) return;
        Id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
        Write(path, stream => stream.Write(System.Text.Encoding.ASCII.GetBytes(Id)));
    }

    public string Id { get; }

    /// <summary>Tokens of the launches that are remembered. What was on its way out goes.</summary>
    public IReadOnlyList<string> Tokens(Action<string> log)
    {
        var tokens = new List<string>();
        foreach (var path in Directory.EnumerateDirectories(_launches))
        {
            var name = Path.GetFileName(path);
            if (name.EndsWith(Dying, StringComparison.Ordinal)) Delete(path, log);
            else if (name.Length == 40 && name.All(char.IsAsciiHexDigitLower)) tokens.Add(name);
        }
        return tokens;
    }

    public string Launch(string token) => Path.Combine(_launches, token);

    public string Machine(string token, int number) => Path.Combine(_launches, token, $"{number}");

    public string Work(string token, int number) => Path.Combine(Machine(token, number), "work");

    public string Log(string token, int number) => Path.Combine(Machine(token, number), "worker.log");

    public string Went(string token, int number) => Path.Combine(Machine(token, number), "went");

    /// <summary>Numbers of the machines of which there is a file or a directory.</summary>
    public IReadOnlyList<int> Numbers(string token) =>
        [.. Directory.EnumerateFileSystemEntries(Launch(token)).Select(path => Path.GetFileNameWithoutExtension(path)).Where(name => name is "0" || (name is [>= '1' and <= '9', ..] && name.Length < 5 && name.All(char.IsAsciiDigit)))
            .Select(name => int.Parse(name, System.Globalization.CultureInfo.InvariantCulture)).Distinct().Order()];

    public string LaunchPath(string token) => Path.Combine(Launch(token), "launch.json");

    public string InstancePath(string token, int number) => Path.Combine(Launch(token), $"{number}.json");

    public void Write(string token, LaunchFile launch)
    {
        Directory.CreateDirectory(Launch(token));
        Write(LaunchPath(token), stream => JsonSerializer.Serialize(stream, launch, LocalJson.Default.LaunchFile));
    }

    public void Write(string token, int number, InstanceFile instance) => Write(InstancePath(token, number), stream => JsonSerializer.Serialize(stream, instance, LocalJson.Default.InstanceFile));

    /// <summary>Null when it is not there, or when it says nothing that can be read; then <paramref name="fault"/> says why.</summary>
    public LaunchFile? Read(string token, out string? fault) => Read(LaunchPath(token), LocalJson.Default.LaunchFile, out fault);

    public InstanceFile? Read(string token, int number, out string? fault) => Read(InstancePath(token, number), LocalJson.Default.InstanceFile, out fault);

    /// <summary>Forgets a launch and all that it has here.</summary>
    public void Remove(string token, Action<string> log)
    {
        // Without its name first, so that a launch is never found in part.
        var dying = Launch(token) + Dying;
        Delete(dying, log);
        if (!Directory.Exists(dying)) Directory.Move(Launch(token), dying);
        Delete(dying, log);
    }

    /// <summary>Removes a directory that nothing uses any more. What is in the way of that is told, and stands in nobody's way.</summary>
    public static void Delete(string path, Action<string> log)
    {
        try
        {
            if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log($"Cannot remove all of {path}, which no machine uses any more: {e.Message} Remove it by hand.");
        }
    }

    /// <summary>The text under which two requests are the same. When it was first asked for makes no difference to what is made.</summary>
    public static string Text(LaunchRequest request) => JsonSerializer.Serialize(
        new LaunchFile("", request with { AskedAt = default, Labels = new SortedDictionary<string, string>(request.Labels.ToDictionary(), StringComparer.Ordinal) }), LocalJson.Default.LaunchFile);

    private static T? Read<T>(string path, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type, out string? fault)
        where T : class
    {
        fault = null;
        if (!File.Exists(path)) return null;
        try
        {
            using var stream = File.OpenRead(path);
            if (JsonSerializer.Deserialize(stream, type) is { } value) return value;
            fault = $"{path} holds null.";
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            fault = $"{path} cannot be read: {e.Message}";
        }
        return null;
    }

    private static void Write(string path, Action<Stream> write)
    {
        var temporary = path + ".new";
        using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            write(stream);
            stream.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
    }
}
