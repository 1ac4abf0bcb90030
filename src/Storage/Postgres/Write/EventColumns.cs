using Fanfare.Contracts;
using Fanfare.Storage.Common;
using NpgsqlTypes;

namespace Fanfare.Storage.Postgres.Write;

internal sealed class RemoveEvents : Columns
{
    private readonly List<long> _stream, _before;

    public RemoveEvents(SqlText sql)
        : base(sql["remove_events"])
    {
        _stream = Column<long>(NpgsqlDbType.Bigint);
        _before = Column<long>(NpgsqlDbType.Bigint);
    }

    /// <param name="before">Those with a smaller sequence.</param>
    public void Add(StreamEntry stream, long before)
    {
        _stream.Add(stream.Id);
        _before.Add(before);
    }
}

internal sealed class PutBackfills : Columns
{
    private readonly List<long> _stream, _created;
    private readonly List<string> _ns, _backfill, _flow, _name, _actor, _standing;

    public PutBackfills(SqlText sql)
        : base(sql["put_backfills"])
    {
        _stream = Column<long>(NpgsqlDbType.Bigint);
        _ns = Column<string>(NpgsqlDbType.Text);
        _backfill = Column<string>(NpgsqlDbType.Text);
        _flow = Column<string>(NpgsqlDbType.Text);
        _name = Column<string>(NpgsqlDbType.Text);
        _actor = Column<string>(NpgsqlDbType.Text);
        _created = Column<long>(NpgsqlDbType.Bigint);
        _standing = Column<string>(NpgsqlDbType.Text);
    }

    public void Add(StreamEntry stream, BackfillRow row)
    {
        _stream.Add(stream.Id);
        _ns.Add(row.Namespace);
        _backfill.Add(row.Backfill);
        _flow.Add(row.Flow);
        _name.Add(row.Schedule);
        _actor.Add(HeldText.Of(row.Actor));
        _created.Add(Instant.ToMicroseconds(row.CreatedAt));
        _standing.Add(HeldText.Of(Standings.Write(row.Standing)));
    }
}

internal sealed class PutNotices : Columns
{
    private readonly List<long> _stream, _at;
    private readonly List<bool> _isRaised, _isDead;
    private readonly List<string> _ns, _notice, _flow, _standing;

    public PutNotices(SqlText sql)
        : base(sql["put_notices"])
    {
        _stream = Column<long>(NpgsqlDbType.Bigint);
        _ns = Column<string>(NpgsqlDbType.Text);
        _notice = Column<string>(NpgsqlDbType.Text);
        _flow = Column<string>(NpgsqlDbType.Text);
        _at = Column<long>(NpgsqlDbType.Bigint);
        _isRaised = Column<bool>(NpgsqlDbType.Boolean);
        _isDead = Column<bool>(NpgsqlDbType.Boolean);
        _standing = Column<string>(NpgsqlDbType.Text);
    }

    public void Add(StreamEntry stream, NoticeRow row)
    {
        _stream.Add(stream.Id);
        _ns.Add(row.Namespace);
        _notice.Add(row.Notice);
        _flow.Add(row.Flow);
        _at.Add(Instant.ToMicroseconds(row.At));
        _isRaised.Add(row.IsRaised);
        _isDead.Add(row.IsDead);
        _standing.Add(HeldText.Of(Standings.Write(row.Standing)));
    }
}

internal sealed class PutPools : Columns
{
    private readonly List<string> _name, _standing;

    public PutPools(SqlText sql)
        : base(sql["put_pools"])
    {
        _name = Column<string>(NpgsqlDbType.Text);
        _standing = Column<string>(NpgsqlDbType.Text);
    }

    public void Add(PoolRow row, PoolStanding standing)
    {
        _name.Add(row.Pool);
        _standing.Add(HeldText.Of(Standings.Write(standing)));
    }
}

internal sealed class RemovePools : Columns
{
    private readonly List<string> _name;

    public RemovePools(SqlText sql)
        : base(sql["remove_pools"])
    {
        _name = Column<string>(NpgsqlDbType.Text);
    }

    public void Add(PoolRow row) => _name.Add(row.Pool);
}

/// <summary>Triggers by their names.</summary>
internal sealed class TriggerNames : Columns
{
    private readonly List<string> _ns, _flow, _name;

    public TriggerNames(string sql)
        : base(sql)
    {
        _ns = Column<string>(NpgsqlDbType.Text);
        _flow = Column<string>(NpgsqlDbType.Text);
        _name = Column<string>(NpgsqlDbType.Text);
    }

    public void Add(TriggerRow row)
    {
        _ns.Add(row.Namespace);
        _flow.Add(row.Flow);
        _name.Add(row.Trigger);
    }
}

internal sealed class PutTriggers : Columns
{
    private readonly List<string> _ns, _flow, _name, _standing;

