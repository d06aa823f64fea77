"""What a supervisor is called through, and the block it lives for."""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

import pykka

from actors._references import register_proxy
from actors.messages import RunnerFailed, RunnerInfo
from actors.specs import GroupSpec, RunnerSpec
from actors.supervisor import Supervisor
from actors.typing import ProxyMethod

if TYPE_CHECKING:
    P = ParamSpec("P")
    R = TypeVar("R", bound=pykka.Actor)
    T = TypeVar("T")

    class _StartRunner(Protocol):
        """A `ProxyMethod` that remembers of which class the runner is."""

        def __call__(self, spec: RunnerSpec[R]) -> pykka.Future[pykka.ActorRef[R]]: ...

        def defer(self, spec: RunnerSpec[Any]) -> None: ...

    def _by_proxy(method: Callable[Concatenate[Any, P], T]) -> ProxyMethod[P, T]: ...


class SupervisorProxy(pykka.ActorProxy[Supervisor]):
    """
    A `pykka.ActorProxy` of a [`Supervisor`][actors.Supervisor] that type checkers understand.

    It does what every proxy does: each method of the supervisor gives a future here, and each
    can be deferred. A future whose answer is a future itself is followed, and typed so: the
    `get()` of `start_runner(RunnerSpec("chat", Chat))` is a `pykka.ActorRef[Chat]`.

    `SupervisorProxy(actor_ref=...)` makes one of a ref that `Supervisor.start()` has given.
    """

    if TYPE_CHECKING:
        # Kept from the interpreter, which would find these before it asks the supervisor. A
        # test compares them with the supervisor's own.
        start_runner: _StartRunner

        @_by_proxy
        def start_group(self, spec: GroupSpec) -> dict[str, pykka.ActorRef[Any]]: ...

        @_by_proxy
        def stop_runner(self, runner_id: str) -> bool: ...

        @_by_proxy
        def stop_group(self, group_id: str) -> bool: ...

        @_by_proxy
        def restart_runner(self, runner_id: str) -> None: ...

        @_by_proxy
        def runners(self) -> tuple[RunnerInfo, ...]: ...

        @_by_proxy
        def subscribe(
            self, target: pykka.ActorRef[Any] | Callable[[Any], object], *types: Any
        ) -> None: ...

        @_by_proxy
        def unsubscribe(
            self, target: pykka.ActorRef[Any] | Callable[[Any], object], *types: Any
        ) -> bool: ...

        @_by_proxy
        def failures(self) -> tuple[RunnerFailed, ...]: ...

        @_by_proxy
        def stop(self) -> None: ...


register_proxy(SupervisorProxy)


@contextlib.contextmanager
def supervise(
    *, diagnosis_timeout: float = 2.0, log_folder: str | os.PathLike[str] | None = None
) -> Iterator[SupervisorProxy]:
    """
    Run a supervisor for the length of a `with` block.

    Args:
        diagnosis_timeout: As for [`Supervisor`][actors.Supervisor].
        log_folder: As for [`Supervisor`][actors.Supervisor].

    Yields:
        Its proxy. At the end every runner is stopped, all at once, whatever the block did.
    """
    ref = Supervisor.start(diagnosis_timeout=diagnosis_timeout, log_folder=log_folder)
    try:
        yield SupervisorProxy(actor_ref=ref)
    finally:
        ref.stop()
