"""A runner that works with arrays. Apart, because most processes do well without NumPy."""

import numpy as np
from hopping import Caller


class Arrays(Caller):
    """Makes arrays and sends them on."""

    def array(self, size):
        return np.arange(size, dtype=np.uint8)

    def total(self, array):
        return int(array.sum(dtype=np.uint64))

    def send_array(self, ref, size):
        """Send an array, and return whether the answer is the same one."""
        array = self.array(size)
        return bool(np.array_equal(ref.ask(array), array))
