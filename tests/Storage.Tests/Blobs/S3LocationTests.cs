using Fanfare.Storage.Blobs.S3;

namespace Fanfare.Storage.Tests.Blobs;

public sealed class S3LocationTests
{
    [Theory]
    [InlineData("s3://bucket", "bucket", "")]
    [InlineData("s3://my.bucket-7/", "my.bucket-7", "")]
    [InlineData("s3://bucket/a/b c/", "bucket", "a/b c")]
    public void AnAddress_HasABucketAndAPrefix(string url, string bucket, string prefix)
    {
        var location = S3Location.Parse(url);

        Assert.Equal((bucket, prefix), (location.Bucket, location.Prefix));
    }

    [Theory]
    [InlineData("bucket/prefix", "no address")]
    [InlineData("https://bucket.s3.example.com", "no address")]
    [InlineData("s3://", "no name of a bucket")]
    [InlineData("s3:///prefix", "no name of a bucket")]
    [InlineData("s3://Bucket", "no name of a bucket")]
    [InlineData("s3://ab", "no name of a bucket")]
    [InlineData("s3://bucket/a//b", "The prefix")]
    [InlineData("s3://bucket/../b", "The prefix")]
    public void WhatIsNone_IsRefused_WithTheForm(string url, string why)
    {
        var error = Assert.Throws<FormatException>(() => S3Location.Parse(url));

        Assert.Contains(why, error.Message, StringComparison.Ordinal);
        Assert.Contains("s3://BUCKET/PREFIX", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void APrefixThatLeavesNoRoomForNames_IsRefused() =>
        Assert.Contains("256", Assert.Throws<FormatException>(() => S3Location.Parse($"s3://bucket/{new string('a', 150)}/{new string('b', 150)}")).Message, StringComparison.Ordinal);
}
