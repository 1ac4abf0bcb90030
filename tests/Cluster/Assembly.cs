// Each of these tests has several servers, a database and workers: at once they would be in each other's way.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
