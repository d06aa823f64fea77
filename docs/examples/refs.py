"""Two runners: one turns words into numbers, the other sums them up for whoever asks."""

import actors


class Counter(actors.Runner):
    def on_receive(self, message):
        for word in message.split():
            yield len(word)


class Summary(actors.Runner):
    def __init__(self, counter):
        super().__init__()
        self.counter = counter

    def on_receive(self, message):
        return sum(self.counter.ask(message))


if __name__ == "__main__":
    with actors.supervise() as supervisor:
        counter = supervisor.start_runner(actors.RunnerSpec("counter", Counter)).get()
        summary = supervisor.start_runner(
            actors.RunnerSpec("summary", Summary, args=(counter,))
        ).get()
        print(summary.ask("a ref in the arguments of a spec"))


# Prints:
# 25
