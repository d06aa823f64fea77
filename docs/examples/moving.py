"""A Pykka actor that has moved: another base class, and another place where it is started."""

import pykka

import actors


class Chat(actors.Runner):  # was: pykka.ThreadingActor
    def __init__(self, model):
        super().__init__()
        self._model = model

    def on_receive(self, message):
        return f"{self._model} says {message}"

    def shout(self, text):
        return text.upper()


if __name__ == "__main__":
    in_a_thread = Chat.start("tiny")  # as before

    supervisor = actors.Supervisor.start()
    spec = actors.RunnerSpec("chat", Chat, args=("tiny",))
    in_a_process = supervisor.proxy().start_runner(spec).get()

    for chat in (in_a_thread, in_a_process):
        print(chat.ask("hello"), chat.proxy().shout("hey").get())
    pykka.ActorRegistry.stop_all()

# Prints:
# tiny says hello HEY
# tiny says hello HEY
