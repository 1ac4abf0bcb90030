namespace Fanfare.Storage.Retaining;

/// <summary>Which runs go, and when.</summary>
public sealed record RetentionOptions
{
    /// <summary>Age from its end at which a run is archived and removed; null for never. What was begun is brought to its end either way.</summary>
    public TimeSpan? Age { get; init; }

    /// <summary>How long a removed run's id is kept from starting again, and its archive's place known. Default: 90 days.</summary>
    public TimeSpan Tombstones { get; init; } = TimeSpan.FromDays(90);

    /// <summary>Whether logs, artifacts and item files of an archived run are kept. Default: they go with the run.</summary>
    public bool KeepBlobs { get; init; }

    /// <summary>From when a run is hidden to when its rows go, so that whoever was reading it ends before. Default: 1 minute.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How often old runs are looked for when there are none. Default: 30 s.</summary>
    public TimeSpan Every { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>For runs of a given age: a short one is looked at more often, and waits less before it removes.</summary>
    public static RetentionOptions For(TimeSpan? age)
    {
        var options = new RetentionOptions { Age = age };
        if (age is not { } some) return options;
        return options with
        {
            Grace = some < options.Grace ? some : options.Grace,
            Every = some / 10 < options.Every ? TimeSpan.FromSeconds(Math.Max(0.2, some.TotalSeconds / 10)) : options.Every,
        };
    }
}
