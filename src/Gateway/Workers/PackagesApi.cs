using System.Security.Cryptography;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Fanfare.Gateway;

/// <summary>Code packages, stored under their digest.</summary>
internal static class PackagesApi
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/api/v1/packages").WithTags("Flows");
        api.MapPut("/{sha256}", UploadAsync).AsUpload().WithQuery().WithMetadata(new RequestSizeLimitAttribute(Limits.PackageBytes))
            .WithMetadata(new RequestBody(null, true, "application/gzip"))
            .WithName("uploadPackage").WithSummary("Upload a code package (tar.gz) under its SHA-256").WithDescription("201 when new, 204 when it was there.");
        api.MapGet("/{sha256}", DownloadAsync).AsStream().WithQuery().Produces<Stream>(contentType: "application/gzip")
            .WithName("downloadPackage").WithSummary("Download a code package");
        api.MapMethods("/{sha256}", [HttpMethods.Head], HeadAsync).AsRead().WithQuery().ExcludeFromDescription();
    }

    public static bool IsDigest(string text) => text.Length == 64 && text.All(c => char.IsAsciiHexDigitLower(c) || char.IsAsciiDigit(c));

    private static async Task<Results<Created, NoContent>> UploadAsync(HttpContext http, string sha256, IBlobStore blobs)
    {
        if (!IsDigest(sha256)) throw ApiFault.Field("sha256", "is not a digest", "Give the package's SHA-256 as 64 lower-case hexadecimal digits.");
        if (await blobs.GetSizeAsync(BlobNames.Package(sha256), http.RequestAborted) is not null) return TypedResults.NoContent();
        await using var content = new DigestedStream(http.Request.Body, sha256);
        await blobs.PutAsync(BlobNames.Package(sha256), content, http.RequestAborted);
        return TypedResults.Created($"/api/v1/packages/{sha256}");
    }

    private static async Task DownloadAsync(HttpContext http, string sha256, IBlobStore blobs)
    {
        await HeadAsync(http, sha256, blobs);
        await using var content = await blobs.OpenReadAsync(BlobNames.Package(sha256), 0, http.RequestAborted) ?? throw Missing();
        await content.CopyToAsync(http.Response.Body, http.RequestAborted);
    }

    private static async Task HeadAsync(HttpContext http, string sha256, IBlobStore blobs)
    {
        var size = IsDigest(sha256) ? await blobs.GetSizeAsync(BlobNames.Package(sha256), http.RequestAborted) : null;
        http.Response.ContentLength = size ?? throw Missing();
        http.Response.ContentType = "application/gzip";
    }

    private static ApiFault Missing() => ApiFault.NotFound("There is no package with this digest.");

    /// <summary>Fails at its end unless what was read has the digest.</summary>
    private sealed class DigestedStream(Stream source, string expected) : PassingStream(source)
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        protected override void Pass(ReadOnlySpan<byte> bytes) => _hash.AppendData(bytes);

        protected override void Finish()
        {
            var actual = Convert.ToHexStringLower(_hash.GetHashAndReset());
            if (actual != expected)
                throw new ApiFault(ErrorCodes.DigestMismatch, $"The body's SHA-256 is {actual}.",
                    new FieldError("sha256", "is not the digest of the body", $"Upload the package to /api/v1/packages/{actual}, or send it whole."));
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing) _hash.Dispose();
            base.Dispose(disposing);
        }
    }
}
