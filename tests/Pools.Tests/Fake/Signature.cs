using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Fanfare.Pools.Tests.Fake;

/// <summary>Signature Version 4, by the words of its description and not by the client's code.</summary>
internal static class Signature
{
    public const string KeyId = "AKIDEXAMPLE", Secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", Region = "eu-central-1";

    /// <summary>What is wrong with a request's signature; null when nothing is.</summary>
    public static string? Fault(HttpRequest request, byte[] body)
    {
        var given = request.Headers.Authorization.ToString();
        const string scheme = "AWS4-HMAC-SHA256 ";
        if (!given.StartsWith(scheme, StringComparison.Ordinal)) return "There is no signature of version 4.";
        var parts = given[scheme.Length..].Split(',').Select(p => p.Trim().Split('=', 2)).ToDictionary(p => p[0], p => p[1]);
        var time = request.Headers["X-Amz-Date"].ToString();
        var scope = $"{time[..8]}/{Region}/ec2/aws4_request";
        if (parts["Credential"] != $"{KeyId}/{scope}") return $"The scope is {parts["Credential"]}.";
        if (Math.Abs((DateTimeOffset.ParseExact(time, "yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal) - DateTimeOffset.UtcNow).TotalMinutes) > 5) return $"It was signed at {time}.";
        var signed = parts["SignedHeaders"].Split(';');
        foreach (var needed in new[] { "host", "x-amz-date", "content-type" })
            if (!signed.Contains(needed)) return $"{needed} is not signed.";
        var headers = string.Concat(signed.Select(name => $"{name}:{request.Headers[name].ToString().Trim()}\n"));
        var canonical = $"{request.Method}\n{request.Path}\n\n{headers}\n{parts["SignedHeaders"]}\n{Convert.ToHexStringLower(SHA256.HashData(body))}";
        var text = $"AWS4-HMAC-SHA256\n{time}\n{scope}\n{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}";
        var key = new[] { time[..8], Region, "ec2", "aws4_request" }.Aggregate(Encoding.UTF8.GetBytes("AWS4" + Secret), (k, part) => HMACSHA256.HashData(k, Encoding.UTF8.GetBytes(part)));
        return parts["Signature"] == Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text))) ? null : "The signature is not that of the request.";
    }
}
