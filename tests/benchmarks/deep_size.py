"""How much memory an object has to itself."""

import gc
import sys
import types

_SHARED = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType)


def deep_size(thing, shared=()):
    """
    Return the bytes of everything that can be reached from an object.

    Args:
        thing: The object.
        shared: What is not to be counted, with everything that is reached through it.
    """
    seen = {id(each) for each in shared}
    total = 0
    waiting = [thing]
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, _SHARED):
            continue
        seen.add(id(each))
        total += sys.getsizeof(each)
        waiting.extend(gc.get_referents(each))
    return total
