"""What to do about each way in which a runner can end."""

import os
from typing import NoReturn, assert_never

import actors


def retry_later(reason: actors.ExitReason) -> bool:
    match reason:
        case actors.Exited() | actors.Signaled() | actors.Raised() | actors.FatalOutput():
            return True
        case actors.LaunchFailed() | actors.StartTimedOut() | actors.Hung() | actors.Overdue():
            return True
        case actors.ProtocolViolation() | actors.StatusUnknown() | actors.Unkillable():
            return False
        case actors.Stopped():
            return False
        case _:
            assert_never(reason)


class Clumsy(actors.Runner):
    def stumble(self) -> NoReturn:
        os._exit(7)


if __name__ == "__main__":
    with actors.supervise() as supervisor:
        clumsy = supervisor.start_runner(actors.RunnerSpec("clumsy", Clumsy)).get()
        try:
            clumsy.proxy().stumble().get()
        except actors.RunnerFailedError as error:
            print(error.failure.reason)
            print("later" if retry_later(error.failure.reason) else "never again")

# Prints:
# exited with status 7 without being asked to
# later
