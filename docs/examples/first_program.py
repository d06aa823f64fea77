"""A runner answers, dies of a native abort, and says so."""

import os

import actors


class Shouter(actors.Runner):
    def on_receive(self, message):
        return os.abort() if message == "die" else message.upper()


if __name__ == "__main__":
    with actors.supervise() as supervisor:
        shouter = supervisor.start_runner(actors.RunnerSpec("shouter", Shouter)).get()
        print(shouter.ask("hello"))
        try:
            shouter.ask("die")
        except actors.RunnerFailedError as error:
            print(error.failure.reason)

# Prints:
# HELLO
# was ended by SIGABRT (...), signal 6
