using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;
using Amazon;
using Amazon.Runtime;
using Amazon.Runtime.Credentials;
using Amazon.Runtime.Signing;

namespace Fanfare.Pools.Ec2;

/// <summary>Sends requests to EC2, signed, and again when that may help.</summary>
/// <param name="chance">0 to 1, for waits between tries.</param>
internal sealed class Ec2Connection : IDisposable
{
    /// <summary>Bytes of an answer. A page of 1000 instances with all their tags has a tenth of it.</summary>
    private const int MostBytes = 64 * 1024 * 1024;

    private static readonly XmlReaderSettings Reading = new() { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, IgnoreComments = true, IgnoreProcessingInstructions = true };

    private readonly Ec2Options _options;
    private readonly Uri _endpoint;
    private readonly HttpClient _http;
    private readonly TimeProvider _clock;
    private readonly Func<double> _chance;

    public Ec2Connection(Ec2Options options, Ec2Place place, AWSCredentials credentials, TimeProvider clock, Func<double> chance)
    {
        (_options, _endpoint, _clock, _chance) = (options, place.Endpoint, clock, chance);
        // A redirect would go out unsigned, or signed for another address; and a try that waits for a name server or a dead host has the try's own bound.
        var sockets = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5), AutomaticDecompression = DecompressionMethods.None };
        _http = new HttpClient(new SigV4SigningHandler(credentials, place.Region, "ec2", sockets)) { Timeout = Timeout.InfiniteTimeSpan, MaxResponseContentBufferSize = MostBytes };
    }

    public void Dispose() => _http.Dispose();

    /// <summary>The answer's root element. What passes is tried again, each time as a new message that is signed anew and has the same parameters, client token included.</summary>
    /// <exception cref="Ec2Exception">EC2 refuses, or all tries went by.</exception>
    public async Task<XElement> CallAsync(Ec2Form form, CancellationToken cancellationToken)
    {
        var unanswered = false;
        for (var failures = 1; ; failures++)
        {
            try
            {
                return await TryAsync(form, cancellationToken).ConfigureAwait(false);
            }
            catch (Ec2Exception passing) when (passing.IsPassing)
            {
                unanswered |= passing.Reason == RefusalReason.NoAnswer;
                if (failures >= _options.Attempts)
                    // That the last try was throttled says nothing of one before it which may have been done.
                    throw new Ec2Exception(form.Action.Name, passing.Code, $"{passing.Words} ({failures} {(failures == 1 ? "try" : "tries")})", unanswered ? RefusalReason.NoAnswer : passing.Reason, passing);
                var first = passing.Reason == RefusalReason.Throttled ? _options.ThrottleDelay : _options.RetryDelay;
                await Task.Delay(Backoff.Delay(failures, first, _options.MostDelay, _chance()), _clock, cancellationToken).ConfigureAwait(false);
            }
            catch (Ec2Exception refused)
            {
                refused.FollowsLostAnswer = unanswered;
                throw;
            }
        }
    }

    private async Task<XElement> TryAsync(Ec2Form form, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(_options.AttemptTimeout, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        try
        {
            using var content = new FormUrlEncodedContent(form.Fields);
            using var message = new HttpRequestMessage(HttpMethod.Post, _endpoint) { Content = content };
            using var answer = await _http.SendAsync(message, HttpCompletionOption.ResponseContentRead, either.Token).ConfigureAwait(false);
            var root = await ReadAsync(form, answer, cancellationToken).ConfigureAwait(false);
            return answer.IsSuccessStatusCode && root is not null ? root : throw Refused(form, (int)answer.StatusCode, root);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new Ec2Exception(form.Action.Name, "", $"There was no answer within {_options.AttemptTimeout.TotalSeconds:0.###} s", RefusalReason.NoAnswer);
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException)
        {
            throw new Ec2Exception(form.Action.Name, "", $"{_endpoint} gave no answer: {broken.Message}", RefusalReason.NoAnswer, broken);
        }
        catch (Exception credentials) when (credentials is AmazonClientException or AmazonServiceException)
        {
            throw new Ec2Exception(form.Action.Name, "", $"There are no credentials to sign with: {credentials.Message}", RefusalReason.NotAllowed, credentials);
        }
    }

    /// <summary>The answer, which has arrived whole, as XML; null when it is none and the status says enough.</summary>
    private static async Task<XElement?> ReadAsync(Ec2Form form, HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        var body = await answer.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (body.ConfigureAwait(false))
        {
            try
            {
                using var reader = XmlReader.Create(body, Reading);
                return XDocument.Load(reader).Root;
            }
            catch (XmlException unreadable)
            {
                // EC2 may well have done what it was asked to: a client token makes another try safe.
                return answer.IsSuccessStatusCode ? throw new Ec2Exception(form.Action.Name, "", $"The answer cannot be read: {unreadable.Message}", RefusalReason.NoAnswer, unreadable) : null;
            }
        }
    }

    private static Ec2Exception Refused(Ec2Form form, int status, XElement? root)
    {
        var error = root?.DescendantsAndSelf().FirstOrDefault(e => e.Name.LocalName == "Error");
        string code = error?.Text("Code") ?? "", words = error?.Text("Message") ?? "";
        if (status is >= 300 and < 400) words = "Redirects are not followed. Set the endpoint, or the region, that it leads to";
        else if (words.Length == 0) words = "The answer says no more than its status";
        return new Ec2Exception(form.Action.Name, code, $"{words} (HTTP {status})", Ec2Codes.OfAnswer(status, code));
    }
}

