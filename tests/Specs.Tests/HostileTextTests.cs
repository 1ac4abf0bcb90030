using System.Diagnostics;
using System.Text;
using Fanfare.Contracts;
using Fanfare.Specs;

namespace Fanfare.Specs.Tests;

public sealed class HostileTextTests
{
    // Of processor time. The longest takes half a second, and twice as long where others have the processor's caches; what grows with the square of the text takes minutes.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public static TheoryData<string, string> Repeated => new()
    {
        { "open brackets", "[" },
        { "open braces", "{" },
        { "open pairs", "{a: " },
        { "dashes in one line", "- " },
        { "question marks", "? " },
        { "question marks in brackets", "[? " },
        { "colons", ": " },
        { "bare colons", ":" },
        { "keys in one line", "a: " },
        { "quotes", "\"" },
        { "escapes", "\\x" },
        { "apostrophes", "'" },
        { "anchors", "&a " },
        { "aliases", "*a " },
        { "aliases in a list", "- *a\n" },
        { "tags", "!!x " },
        { "one long tag", "!" },
        { "percent signs", "%" },
        { "directives", "%YAML 1.2\n" },
        { "documents", "---\n" },
        { "document ends", "...\n" },
        { "block scalars", "|\n" },
        { "folded keys", "a: >\n" },
        { "commas in a list", "[," },
        { "commas", "," },
        { "spaces", " " },
        { "tabs", "\t" },
        { "lines", "\n" },
        { "comments", "#" },
        { "comment lines", "# x\n" },
        { "one long word", "x" },
        { "words on lines", "x\n" },
        { "items", "- a\n" },
        { "carriage returns", "\r" },
        { "closing brackets", "]" },
        { "merge keys", "<<: *a\n" },
        { "next lines", "\u0085" },
        { "line separators", "\u2028" },
        { "surrogate pairs", "😀" },
        { "backticks", "`" },
    };

    [Theory, MemberData(nameof(Repeated))]
    public void AMegabyteOfOneThing_IsRefusedQuickly(string what, string piece)
    {
        foreach (var before in new[] { "", "name: x\nsteps: ", "{\"name\": \"", "name: x\nsteps:\n  start:\n    run: [", "steps: {? ", "a: |\n  ", "a: \"" })
        {
            var text = before + string.Concat(Enumerable.Repeat(piece, (Limits.SpecBytes - 100) / Encoding.UTF8.GetByteCount(piece)));

            Assert.True(ReadWithin(text).Spec is null, $"A megabyte of {what} after '{before}' was taken for a flow.");
        }
    }

