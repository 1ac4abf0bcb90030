namespace Fanfare.Notices.Tests;

public sealed class NotifierTests
{
    [Fact]
    public async Task AReceiverThatNobodyKnows_IsRefused_AndWhoIsThereIsNamed()
    {
        using var notifier = new Notifier(
            [new SlackReceiver { Name = "ops", Url = Samples.Secret("URL") }, new SlackReceiver { Name = "data", Url = Samples.Secret("URL") }], (_, _) => "https://hooks.slack.com/services/T/B/x", null, TimeProvider.System);

        Assert.Equal(["data", "ops"], notifier.Names);
        Assert.Equal(
            new NoticeAnswer(NoticeOutcome.Refused, "There is no receiver 'opps'; the server has data, ops. Add it to the file of receivers and start the server again, or mend the flow's 'notify'."),
            await notifier.TellAsync(Samples.Failed, "opps", CancellationToken.None));
        var none = await Notifier.None.TellAsync(Samples.Failed, "ops", CancellationToken.None);
        Assert.Equal(NoticeOutcome.Refused, none.Outcome);
        Assert.Contains("start it with --receivers FILE", none.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ReceiversAreToldAtOnce_EachOnItsOwn()
    {
        await using var server = await HttpReceiver.StartAsync();
        using var notifier = new Notifier(
            [.. Enumerable.Range(0, 20).Select(i => new WebhookReceiver { Name = $"r{i}", Url = new SettingSpec(new Uri(server.Url, $"/{i}").AbsoluteUri, null) })], (_, _) => "", null, TimeProvider.System);

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => notifier.TellAsync(Samples.Failed, $"r{i}", CancellationToken.None)));

        Assert.All(answers, answer => Assert.Equal(NoticeOutcome.Told, answer.Outcome));
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"/{i}").Order(), server.Received.Select(request => request.Path).Order());
        Assert.All(server.Received, request => Assert.False(request.Headers.ContainsKey("webhook-signature")));
    }
}
