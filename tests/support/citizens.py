"""Actors that run as Pykka's own, as runners in a thread, and as runners in a process."""

import io
import json
import logging
import os
import sys
import threading
from pathlib import Path

import household
import pykka
import pykka.debug
from gate import pass_gate

import actors


def citizen(behaviour):
    """
    Make two actors of a behaviour: one of Pykka's and one of ours.

    A new process finds them by name, as attributes of the behaviour.
    """
    for name, base in (("_as_actor", pykka.ThreadingActor), ("_as_runner", actors.Runner)):
        members = {"__module__": __name__, "__qualname__": f"{behaviour.__qualname__}.{name}"}
        setattr(behaviour, name, type(behaviour.__name__, (behaviour, base), members))
    return behaviour


def here():
    """Return the process and the thread of the caller."""
    return os.getpid(), threading.get_ident()


@citizen
class Echo:
    """Answers with what it gets, and notes it."""

    def __init__(self, greeting="hello", **options):
        super().__init__()
        self._greeting, self._options, self._seen = greeting, options, []

    def on_receive(self, message):
        self._seen.append(message)
        return message

    def seen(self):
        return self._seen

    def note(self, what):
        self._seen.append(what)
        return what

    def arguments(self):
        return self._greeting, self._options

    def add(self, left, right=1):
        return left + right

    def where(self):
        return here()

    def in_main_thread(self):
        return threading.current_thread() is threading.main_thread()

    def wait_at(self, folder):
        pass_gate(folder)
        self._seen.append("through the gate")
        return "through"

    def change(self, items):
        """Change a message of the sender's."""
        items.append("changed")
        return items

    def urns_known(self):
        return sorted(ref.actor_urn for ref in pykka.ActorRegistry.get_all())

    def set_global(self, value):
        household.PLACE = value

    def get_global(self):
        return household.PLACE

    def answer_with_future(self):
        future = pykka.ThreadingFuture()
        future.set("from inside")
        return future

    def answer_with_generator(self, number):
        yield from range(number)

    def answer_with_file(self, text):
        return io.StringIO(text)

    def answer_with_lock(self):
        return threading.Lock()

    def stop_within(self, folder):
        """Wait at a gate, then ask for the own end."""
        pass_gate(folder)
        self.stop()
        return "stopping"

    # Ways to fail.

    def fail(self, text="as told"):
        raise ValueError(text)

    def fail_oddly(self, how):
        error = household.ERRORS[how]()
        raise error

    def fail_of_a_cause(self):
        try:
            raise KeyError("the first")
        except KeyError as error:
            raise ValueError("the second") from error

    def leave(self, how="SystemExit"):
        raise {"SystemExit": SystemExit(3), "KeyboardInterrupt": KeyboardInterrupt()}[how]

    def leave_after(self, folder):
        pass_gate(folder)
        raise SystemExit(3)

    def fail_after(self, folder):
        pass_gate(folder)
        raise ValueError("as told")


@citizen
class Silent:
    """Has no `on_receive` of its own."""


@citizen
class Diarist:
    """Writes down each hook, with the process and thread it is called in, and may fail in one."""

    def __init__(self, path, fail_in=None, leave_in=None):
        super().__init__()
        self._path, self._fail_in, self._leave_in = path, fail_in, leave_in
        self._note("__init__")

    def _note(self, hook, **more):
        entry = {"hook": hook, "where": here(), **more}
        with Path(self._path).open("a") as file:
            file.write(json.dumps(entry) + "\n")
        if self._fail_in == hook:
            raise LookupError(f"cannot {hook}")
        if self._leave_in == hook:
            sys.exit(f"leaving in {hook}")

    def _alive(self):
        return self.actor_ref.is_alive(), self.actor_ref in pykka.ActorRegistry.get_all()

    def on_start(self):
        self._note("on_start", alive=self._alive())

    def on_receive(self, message):
        self._note("on_receive", message=message)
        if message == "fail":
            raise ValueError("as told")
        if message == "leave":
            sys.exit("as told")
        return message

    def on_stop(self):
        self._note("on_stop", alive=self._alive())

    def on_failure(self, exception_type, exception_value, traceback):
        self._note(
            "on_failure",
            alive=self._alive(),
            error=[exception_type.__name__, str(exception_value), traceback.tb_frame is not None],
        )

    def method(self):
        return "called"

    def stop_twice(self):
        self.actor_ref.tell("before the end")
        self.stop()
        self.stop()
        self.actor_ref.tell("after the end")


@citizen
class Settler(Diarist):
    """Has the hooks that come after `on_start`, in a runner."""

    def connect(self):
        self._note("connect")

    def load(self):
        self._note("load")

    def warm_up(self):
        self._note("warm_up")


