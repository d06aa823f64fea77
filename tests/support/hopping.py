"""Runners and actors that send refs to each other. Here because a new process finds them by name."""

import asyncio
import functools
import os
import threading
from pathlib import Path

import pykka
from faulty import Echo
from household import TwoPartError

import actors
from actors import _bootstrap
from actors._frames import AttributesChanged, Forward
from actors._references import references


class Caller(Echo):
    """Does with other actors what it is told."""

    def __init__(self, *others, **named):
        super().__init__()
        self.others = others
        self.named = named
        self.kept = None
        self.got = []
        self.produced = 0

    def on_receive(self, message):
        self.got.append(message)
        return message

    # Refs.

    def send_back(self, value):
        return value

    def me(self):
        return self.actor_ref

    def local(self):
        """Return the ref of an actor that lives in a thread of this process."""
        return Local.start()

    def same(self, left, right):
        return left is right and isinstance(left, pykka.ActorRef)

    def is_mine(self, ref):
        return ref is self.actor_ref

    def keep(self, ref):
        self.kept = ref

    def is_kept(self, ref):
        return ref is self.kept

    def is_alive(self, ref):
        return ref.is_alive()

    def raise_with(self, ref):
        raise LookupError(ref)

    def refs_in_chunks(self, *refs):
        yield from refs

    def registered(self):
        return len(pykka.ActorRegistry.get_all())

    # Asks and tells.

    def ask(self, ref, message, timeout=None):
        return ref.ask(message, timeout=timeout)

    def ask_future(self, ref, message):
        return ref.ask(message, block=False)

    def ask_other(self, message):
        return self.others[0].ask(message)

    def ask_named(self, name, message):
        return self.named[name].ask(message)

    def ask_later(self, ref, message):
        """Ask without waiting, then get."""
        return ref.ask(message, block=False).get(timeout=30)

    def ask_and_report(self, ref, message):
        """Return the error that an ask has raised, and its failure."""
        return self._report(ref.ask(message, block=False))

    def call_and_report(self, ref, method, *args):
        """Return the error that a call has raised, and its failure."""
        return self._report(getattr(ref.proxy(), method)(*args))

    @staticmethod
    def _report(future):
        try:
            return future.get()
        except Exception as error:
            return type(error), error, getattr(error, "failure", None)

    def call_kept(self, method, *args):
        return self.call(self.kept, method, *args)

    def send_a_lock(self, ref):
        """Return the error of the sender, before anything is sent."""
        try:
            ref.ask(threading.Lock(), block=False)
        except Exception as error:
            return type(error)

    def ask_without_waiting(self, ref, number):
        """Return what came of each of several asks, of which the last ones are refused."""
        futures = [ref.ask(each, block=False) for each in range(number)]
        refused = self._report(futures[-1])[0].__name__
        return ["refused: " + refused if each.done() else "waits" for each in futures]

    def ask_and_hang(self, ref):
        self.kept = ref.ask("?", block=False)
        threading.Event().wait()

    def ask_by_urn(self, urn):
        return references.find(urn, Caller, AttributesChanged((), (), ())).ask("?")

    def forward_nonsense(self):
        _bootstrap._hosts[0].channel.send(Forward(10**6, 0), (b"\xff",))
        threading.Event().wait()

    def ask_from_threads(self, ref, threads, asks):
        """Return what each thread has been answered."""
        answers = [[] for _ in range(threads)]

        def work(number):
            for each in range(asks):
                answers[number].append(ref.ask((number, each)))

        workers = [threading.Thread(target=work, args=(each,)) for each in range(threads)]
        for each in workers:
            each.start()
        for each in workers:
            each.join()
        return answers

    def tell(self, ref, *messages):
        for each in messages:
            ref.tell(each)

    def tell_and_ask(self, ref, number):
        """Send alternately, and return the futures' answers."""
        futures = []
        for each in range(number):
            ref.tell(2 * each)
            futures.append(ref.ask(2 * each + 1, block=False))
        return pykka.get_all(futures)

    def stop_other(self, ref):
        return ref.stop()

    def call(self, ref, method, *args):
        return getattr(ref.proxy(), method)(*args).get()

    def call_future(self, ref, method, *args):
        return getattr(ref.proxy(), method)(*args)

    def call_proxy(self, proxy, *args):
        return proxy(*args).get()

    def by_proxy(self, proxy, name):
        return getattr(proxy, name).get()

    def set_by_proxy(self, proxy, name, value):
        setattr(proxy, name, value)

    def defer(self, ref, method, *args):
        getattr(ref.proxy(), method).defer(*args)

    def pass_on(self, refs, message):
        """Ask the first, which asks the next, and so on."""
        first, *rest = refs
        return self.call(first, "pass_on", rest, message) if rest else first.ask(message)

    def rally(self, ref, number, fifo):
        """Play to each other until the number is used up."""
        self.got.append(number)
        if number:
            ref.proxy().rally.defer(self.actor_ref, number - 1, fifo)
        else:
            write_line(fifo, "over")

    def start_runner(self, supervisor, runner_id):
        """Start another runner, at the supervisor in the parent."""
        return supervisor.proxy().start_runner(actors.RunnerSpec(runner_id, Caller)).get()

    # Streams.

    def relay(self, ref, method, *args):
        yield from getattr(ref.proxy(), method)(*args).get()

    def hand_on(self, ref, method, *args):
        """Answer with the stream itself."""
        return getattr(ref.proxy(), method)(*args).get()

    def take(self, ref, number, method, *args):
        """Return the first chunks, then leave the stream."""
        with getattr(ref.proxy(), method)(*args).get() as stream:
            return [next(stream) for _ in range(number)]

    def drop_stream(self, ref, method, *args):
        """Return the first chunk, and let the stream go."""
        return next(getattr(ref.proxy(), method)(*args).get())

    def collect_error(self, ref, method, *args):
        """Return the chunks, and the error that the stream has ended with."""
        chunks = []
        try:
            chunks.extend(getattr(ref.proxy(), method)(*args).get())
        except Exception as error:
            return chunks, type(error), getattr(error, "failure", None)
        return chunks, None, None

    def open_and_abort(self, ref, method, *args):
        """Die with a stream open and another ask in the other's inbox."""
        stream = getattr(ref.proxy(), method)(*args).get()
        next(stream)
        ref.ask("never", block=False)
        os.abort()

    def endless_noting_the_end(self, fifo):
        """Stream until the reader leaves, and say so then."""
        try:
            yield from self.endless()
        finally:
            write_line(fifo, "closed")

    def fail_in_two_parts(self):
        raise TwoPartError("left", "right")

    def answer_with_a_cancelled_future(self):
        future = actors.RunnerFuture()
        future.set_exception((asyncio.CancelledError, asyncio.CancelledError(), None))
        return future

    def fork_and_tell(self, ref, message):
        """Return what became of a message that a child has sent."""
        pid = os.fork()
        if pid == 0:
            try:
                ref.tell(message)
            except pykka.ActorDeadError:
                os._exit(7)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return "refused" if status == 7 else "sent"

    def one_then_wait(self, reached, gate):
        yield 1
        self.wait_at(reached, gate)
        yield 2

    def hand_on_with_a_hook(self, ref):
        """Answer with a future whose hook raises."""
        return ref.ask("?", block=False).map(self._raise_and_count)

    def _raise_and_count(self, _answer):
        self.produced += 1
        raise LookupError("of the hook")

    def large_chunks(self, number, size):
        for each in range(number):
            yield bytes([each]) * size

    def produce(self, fifo, number):
        """Stream, count, and say when a number is reached."""
        for each in self.endless():
            self.produced = each
            if each == number:
                write_line(fifo, "reached")
            yield each

    # Ends.

    def wait_at(self, reached, gate=None):
        """Say that it is reached, then wait: for the gate, or for ever."""
        write_line(reached, "reached")
        if gate is None:
            threading.Event().wait()
        with Path(gate).open("rb", buffering=0) as file:
            file.read(1)
        return "through"

    def ask_and_cancel(self, ref, message):
        """Return whether there was something to cancel, and what came of it."""
        future = ref.ask(message, block=False)
        cancelled = future.cancel()
        # Answered after what was sent before: the cancellation is on its way to the other then.
        ref.is_alive()
        try:
            future.get(timeout=30)
        except actors.TaskCancelledError:
            return cancelled, "cancelled"
        return cancelled, "answered"

    def die_after(self, number):
        """Stream, then die."""
        yield from range(number)
        os.abort()


