"""The surface that others rely on, in one program."""

import attrs

import actors


@attrs.frozen
class Generate:
    prompt: str


class Chat(actors.Runner):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def on_start(self): ...

    def connect(self): ...

    def load(self):
        yield actors.Progress(1, 24)

    def warm_up(self): ...

    def on_receive(self, message):
        match message:
            case Generate(prompt):
                yield from self.tokens(prompt)

    def tokens(self, prompt):
        yield from prompt.split()

    def add(self, a, b):
        return a + b


def listener(failure):
    print(failure.error_message)


if __name__ == "__main__":
    with actors.supervise() as supervisor:
        chat = supervisor.start_runner(actors.RunnerSpec("chat", Chat, args=("tiny",))).get()
        supervisor.subscribe(listener, actors.RunnerFailed).get()
        print(chat.proxy().add(1, 2).get())
        for chunk in chat.ask(Generate("hi there")):
            print(chunk)

# Prints:
# 3
# hi
# there
