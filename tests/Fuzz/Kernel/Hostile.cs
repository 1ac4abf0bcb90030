using System.Globalization;
using FsCheck;
using FsCheck.Fluent;

namespace Fanfare.Fuzz.Kernel;

/// <summary>Values at which parsers and arithmetic break.</summary>
internal static class Hostile
{
    private static readonly Gen<string> Unicode = ArbMap.Default.GeneratorFor<UnicodeString>().Select(s => s.Item ?? "");
    private static readonly Gen<string> Doubles = ArbMap.Default.GeneratorFor<double>().Select(d => d.ToString("R", CultureInfo.InvariantCulture));

    /// <summary>JSON texts of numbers, some of them too large for every type.</summary>
    public static readonly IReadOnlyList<string> Numbers =
    [
        "0", "-0", "-1", "1", "2", "255", "256", "2147483647", "2147483648", "-2147483648", "-2147483649", "4294967296", "9007199254740993",
        "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1e308", "1e309", "-1e999", "1E400", "0.1", "1e-400", "1.0", "0.0000000001", "10000000", "10000001", "99999999999999999999999999999999",
    ];

    /// <summary>Texts; every one can stand in a JSON document.</summary>
    public static readonly IReadOnlyList<string> Texts =
    [
        "", " ", "\0", "a\0b", "\u001b[2J", "\r\n", "\u2028", "\u202e", "\ufeff", "\ufffd", "é", "😀", "\ud83d", "\udc00x", "x\ud800", "%00", "%2F", "..", "../../x", "/", "//", "\\", "a/b", "a\\b", ".",
        "'", "\"", "`", "{", "}", "[", "]", "{}", "[]", "null", "true", "~", "<script>", "${x}", "$(x)", "; --", "0", "-1", "1e9", "NaN", "Infinity", "train[", "train[]", "train[0]", "train[-1]", "train[99999999999]",
        "1:train", "0:train", "-1:train", "33:train", "2147483647:train", "1:train#", "1:train#1.2.3", "1:train[1,2,3,4,5,6,7,8,9]#0", "default/run/x", "default/step/x", "default/step/x/1:y", "default//", "a/queue/b",
        "0-9", "9-0", "0-2147483646", "0-2147483647", "0-1,3-4,3", "1,1", "-", ",", "0,", "00:00:00", "-00:00:01", "99999999.00:00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "0001-01-01T00:00:00+14:00", "today",
    ];

    public static string Number(Draw draw) => draw.OneIn(4) ? Doubles.Sample(1, new Rnd(draw.Next()), 100).Single() : draw.Among(Numbers);

    public static string Text(Draw draw) => draw.Below(8) switch
    {
        0 => Unicode.Sample(1, new Rnd(draw.Next()), draw.Between(1, 60)).Single(),
        1 => new string(draw.Of('x', '9', '[', ' ', 'é'), draw.Of(63, 64, 65, 128, 129, 255, 256, 257, 512, 513, 1024, 5000)),
        _ => draw.Among(Texts),
    };
}
