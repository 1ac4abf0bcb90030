using System.Text.Json;
using System.Text.Json.Serialization;
using Fanfare.Contracts;
using Fanfare.Grains.Placement;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Serialization;
using Orleans.Serialization.Cloning;
using Orleans.Serialization.Serializers;

namespace Fanfare.Grains;

/// <summary>What a silo needs for these grains.</summary>
public static class GrainsHosting
{
    /// <summary>Adds the placement of the grains, the form of their messages, and the resident.</summary>
    public static ISiloBuilder AddFanfareGrains(this ISiloBuilder silo, Resident resident)
    {
        silo.Services.AddSingleton(resident);
        silo.AddPlacementDirector<NodePlacement, NodePlacementDirector>();
        silo.Services.AddSerializer(serializer => serializer.AddJsonSerializer(IsMessage, _ => false, options => options.Configure(json => json.SerializerOptions = MessageJson)));
        silo.Services.AddSingleton<IGeneralizedCopier, Uncopied>();
        return silo;
    }

    /// <summary>Messages between nodes are JSON, as everything else that two versions say to each other: a member that the other does not know is passed over, one that it does not send is null.</summary>
    private static readonly JsonSerializerOptions MessageJson = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new SnakeCaseEnums() },
    };

    /// <summary>Messages are immutable: what the sender goes on to hold needs no copy, which would be one through JSON.</summary>
    private sealed class Uncopied : IGeneralizedCopier
    {
        public bool IsSupportedType(Type type) => IsMessage(type);

        public object? DeepCopy(object? input, CopyContext context) => input;
    }

    private static bool IsMessage(Type type) => type.Assembly == typeof(StreamId).Assembly || (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Outcome<>));
}
