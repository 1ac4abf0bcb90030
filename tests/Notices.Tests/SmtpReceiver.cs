using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MimeKit;
using SmtpServer;
using SmtpServer.Authentication;
using SmtpServer.ComponentModel;
using SmtpServer.Mail;
using SmtpServer.Net;
using SmtpServer.Protocol;
using SmtpServer.Storage;

namespace Fanfare.Notices.Tests;

/// <summary>A server of SMTP on this machine, with a certificate of its own, that keeps the mails it takes.</summary>
internal sealed class SmtpReceiver : IAsyncDisposable, IMessageStore, IMailboxFilter, IUserAuthenticator, IEndpointListenerFactory
{
    public const string User = "fanfare", Password = "a-password-of-the-tests";

    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource<int> _port = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentQueue<(IReadOnlyList<string> To, MimeMessage Mail, bool Secure)> _mails = new();
    private readonly Task _running;

    private SmtpReceiver(bool tls, bool implicitTls, bool login)
    {
        var options = new SmtpServerOptionsBuilder().ServerName("mail.example.com").Endpoint(endpoint =>
        {
            endpoint.Endpoint(new IPEndPoint(IPAddress.Loopback, 0)).IsSecure(implicitTls).AuthenticationRequired(login);
            if (tls) endpoint.Certificate(Certificate);
        }).Build();
        var services = new ServiceProvider();
        services.Add((IMessageStore)this);
        services.Add((IMailboxFilter)this);
        services.Add((IUserAuthenticator)this);
        services.Add((IEndpointListenerFactory)this);
        _running = new SmtpServer.SmtpServer(options, services).StartAsync(_stop.Token);
    }

    public static X509Certificate2 Certificate { get; } = Make();

    public IReadOnlyList<(IReadOnlyList<string> To, MimeMessage Mail, bool Secure)> Mails => [.. _mails];

    /// <summary>What is said of an address, if it is not taken.</summary>
    public Dictionary<string, (int Code, string Text)> Refused { get; } = [];

    /// <summary>What is said of the next mail, if it is not taken.</summary>
    public (int Code, string Text)? RefusedMail { get; set; }

    public Task<int> PortAsync() => _port.Task.WaitAsync(TimeSpan.FromSeconds(30));

    public static SmtpReceiver Start(bool tls = true, bool implicitTls = false, bool login = false) => new(tls, implicitTls, login);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    // The library does not tell which port it was given, so one is looked for, until it is free.
    IEndpointListener IEndpointListenerFactory.CreateListener(IEndpointDefinition endpointDefinition)
    {
        while (true)
        {
            using var probe = new TcpListener(IPAddress.Loopback, 0);
            probe.Start();
            var port = ((IPEndPoint)probe.LocalEndpoint).Port;
            probe.Stop();
            try
            {
                var listener = new EndpointListenerFactory().CreateListener(new EndpointDefinitionBuilder().Endpoint(new IPEndPoint(IPAddress.Loopback, port)).Build());
                _port.SetResult(port);
                return listener;
            }
            catch (SocketException error) when (error.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                continue;
            }
        }
    }

    async Task<SmtpResponse> IMessageStore.SaveAsync(ISessionContext context, IMessageTransaction transaction, ReadOnlySequence<byte> buffer, CancellationToken cancellationToken)
    {
        using var stream = new MemoryStream(buffer.ToArray());
        if (RefusedMail is { } refused) return new SmtpResponse((SmtpReplyCode)refused.Code, refused.Text);
        _mails.Enqueue(([.. transaction.To.Select(to => $"{to.User}@{to.Host}")], await MimeMessage.LoadAsync(stream, cancellationToken), context.Pipe.IsSecure));
        return SmtpResponse.Ok;
    }

    Task<bool> IMailboxFilter.CanAcceptFromAsync(ISessionContext context, IMailbox from, int size, CancellationToken cancellationToken) => Task.FromResult(true);

    Task<bool> IMailboxFilter.CanDeliverToAsync(ISessionContext context, IMailbox to, IMailbox from, CancellationToken cancellationToken) =>
        Refused.TryGetValue($"{to.User}@{to.Host}", out var refused) ? throw new SmtpResponseException(new SmtpResponse((SmtpReplyCode)refused.Code, refused.Text)) : Task.FromResult(true);

    Task<bool> IUserAuthenticator.AuthenticateAsync(ISessionContext context, string user, string password, CancellationToken cancellationToken) => Task.FromResult((user, password) == (User, Password));

    private static X509Certificate2 Make()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}
