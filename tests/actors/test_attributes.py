"""What proxies can see of a runner is found without believing anything of what it has."""

import pykka

from actors._attributes import AttributeWatch, describe


class Absent:
    """Stands for an object that is not there now, as the proxies of web frameworks do."""

    def __getattr__(self, name):
        """Refuse, and not with an AttributeError."""
        raise RuntimeError(f"no {name} outside of a request")

    @property
    def __class__(self):
        """Refuse to tell what it stands for."""
        raise RuntimeError("no class outside of a request")

    def __eq__(self, other):
        """Refuse to be compared."""
        raise RuntimeError("not outside of a request")

    __hash__ = None


class Own(pykka.ThreadingActor):
    """Has one of its own."""

    def __init__(self):
        super().__init__()
        self.request = Absent()


def test_object_that_refuses_every_question_is_a_value():
    """Asking it must not end the runner that has it."""
    actor = Own()
    assert describe(actor).values == ("request",)
    watch = AttributeWatch(actor)
    assert watch.changed() is not None
    assert watch.changed() is None
