namespace Fanfare.Pools.Ec2;

/// <summary>The actions that the client has. It can call no other, and the policy in <c>deploy/aws/pools-policy.json</c> is made from them.</summary>
internal sealed record Ec2Action
{
    private Ec2Action(string name) => Name = name;

    public static Ec2Action CreateFleet { get; } = new("CreateFleet");

    public static Ec2Action DescribeInstances { get; } = new("DescribeInstances");

    public static Ec2Action TerminateInstances { get; } = new("TerminateInstances");

    public static Ec2Action CreateTags { get; } = new("CreateTags");

    public static Ec2Action DescribeSpotPriceHistory { get; } = new("DescribeSpotPriceHistory");

    public static Ec2Action DescribeInstanceTypes { get; } = new("DescribeInstanceTypes");

    public static IReadOnlyList<Ec2Action> All { get; } = [CreateFleet, DescribeInstances, TerminateInstances, CreateTags, DescribeSpotPriceHistory, DescribeInstanceTypes];

    public string Name { get; }
}
