"""Runners whose signals' handlers talk. They live here because a new process finds them by name."""

import signal
import threading

import actors


class Reloading(actors.Runner):
    """Asks another actor in a handler, tells itself the answer, and then tells the other that."""

    def __init__(self, boss, timeout):
        super().__init__()
        self.boss, self.timeout = boss, timeout

    def on_start(self):
        signal.signal(signal.SIGUSR2, self.reload)

    def reload(self, *_):
        answer = self.boss.ask("in the handler", block=False)
        try:
            self.actor_ref.tell(answer.get(timeout=self.timeout))
        except actors.WaitInSignalHandlerError:
            # The runner is not idle yet.
            threading.Thread(target=lambda: self.actor_ref.tell(answer.get())).start()

    def on_receive(self, message):
        self.boss.tell(f"handled: {message}")


class ReloadingLoop(Reloading):
    """The same in an event loop."""

    concurrent = True
