"""Give a computation up that never yields."""

import actors


class Searcher(actors.Runner):
    """Looks for something that may not be there."""

    def search(self, wanted: int) -> int | None:
        number = 0
        while not self.cancelled:
            if number == wanted:
                return number
            number += 1
        return None


if __name__ == "__main__":
    with actors.supervise() as supervisor:
        spec = actors.RunnerSpec("searcher", Searcher, cancel_grace=30.0)
        searcher = supervisor.start_runner(spec).get().proxy()

        hopeless = searcher.search(-1)
        print("given up:", hopeless.cancel())
        try:
            hopeless.get()
        except actors.TaskCancelledError as error:
            print(error)

        # The same process answers the next one.
        print(searcher.search(1000).get())

# Prints:
# given up: True
# the task was cancelled by its asker
# 1000
