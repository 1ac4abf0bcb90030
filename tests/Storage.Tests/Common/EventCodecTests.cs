using System.Text;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Tests.Conformance;

namespace Fanfare.Storage.Tests.Common;

public sealed class EventCodecTests
{
    // Some are written by hand, for speed; the format is the serializer's all the same.
    public static TheoryData<Event> Events() =>
    [
        .. Samples.OfEveryEvent(),
        new TaskLeased(0, 0, "a.1.0.b", "wörker \"1\" <&>\u0001", "böot\\"),
        new TaskSucceeded(7, 2, A.T0, A.T0.AddTicks(1), null),
        new TaskSucceeded(int.MaxValue, 0, DateTimeOffset.MinValue, new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.FromHours(-3.5)), "{\"x\":\"ü 日本 \\u2028 </script>\"}", "next \"step\"", Count: 3),
        new TaskSucceeded(1, 0, A.T0, A.T0, "{}", Caught: new TaskError("exit", "no", 1)),
        new TaskSucceeded(1, 0, A.T0, A.T0, "{}", Items: new RangeItems(0, 1), Count: 2),
    ];

    [Theory]
    [MemberData(nameof(Events))]
    public void AnEvent_IsWrittenAsTheSerializerWritesIt(Event written) =>
        Assert.Equal(JsonSerializer.Serialize(written, ContractsJson.Default.Event), Encoding.UTF8.GetString(EventCodec.Write(written)));
}