    public PutTriggers(SqlText sql)
        : base(sql["put_triggers"])
    {
        _ns = Column<string>(NpgsqlDbType.Text);
        _flow = Column<string>(NpgsqlDbType.Text);
        _name = Column<string>(NpgsqlDbType.Text);
        _standing = Column<string>(NpgsqlDbType.Text);
    }

    public void Add(TriggerRow row, TriggerStanding standing)
    {
        _ns.Add(row.Namespace);
        _flow.Add(row.Flow);
        _name.Add(row.Trigger);
        _standing.Add(HeldText.Of(Standings.Write(standing)));
    }
}

internal sealed class AddTriggerSources : Columns
{
    private readonly List<short> _kind;
    private readonly List<string> _ns, _source, _flow, _name;

    public AddTriggerSources(SqlText sql)
        : base(sql["add_trigger_sources"])
    {
        _kind = Column<short>(NpgsqlDbType.Smallint);
        _ns = Column<string>(NpgsqlDbType.Text);
        _source = Column<string>(NpgsqlDbType.Text);
        _flow = Column<string>(NpgsqlDbType.Text);
        _name = Column<string>(NpgsqlDbType.Text);
    }

    public void Add(TriggerRow row, TriggerStanding standing)
    {
        foreach (var origin in standing.Spec.Sources.Select(source => source.Origin).Distinct())
        {
            _kind.Add((short)Codes.Of(origin.Kind));
            _ns.Add(row.Namespace);
            _source.Add(origin.Name);
            _flow.Add(row.Flow);
            _name.Add(row.Trigger);
        }
    }
}

internal sealed class PutEvents : Columns
{
    private readonly List<long> _stream, _at;
    private readonly List<short> _kind;
    private readonly List<string> _ns, _event, _name, _payload, _actor, _outcomes;
    private readonly List<string?> _key;

    public PutEvents(SqlText sql)
        : base(sql["put_events"])
    {
        _stream = Column<long>(NpgsqlDbType.Bigint);
        _ns = Column<string>(NpgsqlDbType.Text);
        _event = Column<string>(NpgsqlDbType.Text);
        _kind = Column<short>(NpgsqlDbType.Smallint);
        _name = Column<string>(NpgsqlDbType.Text);
        _payload = Column<string>(NpgsqlDbType.Text);
        _key = Column<string?>(NpgsqlDbType.Text);
        _actor = Column<string>(NpgsqlDbType.Text);
        _at = Column<long>(NpgsqlDbType.Bigint);
        _outcomes = Column<string>(NpgsqlDbType.Text);
    }

    public void Add(StreamEntry stream, EventRow row)
    {
        _stream.Add(stream.Id);
        _ns.Add(row.Namespace);
        _event.Add(row.Event);
        _kind.Add((short)Codes.Of(row.Origin.Kind));
        _name.Add(row.Origin.Name);
        _payload.Add(HeldText.Of(row.Payload));
        _key.Add(HeldText.OfNullable(row.Key));
        _actor.Add(HeldText.Of(row.Actor));
        _at.Add(Instant.ToMicroseconds(row.At));
        _outcomes.Add(HeldText.Of(Standings.Write(row.Outcomes)));
    }
}

internal sealed class PutDeadLetters : Columns
{
    private readonly List<string> _ns, _event, _flow, _name, _source, _reason;
    private readonly List<short> _kind;
    private readonly List<long> _at;

    public PutDeadLetters(SqlText sql)
        : base(sql["put_dead_letters"])
    {
        _ns = Column<string>(NpgsqlDbType.Text);
        _event = Column<string>(NpgsqlDbType.Text);
        _flow = Column<string>(NpgsqlDbType.Text);
        _name = Column<string>(NpgsqlDbType.Text);
        _kind = Column<short>(NpgsqlDbType.Smallint);
        _source = Column<string>(NpgsqlDbType.Text);
        _at = Column<long>(NpgsqlDbType.Bigint);
        _reason = Column<string>(NpgsqlDbType.Text);
    }

    public void Add(DeadLetterRow row, string reason)
    {
        _ns.Add(row.Namespace);
        _event.Add(row.Event);
        _flow.Add(row.Flow);
        _name.Add(row.Trigger);
        _kind.Add((short)Codes.Of(row.Origin.Kind));
        _source.Add(row.Origin.Name);
        _at.Add(Instant.ToMicroseconds(row.At));
        _reason.Add(HeldText.Of(reason));
    }
}

internal sealed class RemoveDeadLetters : Columns
{
    private readonly List<string> _ns, _event, _flow, _name;

    public RemoveDeadLetters(SqlText sql)
        : base(sql["remove_dead_letters"])
    {
        _ns = Column<string>(NpgsqlDbType.Text);
        _event = Column<string>(NpgsqlDbType.Text);
        _flow = Column<string>(NpgsqlDbType.Text);
        _name = Column<string>(NpgsqlDbType.Text);
    }

    public void Add(DeadLetterRow row)
    {
        _ns.Add(row.Namespace);
        _event.Add(row.Event);
        _flow.Add(row.Flow);
        _name.Add(row.Trigger);
    }
}
