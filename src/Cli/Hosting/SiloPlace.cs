using System.Net;

namespace Fanfare.Cli.Hosting;

/// <summary>Where a silo is among the others.</summary>
/// <param name="EndPoint">Where the others reach it.</param>
/// <param name="Listen">Where it listens; null for the same.</param>
internal sealed record SiloPlace(IPEndPoint EndPoint, IPEndPoint? Listen, MembershipPlace Membership);

internal enum MembershipKind
{
    PostgreSql,
    DynamoDb,
    Localhost,
}

/// <summary>Where silos find each other.</summary>
/// <param name="Table">DynamoDB's table.</param>
/// <param name="Endpoint">DynamoDB's address, where it is not AWS's own; null for that.</param>
/// <param name="Port">Of the silo on this machine that knows all.</param>
internal sealed record MembershipPlace(MembershipKind Kind, string? Table = null, Uri? Endpoint = null, int Port = 0)
{
    /// <exception cref="CommandException">It is none of the three.</exception>
    public static MembershipPlace Parse(string given, Func<string, string?> variable)
    {
        var (kind, colon) = (given.Split(':')[0], given.IndexOf(':', StringComparison.Ordinal));
        var rest = colon < 0 ? "" : given[(colon + 1)..];
        return kind switch
        {
            "postgresql" when colon < 0 => new MembershipPlace(MembershipKind.PostgreSql),
            "dynamodb" when rest.Length is >= 3 and <= 255 => new MembershipPlace(MembershipKind.DynamoDb, Table: rest, Endpoint: DynamoDbAt(variable("FANFARE_DYNAMODB_ENDPOINT"))),
            "localhost" when int.TryParse(rest, out var port) && port is > 0 and <= 65535 => new MembershipPlace(MembershipKind.Localhost, Port: port),
            _ => throw new CommandException(ExitCode.Usage, $"--membership '{given}' is none that there is.", "Give 'postgresql', 'dynamodb:TABLE' or 'localhost:PORT'."),
        };
    }

    private static Uri? DynamoDbAt(string? given) => string.IsNullOrEmpty(given) ? null
        : Uri.TryCreate(given, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" ? url
        : throw new CommandException(ExitCode.Usage, $"FANFARE_DYNAMODB_ENDPOINT '{given}' is no URL.", "Write it as http://HOST:PORT.");
}
