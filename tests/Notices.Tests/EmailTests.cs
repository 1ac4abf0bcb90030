using System.Net;
using System.Net.Sockets;

namespace Fanfare.Notices.Tests;

public sealed class EmailTests
{
    [Theory]
    [InlineData(MailSecurity.StartTls, true)]
    [InlineData(MailSecurity.StartTls, false)]
    [InlineData(MailSecurity.Implicit, true)]
    [InlineData(MailSecurity.None, false)]
    public async Task AMail_GoesToAll_EncryptedAsItIsSaid(MailSecurity security, bool login)
    {
        await using var server = SmtpReceiver.Start(tls: security != MailSecurity.None, implicitTls: security == MailSecurity.Implicit, login: login);
        using var notifier = await MailAsync(server, security, login ? SmtpReceiver.Password : null);

        Assert.Equal(new NoticeAnswer(NoticeOutcome.Told), await notifier.TellAsync(Samples.Failed, "mail", CancellationToken.None));

        var (to, mail, secure) = Assert.Single(server.Mails);
        Assert.Equal(security != MailSecurity.None, secure);
        Assert.Equal(["ops@example.com", "ann@example.com"], to);
        Assert.Equal(("etl failed: load: 3 of 7 files <missing> & \"late\"", "n-4h2k@fanfare.example.com"), (mail.Subject, mail.MessageId));
        Assert.Equal(("\"Fanfare\" <bot@fanfare.example.com>", "ops@example.com, \"Ann\" <ann@example.com>"), (mail.From.ToString(), mail.To.ToString()));
        Assert.Equal("auto-generated", mail.Headers["Auto-Submitted"]);
        Assert.Contains("exit: load: 3 of 7 files <missing> & \"late\"", mail.TextBody!, StringComparison.Ordinal);
        Assert.EndsWith("\n\nhttps://fanfare.example.com/runs/r1m7xzm70248k35jvmjz\n", mail.TextBody!.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.Contains("exit: load: 3 of 7 files &lt;missing&gt; &amp; &quot;late&quot;<br>", mail.HtmlBody!, StringComparison.Ordinal);
        Assert.Contains("<a href=\"https://fanfare.example.com/runs/r1m7xzm70248k35jvmjz\">", mail.HtmlBody!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AMailThatComesAgain_HasTheSameId()
    {
        await using var server = SmtpReceiver.Start();
        using var notifier = await MailAsync(server);
        var strange = Samples.Failed with { Id = "a>\r\nBcc: x@example.com" };

        foreach (var notice in new[] { Samples.Failed, Samples.Failed, strange, strange }) Assert.Equal(new NoticeAnswer(NoticeOutcome.Told), await notifier.TellAsync(notice, "mail", CancellationToken.None));

        var ids = server.Mails.Select(mail => mail.Mail.MessageId).ToList();
        Assert.Equal((ids[0], ids[2]), (ids[1], ids[3]));
        Assert.Matches("^[0-9a-f]{64}@fanfare.example.com$", ids[2]);
        Assert.All(server.Mails, mail => Assert.Equal(2, mail.To.Count));
    }

    [Fact]
    public async Task ATitleOfSeveralLines_IsOneOfTheMail()
    {
        await using var server = SmtpReceiver.Start();
        using var notifier = await MailAsync(server);

        await notifier.TellAsync(Samples.Of(NoticeKind.Failed, """{"error": {"message": "a\r\nBcc: x@example.com\u0000"}}""") with { Title = "{{ error.message }} é" }, "mail", CancellationToken.None);

        Assert.Equal("a Bcc: x@example.com é", server.Mails[0].Mail.Subject);
        Assert.Equal(["ops@example.com", "ann@example.com"], server.Mails[0].To);
    }

    [Fact]
    public async Task AWrongPassword_IsRefused_AndNotRepeated()
    {
        await using var server = SmtpReceiver.Start(login: true);
        using var notifier = await MailAsync(server, password: "hunter2hunter2");

        var answer = await notifier.TellAsync(Samples.Failed, "mail", CancellationToken.None);

        Assert.Equal(NoticeOutcome.Refused, answer.Outcome);
        Assert.StartsWith("The mail server does not take user 'fanfare' with this password: 535", answer.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", answer.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AServerWithoutStartTls_IsSentNothing()
    {
        await using var server = SmtpReceiver.Start(tls: false);
        using var notifier = await MailAsync(server, MailSecurity.StartTls);

        var answer = await notifier.TellAsync(Samples.Failed, "mail", CancellationToken.None);

        Assert.Equal(NoticeOutcome.Refused, answer.Outcome);
        Assert.Contains("STARTTLS", answer.Reason, StringComparison.Ordinal);
        Assert.Contains("Look at 'tls'", answer.Reason, StringComparison.Ordinal);
        Assert.Empty(server.Mails);
    }

    [Fact]
    public async Task ACertificateThatIsNotTrusted_IsTriedAgain_AndSentNothing()
    {
        await using var server = SmtpReceiver.Start();
        using var notifier = new Notifier([await SpecAsync(server, MailSecurity.StartTls)], (_, _) => "", null, TimeProvider.System);

        var answer = await notifier.TellAsync(Samples.Failed, "mail", CancellationToken.None);

        Assert.Equal(NoticeOutcome.Later, answer.Outcome);
        Assert.StartsWith("TLS with the mail server failed", answer.Reason, StringComparison.Ordinal);
        Assert.Empty(server.Mails);
    }

    [Fact]
    public async Task AnAddressThatIsRefused_LeavesTheOthersTheirs_AndIsNamed()
    {
        await using var server = SmtpReceiver.Start();
        server.Refused["ann@example.com"] = (550, "no such user");
        using var notifier = await MailAsync(server);

        var one = await notifier.TellAsync(Samples.Failed, "mail", CancellationToken.None);
        Assert.Equal(NoticeOutcome.Refused, one.Outcome);
        Assert.StartsWith("The others have it, but not ann@example.com: 550 no such user", one.Reason, StringComparison.Ordinal);
        Assert.Equal(["ops@example.com"], Assert.Single(server.Mails).To);

        server.Refused["ops@example.com"] = (550, "nor this one");
        var answer = await notifier.TellAsync(Samples.Failed, "mail", CancellationToken.None);
        Assert.Equal((NoticeOutcome.Refused, 1), (answer.Outcome, server.Mails.Count));
        Assert.Contains("550", answer.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAddressThatIsRefusedForNow_IsTriedAgain_WithAllOfThem()
    {
        await using var server = SmtpReceiver.Start();
        server.Refused["ann@example.com"] = (450, "come again");
        using var notifier = await MailAsync(server);

        var answer = await notifier.TellAsync(Samples.Failed, "mail", CancellationToken.None);

        Assert.Equal(NoticeOutcome.Later, answer.Outcome);
        Assert.StartsWith("The mail server does not take ann@example.com now: 450 come again", answer.Reason, StringComparison.Ordinal);
        Assert.Empty(server.Mails);
    }

    [Theory]
    [InlineData(452, NoticeOutcome.Later, "does not take the mail now: 452 no room")]
    [InlineData(554, NoticeOutcome.Refused, "refused the mail: 554 no room")]
    public async Task AMailThatIsNotTaken_IsTriedAgainOrNot_AsTheServerSays(int code, NoticeOutcome outcome, string reason)
    {
        await using var server = SmtpReceiver.Start();
        server.RefusedMail = (code, "no room");
        using var notifier = await MailAsync(server);

        var answer = await notifier.TellAsync(Samples.Failed, "mail", CancellationToken.None);

        Assert.Equal(outcome, answer.Outcome);
        Assert.Contains(reason, answer.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NobodyThere_SomebodyElse_OrASilentOne_IsTriedAgain()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;

        // It takes the connection and says nothing.
        var silent = await TellAsync(port, TimeSpan.FromMilliseconds(300));
        Assert.Equal(new NoticeAnswer(NoticeOutcome.Later, "There was no answer within 0.3 s."), silent);

        listener.Stop();
        var nobody = await TellAsync(port, TimeSpan.FromSeconds(15));
        Assert.Equal(NoticeOutcome.Later, nobody.Outcome);
        Assert.Contains("could not be connected to", nobody.Reason, StringComparison.Ordinal);

        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var greeting = GreetAsync(other);
        var wrong = await TellAsync(((IPEndPoint)other.LocalEndpoint).Port, TimeSpan.FromSeconds(15));
        await greeting;
        Assert.Equal(NoticeOutcome.Later, wrong.Outcome);
        Assert.Contains("did not keep to the protocol", wrong.Reason, StringComparison.Ordinal);

        static async Task GreetAsync(TcpListener listener)
        {
            using var client = await listener.AcceptTcpClientAsync();
            await client.GetStream().WriteAsync("+OK this is POP3\r\n"u8.ToArray());
        }

        static async Task<NoticeAnswer> TellAsync(int port, TimeSpan timeout)
        {
            using var notifier = Samples.With(Spec(port, MailSecurity.None) with { Timeout = timeout });
            return await notifier.TellAsync(Samples.Failed, "mail", CancellationToken.None);
        }
    }

    private static async Task<Notifier> MailAsync(SmtpReceiver server, MailSecurity security = MailSecurity.StartTls, string? password = null)
    {
        var spec = await SpecAsync(server, security);
        return password is null ? Samples.With(spec) : Samples.With(spec with { User = SmtpReceiver.User, Password = Samples.Secret("PASSWORD") }, ("PASSWORD", password));
    }

    private static async Task<EmailReceiver> SpecAsync(SmtpReceiver server, MailSecurity security) => Spec(await server.PortAsync(), security);

    private static EmailReceiver Spec(int port, MailSecurity security) =>
        new() { Name = "mail", Host = "localhost", Port = port, Security = security, From = "Fanfare <bot@fanfare.example.com>", To = ["ops@example.com", "Ann <ann@example.com>"] };
}
