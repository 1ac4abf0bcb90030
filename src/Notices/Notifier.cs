using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Fanfare.Contracts.Http;
using Fanfare.Notices.Channels;
using Fanfare.Notices.Texts;

namespace Fanfare.Notices;

/// <summary>Tells the receivers of a server's file, each by its own channel. Keeps nothing: what did not arrive is asked for again.</summary>
public sealed class Notifier : INotifier, IDisposable
{
    private readonly Dictionary<string, (ReceiverSpec Spec, IChannel Channel)> _receivers = [];
    private readonly HttpClient _http;
    private readonly Uri? _address;

    /// <param name="secretOf">Text of a secret.</param>
    /// <param name="address">Where people reach the server, which messages link to; null for no links.</param>
    /// <exception cref="ReceiverException">A secret is not fit for what it is for.</exception>
    public Notifier(IReadOnlyList<ReceiverSpec> receivers, Func<ReceiverSpec, SecretPlace, string> secretOf, Uri? address, TimeProvider clock)
        : this(receivers, secretOf, address, clock, null)
    {
    }

    /// <param name="trust">Whether the certificate of an SMTP server is good; null for what the machine trusts.</param>
    internal Notifier(IReadOnlyList<ReceiverSpec> receivers, Func<ReceiverSpec, SecretPlace, string> secretOf, Uri? address, TimeProvider clock, RemoteCertificateValidationCallback? trust)
    {
        _address = address;
        // What sends elsewhere than the file says is refused; what a receiver's name means may change while the server runs.
        _http = new HttpClient(new BrokenConnections(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5), MaxResponseHeadersLength = 32 })) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", "Fanfare");
        foreach (var spec in receivers)
        {
            try
            {
                _receivers.Add(spec.Name, (spec, Channel(spec, place => secretOf(spec, place), clock, trust)));
            }
            catch (ReceiverException wrong)
            {
                throw new ReceiverException($"Receiver '{spec.Name}' cannot be used. {wrong.Message}", wrong);
            }
        }
    }

    /// <summary>Of a server that was given no receivers.</summary>
    public static Notifier None { get; } = new([], (_, _) => "", null, TimeProvider.System);

    /// <summary>The names of the receivers, in order.</summary>
    public IReadOnlyList<string> Names => [.. _receivers.Keys.Order(StringComparer.Ordinal)];

    public async Task<NoticeAnswer> TellAsync(Notice notice, string receiver, CancellationToken cancellationToken)
    {
        if (!_receivers.TryGetValue(receiver, out var told)) return new NoticeAnswer(NoticeOutcome.Refused, Unknown(receiver));
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(told.Spec.Timeout);
        try
        {
            var answer = await told.Channel.TellAsync(Message.Of(notice, told.Spec, _address, told.Channel.Quote), limit.Token).ConfigureAwait(false);
            return answer with { Reason = Reason(told.Channel, answer.Reason) };
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new NoticeAnswer(NoticeOutcome.Later, $"There was no answer within {told.Spec.Timeout.TotalSeconds:0.###} s.");
        }
        catch (Exception error) when (error is HttpRequestException or IOException or SocketException or AuthenticationException)
        {
            return new NoticeAnswer(NoticeOutcome.Later, Reason(told.Channel, Connections.Why(error)));
        }
        catch (Exception error) when (error is not OperationCanceledException and not OutOfMemoryException)
        {
            // Whatever it is, it is known by whoever reads the reason, and costs no other notice.
            return new NoticeAnswer(NoticeOutcome.Later, Reason(told.Channel, $"It could not be sent: {error.GetType().Name}: {error.Message}"));
        }
    }

    public void Dispose() => _http.Dispose();

    private IChannel Channel(ReceiverSpec spec, Func<SecretPlace, string> secretOf, TimeProvider clock, RemoteCertificateValidationCallback? trust) => spec switch
    {
        WebhookReceiver webhook => new WebhookChannel(webhook, secretOf, _http, clock),
        SlackReceiver slack => new SlackChannel(slack, secretOf, _http, clock),
        PagerDutyReceiver pager => new PagerDutyChannel(pager, secretOf, _http, clock),
        EmailReceiver email => new EmailChannel(email, secretOf, clock, trust),
        _ => throw new InvalidOperationException($"Unknown receiver {spec.GetType().Name}."),
    };

    private string Unknown(string receiver) => _receivers.Count == 0
        ? $"There is no receiver '{receiver}': the server was started without any. Name them in a file, and start it with --receivers FILE."
        : $"There is no receiver '{receiver}'; the server has {string.Join(", ", Names.Take(20))}. Add it to the file of receivers and start the server again, or mend the flow's 'notify'.";

    private static string Reason(IChannel channel, string reason) => Secrecy.Hide(reason, channel.Secrets);
}

/// <summary>A receiver cannot be used as it is set up.</summary>
public sealed class ReceiverException : Exception
{
    public ReceiverException()
    {
    }

    public ReceiverException(string message)
        : base(message)
    {
    }

    public ReceiverException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
