namespace Fanfare.Gateway;

/// <summary>Refuses query parameters that the route does not take, so that a misspelt filter never means "no filter".</summary>
internal sealed class QueryGuard(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext http)
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<QueryParameters>() is { } declared)
        {
            var unknown = http.Request.Query.Keys.Where(key => declared.All.All(p => p.Name != key)).Take(10).ToList();
            if (unknown.Count > 0)
            {
                string[] known = [.. declared.All.Select(p => p.Name)];
                throw new ApiFault(ErrorCodes.Invalid, "The query has parameters that this route does not take.",
                    [.. unknown.Select(key => new FieldError(key.Length > 80 ? key[..80] : key, "is not a parameter of this route", Suggestion.For(key, known)))]);
            }
        }
        return next(http);
    }
}
