using Orleans.Runtime;

namespace Fanfare.Grains;

/// <summary>The address under which a node stands in the database is its silo's, <c>IP:PORT@START</c>: so a node and the silo that it lives in are told from those of earlier starts.</summary>
public static class NodeAddress
{
    public static string Of(SiloAddress silo)
    {
        ArgumentNullException.ThrowIfNull(silo);
        return silo.ToParsableString();
    }
}
