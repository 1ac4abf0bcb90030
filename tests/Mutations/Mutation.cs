namespace Fanfare.Mutations;

/// <summary>A bug to be planted in the production code.</summary>
/// <param name="Name">What goes wrong, as a test's name.</param>
/// <param name="File">Below <c>src</c>.</param>
/// <param name="Old">Text that occurs there exactly once.</param>
/// <param name="New">What stands there instead.</param>
internal sealed record Mutation(string Name, string File, string Old, string New)
{
    /// <summary>The first seed that is tried: one that notices it, where those from 1 on would take long.</summary>
    public ulong From { get; init; } = 1;

    /// <summary>Core or Engine.</summary>
    public string Project => File.Split('/')[0];

    /// <exception cref="InvalidOperationException">The code has changed, and the mutation has to follow.</exception>
    public string ApplyTo(string source)
    {
        var places = source.Split(Old).Length - 1;
        if (places != 1) throw new InvalidOperationException($"Mutation {Name}: its text occurs {places} times in src/{File}. Let it follow the code:\n{Old}");
        return source.Replace(Old, New, StringComparison.Ordinal);
    }
}
