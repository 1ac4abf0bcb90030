using Fanfare.Cli;

return await CommandLineProgram.RunAsync(args);
