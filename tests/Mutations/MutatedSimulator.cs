using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Fanfare.Mutations;

/// <summary>Compiles Core or Engine anew with a bug planted, puts it beside a copy of the simulator, and starts that as a program.</summary>
internal sealed class MutatedSimulator : IDisposable
{
    private const string Program = "Fanfare.Simulation";

    private static readonly ConcurrentDictionary<string, SyntaxTree> s_trees = new();
    private static readonly string s_root = FindRoot();

    private readonly string _directory = Directory.CreateTempSubdirectory("fanfare-mutation-").FullName;

    private MutatedSimulator()
    {
    }

    /// <exception cref="InvalidOperationException">The mutation does not fit the code, or what comes of it does not compile.</exception>
    public static MutatedSimulator Make(Mutation mutation)
    {
        var simulator = new MutatedSimulator();
        foreach (var file in Directory.EnumerateFiles(AppContext.BaseDirectory)) File.Copy(file, Path.Combine(simulator._directory, Path.GetFileName(file)));
        simulator.Compile(mutation);
        return simulator;
    }

    /// <summary>Runs it; returns its exit status and what it printed.</summary>
    public async Task<(int Status, string Output)> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(_directory, Program + ".dll"));
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output + await errors);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private void Compile(Mutation mutation)
    {
        var name = "Fanfare." + mutation.Project;
        var mutated = Path.Combine(s_root, "src", mutation.File);
        var trees = Directory.EnumerateFiles(Path.Combine(s_root, "src", mutation.Project), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains("/bin/", StringComparison.Ordinal) && !f.Contains("/obj/", StringComparison.Ordinal))
            .Select(f => f == mutated ? Parse(mutation.ApplyTo(File.ReadAllText(f))) : s_trees.GetOrAdd(f, path => Parse(File.ReadAllText(path))))
            .Append(Parse($"[assembly: System.Reflection.AssemblyVersion(\"{AssemblyName.GetAssemblyName(Path.Combine(AppContext.BaseDirectory, name + ".dll")).Version}\")]"))
            .Append(s_trees.GetOrAdd("usings", _ => Parse(string.Concat(ImplicitUsings.Select(u => $"global using {u};\n")))));
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileNameWithoutExtension(path) != name)
            .Select(path => MetadataReference.CreateFromFile(path));
        var options = new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release, nullableContextOptions: NullableContextOptions.Enable);
        var emitted = CSharpCompilation.Create(name, trees, references, options).Emit(Path.Combine(_directory, name + ".dll"));
        if (!emitted.Success)
            throw new InvalidOperationException($"Mutation {mutation.Name} does not compile:\n{string.Join("\n", emitted.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error).Take(5))}");
    }

    private static readonly string[] ImplicitUsings = ["System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Net.Http", "System.Threading", "System.Threading.Tasks"];

    private static SyntaxTree Parse(string source) => CSharpSyntaxTree.ParseText(source, new CSharpParseOptions(LanguageVersion.Latest));

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Scheduler.sln"))) directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException("The tests do not lie below Scheduler.sln.");
    }
}
