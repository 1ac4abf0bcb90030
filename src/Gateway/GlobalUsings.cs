global using Fanfare.Contracts;
global using Fanfare.Contracts.Api;
global using TaskStatus = Fanfare.Contracts.TaskStatus;
