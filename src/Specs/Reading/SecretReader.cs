using Fanfare.Contracts;

namespace Fanfare.Specs.Reading;

/// <summary>Where a secret is, in files that servers are given.</summary>
internal static class SecretReader
{
    public const string Remedy = "Put it into a variable of the server's environment or a file of its own, and give {env: NAME} or {file: PATH}.";

    private static readonly string[] Places = ["env", "file"];

    /// <summary>Null, after a complaint, when it stands there itself, or nowhere.</summary>
    public static SecretPlace? Place(Value value)
    {
        if (value.IsScalar)
        {
            value.Complain("A secret stands in the file itself.", Remedy);
            return null;
        }
        if (Fields.Of(value, "a secret", Places) is not { } fields) return null;
        var (variable, file) = (fields["env"]?.AsWord("the name of a variable"), fields["file"]?.AsWord("the path of a file"));
        if (variable is null == file is null) value.Complain("A secret is in one place, a variable or a file.", "Give either 'env' or 'file'.");
        return new SecretPlace(variable, file);
    }
}
