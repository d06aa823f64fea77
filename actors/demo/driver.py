"""The demonstration itself: start a ring, ask it, lose a member, ask again."""

from collections import deque
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final, final

import attrs
import pykka

from actors.demo.config import DEMO_MODEL, ModelConfig
from actors.demo.faults import Fault
from actors.demo.messages import Generate, Train
from actors.demo.reporter import Reporter
from actors.demo.runners import RingMember, Trainer
from actors.demo.tokenizer import Tokenizer, read_corpus
from actors.demo.watch import Watch
from actors.demo.weights import is_whole, weights_path
from actors.errors import RunnerFailedError, StartFailed
from actors.messages import RunnerFailed
from actors.mlx_ring import ring_group
from actors.specs import RunnerSpec
from actors.supervisor_proxy import supervise

_GROUP: Final = "ring"

_ATTEMPTS: Final = 3
"""The one that is broken, the one that goes well, and one for bad luck (a port is taken)."""

_READY_TIMEOUT: Final = 60.0

_HANG_TIMEOUT: Final = 4.0
"""Seconds without a token after which a rank hangs. On a slow machine one takes 50 ms."""


@attrs.frozen(kw_only=True)
class DemoOptions:
    """
    What shall be shown.

    Attributes:
        runners: How many ranks the ring has.
        fault: What shall happen to one of them.
        rank: To which.
        tokens: How many tokens to generate.
        prompt: The text to go on from.
        cache: The folder for the weights.
        model: What the language model looks like.
    """

    runners: int
    fault: Fault
    rank: int
    tokens: int
    prompt: str
    cache: Path
    model: ModelConfig = DEMO_MODEL


@final
class Demo:
    """
    One run of the demonstration.

    Args:
        options: What shall be shown.
        reporter: Whom to show it to.

    Raises:
        ValueError: If the prompt is empty, or has a character that the model does not know.
    """

    def __init__(self, options: DemoOptions, reporter: Reporter) -> None:
        self._options = options
        self._reporter = reporter
        text = read_corpus()
        self._prompt = tuple(Tokenizer.from_text(text).encode(options.prompt))
        if not self._prompt:
            raise ValueError("the prompt is empty")
        self._weights = weights_path(options.cache, options.model, text)

    def run(self) -> bool:
        """
        Run it, from the start of the supervisor to its end.

        Returns:
            Whether the text was completed, after the failure if there was to be one.
        """
        try:
            with supervise() as supervisor:
                supervisor.subscribe(self._reporter.event).get()
                self._provide_weights(supervisor)
                return self._generate(supervisor)
        except StartFailed as error:
            # The failure itself was published, and so was shown.
            self._reporter.note(f"could not start: {error}")
            return False
        finally:
            self._reporter.close()

    def _provide_weights(self, supervisor: Any) -> None:
        if is_whole(self._weights):
            self._reporter.note(f"weights: {self._weights}")
            return
        self._reporter.note("weights: none yet, so a model is trained (once, some seconds)")
        model = self._options.model
        trainer = supervisor.start_runner(RunnerSpec("trainer", Trainer, (model,))).get()
        for step in trainer.ask(Train(str(self._weights))):
            self._reporter.training(step)
        supervisor.stop_runner("trainer").get()

    def _generate(self, supervisor: Any) -> bool:
        options = self._options
        spec = ring_group(
            _GROUP,
            RingMember,
            options.runners,
            args=(options.model, str(self._weights)),
            runner_options={"progress_timeout": _HANG_TIMEOUT, "stop_timeout": 2.0},
        )
        ids = [member.id for member in spec.members]
        watch = Watch(ids)
        supervisor.subscribe(watch.event).get()
        self._reporter.note(f"ring: starting {options.runners} runners")
        refs = supervisor.start_group(spec).get()
        incarnation, started = 1, ""
        failures: list[RunnerFailed] = []
        for attempt in range(1, _ATTEMPTS + 1):
            if not watch.wait_until_ready(incarnation, _READY_TIMEOUT):
                self._reporter.note(f"incarnation {incarnation} of the ring did not get ready")
                return False
            text, lost = self._ask([refs[each] for each in ids], attempt)
            if not lost:
                return self._conclude(text, started, failures)
            failures += lost
            started = max(started, text, key=len)
            incarnation = 1 + max(failure.incarnation for failure in failures)
            watch.wait_for_failures(lost, _READY_TIMEOUT)
            self._reporter.note(
                f"{len(lost)} of {len(ids)} tasks were lost; waiting for the next incarnation"
            )
        self._reporter.note(f"no text after {_ATTEMPTS} attempts")
        return False

    def _ask(self, refs: list[pykka.ActorRef[Any]], attempt: int) -> tuple[str, list[RunnerFailed]]:
        """Ask every rank; return the text, and the failure of each rank that did not answer."""
        options = self._options
        futures = []
        for rank, ref in enumerate(refs):
            struck = rank == options.rank and attempt == 1
            message = Generate(
                self._prompt,
                options.tokens,
                options.fault if struck else Fault.NONE,
                fault_after=options.tokens // 3,
            )
            futures.append(ref.ask(message, block=False))
        self._reporter.piece(options.prompt)
        text = ""
        lost: list[RunnerFailed] = []
        # In step with each other: a stream that nobody takes from holds its rank up.
        streams = [_chunks(future, lost) for future in futures]
        try:
            for piece, *_ in zip(*streams, strict=False):
                self._reporter.piece(piece)
                text += piece
            for stream in streams:
                deque(stream, maxlen=0)
        finally:
            # After an interrupt, what is not cancelled holds up the end.
            for stream in streams:
                stream.close()
        self._reporter.end_of_text()
        return text, lost

    def _conclude(self, text: str, started: str, failures: list[RunnerFailed]) -> bool:
        options = self._options
        if options.fault is Fault.NONE:
            self._reporter.note(f"done: {options.tokens} tokens, nothing failed")
            return True
        if not failures:
            self._reporter.note(f"the fault {options.fault} has not brought anybody down")
            return False
        same = "the same" if text.startswith(started) else "another"
        self._reporter.note(
            f"recovered: {options.tokens} tokens, {same} text as before the failure"
        )
        return True


def _chunks(future: pykka.Future[Any], lost: list[RunnerFailed]) -> Generator[Any, None, None]:
    """Yield the chunks of an answer; if its runner fails, note the failure and end."""
    try:
        with future.get() as stream:
            yield from stream
    except RunnerFailedError as error:
        lost.append(error.failure)
