"""What users declare, checked when it is made."""

import enum
import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, cast, get_origin

import attrs
import pykka

from actors.errors import DuplicateIdError, SpecError

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    # The default makes a bare `RunnerSpec` complete; `typing` has it from Python 3.13 on.
    R_co = TypeVar("R_co", bound=pykka.Actor, covariant=True, default=Any)
else:
    from typing import TypeVar

    R_co = TypeVar("R_co", bound=pykka.Actor, covariant=True)

DEFAULT_MAX_FRAME: Final = (1 << 30) + (1 << 20)
"""Bytes: an array of 1 GiB, and what is around it."""
MOST_MAX_FRAME: Final = (1 << 32) - 1
"""Bytes. A frame says its lengths in 32 bits (see `actors._framing`)."""


class Restart(enum.StrEnum):
    """When a runner that has ended is started again (OTP's restart values)."""

    PERMANENT = "permanent"
    """Always."""

    TRANSIENT = "transient"
    """Only after a failure, not after it has stopped or exited with status 0."""

    TEMPORARY = "temporary"
    """Never."""


class Strategy(enum.StrEnum):
    """Who is started again when one member of a group has ended (OTP's strategies)."""

    ONE_FOR_ONE = "one_for_one"
    """Only the one that ended."""

    ONE_FOR_ALL = "one_for_all"
    """The whole group: the others are stopped first."""

    REST_FOR_ONE = "rest_for_one"
    """The one that ended and those declared after it."""


def _fail(spec: Any, field: str, problem: str) -> SpecError:
    name = type(spec).__name__
    return SpecError(f"{name}({getattr(spec, 'id', '')!r})", field, problem)