    [Fact]
    public void ManyErrors_AreBounded_AndCounted()
    {
        var steps = string.Concat(Enumerable.Range(0, 900).Select(i => $"  s{i}: {{runn: a, nxt: b, timeout: 5}}\n"));

        var errors = ReadWithin($"name: x\nsteps:\n{steps}").Errors;

        Assert.Equal(501, errors.Count);
        Assert.Contains("more errors", errors[^1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ManyUnknownFields_AreRefusedQuickly() =>
        Assert.NotEmpty(ReadWithin("{" + string.Concat(Enumerable.Range(0, 100_000).Select(i => $"k{i}:,")) + "}").Errors);

    [Fact]
    public void LongKeysAroundManyThings_AreRefusedQuickly()
    {
        var key = new string('k', 1000);
        var text = "{" + string.Concat(Enumerable.Repeat($"{key}: {{", 30)) + string.Concat(Enumerable.Range(0, 100_000).Select(i => $"a{i}:,")) + new string('}', 31);

        Assert.NotEmpty(ReadWithin(text).Errors);
    }

    [Fact]
    public void ABomb_OfAliases_IsRefusedAtItsFirstAlias()
    {
        var bomb = "a: &a [lol, lol, lol]\n" + string.Concat(Enumerable.Range(1, 25).Select(i => $"{(char)('a' + i)}: &{(char)('a' + i)} [*{(char)('a' + i - 1)}, *{(char)('a' + i - 1)}]\n"));

        var errors = ReadWithin(bomb).Errors;

        Assert.Contains(errors, e => e.Line == 2 && e.Message.Contains("alias '*a' is not supported", StringComparison.Ordinal) && e.Remedy.Length > 0);
    }

    [Fact]
    public void TenMegabytes_AreRefused_ByTheLimit()
    {
        var error = Assert.Single(ReadWithin("name: x\n# " + new string('x', 10_000_000)).Errors);

        Assert.Contains("1048576 bytes", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TheLargestFlow_IsReadQuickly()
    {
        var steps = string.Concat(Enumerable.Range(0, 999).Select(i => $"  {(i == 0 ? "start" : $"s{i}")}:\n    run: [echo, \"{new string('x', 900)}\"]\n    next: s{i + 1}\n"));

        var result = ReadWithin($"name: x\nsteps:\n{steps}  s999: {{run: a}}\n");

        Assert.Empty(result.Errors);
        Assert.Equal(1000, result.Spec!.Steps.Count);
    }

    [Fact]
    public void TheLargestSwitch_IsReadQuickly()
    {
        var targets = Enumerable.Range(0, 998).Select(i => $"s{i}").ToList();
        string Cases(int from) => string.Join(", ", targets.Skip(from).Take(60).Select((t, i) => $"{i}: {t}"));
        var steps = string.Concat(targets.Select((t, i) => $"  {t}: {{run: a, next: {{switch: o, cases: {{{Cases(Math.Max(0, i - 30))}}}, default: end, max_loops: 9}}}}\n"));

        Assert.Empty(ReadWithin($"name: x\nstart: s0\nsteps:\n{steps}  end: {{run: a}}\n").Errors);
    }

    [Fact]
    public void ManyMisspeltTargets_AreRefusedQuickly()
    {
        var steps = string.Concat(Enumerable.Range(0, 998).Select(i => $"  s{i}: {{run: a}}\n"));
        var cases = string.Join(", ", Enumerable.Range(0, 60_000).Select(i => $"{i}: t{i % 9000}"));

        Assert.NotEmpty(ReadWithin($"name: x\nsteps:\n{steps}  start: {{run: a, next: {{switch: o, cases: {{{cases}}}}}}}\n").Errors);
    }

    [Fact]
    public void ManyHandlers_AreRefusedQuickly()
    {
        var steps = string.Concat(Enumerable.Range(0, 998).Select(i => $"  s{i}: {{run: a}}\n"));
        var names = string.Join(", ", Enumerable.Range(0, 75_000).Select(i => $"s{997 - (i % 998)}"));

        Assert.NotEmpty(ReadWithin($"name: x\nsteps:\n{steps}  start: {{run: a}}\non_failure: [{names}]\nfinally: [{names}]").Errors);
    }

    [Fact]
    public void ALongName_IsNotRepeatedByEveryError()
    {
        var targets = string.Join(", ", Enumerable.Range(0, 60_000).Select(i => $"t{i}"));

        var errors = ReadWithin($"name: x\nstart: s\nsteps:\n  {new string('s', 400_000)}: {{run: a, next: [{targets}]}}\n").Errors;

        Assert.NotEmpty(errors);
        Assert.All(errors, e => Assert.InRange(e.Message.Length + e.Path.Length + e.Remedy.Length, 1, 3000));
    }

    [Fact]
    public void ManySplitsThatLeadBack_AreRefusedQuickly()
    {
        string Targets(int i) => string.Join(", ", Enumerable.Range(1, 150).Select(t => $"s{(i + t) % 990}"));
        var steps = string.Concat(Enumerable.Range(0, 990).Select(i => $"  s{i}: {{run: a, next: [{Targets(i)}]}}\n"));

        Assert.NotEmpty(ReadWithin($"name: x\nstart: s0\nsteps:\n{steps}").Errors);
    }

    [Fact]
    public void ManyParameters_AreRefusedQuickly()
    {
        var parameters = string.Concat(Enumerable.Range(0, 50_000).Select(i => $"  p{i}: {{}}\n"));

        Assert.Contains(ReadWithin($"name: x\nsteps: {{start: {{run: a}}}}\nparameters:\n{parameters}").Errors, e => e.Message.Contains("at most 256", StringComparison.Ordinal));
    }

    [Fact]
    public void DeepNesting_IsRefused_WithItsPlace()
    {
        var error = Assert.Single(ReadWithin($"name: x\nsteps: {{start: {{run: a}}}}\nparameters: {{p: {{type: json, default: {new string('[', 40)}{new string(']', 40)}}}}}").Errors);

        Assert.Equal(3, error.Line);
        Assert.StartsWith("parameters.p.default[0][0]", error.Path, StringComparison.Ordinal);
        Assert.Contains("nested deeper than 32", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("name: x\nsteps: \0", 2, "U+0000")]
    [InlineData("name: \"\u001b[2J\"", 1, "U+001B")]
    public void ControlCharacters_AreRefused_WithTheirPlace(string text, int line, string message)
    {
        var error = Assert.Single(ReadWithin(text).Errors);

        Assert.Equal(line, error.Line);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void HalfASurrogatePair_IsRefused() =>
        Assert.Contains("U+D83D", Assert.Single(ReadWithin("name: a\nsteps: b" + (char)0xD83D).Errors).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("name: \"\\ud800\"")]
    [InlineData("name: \"\\UFFFFFFFF\"")]
    [InlineData("name: \"\\x\"")]
    [InlineData("name: !<")]
    [InlineData("%YAML 9999999999999999999.1\n---\nname: x")]
    [InlineData("%TAG ! tag:x\n%TAG ! tag:y\n---\na: b")]
    [InlineData("a: |99999999999999999999\n b")]
    [InlineData("a: >-0\n b")]
    [InlineData("? - - ? a")]
    [InlineData("{a, b: *c, *d : e}")]
    [InlineData("- \n -\n  ? :")]
    public void OddText_IsRefused(string text) => Assert.NotEmpty(ReadWithin(text).Errors);

    [Fact]
    public void MutatedFlows_NeverThrow_NorTakeLong()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("FANFARE_TEST_SEED"), out var given) ? given : Environment.TickCount;
        var random = new Random(seed);
        var flows = Examples.Flows().ToList();
        var until = Stopwatch.StartNew();
        var tried = 0;
        for (; tried < 3000 && until.Elapsed < TimeSpan.FromSeconds(20); tried++)
        {
            var text = Mutate(flows[random.Next(flows.Count)], random);
            var elapsed = TimeSpan.Zero;
            try
            {
                (var result, elapsed) = Timed(text);
                Assert.Equal(result.Spec is null, result.Errors.Count > 0);
                Assert.Equal(result.Spec is null, result.Graph is null);
                Assert.All(result.Errors, e => Assert.True(e is { Message.Length: > 0, Remedy.Length: > 0 }, e.ToString()));
                if (result.Spec is { } spec) Assert.Equal(FlowSpecJson.Write(spec), FlowSpecJson.Write(FlowSpecJson.Read(FlowSpecJson.Write(spec))));
            }
            catch (Exception e)
            {
                Assert.Fail($"Seed {seed}, text {tried}: {e}{Environment.NewLine}{text}");
            }
            Assert.True(elapsed < Patience, $"Seed {seed}, text {tried} took {elapsed}:{Environment.NewLine}{text}");
        }
        Assert.True(tried >= 200, $"Only {tried} texts were tried.");
    }

    private static readonly string[] Pieces =
    [
        ":", "-", "?", "{", "}", "[", "]", ",", "&a", "*a", "!!str", "!", "|", ">", "'", "\"", "#", "%", "@", "`", "\n", "\t", "  ", "---\n", "...\n", "<<: ",
        "null", "~", "true", "1e999", ".nan", "0x1F", "-1", "99999999999999999999", "next: start\n", "join: all\n", "max_loops: 0\n", "\0", "\ud800", "é", "😀", "\u2028",
        "\\ud83d", "foreach", "switch", "steps", "range: [0, 0, 0]", "finally: start\n", "end",
    ];

    private static string Mutate(string text, Random random)
    {
        var bytes = new StringBuilder(text);
        for (var changes = random.Next(1, 12); changes > 0 && bytes.Length > 0; changes--)
        {
            var at = random.Next(bytes.Length);
            var length = Math.Min(random.Next(1, 40), bytes.Length - at);
            switch (random.Next(6))
            {
                case 0:
                    bytes.Remove(at, length);
                    break;
                case 1:
                    bytes.Insert(at, Pieces[random.Next(Pieces.Length)]);
                    break;
                case 2:
                    bytes.Insert(at, bytes.ToString(at, length));
                    break;
                case 3:
                    bytes[at] = (char)random.Next(random.Next(2) == 0 ? 128 : 65536);
                    break;
                case 4:
                    var moved = bytes.ToString(at, length);
                    bytes.Remove(at, length);
                    bytes.Insert(random.Next(bytes.Length + 1), moved);
                    break;
                default:
                    bytes.Length = Math.Max(1, at);
                    break;
            }
        }
        return bytes.ToString();
    }

    private static SpecResult ReadWithin(string text)
    {
        var (result, elapsed) = Timed(text);
        Assert.True(elapsed < Patience, $"Reading took {elapsed}.");
        Assert.Equal(result.Spec is null, result.Errors.Count > 0);
        return result;
    }

    private static (SpecResult Result, TimeSpan Elapsed) Timed(string text)
    {
        var start = ThreadTime.Now();
        var result = FlowSpecReader.Read(text);
        return (result, ThreadTime.Now() - start);
    }
}
