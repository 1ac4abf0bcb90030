using Fanfare.Cli;
using Fanfare.Silo;

// All commands of the plain program, and 'silo'.
return await CommandLineProgram.RunAsync(args, host => host with { LocalServer = new SiloServer(), HasSilo = true });
