using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Encodings.Web;

namespace Fanfare.Gateway;

/// <summary>Text that is HTML already. Written by interpolation, <c>Html.Of($"&lt;b&gt;{name}&lt;/b&gt;")</c>: the holes are encoded
/// unless they are HTML themselves.</summary>
internal readonly record struct Html(string Text)
{
    public static readonly Html Empty = new("");

    public static Html Of(HtmlBuilder builder) => new(builder.ToString());

    public static Html Join(IEnumerable<Html> parts) => new(string.Concat(parts.Select(p => p.Text)));

    /// <summary>The HTML when there is a value, else nothing.</summary>
    public static Html If(bool condition, HtmlBuilder builder) => condition ? Of(builder) : Empty;

    public override string ToString() => Text;
}

[InterpolatedStringHandler]
internal readonly struct HtmlBuilder(int literalLength, int holes)
{
    private readonly StringBuilder _text = new(literalLength + (holes * 16));

    public void AppendLiteral(string markup) => _text.Append(markup);

    public void AppendFormatted(Html html) => _text.Append(html.Text);

    public void AppendFormatted(IEnumerable<Html> parts)
    {
        foreach (var part in parts) _text.Append(part.Text);
    }

    public void AppendFormatted(string? text) => _text.Append(HtmlEncoder.Default.Encode(text ?? ""));

    public void AppendFormatted<T>(T value)
        where T : IFormattable =>
        AppendFormatted(value.ToString(null, CultureInfo.InvariantCulture));

    public override string ToString() => _text.ToString();
}
