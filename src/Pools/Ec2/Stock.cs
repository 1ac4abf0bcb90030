using System.Globalization;

namespace Fanfare.Pools.Ec2;

/// <summary>What EC2 refused lately, by type, place and kind of capacity, so that it is not asked for again at once. In memory alone: after a restart one refusal more is the price.</summary>
internal sealed class Stock(Ec2Options options, TimeProvider clock)
{
    private const string Any = "*";

    private readonly Lock _lock = new();
    private readonly Dictionary<Key, Entry> _out = [];

    /// <summary>Remembers a refusal for those that it concerns. One that says nothing of what there is, is not remembered.</summary>
    /// <param name="choices">Those of the offering that were refused.</param>
    public void Remember(Offering offering, IEnumerable<MachineChoice> choices, string code, RefusalReason reason)
    {
        var span = reason switch
        {
            RefusalReason.NoCapacity or RefusalReason.OverLimit or RefusalReason.NoAddress => options.OutOfStockFor,
            RefusalReason.Unsupported => options.UnsupportedFor,
            _ => TimeSpan.Zero,
        };
        if (span == TimeSpan.Zero) return;
        var until = clock.GetUtcNow() + span;
        lock (_lock)
        {
            foreach (var gone in _out.Where(e => e.Value.Until <= clock.GetUtcNow()).Select(e => e.Key).ToList()) _out.Remove(gone);
            foreach (var choice in choices)
            {
                var key = (reason, code) switch
                {
                    // An address lacks whatever wants it.
                    (RefusalReason.NoAddress, _) => new Key(null, Any, Place(choice)),
                    // A limit is one of the account in the whole region.
                    (RefusalReason.OverLimit, _) => new Key(offering.Capacity, What(offering, choice), Any),
                    // Who offers more may well get one.
                    (_, "SpotMaxPriceTooLow") => new Key(offering.Capacity, Capped(offering, choice), Place(choice)),
                    _ => new Key(offering.Capacity, What(offering, choice), Place(choice)),
                };
                _out[key] = new Entry(reason, until);
            }
        }
    }

    /// <summary>Whether it was refused lately, why, and until when it is left out; null when it is worth asking for.</summary>
    public (RefusalReason Reason, DateTimeOffset Until)? Refusal(Offering offering, MachineChoice choice)
    {
        var now = clock.GetUtcNow();
        lock (_lock)
        {
            Entry? longest = null;
            foreach (var key in new[]
            {
                new Key(offering.Capacity, What(offering, choice), Place(choice)),
                new Key(offering.Capacity, What(offering, choice), Any),
                new Key(offering.Capacity, Capped(offering, choice), Place(choice)),
                new Key(null, Any, Place(choice)),
            })
                if (_out.TryGetValue(key, out var entry) && entry.Until > now && !(entry.Until <= longest?.Until)) longest = entry;
            return longest is null ? null : (longest.Reason, longest.Until);
        }
    }

    private static string Place(MachineChoice choice) => choice.Subnet ?? choice.Zone ?? "";

    /// <summary>A type, or attributes, which may be refused like one.</summary>
    private static string What(Offering offering, MachineChoice choice) =>
        offering.Needs is not { } n ? choice.Type
            : string.Create(CultureInfo.InvariantCulture, $"{n.VCpus}-{n.MostVCpus} {n.MemoryMiB}-{n.MostMemoryMiB} {n.Architecture} {n.Gpus}-{n.MostGpus} {string.Join(',', n.GpuKinds)} {string.Join(',', n.Without)}");

    private static string Capped(Offering offering, MachineChoice choice) => string.Create(CultureInfo.InvariantCulture, $"{What(offering, choice)} at {offering.MaxPrice}");

    private readonly record struct Key(CapacityKind? Capacity, string What, string Place);

    private sealed record Entry(RefusalReason Reason, DateTimeOffset Until);
}
