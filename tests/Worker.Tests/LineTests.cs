using System.Text;
using Fanfare.Worker.Logs;

namespace Fanfare.Worker.Tests;

public sealed class LineTests
{
    [Fact]
    public void Lines_AreTheSame_HoweverTheBytesComeInPieces()
    {
        var bytes = Encoding.UTF8.GetBytes("a\r\n\nlonger than ten bytes\nexactly10b\nend");
        for (var size = 1; size <= bytes.Length; size++)
        {
            var lines = new List<(string, bool)>();
            var splitter = new LineSplitter(10, (line, cut) => lines.Add((Encoding.UTF8.GetString(line), cut)));
            foreach (var piece in bytes.Chunk(size)) splitter.Write(piece);
            splitter.Complete();

            Assert.Equal([("a", false), ("", false), ("longer tha", true), ("exactly10b", false), ("end", false)], lines);
        }
    }

    [Fact]
    public void Secrets_AreMasked_TheLongestFirst_AndLineByLine()
    {
        var mask = new SecretMask(["pass", "password", "first line\nsecond line\n}", ""]);

        Assert.Equal("*** *** *** ***", mask.Apply("password pass first line second line"));
        Assert.Equal("}", mask.Apply("}"));
    }
}