@citizen
class Mayfly(Diarist):
    """Ends as soon as it has begun."""

    def on_start(self):
        super().on_start()
        self.stop()


@citizen
class Daemon(Echo):
    """Does not keep its program from its end."""

    use_daemon_thread = True


@citizen
class EagerStarter(Echo):
    """Sends itself a message before anybody else can."""

    def on_start(self):
        self.actor_ref.tell("from on_start")


@citizen
class Cooperative(Echo):
    """Does its work in parts, so that other messages come in between."""

    def __init__(self):
        super().__init__()
        self._later = self.actor_ref.proxy()

    def work(self, parts, folder):
        if folder is not None:
            pass_gate(folder)
        self._seen.append(f"part {parts}")
        if parts > 1:
            self._later.work(parts - 1, None)
        else:
            self.actor_ref.tell("done")


@citizen
class Selfish(Echo):
    """Keeps a proxy to itself where everybody sees it."""

    def __init__(self):
        super().__init__()
        self.myself = self.actor_ref.proxy()


@citizen
class SlowStarter(Echo):
    """Waits at a gate in `on_start`."""

    def __init__(self, folder):
        super().__init__()
        self._folder = folder

    def on_start(self):
        pass_gate(self._folder)
        self._seen.append("on_start")


@citizen
class Namesake(Echo):
    """Has methods that are called as the hooks of runners are."""

    def connect(self):
        self._seen.append("connect")

    def load(self):
        self._seen.append("load")

    def warm_up(self):
        self._seen.append("warm_up")


@citizen
class Parent(Echo):
    """Has an actor of Pykka's own beside it."""

    def on_start(self):
        self._child = Echo._as_actor.start()

    def on_stop(self):
        self._child.stop()

    def ask_child(self, message):
        return self._child.ask(message)

    def child_is_here(self):
        return self._child.proxy().where().get()[0] == os.getpid()


@citizen
class Tree(Echo):
    """Starts another of its own class, in its constructor."""

    def __init__(self, depth=1):
        super().__init__()
        self._branch = type(self).start(depth - 1) if depth else None

    def on_stop(self):
        if self._branch is not None:
            self._branch.stop()

    def urns(self):
        return self.actor_urn, self._branch.actor_urn

    def ask_branch(self, message):
        return self._branch.ask(message)


@citizen
class Lingerer:
    """Takes its time in its last hook."""

    def __init__(self, folder):
        super().__init__()
        self._folder, self._got = folder, []

    def on_receive(self, message):
        match message:
            case "fail":
                raise ValueError("as told")
            case "leave":
                sys.exit("as told")
            case "stop":
                self.stop()
            case "got":
                return self._got
            case _:
                self._got.append(message)
        return None

    def on_stop(self):
        pass_gate(self._folder)

    def on_failure(self, *_):
        pass_gate(self._folder)


@citizen
class Logged(Echo):
    """
    Writes down what Pykka's logger says in its process.

    Args:
        path: The file.
        fail_in: Name of a hook that raises.
    """

    def __init__(self, path, fail_in=None):
        super().__init__()
        self._fail_in = fail_in
        write_log_to(path)

    def _maybe(self, hook):
        if self._fail_in == hook:
            raise LookupError(f"cannot {hook}")

    def on_start(self):
        self._maybe("on_start")

    def on_stop(self):
        self._maybe("on_stop")

    def on_failure(self, *_):
        self._maybe("on_failure")

    def on_receive(self, message):
        return pykka.Actor.on_receive(self, message)

    def log_stacks(self):
        pykka.debug.log_thread_tracebacks()


def write_log_to(path):
    """Let Pykka's logger write to a file, with each record's level and thread."""
    logger = logging.getLogger("pykka")
    if not any(isinstance(handler, logging.FileHandler) for handler in logger.handlers):
        handler = logging.FileHandler(path)
        handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)


@citizen
class Household(household.Rooms):
    """Has attributes of every kind."""

    def __init__(self, name="Ada"):
        super().__init__()
        self.name = name
        self.measure = len
        self.cellar = pykka.traversable(household.Toolbox())
        self.box = household.Plain()
        self.handbell = household.Bell()
        self._hidden = "hidden"
        self._nickname = "Countess"

    def furnish(self, name, content):
        """Put something into a part."""
        setattr(self.cellar, name, content)

    @property
    def nickname(self):
        return self._nickname

    @nickname.setter
    def nickname(self, value):
        self._nickname = value

    @property
    def birthday(self):
        return 10

    @property
    def new_shed(self):
        return household.Shed()

    @property
    def broken(self):
        raise LookupError("nobody knows")

    def hidden(self):
        return self._hidden

    def give(self, name, value):
        setattr(self, name, value)

    def take(self, name):
        delattr(self, name)

    def where(self):
        return here()

    @staticmethod
    def twice(number):
        return 2 * number
