using System.Text;
using Fanfare.Contracts;
using Fanfare.Specs.Yaml;

namespace Fanfare.Specs.Reading;

/// <summary>Texts that come from outside, before they are parsed.</summary>
internal static class SourceText
{
    /// <summary>Whether it is a text at all and no larger than <see cref="Limits.SpecBytes"/>; complains when it is not.</summary>
    /// <param name="what">What it describes: "flow".</param>
    public static bool IsReadable(string text, string what, Complaints complaints)
    {
        if (text.Length > Limits.SpecBytes || Encoding.UTF8.GetByteCount(text) > Limits.SpecBytes)
        {
            complaints.Add(new Place(1, 1), "", $"The text is larger than {Limits.SpecBytes} bytes, which is the most for a {what}.", $"Move data out of the {what}, into files or parameters.");
            return false;
        }
        var (line, column) = (1, 1);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            var pair = i + 1 < text.Length && char.IsSurrogatePair(c, text[i + 1]);
            if ((char.IsControl(c) && c is not ('\t' or '\n' or '\r' or '\u0085')) || (char.IsSurrogate(c) && !pair))
            {
                complaints.Add(new Place(line, column), "", $"The text holds the character U+{(int)c:X4}; a {what} is text without control characters.", "Remove it; inside a quoted text, write it as an escape.");
                return false;
            }
            if (pair) i++;
            (line, column) = c == '\n' ? (line + 1, 1) : (line, column + 1);
        }
        return true;
    }
}
