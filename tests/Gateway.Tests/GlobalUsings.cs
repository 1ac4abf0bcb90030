global using System.Net;
global using System.Net.Http.Json;
global using System.Text;
global using System.Text.Json;
global using Fanfare.Contracts;
global using Fanfare.Contracts.Api;
global using TaskStatus = Fanfare.Contracts.TaskStatus;
