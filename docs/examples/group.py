"""Two runners share a fate: one is killed, and both come back."""

import os
import queue
import signal

import actors


class Member(actors.Runner):
    def on_receive(self, message):
        if message == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        return f"{message} yourself"


if __name__ == "__main__":
    ring = actors.GroupSpec(
        "ring",
        [actors.RunnerSpec("left", Member), actors.RunnerSpec("right", Member)],
        strategy=actors.Strategy.ONE_FOR_ALL,
        intensity=actors.Intensity(max_restarts=3, max_seconds=60),
    )
    events = queue.SimpleQueue()
    with actors.supervise() as supervisor:
        supervisor.subscribe(events.put, actors.RunnerFailed, actors.GroupRestarting).get()
        members = supervisor.start_group(ring).get()
        members["left"].tell("die")

        failure = events.get(timeout=30)
        print(failure.runner_id, failure.reason)
        print("root cause:", failure.root_cause)

        restart = events.get(timeout=30)
        print("again:", *restart.runner_ids)
        print(members["right"].ask("hello", timeout=30))

# Prints:
# left was ended by SIGKILL (Killed), signal 9
# root cause: left
# again: left right
# hello yourself
