namespace Fanfare.Notices.Texts;

/// <summary>What is said where neither the flow nor the receiver has words of its own: what happened, why, since when, and what can be done.</summary>
internal static class DefaultTexts
{
    private const string Flow = "{% if namespace != 'default' %}{{ namespace }}/{% endif %}{{ flow }}";

    private const string Run = "Run {{ run }}, deployment {{ deployment }}, begun {{ created_at | date: '%Y-%m-%d %H:%M:%S' }} UTC{% if actor %} by {{ actor }}{% endif %}";

    private const string Given = """

        {% if parameters and parameters != empty %}Parameters: {{ parameters | json | truncate: 500 }}
        {% endif %}{% if tags and tags != empty %}Tags: {{ tags | join: ', ' | truncate: 300 }}
        {% endif %}
        """;

    public static string Title(NoticeKind kind) => Flow + kind switch
    {
        NoticeKind.Succeeded => " succeeded after {{ ended_at | since: created_at }}",
        NoticeKind.Failed => " failed{% if error.message %}: {{ error.message | strip_newlines | truncate: 120 }}{% endif %}",
        NoticeKind.Cancelled => " was cancelled",
        NoticeKind.Late => "{% if at < deadline %} will be late{% else %} is late{% endif %}: due {{ deadline | date: '%Y-%m-%d %H:%M' }} UTC",
        NoticeKind.Skipped => " skipped {% if count > 1 %}{{ count }} intervals{% else %}an interval{% endif %} of schedule {{ schedule }}",
        _ => throw new InvalidOperationException($"Unknown kind {kind}."),
    };

    public static string Text(NoticeKind kind) => kind switch
    {
        NoticeKind.Succeeded => Run + ", succeeded after {{ ended_at | since: created_at }}.\n" + Given,
        NoticeKind.Failed => Run + ", failed after {{ ended_at | since: created_at }}.\n{% if error %}\n{{ error.type }}: {{ error.message | truncate: 2000 }}\n{% endif %}" + Given + "{% if run %}\nLogs: fanfare logs {{ run }}\nAgain, from where it failed: fanfare retry {{ run }}\n{% endif %}",
        NoticeKind.Cancelled => Run + ", was cancelled after {{ ended_at | since: created_at }}.\n" + Given,
        NoticeKind.Late => Run + ", has not ended. It is to have ended by {{ deadline | date: '%Y-%m-%d %H:%M:%S' }} UTC{% if expected_at %}, and is expected to by {{ expected_at | date: '%Y-%m-%d %H:%M:%S' }} UTC{% endif %}.\n" + Given + "{% if run %}\nWhere it is: fanfare show {{ run }}\n{% endif %}",
        NoticeKind.Skipped => """
            Schedule {{ schedule }} has had no run for {% if count > 1 %}{{ count }} intervals from {% endif %}{{ interval_start | date: '%Y-%m-%d %H:%M:%S' }} to {{ interval_end | date: '%Y-%m-%d %H:%M:%S' }} UTC, and will not have one by itself{% if reason == 'overlap' %}: runs before go on{% elsif reason == 'missed' %}: the time has passed, and it does not make up for it{% endif %}.

            To run {% if count > 1 %}them: fanfare backfill start {{ flow }} {{ schedule }} --from {{ interval_start | date: '%Y-%m-%dT%H:%M:%SZ' }} --to {{ interval_end | date: '%Y-%m-%dT%H:%M:%SZ' }}{% else %}it: fanfare schedule rerun {{ flow }} {{ schedule }} {{ interval_end | date: '%Y-%m-%dT%H:%M:%SZ' }}{% endif %}
            """,
        _ => throw new InvalidOperationException($"Unknown kind {kind}."),
    };
}
