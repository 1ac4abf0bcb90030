using Fanfare.Postgres;

// Starts a server, prints its directory and a connection string, and ends it with standard input.
await using var server = await PrivatePostgres.StartAsync();
Console.WriteLine(server.Directory);
Console.WriteLine(await server.CreateDatabaseAsync());
await Console.In.ReadToEndAsync();
