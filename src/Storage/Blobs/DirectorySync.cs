using System.Runtime.InteropServices;

namespace Fanfare.Storage.Blobs;

/// <summary>Makes names in a directory durable: a renamed file may else be gone after a power cut, although its bytes were flushed.</summary>
internal static partial class DirectorySync
{
    /// <exception cref="IOException">The disk refused.</exception>
    public static void Flush(string directory)
    {
        // Windows keeps names in its own journal, and has no call for this.
        if (OperatingSystem.IsWindows()) return;
        var handle = Open(directory, 0);
        if (handle < 0) throw Failure(directory);
        try
        {
            if (Sync(handle) != 0) throw Failure(directory);
        }
        finally
        {
            _ = Close(handle);
        }
    }

    private static IOException Failure(string directory) =>
        new($"The directory {directory} could not be flushed to disk (errno {Marshal.GetLastPInvokeError()}: {Marshal.GetLastPInvokeErrorMessage()}).");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int handle);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int handle);
}
