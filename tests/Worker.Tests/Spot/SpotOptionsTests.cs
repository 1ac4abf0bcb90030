namespace Fanfare.Worker.Tests.Spot;

public sealed class SpotOptionsTests : IDisposable
{
    private readonly string _sys = Directory.CreateTempSubdirectory("fanfare-sys-").FullName;

    public void Dispose() => Directory.Delete(_sys, recursive: true);

    private void Kernel(string file, string says)
    {
        var path = Path.Combine(_sys, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, says + "\n");
    }

    private SpotOptions? Find(SpotMode mode, params (string Name, string Value)[] environment) =>
        SpotOptions.Find(mode, name => environment.FirstOrDefault(v => v.Name == name).Value, _sys);

    [Theory]
    [InlineData("devices/virtual/dmi/id/sys_vendor", "Amazon EC2", true)]
    [InlineData("devices/virtual/dmi/id/bios_vendor", "Amazon EC2", true)]
    [InlineData("hypervisor/uuid", "ec2e1916-9099-7caf-fd21-012345abcdef", true)]
    [InlineData("devices/virtual/dmi/id/sys_vendor", "QEMU", false)]
    [InlineData("hypervisor/uuid", "45e12aec-dcd1-b213-94ed-012345abcdef", false)]
    public void Auto_LooksOut_WhereTheKernelShowsAMachineOfEc2(string file, string says, bool isEc2)
    {
        Kernel(file, says);

        Assert.Equal(isEc2 ? SpotOptions.StandardEndpoint : null, Find(SpotMode.Auto)?.Endpoint);
    }

    [Fact]
    public void Auto_WithoutAWordOfTheKernel_DoesNotLook_AndOnDoes()
    {
        Assert.Null(Find(SpotMode.Auto));
        Assert.Equal(SpotOptions.StandardEndpoint, Find(SpotMode.On)?.Endpoint);
    }

    [Fact]
    public void Off_DoesNotLook_WhateverTheMachineIs()
    {
        Kernel("devices/virtual/dmi/id/sys_vendor", "Amazon EC2");

        Assert.Null(Find(SpotMode.Off, ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")));
    }

    [Fact]
    public void TheEnvironmentOfAwsSdks_NamesAnotherEndpoint_OrTheOneOfIpv6()
    {
        Assert.Equal("http://127.0.0.1:1338/", Find(SpotMode.On, ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1338"))!.Endpoint.AbsoluteUri);
        Assert.Equal(SpotOptions.StandardEndpointV6, Find(SpotMode.On, ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv6"))!.Endpoint);
        Assert.Contains("AWS_EC2_METADATA_SERVICE_ENDPOINT: 'here'", Assert.Throws<ArgumentException>(() => Find(SpotMode.On, ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "here"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AwsEc2MetadataDisabled_TurnsAutoOff_AndContradictsOn()
    {
        Kernel("devices/virtual/dmi/id/sys_vendor", "Amazon EC2");

        Assert.Null(Find(SpotMode.Auto, ("AWS_EC2_METADATA_DISABLED", "True")));
        Assert.Contains("Remove one of the two", Assert.Throws<ArgumentException>(() => Find(SpotMode.On, ("AWS_EC2_METADATA_DISABLED", "true"))).Message, StringComparison.Ordinal);
        Assert.NotNull(Find(SpotMode.Auto, ("AWS_EC2_METADATA_DISABLED", "false")));
    }

    [Fact]
    public void WhatIsWrong_IsNamed()
    {
        var errors = (new WorkerOptions { Servers = [new Uri("http://127.0.0.1:8080")], WorkDirectory = "/tmp/x", Spot = new SpotOptions { Endpoint = new Uri("ftp://x"), Every = TimeSpan.FromSeconds(6) } }).Validate();

        Assert.Equal(2, errors.Count(e => e.StartsWith("Spot:", StringComparison.Ordinal)));
    }
}
