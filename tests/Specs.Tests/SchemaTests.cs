using System.Text.Json;
using Fanfare.Specs;
using Fanfare.Specs.Reading;
using Fanfare.Specs.Yaml;

namespace Fanfare.Specs.Tests;

public sealed class SchemaTests
{
    private static readonly JsonElement Schema = JsonDocument.Parse(FlowSchema.Text).RootElement;

    private static readonly Dictionary<string, IReadOnlyList<string>> Fields = new()
    {
        [""] = FieldNames.Flow,
        ["parameter"] = FieldNames.Parameter,
        ["step"] = FieldNames.Step,
        ["secret"] = FieldNames.Secret,
        ["resources"] = FieldNames.Resources,
        ["retry"] = FieldNames.Retry,
        ["backoff"] = FieldNames.Backoff,
        ["catch"] = FieldNames.Catch,
        ["join"] = FieldNames.Join,
        ["foreach"] = FieldNames.Foreach,
        ["over"] = FieldNames.Over,
        ["range"] = FieldNames.Range,
        ["switch"] = FieldNames.Switch,
        ["schedule"] = FieldNames.Schedule,
        ["trigger"] = FieldNames.Trigger,
        ["notify"] = FieldNames.Notify,
        ["source"] = FieldNames.TriggerSource,
        ["tests"] = FieldNames.PayloadTests,
    };

    public static TheoryData<string> Parts => [.. Fields.Keys];

    [Theory, MemberData(nameof(Parts))]
    public void TheSchemaAndTheReader_KnowTheSameFields(string part)
    {
        var schema = part.Length == 0 ? Schema : Schema.GetProperty("$defs").GetProperty(part);

        Assert.Equal(Fields[part].Order(), schema.GetProperty("properties").EnumerateObject().Select(p => p.Name).Order());
        Assert.False(schema.GetProperty("additionalProperties").GetBoolean());
    }

    [Fact]
    public void EveryPartOfTheSchemaThatHasFields_IsComparedWithTheReader() =>
        Assert.Equal(
            Fields.Keys.Where(p => p.Length > 0).Order(),
            Schema.GetProperty("$defs").EnumerateObject().Where(d => d.Value.TryGetProperty("properties", out _)).Select(d => d.Name).Order());

    [Fact]
    public void TheDocumentation_NamesEveryField()
    {
        var text = string.Concat(new[] { "flow.md", "schedules.md", "triggers.md", "notifications.md" }.Select(page => File.ReadAllText(Path.Combine(Examples.Root, "docs", page))));

        Assert.All(Fields.Values.SelectMany(f => f).Concat(FieldNames.Reserved.Keys), f =>
            Assert.True(text.Contains($"`{f}", StringComparison.Ordinal) || text.Contains($"{f}:", StringComparison.Ordinal), $"docs/flow.md, docs/schedules.md, docs/triggers.md and docs/notifications.md do not name '{f}'."));
    }

    public static TheoryData<string> Flows => [.. Examples.Paths.Select(p => Path.GetRelativePath(Examples.Root, p))];

    [Theory, MemberData(nameof(Flows))]
    public void TheSchema_AcceptsTheExamples(string path) => Assert.Empty(Check(File.ReadAllText(Path.Combine(Examples.Root, path))));

    [Fact]
    public void TheSchema_AcceptsEveryField() => Assert.Empty(Check(ReaderTests.Everything));

    [Theory]
    [InlineData("name: 1x\nsteps: {start: {run: a}}")]
    [InlineData("name: x\nsteps: {start: {rnu: a}}")]
    [InlineData("name: x\nsteps: {start: {run: a, timeout: 5}}")]
    [InlineData("name: x\nsteps: {start: {run: a, workdir: a/../b}}")]
    [InlineData("name: x\nsteps: {start: {run: a, workdir: /b}}")]
    [InlineData("name: x\nsteps: {start: {run: a, resources: {memory: 1Gi}}}")]
    [InlineData("name: x\nsteps: {start: {run: a, image: b}}")]
    [InlineData("name: x\nsteps: {start: {run: a, next: {foreach: b}}}")]
    [InlineData("name: x\nsteps: {start: {run: a, next: [b, b]}}")]
    [InlineData("name: x\nsteps: {start: {run: a, join: {any: 1, tolerate: 1}}}")]
    [InlineData("name: x\nsteps: {start: {run: a, env: {FANFARE_RUN: b}}}")]
    [InlineData("name: x\nnotify: [{on: failed}]\nsteps: {start: {run: a}}")]
    [InlineData("name: x\nnotify: [{on: broken, to: a}]\nsteps: {start: {run: a}}")]
    [InlineData("name: x\nnotify: [{on: failed, to: [a, a]}]\nsteps: {start: {run: a}}")]
    [InlineData("name: x\nnotify: {on: failed, to: a}\nsteps: {start: {run: a}}")]
    public void WhatTheSchemaRefuses_TheReaderRefusesToo(string text)
    {
        Assert.NotEmpty(Check(text));
        Assert.NotEmpty(FlowSpecReader.Read(text).Errors);
    }

    private static IReadOnlyList<string> Check(string text)
    {
        var complaints = new Complaints();
        var root = YamlTree.Read(text, complaints)!;
        var json = JsonText.Of(new Value(root, null, "", complaints))!;
        Assert.Equal(0, complaints.Count);
        using var document = JsonDocument.Parse(json);
        return new SchemaValidator(Schema).Validate(document.RootElement);
    }
}
