using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Fanfare.Notices.Texts;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace Fanfare.Notices.Channels;

/// <summary>A mail to all addresses of the receiver, by one SMTP server. Its id is the notice's, so one that comes again is known to be the same.</summary>
internal sealed class EmailChannel(EmailReceiver spec, Func<SecretPlace, string> secretOf, TimeProvider clock, RemoteCertificateValidationCallback? trust) : IChannel
{
    private readonly string? _password = spec.Password is { } place ? secretOf(place) : null;
    private readonly MailboxAddress _from = Address(spec.From);
    private readonly List<MailboxAddress> _to = [.. spec.To.Select(Address)];

    public IReadOnlyCollection<string> Secrets => _password is null ? [] : [_password];

    public string Quote(string text) => text;

    public async Task<NoticeAnswer> TellAsync(Message message, CancellationToken cancellationToken)
    {
        using var mail = Mail(message);
        using var client = new Client { CheckCertificateRevocation = false, ServerCertificateValidationCallback = trust };
        try
        {
            await client.ConnectAsync(spec.Host, spec.Port, Security(), cancellationToken).ConfigureAwait(false);
            if (spec.User is { } user) await client.AuthenticateAsync(user, _password!, cancellationToken).ConfigureAwait(false);
            await client.SendAsync(mail, cancellationToken).ConfigureAwait(false);
        }
        catch (SmtpCommandException error)
        {
            return Refusal((int)error.StatusCode, $"{error.Mailbox?.Address ?? "the mail"}", error.Message);
        }
        catch (AuthenticationException error)
        {
            return error.InnerException is SmtpCommandException { StatusCode: var code } && (int)code is >= 400 and < 500
                ? Later($"The mail server cannot check user and password now: {error.Message}")
                : Refused($"The mail server does not take user '{spec.User}' with this password: {error.Message}");
        }
        catch (NotSupportedException error)
        {
            return Refused($"The mail server lacks what the receiver asks for: {error.Message} Look at 'tls', 'port' and 'user'.");
        }
        catch (SslHandshakeException error)
        {
            return Later($"TLS with the mail server failed: {error.InnerException?.Message ?? error.Message.Split('\n')[0]} Look at its certificate, at 'host', 'port' and 'tls'.");
        }
        catch (Exception error) when (error is ProtocolException or ServiceNotConnectedException)
        {
            return Later($"The mail server did not keep to the protocol: {error.Message} Look at 'port' and 'tls'.");
        }
        // It has the mail. Whether it heard the farewell changes nothing.
        await client.DisconnectAsync(quit: true, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return client.Left is { } left ? Refused($"The others have it, but not {left}") : new NoticeAnswer(NoticeOutcome.Told);
    }

    private SecureSocketOptions Security() => spec.Security switch
    {
        MailSecurity.StartTls => SecureSocketOptions.StartTls,
        MailSecurity.Implicit => SecureSocketOptions.SslOnConnect,
        _ => SecureSocketOptions.None,
    };

    private static NoticeAnswer Refusal(int code, string what, string said) =>
        code is >= 400 and < 500 ? Later($"The mail server does not take {what} now: {code} {said}") : Refused($"The mail server refused {what}: {code} {said}");

    private static NoticeAnswer Later(string reason) => new(NoticeOutcome.Later, reason);

    private static NoticeAnswer Refused(string reason) => new(NoticeOutcome.Refused, reason);

    private MimeMessage Mail(Message message)
    {
        var link = message.Url?.AbsoluteUri;
        var mail = new MimeMessage
        {
            Subject = message.Title,
            Date = clock.GetUtcNow(),
            MessageId = $"{IdOf(message.Notice.Id)}@{_from.Domain}",
            Body = new BodyBuilder
            {
                TextBody = link is null ? message.Text : $"{message.Text}\n\n{link}\n",
                HtmlBody = $"<p><strong>{Html(message.Title)}</strong></p>\n<p>{Html(message.Text).Replace("\n", "<br>\n", StringComparison.Ordinal)}</p>\n{(link is null ? "" : $"<p><a href=\"{Html(link)}\">{Html(link)}</a></p>\n")}",
            }.ToMessageBody(),
        };
        mail.From.Add(_from);
        mail.To.AddRange(_to);
        // Who is away does not answer.
        mail.Headers.Add(HeaderId.AutoSubmitted, "auto-generated");
        return mail;
    }

    private static MailboxAddress Address(string text) =>
        MailboxAddress.TryParse(text, out var address) && address.Domain.Length > 0 ? address : throw new ReceiverException($"'{text}' is no address of e-mail.");

    private static string Html(string text) => WebUtility.HtmlEncode(text);

    private static string IdOf(string id) => id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') && id.Length is > 0 and <= 100
        ? id : Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(id)));

    /// <summary>Sends to the others when the server will never take one of them; when it would later, to nobody now.</summary>
    private sealed class Client : SmtpClient
    {
        private readonly List<SmtpCommandException> _refused = [];

        /// <summary>Who was left out, and why; null when nobody was.</summary>
        public string? Left => _refused.Count == 0 ? null : string.Join("; ", _refused.Select(error => $"{error.Mailbox!.Address}: {(int)error.StatusCode} {error.Message}"));

        protected override void OnRecipientNotAccepted(MimeMessage message, MailboxAddress mailbox, SmtpResponse response)
        {
            var error = new SmtpCommandException(SmtpErrorCode.RecipientNotAccepted, response.StatusCode, mailbox, response.Response);
            if ((int)response.StatusCode < 500) throw error;
            _refused.Add(error);
        }

        protected override void OnNoRecipientsAccepted(MimeMessage message) => throw _refused[0];
    }
}
