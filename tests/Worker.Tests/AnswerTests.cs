using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Worker.Tests;

public sealed class AnswerTests
{
    [Fact]
    public void WhatALaterServerAdds_IsPassedOver()
    {
        var answer = JsonSerializer.Deserialize("""{"leases":[],"settled":["t"],"term_ms":5,"added":{"by":["a","later","release"]}}""", AnswersJson.PollResponse)!;

        Assert.Equal((5, "t"), (answer.TermMs, Assert.Single(answer.Settled)));
        // What it means by what is known is read as strictly as ever.
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize("""{"term_ms":"soon"}""", AnswersJson.PollResponse));
    }
}
