return Fanfare.Simulation.Campaigns.SimulateCommand.Run(args);
