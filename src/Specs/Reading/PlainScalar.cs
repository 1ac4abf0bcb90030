using System.Globalization;
using System.Text.RegularExpressions;

namespace Fanfare.Specs.Reading;

/// <summary>What an unquoted scalar means, by YAML 1.2's core schema (decimal only).</summary>
internal static partial class PlainScalar
{
    public static bool TryBool(string text, out bool value)
    {
        value = text is "true" or "True" or "TRUE";
        return value || text is "false" or "False" or "FALSE";
    }

    public static bool TryInteger(string text, out long value)
    {
        value = 0;
        return IntegerForm().IsMatch(text) && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>A finite number.</summary>
    public static bool TryNumber(string text, out double value)
    {
        value = 0;
        return NumberForm().IsMatch(text) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);
    }

    [GeneratedRegex(@"^[-+]?[0-9]{1,30}\z", RegexOptions.CultureInvariant)]
    private static partial Regex IntegerForm();

    [GeneratedRegex(@"^[-+]?(\.[0-9]{1,400}|[0-9]{1,400}(\.[0-9]{0,400})?)([eE][-+]?[0-9]{1,5})?\z", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex NumberForm();
}
