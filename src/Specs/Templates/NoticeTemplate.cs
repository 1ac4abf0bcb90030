using Fanfare.Contracts;
using Fluid;

namespace Fanfare.Specs.Templates;

/// <summary>A template of a message's title or text, in a part of Liquid that takes a bounded time and memory, whoever wrote it (docs/notifications.md).</summary>
public sealed class NoticeTemplate
{
    private const int MostTags = 100, DeepestBrackets = 8;

    private static readonly Lazy<FluidParser> _parser = new(Parser);

    private readonly IFluidTemplate _template;

    private NoticeTemplate(IFluidTemplate template) => _template = template;

    /// <summary>Reads a template.</summary>
    /// <param name="most">Characters that it may have.</param>
    /// <returns>It, or what is wrong with it; never both.</returns>
    public static (NoticeTemplate? Template, TemplateFault? Fault) Read(string text, int most)
    {
        // Before it is parsed: what nests without end would use up the stack.
        if (text.Length > most) return Wrong($"It has {text.Length} characters; a template has at most {most}.", "Make it shorter.");
        if (text.AsSpan().Count("{%") > MostTags) return Wrong($"It has more than {MostTags} tags.", "Make it shorter.");
        if (DeepestOf(text) > DeepestBrackets) return Wrong($"Brackets are nested more than {DeepestBrackets} deep.", "Take them apart, with 'assign'.");
        if (!_parser.Value.TryParse(text, out var template, out var error)) return Wrong(Told(error), "Mend it. The text of a template is Liquid: {{ name }} for a value, {% if name %}…{% endif %} for a condition.");
        return TemplateRules.Check(template) is { } fault ? (null, fault) : (new NoticeTemplate(template), null);

        static (NoticeTemplate?, TemplateFault?) Wrong(string message, string remedy) => (null, new TemplateFault(message, remedy));
    }

    /// <summary>What the template makes of the values; what is longer than <paramref name="most"/> is cut, and ends with "…".</summary>
    /// <exception cref="TemplateException">It cannot be filled in.</exception>
    public string Fill(TemplateValues values, int most)
    {
        using var writer = new BoundedWriter(most);
        try
        {
            // Nothing in it waits: values are there, and templates include no others.
            _template.RenderAsync(writer, NullEncoder.Default, values.Context()).AsTask().GetAwaiter().GetResult();
        }
        catch (TextIsFullException)
        {
            // The rest is not wanted.
        }
        catch (TemplateException)
        {
            throw;
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // What a filter makes of a value that it is not meant for is the library's own business.
            throw new TemplateException(error.Message, error);
        }
        return writer.Text;
    }

    private static FluidParser Parser()
    {
        var parser = new FluidParser();
        // 'capture' could double a text at each turn; the others are of no use in a message.
        foreach (var tag in parser.RegisteredTags.Keys.Except(TemplateRules.Tags).ToList()) parser.RegisteredTags.Remove(tag);
        return parser;
    }

    private static int DeepestOf(string text)
    {
        var (depth, deepest) = (0, 0);
        foreach (var c in text)
        {
            if (c is '[' or '(') deepest = Math.Max(deepest, ++depth);
            else if (c is ']' or ')') depth = Math.Max(0, depth - 1);
        }
        return deepest;
    }

    // The library's message has the place in the template, and then the line itself, which the author can see.
    private static string Told(string error)
    {
        var line = error.AsSpan(0, error.AsSpan().IndexOfAny('\r', '\n') is var end and >= 0 ? end : error.Length).TrimEnd().ToString();
        return line.LastIndexOf(" at (", StringComparison.Ordinal) is var at and >= 0 && line.EndsWith(')') && line[(at + 5)..^1].Split(':') is [var row, var column]
            ? $"{line[..at]}, in line {row}, column {column} of the template." : line + ".";
    }
}

/// <summary>What is wrong with a template, and what to do about it.</summary>
public sealed record TemplateFault(string Message, string Remedy);

/// <summary>A template cannot be filled in with these values.</summary>
public sealed class TemplateException : Exception
{
    public TemplateException()
    {
    }

    public TemplateException(string message)
        : base(message)
    {
    }

    public TemplateException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
