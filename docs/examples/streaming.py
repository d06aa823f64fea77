"""A runner loads in steps, then answers with a stream."""

import attrs

import actors


@attrs.frozen
class Count:
    to: int


class Counter(actors.Runner):
    def load(self):
        for layer in range(1, 25):
            yield actors.Progress(layer, 24)

    def on_receive(self, message):
        match message:
            case Count(to):
                yield from range(1, to + 1)

    def add(self, a, b):
        return a + b


if __name__ == "__main__":
    with actors.supervise() as supervisor:
        counter = supervisor.start_runner(actors.RunnerSpec("counter", Counter)).get()
        for number in counter.ask(Count(3)):
            print(number)
        print(counter.proxy().add(1, 2).get())

# Prints:
# 1
# 2
# 3
# 3
