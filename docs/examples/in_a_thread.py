"""The same class in a thread of this process, as a test would run it."""

import actors


class Shouter(actors.Runner):
    def on_receive(self, message):
        return message.upper()


if __name__ == "__main__":
    shouter = Shouter.start()
    print(shouter.ask("hello"))
    shouter.stop()

# Prints:
# HELLO
