using System.Globalization;

namespace Fanfare.Pools.Ec2;

/// <summary>A fleet as the parameters of CreateFleet. The same request has to make the same form for ever: EC2 compares what comes with a token again.</summary>
internal static class FleetForm
{
    public static Ec2Form Of(FleetRequest request)
    {
        var form = new Ec2Form(Ec2Action.CreateFleet);
        var offering = request.Offering;
        form.Add("Type", "instant");
        form.Add("ClientToken", request.ClientToken);
        form.Add("TargetCapacitySpecification.TotalTargetCapacity", request.Count);
        if (offering.Capacity == CapacityKind.Spot)
        {
            form.Add("TargetCapacitySpecification.DefaultTargetCapacityType", "spot");
            form.Add("SpotOptions.AllocationStrategy", "price-capacity-optimized");
            form.Add("SpotOptions.InstanceInterruptionBehavior", "terminate");
        }
        else
        {
            form.Add("TargetCapacitySpecification.DefaultTargetCapacityType", "on-demand");
            form.Add("OnDemandOptions.AllocationStrategy", "lowest-price");
        }
        const string config = "LaunchTemplateConfigs.1", template = config + ".LaunchTemplateSpecification";
        form.Add(template + (request.Template.StartsWith("lt-", StringComparison.Ordinal) ? ".LaunchTemplateId" : ".LaunchTemplateName"), request.Template);
        form.Add(template + ".Version", request.Version);
        for (var i = 0; i < offering.Choices.Count; i++) AddOverride(form, $"{config}.Overrides.{i + 1}", offering, offering.Choices[i]);
        form.Add("TagSpecification.1.ResourceType", "instance");
        form.AddTags("TagSpecification.1.Tag", request.Tags);
        return form;
    }

    private static void AddOverride(Ec2Form form, string name, Offering offering, MachineChoice choice)
    {
        if (choice.Type.Length > 0) form.Add(name + ".InstanceType", choice.Type);
        // A subnet lies in one zone; with both, EC2 would have to find them agreeing.
        if (choice.Subnet is not null) form.Add(name + ".SubnetId", choice.Subnet);
        else form.Add(name + ".AvailabilityZone", choice.Zone);
        if (offering.MaxPrice is { } price) form.Add(name + ".MaxPrice", price.ToString("0.##########", CultureInfo.InvariantCulture));
        if (offering.Needs is { } needs) AddNeeds(form, name + ".InstanceRequirements", needs);
    }

    private static void AddNeeds(Ec2Form form, string name, MachineNeeds needs)
    {
        form.Add(name + ".VCpuCount.Min", needs.VCpus);
        form.Add(name + ".VCpuCount.Max", needs.MostVCpus);
        form.Add(name + ".MemoryMiB.Min", needs.MemoryMiB);
        form.Add(name + ".MemoryMiB.Max", needs.MostMemoryMiB);
        // EC2 takes the architecture from the image, and would refuse an image of the other one machine by machine.
        form.AddAll(name + ".CpuManufacturer", needs.Architecture == "arm64" ? ["amazon-web-services"] : ["intel", "amd"]);
        form.AddAll(name + ".ExcludedInstanceType", needs.Without);
        if (needs.Gpus == 0)
        {
            form.Add(name + ".AcceleratorCount.Max", 0);
            return;
        }
        form.AddAll(name + ".AcceleratorType", ["gpu"]);
        form.Add(name + ".AcceleratorCount.Min", needs.Gpus);
        form.Add(name + ".AcceleratorCount.Max", needs.MostGpus);
        form.AddAll(name + ".AcceleratorManufacturer", ["nvidia"]);
        form.AddAll(name + ".AcceleratorName", needs.GpuKinds);
    }
}