class Local(pykka.ThreadingActor):
    """An actor in a thread of whoever starts it."""

    use_daemon_thread = True


class Box:
    """What can be reached by way of an attribute."""

    pykka_traversable = True

    def __init__(self):
        self.content = "something"

    def double(self, value):
        return 2 * value


class Plain(pykka.ThreadingActor):
    """A plain Pykka actor, which keeps what it gets."""

    def __init__(self):
        super().__init__()
        self.got = []
        self.number = 5
        self.box = Box()
        self.doubled = functools.partial(pow, 2)

    def on_receive(self, message):
        self.got.append(message)
        if isinstance(message, Exception):
            raise message
        return message

    def lock(self):
        return threading.Lock()

    def ask(self, ref, message):
        return ref.ask(message, block=False)

    def stream_of(self, ref, method, *args):
        return getattr(ref.proxy(), method)(*args).get()

    def refuse(self):
        raise LookupError("as told")


class Lingering(Caller):
    """Does not come to its end."""

    def on_stop(self):
        threading.Event().wait()


class CallerLoop(Caller):
    """Lives in an event loop."""

    concurrent = True

    async def count_later(self, number):
        for each in range(number):
            yield each


class Boxed(Caller):
    """A runner whose constructor makes attributes."""

    def __init__(self):
        super().__init__()
        self.number = 5
        self.box = Box()


class OnlyThere:
    """Can be pickled, and unpickled in a runner only."""

    def __reduce__(self):
        return only_there, (os.getpid(),)


def only_there(pid):
    """Refuse to be called in any process but one."""
    if os.getpid() != pid:
        raise LookupError("not for you")
    return OnlyThere()


def write_line(path, text):
    """Write to a named pipe that somebody reads."""
    with Path(path).open("w") as file:
        file.write(text)
