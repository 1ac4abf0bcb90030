from metaflow import FlowSpec, IncludeFile, JSONType, Parameter, catch, current, retry, step


class Shapes(FlowSpec):
    """Every shape of graph that there is, and a result that shows which way it was gone."""

    width = Parameter("width", default=3)
    grid = Parameter("grid", type=JSONType, default='{"a": [1, 2]}')
    note = Parameter("a-note", default=None)
    text = IncludeFile("text", default=__file__)

    @step
    def start(self):
        assert "class Shapes" in self.text
        self.outer = list(range(self.width))
        self.next(self.open, foreach="outer")

    @step
    def open(self):
        self.letters = "xy"
        self.next(self.inner, foreach="letters")

    @step
    def inner(self):
        self.word = "%s%d" % (self.input, self.foreach_stack()[0][0])
        self.next(self.close)

    @step
    def close(self, inputs):
        self.words = [each.word for each in inputs]
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.words = [word for each in inputs for word in each.words]
        self.next(self.fork)

    @step
    def fork(self):
        self.next(self.plain, self.choose)

    @step
    def plain(self):
        self.way = "plain"
        self.next(self.meet)

    @step
    def choose(self):
        self.kind = "far" if self.grid["a"][0] > 1 else "near"
        self.way = "chosen"
        self.next({"far": self.detour, "near": self.straight}, condition="kind")

    @step
    def detour(self):
        self.way = "detour"
        self.next(self.meet)

    @step
    def straight(self):
        self.next(self.meet)

    @step
    def meet(self, inputs):
        self.ways = [each.way for each in inputs]
        self.merge_artifacts(inputs, exclude=["way", "kind"])
        self.rounds = 0
        self.again = "yes"
        self.next(self.loop)

    @step
    def loop(self):
        self.rounds += 1
        self.again = "yes" if self.rounds < 3 else "no"
        self.next({"yes": self.loop, "no": self.fragile}, condition="again")

    @retry(times=2, minutes_between_retries=0)
    @step
    def fragile(self):
        if current.retry_count < 2:
            raise ValueError("not yet")
        self.tries = current.retry_count + 1
        self.next(self.hopeless)

    @catch(var="problem")
    @step
    def hopeless(self):
        raise KeyError("never")
        self.next(self.end)

    @step
    def end(self):
        print("came to the end with", " ".join(self.words))


if __name__ == "__main__":
    Shapes()
