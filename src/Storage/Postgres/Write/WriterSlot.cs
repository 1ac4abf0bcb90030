namespace Fanfare.Storage.Postgres.Write;

/// <summary>A row of <c>writers</c>, and on what condition a connection may claim it: that its server still leads, or that its node has not been put out.</summary>
/// <param name="Number">Key of the row.</param>
/// <param name="Term">The leader's, or the node's.</param>
/// <param name="Claim">Name of the statement that claims it.</param>
/// <param name="EndFormer">Name of the statement that ends the session which had it.</param>
internal sealed record WriterSlot(int Number, long Term, string Claim, string EndFormer)
{
    /// <summary>Slots that one server may have; postgres_nodes.sql has the number, too.</summary>
    public const int PerServer = 4;

    public static WriterSlot OfLeader(int index, long term) => new(index, term, "claim_slot", "end_former");

    public static WriterSlot OfNode(int index, long term) => new(checked(((int)term * PerServer) + index), term, "claim_node_slot", "end_former_of_node");
}
