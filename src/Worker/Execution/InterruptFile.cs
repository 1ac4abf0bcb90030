using System.Text.Json;

namespace Fanfare.Worker;

/// <summary>Writes <c>$FANFARE_INTERRUPT_FILE</c>, by which a task learns until when it may run; its form is documented in docs/tasks.md.</summary>
internal static class InterruptFile
{
    /// <summary>Writes the file, which is there as a whole or not at all.</summary>
    /// <exception cref="IOException">The disk does not take it.</exception>
    public static void Write(string path, Interruption interruption)
    {
        var part = path + ".part";
        using (var file = File.Create(part))
        using (var writer = new Utf8JsonWriter(file))
        {
            writer.WriteStartObject();
            writer.WriteString("deadline", interruption.Deadline.UtcDateTime);
            writer.WriteString("action", interruption.Action);
            writer.WriteString("reason", "spot_interruption");
            writer.WriteString("machine_ends", interruption.At.UtcDateTime);
            writer.WriteEndObject();
        }
        File.Move(part, path, overwrite: true);
    }
}