def _identifier(spec: Any, attribute: "attrs.Attribute[str]", value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise _fail(spec, attribute.name, f"must be a non-empty string, not {value!r}")


def _seconds(spec: Any, attribute: "attrs.Attribute[float]", value: Any) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < 0:
        raise _fail(spec, attribute.name, f"must be a finite number of seconds >= 0, not {value!r}")


def _optional_seconds(spec: Any, attribute: "attrs.Attribute[float | None]", value: Any) -> None:
    if value is None:
        return
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value <= 0:
        raise _fail(spec, attribute.name, f"must be None or seconds > 0, not {value!r}")


def _positive(spec: Any, attribute: "attrs.Attribute[int]", value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _fail(spec, attribute.name, f"must be an integer >= 1, not {value!r}")


def _frame_size(spec: Any, attribute: "attrs.Attribute[int]", value: Any) -> None:
    _positive(spec, attribute, value)
    if value > MOST_MAX_FRAME:
        raise _fail(spec, attribute.name, f"must be at most {MOST_MAX_FRAME} bytes, not {value}")


def _runner_class(spec: Any, attribute: "attrs.Attribute[type]", value: Any) -> None:
    if not (isinstance(value, type) and issubclass(value, pykka.Actor)):
        raise _fail(spec, attribute.name, f"must be a subclass of actors.Runner, not {value!r}")


def _as_class(value: "type[R_co]") -> "type[R_co]":
    """Return the class of `Chat[int]`, which an instance does not know either."""
    return get_origin(value) or value


# What is of the wrong type is left to the validators, which know whose field it is; the
# annotations below are those of the constructors.
def _as_tuple(value: Iterable[Any]) -> tuple[Any, ...]:
    is_text = isinstance(value, str | bytes | bytearray)
    return tuple(value) if isinstance(value, Iterable) and not is_text else cast("Any", value)


def _as_members(value: "Iterable[RunnerSpec]") -> "tuple[RunnerSpec, ...]":
    return _as_tuple(value)


def _as_keywords(value: Mapping[str, Any]) -> Mapping[str, Any]:
    given: Any = value
    return dict(given) if isinstance(given, Mapping) else given


def _as_environment(value: Mapping[str, str]) -> Mapping[str, str]:
    return _as_keywords(value)


def _arguments(spec: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
    if not isinstance(value, tuple):
        raise _fail(spec, attribute.name, f"must be a tuple, such as ({value!r},), not {value!r}")


def _keywords(spec: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise _fail(spec, attribute.name, f"must map names to values, not {value!r}")


def _environment(
    spec: Any, attribute: "attrs.Attribute[Mapping[str, str]]", value: Mapping[Any, Any]
) -> None:
    if not isinstance(value, dict):
        raise _fail(spec, attribute.name, f"must map str to str, not {value!r}")
    for name, text in value.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise _fail(spec, attribute.name, f"must map str to str, not {name!r} to {text!r}")
        if not name or "=" in name or "\0" in name + text:
            raise _fail(spec, attribute.name, f"{name!r} is no name for an environment variable")


def _instance(spec: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
    kind = attribute.type or object
    if not isinstance(value, kind):
        raise _fail(spec, attribute.name, f"must be of type {kind.__name__}, not {value!r}")


def _enum_member(spec: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
    if not isinstance(value, attribute.type or object):
        names = ", ".join(str(member) for member in attribute.type)  # type: ignore[union-attr]
        raise _fail(spec, attribute.name, f"must be one of {names}, not {value!r}")


@attrs.frozen(kw_only=True)
class Intensity:
    """
    How many restarts are too many (OTP's restart intensity).

    Attributes:
        max_restarts: Restarts allowed within the window; 0 allows none.
        max_seconds: Length of the sliding window in seconds.
    """

    max_restarts: int = 3
    max_seconds: float = attrs.field(default=5.0, validator=_seconds)

    def __attrs_post_init__(self) -> None:
        value = self.max_restarts
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise SpecError("Intensity", "max_restarts", f"must be an integer >= 0, not {value!r}")


@attrs.frozen(kw_only=True)
class Backoff:
    """
    How long to wait before a restart.

    Attributes:
        initial: Seconds before the first restart in a window.
        factor: By how much each further delay grows.
        maximum: The longest delay in seconds.
    """

    initial: float = attrs.field(default=0.0, validator=_seconds)
    factor: float = attrs.field(default=2.0, validator=_seconds)
    maximum: float = attrs.field(default=10.0, validator=_seconds)

    def delay(self, restarts: int) -> float:
        """
        Return the seconds to wait before a restart.

        Args:
            restarts: How many there were before it, within the window.
        """
        if self.initial == 0:
            return 0.0
        try:
            grown = self.initial * self.factor**restarts
        except OverflowError:
            return self.maximum
        return min(grown, self.maximum)


@attrs.frozen
class RunnerSpec(Generic[R_co]):
    """
    One runner, declared.

    To a type checker it is generic over the runner's class, so that whoever starts a
    `RunnerSpec[Chat]` gets a `pykka.ActorRef[Chat]`.

    Attributes:
        id: Unique name within a supervisor.
        runner_class: Subclass of `actors.Runner`. One that a new process cannot find by name, as
            it was defined in a function, a notebook or at a prompt, is sent by value.
        args: Positional arguments of its constructor; they must be picklable, as messages must.
        kwargs: Keyword arguments of its constructor, of which the same holds.
        environment: Variables added to the process's environment.
        restart: When the runner is started again. Defaults to `TRANSIENT`.
        intensity: How many restarts are too many. Defaults to 3 in 5 seconds.
        backoff: How long to wait before a restart. Defaults to not at all.
        start_timeout: Seconds until `__init__` and `on_start` must have returned.
        stop_timeout: Seconds between the request to stop and SIGTERM. Messages that came
            before the request are handled in this time, so a slow runner must say so here.
            A runner that stopped itself, or raised, has as much time for its last hook and for
            its process to end.
        terminate_timeout: Seconds between SIGTERM and SIGKILL.
        kill_timeout: Seconds after SIGKILL until the process is given up as unkillable.
        progress_timeout: Seconds without a sign of progress (a chunk, an answer, a status)
            after which a runner with a task in flight counts as hung. `None`: never.
        task_timeout: Seconds that a task may take from when it is sent to the runner, its wait in
            the inbox included. Then its asker gets a `TaskTimedOutError` with the runner's
            stacks, and the runner is told as by a cancellation. `None`: no limit.
        restart_on_task_timeout: Whether the runner is ended instead, as a failure, and started
            again as `restart` says.
        cancel_grace: Seconds after a task's cancellation in which the runner must have ended
            it, or it is ended, as a failure. `None`: it may take its time.
        fatal_grace: Seconds that a runner which printed a fatal line has to end by itself.
        max_frame: Bytes of the largest message either way, pickled: 1 GiB and 1 MiB, so that an
            array of 1 GiB goes; less than 4 GiB. As many, or 64 MiB if that is more, may also
            wait for a runner that does not read; further messages raise `RunnerUnavailableError`.
        max_waiting: Messages that may wait for a runner that is down.
    """

    id: str = attrs.field(validator=_identifier)
    runner_class: type[R_co] = attrs.field(converter=_as_class, validator=_runner_class)
    args: tuple[Any, ...] = attrs.field(default=(), converter=_as_tuple, validator=_arguments)
    kwargs: Mapping[str, Any] = attrs.field(
        factory=dict, converter=_as_keywords, validator=_keywords
    )
    environment: Mapping[str, str] = attrs.field(
        factory=dict, converter=_as_environment, validator=_environment, kw_only=True
    )
    restart: Restart = attrs.field(default=Restart.TRANSIENT, validator=_enum_member, kw_only=True)
    intensity: Intensity = attrs.field(factory=Intensity, validator=_instance, kw_only=True)
    backoff: Backoff = attrs.field(factory=Backoff, validator=_instance, kw_only=True)
    start_timeout: float = attrs.field(default=60.0, validator=_seconds, kw_only=True)
    stop_timeout: float = attrs.field(default=5.0, validator=_seconds, kw_only=True)
    terminate_timeout: float = attrs.field(default=3.0, validator=_seconds, kw_only=True)
    kill_timeout: float = attrs.field(default=5.0, validator=_seconds, kw_only=True)
    progress_timeout: float | None = attrs.field(
        default=None, validator=_optional_seconds, kw_only=True
    )
    task_timeout: float | None = attrs.field(
        default=None, validator=_optional_seconds, kw_only=True
    )
    restart_on_task_timeout: bool = attrs.field(default=False, validator=_instance, kw_only=True)
    cancel_grace: float | None = attrs.field(
        default=None, validator=_optional_seconds, kw_only=True
    )
    fatal_grace: float = attrs.field(default=5.0, validator=_seconds, kw_only=True)
    max_frame: int = attrs.field(default=DEFAULT_MAX_FRAME, validator=_frame_size, kw_only=True)
    max_waiting: int = attrs.field(default=10_000, validator=_positive, kw_only=True)


class GroupEnvironment(Protocol):
    """
    What the members of a group find in their environment, made anew for each incarnation.

    A ring's host file, for example, names ports that must be free at every start.
    """

    @abstractmethod
    def open(self, incarnation: int, members: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """
        Prepare one incarnation.

        Args:
            incarnation: Number of the incarnation, counted from 1.
            members: The members' ids in rank order.

        Returns:
            The variables of each member, by id.
        """

    def close(self) -> None:
        """Give back what the last `open` took. Called before the next one and at the end."""


def _members(spec: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
    if not isinstance(value, tuple):
        raise _fail(spec, attribute.name, f"must be a sequence of RunnerSpecs, not {value!r}")
    if not value:
        raise _fail(spec, attribute.name, "a group needs at least one member")
    seen = {spec.id}
    for member in value:
        if not isinstance(member, RunnerSpec):
            raise _fail(spec, attribute.name, f"must be RunnerSpecs, not {member!r}")
        if member.id in seen:
            raise DuplicateIdError(
                f"GroupSpec({spec.id!r})", attribute.name, f"id {member.id!r} is given twice"
            )
        seen.add(member.id)


@attrs.frozen
class GroupSpec:
    """
    Runners that live and die together, declared.

    Attributes:
        id: Unique name within a supervisor, among runners and groups.
        members: The runners in start order, which is rank order. Their own restart values
            count; their own intensity and backoff do not.
        strategy: Who is started again when one has ended. Defaults to `ONE_FOR_ALL`.
        intensity: How many restarts of the group are too many.
        backoff: How long to wait before a restart.
        settle: Seconds given to the others to end of themselves after the first failure.
            Until then nothing is published, so that root cause and after-effects are told
            apart on the evidence of all.
        environment: Makes the members' environment for each incarnation.
    """

    id: str = attrs.field(validator=_identifier)
    members: tuple[RunnerSpec, ...] = attrs.field(converter=_as_members, validator=_members)
    strategy: Strategy = attrs.field(
        default=Strategy.ONE_FOR_ALL, validator=_enum_member, kw_only=True
    )
    intensity: Intensity = attrs.field(factory=Intensity, validator=_instance, kw_only=True)
    backoff: Backoff = attrs.field(factory=Backoff, validator=_instance, kw_only=True)
    settle: float = attrs.field(default=1.0, validator=_seconds, kw_only=True)
    environment: GroupEnvironment | None = attrs.field(default=None, kw_only=True)
