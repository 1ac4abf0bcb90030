using System.Globalization;
using Fanfare.Contracts;

namespace Fanfare.Wide;

/// <summary>A JSON Lines file as a gateway leaves it in the blob store: items of a hundred bytes, each with its number.</summary>
internal sealed class ItemsFile(IBlobStore blobs)
{
    private const int LinesPerChunk = 256, ItemBytes = 100;

    /// <summary>Null until it is written.</summary>
    public FileItems? Written { get; private set; }

    public async Task WriteAsync(int count)
    {
        await PutAsync("items.jsonl", file => File.WriteAllLinesAsync(file, Enumerable.Range(0, count).Select(Item)));
        var chunks = Enumerable.Range(0, (count + LinesPerChunk - 1) / LinesPerChunk);
        await PutAsync("items.index", file => File.WriteAllBytesAsync(file, [.. chunks.SelectMany(chunk => BitConverter.GetBytes(chunk * LinesPerChunk * (ItemBytes + 1L)))]));
        Written = new FileItems("items.jsonl", "items.index", LinesPerChunk);
    }

    /// <summary>Asserts that a task of the foreach has the item of its split.</summary>
    public void Check(Lease lease)
    {
        if (Written is not null && lease.Step.Name == "b0") Assert.Equal(Item(lease.Task.Split), lease.Item);
    }

    private async Task PutAsync(string name, Func<string, Task> writeAsync)
    {
        var file = Path.GetTempFileName();
        try
        {
            await writeAsync(file);
            await using var content = File.OpenRead(file);
            await blobs.PutAsync(name, content, default);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string Item(int number) => $"\"{number.ToString(CultureInfo.InvariantCulture).PadRight(ItemBytes - 2, '.')}\"";
}