/// <summary>Where requests go, and for which region they are signed.</summary>
internal sealed partial record Ec2Place(Uri Endpoint, RegionEndpoint Region)
{
    /// <param name="environment">Looks a variable of the environment up.</param>
    /// <exception cref="ArgumentException">It cannot be said from the options and the environment; says what to set.</exception>
    public static Ec2Place Of(Ec2Options options, Func<string, string?> environment)
    {
        options.Check();
        var name = new[] { options.Region, environment("AWS_REGION"), environment("AWS_DEFAULT_REGION") }.FirstOrDefault(r => !string.IsNullOrEmpty(r));
        if (name is not null && !RegionName().IsMatch(name)) throw new ArgumentException($"The region of EC2 is '{name}'. Set the option region, or AWS_REGION, to a name like eu-central-1.");
        var region = (name is null ? FallbackRegionFactory.GetRegionEndpoint() : RegionEndpoint.GetBySystemName(name))
            ?? throw new ArgumentException("The region of EC2 is not known. Set the option region, or AWS_REGION, as in eu-central-1.");
        foreach (var variable in new[] { "AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL" })
        {
            if (options.Endpoint is not null || environment(variable) is not { Length: > 0 } text) continue;
            return TryUrl(text, out var url) ? new Ec2Place(url, region) : throw new ArgumentException($"{variable} is '{text}'. Set it to a URL that begins with https:// or http://, or remove it.");
        }
        return new Ec2Place(options.Endpoint ?? new Uri($"https://ec2.{region.SystemName}.{region.PartitionDnsSuffix}/"), region);
    }

    /// <summary>The credentials that the AWS SDK finds: environment, web identity, profile, container, machine.</summary>
    /// <exception cref="InstanceProviderException">There are none; says what to set.</exception>
    public static async Task<AWSCredentials> FindCredentialsAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await new DefaultAWSCredentialsIdentityResolver().ResolveIdentityAsync(null, cancellationToken).ConfigureAwait(false);
        }
        catch (AmazonClientException none)
        {
            throw new InstanceProviderException($"There are no credentials for EC2. Give the server a role, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. {none.Message}", none) { Reason = RefusalReason.NotAllowed };
        }
    }

    [GeneratedRegex(@"^[a-z]{2,8}(-[a-z]+)+-\d{1,2}$")]
    private static partial Regex RegionName();

    private static bool TryUrl(string text, [NotNullWhen(true)] out Uri? url) => Uri.TryCreate(text, UriKind.Absolute, out url) && (url.Scheme == Uri.UriSchemeHttps || url.Scheme == Uri.UriSchemeHttp);
}
