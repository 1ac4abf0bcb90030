using System.Text.RegularExpressions;

namespace Fanfare.Tidy;

/// <summary>An alert wakes somebody: it has a page that says what to do, a test that it fires, and is made of metrics that there are.</summary>
public sealed partial class AlertTests
{
    private const string Rules = "deploy/prometheus/fanfare.rules.yml", RuleTests = "deploy/prometheus/fanfare.rules.test.yml", Runbooks = "docs/runbooks", Telemetry = "docs/telemetry.md";

    [Fact]
    public void EveryAlert_HasItsRunbook_AndNamesIt() =>
        Tree.None([.. Alerts().Where(a => !Tree.Exists($"{Runbooks}/{a.Name}.md") || !a.Text.Contains($"runbook: {Runbooks}/{a.Name}.md", StringComparison.Ordinal)).Select(a => a.Name)],
            $"An alert has a page {Runbooks}/NAME.md, which its annotation 'runbook' names:");

    [Fact]
    public void EveryRunbook_IsOfAnAlert_AndBeginsWithItsName()
    {
        var alerts = Alerts().Select(a => a.Name).ToHashSet();

        Tree.None([.. Tree.Sources(Runbooks, "*.md").Where(p => !alerts.Contains(Path.GetFileNameWithoutExtension(p)) || !Tree.Text(p).StartsWith($"# {Path.GetFileNameWithoutExtension(p)}\n", StringComparison.Ordinal))],
            "A runbook is of an alert that there is, and its title is the alert's name:");
    }

    [Fact]
    public void EveryAlert_HasATestInWhichItFires()
    {
        var fires = Fires().Matches(Tree.Text(RuleTests)).Select(m => m.Groups[1].Value).ToHashSet();

        Tree.None([.. Alerts().Select(a => a.Name).Where(name => !fires.Contains(name))], $"{RuleTests} has no case in which these fire:");
    }

    [Fact]
    public void EveryMetricOfAnAlertOrADashboard_IsInTheTable()
    {
        var table = Metric().Matches(string.Join('\n', Tree.Lines(Telemetry).Where(l => l.StartsWith("| `fanfare.", StringComparison.Ordinal)))).Select(m => m.Value).ToHashSet();
        var panels = Tree.Sources("deploy/grafana", "*.json").SelectMany(Tree.Lines).Where(l => l.Contains("\"expr\":", StringComparison.Ordinal)).ToList();
        var used = Alerts().Select(a => a.Expression).Concat(panels).SelectMany(text => Metric().Matches(Labels().Replace(text, "")).Select(m => m.Value)).Distinct();

        Assert.NotEmpty(table);
        Assert.NotEmpty(panels);
        Tree.None([.. used.Where(name => !table.Contains(name) && !table.Contains(PartOfHistogram().Replace(name, "")))], $"{Telemetry} has no such metric:");
    }

    private static List<(string Name, string Text, string Expression)> Alerts()
    {
        var alerts = Tree.Text(Rules).Split("- alert: ")[1..].Select(text => (text.Split('\n')[0].Trim(), text, Expression().Match(text).Groups[1].Value)).ToList();
        Assert.NotEmpty(alerts);
        return alerts;
    }

    [GeneratedRegex(@"expr:(.*?)\n\s+(?:for|keep_firing_for|labels):", RegexOptions.Singleline)]
    private static partial Regex Expression();

    // An expression also has names of labels, within braces and behind by and on.
    [GeneratedRegex(@"\{[^}]*\}|\b(?:by|on)\s*\([^)]*\)")]
    private static partial Regex Labels();

    [GeneratedRegex(@"\bfanfare_\w+")]
    private static partial Regex Metric();

    [GeneratedRegex("_(?:bucket|sum|count)$")]
    private static partial Regex PartOfHistogram();

    [GeneratedRegex(@"alertname: (\w+)\n\s+exp_alerts:\n\s+- exp_labels:")]
    private static partial Regex Fires();
}
