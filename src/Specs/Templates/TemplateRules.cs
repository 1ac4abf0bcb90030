using Fanfare.Core;
using Fluid;
using Fluid.Ast;

namespace Fanfare.Specs.Templates;

/// <summary>What a template may use: names that exist, filters and tags that take a bounded time.</summary>
internal sealed class TemplateRules : AstVisitor
{
    /// <summary>Tags, beside those that belong to them.</summary>
    public static readonly IReadOnlyList<string> Tags = ["if", "unless", "case", "for", "break", "continue", "assign", "comment"];

    /// <summary>What is known of a notice, whatever it is of; the payload's fields are those of <c>Notice.Payload</c>.</summary>
    public static readonly IReadOnlyList<string> Names =
    [
        "id", "kind", "namespace", "flow", "at", "url", "run", "deployment", "status", "generation", "parameters", "tags", "actor", "created_at", "ended_at", "error", "deadline", "expected_at",
        "schedule", "count", "interval_start", "interval_end", "reason",
    ];

    private readonly HashSet<string> _own = ["forloop", "empty", "blank"];
    private TemplateFault? _fault;

    /// <summary>The first rule that it breaks; null when it keeps all.</summary>
    public static TemplateFault? Check(IFluidTemplate template)
    {
        // A name may be used before it is assigned, in a loop.
        var rules = new TemplateRules();
        new OwnNames(rules._own).VisitTemplate(template);
        rules.VisitTemplate(template);
        return rules._fault;
    }

    protected override Expression VisitRangeExpression(RangeExpression rangeExpression)
    {
        _fault ??= new TemplateFault("It has a range, as (1..10); a template goes over what is known of the notice.", "Go over a list, as 'tags'.");
        return rangeExpression;
    }

    protected override Expression VisitFilterExpression(FilterExpression filterExpression)
    {
        if (!TemplateFilters.Names.Contains(filterExpression.Name))
            _fault ??= new TemplateFault($"There is no filter '{filterExpression.Name}'.", NearestName.Of(filterExpression.Name, TemplateFilters.Names) is { } near ? $"Did you mean '{near}'?" : $"Use one of {string.Join(", ", TemplateFilters.Names)}.");
        return base.VisitFilterExpression(filterExpression);
    }

    protected override Expression VisitMemberExpression(MemberExpression memberExpression)
    {
        if (memberExpression.Segments is [IdentifierSegment { Identifier: var name }, ..] && !Names.Contains(name) && !_own.Contains(name))
            _fault ??= new TemplateFault($"Nothing is called '{name}'.", NearestName.Of(name, Names) is { } near ? $"Did you mean '{near}'?" : $"Use one of {string.Join(", ", Names)}.");
        return base.VisitMemberExpression(memberExpression);
    }

    private sealed class OwnNames(HashSet<string> names) : AstVisitor
    {
        protected override Statement VisitAssignStatement(AssignStatement assignStatement)
        {
            names.Add(assignStatement.Identifier);
            return base.VisitAssignStatement(assignStatement);
        }

        protected override Statement VisitForStatement(ForStatement forStatement)
        {
            names.Add(forStatement.Identifier);
            return base.VisitForStatement(forStatement);
        }
    }
}
