using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fanfare.Pools.Ec2;

/// <summary>The IAM policy of a server that runs pools on EC2: what <see cref="Ec2Action.All"/> needs, and nothing else.</summary>
public static class Ec2Policy
{
    private static readonly JsonSerializerOptions Writing = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, NewLine = "\n" };

    /// <summary>The policy as JSON, with a newline at its end.</summary>
    /// <param name="cluster">The cluster's name: only what carries it can be made, tagged and ended.</param>
    /// <param name="workerRole">Name of the role of the machines' instance profile; <c>*</c> stands for anything.</param>
    /// <param name="partition"><c>aws</c>, <c>aws-cn</c> or <c>aws-us-gov</c>.</param>
    public static string Json(string cluster, string workerRole, string partition = "aws")
    {
        var policy = new JsonObject { ["Version"] = "2012-10-17", ["Statement"] = new JsonArray([.. Ec2Action.All.SelectMany(action => Statements(action, cluster, workerRole, partition))]) };
        return policy.ToJsonString(Writing) + "\n";
    }

    private static JsonObject[] Statements(Ec2Action action, string cluster, string workerRole, string partition)
    {
        var requested = Equal(("aws:RequestTag/" + Ec2Tags.Cluster, cluster));
        var owned = Equal(("aws:ResourceTag/" + Ec2Tags.Cluster, cluster));
        return action.Name switch
        {
            // An instant fleet launches with the rights of who asks for it, so what it launches has to be allowed, too. Instances have to carry the cluster's name from the first moment; what they are made of cannot be told apart so.
            nameof(Ec2Action.CreateFleet) =>
            [
                Allow("LaunchInstancesOfTheCluster", ["ec2:CreateFleet", "ec2:RunInstances"], Ec2(partition, "instance"), requested),
                Allow("LaunchFromTheAccountsParts", ["ec2:CreateFleet", "ec2:RunInstances"],
                    [$"arn:{partition}:ec2:*::image/*", $"arn:{partition}:ec2:*::snapshot/*", .. Ec2(partition, "capacity-reservation", "fleet", "key-pair", "launch-template", "network-interface", "placement-group", "security-group", "spot-instances-request", "subnet", "volume")]),
                Allow("TagInstancesAtTheirLaunch", ["ec2:CreateTags"], Ec2(partition, "instance"), Equal(("ec2:CreateAction", "CreateFleet"), ("ec2:CreateAction", "RunInstances"), ("aws:RequestTag/" + Ec2Tags.Cluster, cluster))),
                Allow("GiveInstancesTheWorkersRole", ["iam:PassRole"], [$"arn:{partition}:iam::*:role/{workerRole}"], Equal(("iam:PassedToService", partition == "aws-cn" ? "ec2.amazonaws.com.cn" : "ec2.amazonaws.com"))),
                Allow("FirstSpotInstanceOfTheAccount", ["iam:CreateServiceLinkedRole"], [$"arn:{partition}:iam::*:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"], Equal(("iam:AWSServiceName", "spot.amazonaws.com"))),
            ],
            nameof(Ec2Action.TerminateInstances) => [Allow("EndInstancesOfTheCluster", ["ec2:TerminateInstances"], Ec2(partition, "instance"), owned)],
            nameof(Ec2Action.CreateTags) => [Allow("LabelInstancesOfTheCluster", ["ec2:CreateTags"], Ec2(partition, "instance"), With(owned, "ForAllValues:StringNotEquals", "aws:TagKeys", [Ec2Tags.Cluster, Ec2Tags.Pool, Ec2Tags.Launch]))],
            // EC2 has no finer rights for reading.
            var reading => [Allow(reading, ["ec2:" + reading], ["*"])],
        };
    }

    private static string[] Ec2(string partition, params ReadOnlySpan<string> kinds)
    {
        var arns = new string[kinds.Length];
        for (var i = 0; i < arns.Length; i++) arns[i] = $"arn:{partition}:ec2:*:*:{kinds[i]}/*";
        return arns;
    }

    private static JsonObject Allow(string sid, IEnumerable<string> actions, IEnumerable<string> resources, JsonObject? condition = null)
    {
        var statement = new JsonObject { ["Sid"] = sid, ["Effect"] = "Allow", ["Action"] = Strings(actions), ["Resource"] = Strings(resources) };
        if (condition is not null) statement["Condition"] = condition;
        return statement;
    }

    private static JsonObject Equal(params (string Key, string Value)[] pairs) =>
        new() { ["StringEquals"] = new JsonObject(pairs.GroupBy(p => p.Key).Select(g => new KeyValuePair<string, JsonNode?>(g.Key, g.Count() == 1 ? g.First().Value : Strings(g.Select(p => p.Value))))) };

    private static JsonObject With(JsonObject condition, string test, string key, IEnumerable<string> values)
    {
        condition[test] = new JsonObject { [key] = Strings(values) };
        return condition;
    }

    private static JsonArray Strings(IEnumerable<string> values) => new([.. values.Select(v => (JsonNode)v)]);
}
