using System.Text;
using Fanfare.Cli.Api;
using Fanfare.Cli.Output;
using Fanfare.Cli.Packaging;

namespace Fanfare.Cli.Commands;

/// <summary>A flow's file: read, checked, and sent with its directory; and other files that people write.</summary>
internal static class FlowFiles
{
    /// <param name="what">What it describes.</param>
    public static SourceText Read(Session session, FileInfo given, string what = "flow")
    {
        var path = Path.GetFullPath(given.ToString(), session.Host.WorkingDirectory);
        try
        {
            if (Directory.Exists(path))
                throw new CommandException(ExitCode.Usage, $"{given} is a directory.", $"Name the {what}'s file, such as {Path.Combine(given.ToString(), what + ".yaml")}.");
            if (new FileInfo(path).Length > Limits.SpecBytes)
                throw new CommandException(ExitCode.Usage, $"{given} is larger than the {Words.Bytes(Limits.SpecBytes)} that a {what}'s spec may have.", $"Keep data in files of its own beside the {what}.");
            var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(File.ReadAllBytes(path));
            return session.Source = new SourceText(given.ToString(), text.StartsWith('\ufeff') ? text[1..] : text);
        }
        catch (DecoderFallbackException)
        {
            throw new CommandException(ExitCode.Usage, $"{given} is not UTF-8 text.", "Save it as UTF-8.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Usage, $"{given} cannot be read: {e.Message}");
        }
    }

    /// <summary>Refuses a source with errors, all of them in words.</summary>
    public static void Check(Session session, SourceText source)
    {
        var errors = session.Host.CheckSpec?.Invoke(source.Text) ?? [];
        if (errors.Count > 0) throw Wrong("flow", errors);
    }

    /// <summary>What is thrown when a file has errors: it is told as if the server had refused it.</summary>
    /// <param name="what">What it describes.</param>
    public static ApiException Wrong(string what, IReadOnlyList<SpecError> errors) =>
        new(new Problem(422, $"The {what} has {Words.Count(errors.Count, "error")}.", null, null, [.. errors.Select(e => new FieldError(e.Path, e.Message, e.Remedy, e.Line, e.Column))]));

    /// <summary>Sends the directory's package, unless the server has it, and deploys.</summary>
    /// <param name="dataDirectory">Left out of the package when it lies in the flow's directory.</param>
    public static async Task<DeployResponse> DeployAsync(
        Session session, ApiClient api, FileInfo file, SourceText source, string? dataDirectory, CancellationToken cancellationToken)
    {
        var directory = Path.GetDirectoryName(Path.GetFullPath(file.ToString(), session.Host.WorkingDirectory))!;
        var package = FlowPackage.Create(directory, dataDirectory, Limits.PackageBytes, cancellationToken);
        if (!await api.HasPackageAsync(package.Digest, cancellationToken))
        {
            if (package.Content.Length > 1024 * 1024)
                session.Screen.Note($"Sending {Words.Count(package.Files, "file")} of {directory}: {Words.Bytes(package.Content.Length)}.");
            await api.PutPackageAsync(package.Digest, package.Content, cancellationToken);
        }
        return await api.DeployAsync(new DeployRequest(source.Text, package.Digest), cancellationToken);
    }
}
