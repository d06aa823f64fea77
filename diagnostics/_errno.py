"""Error numbers of Linux, macOS and Winsock; the supervisor's own table would decode another."""

import errno
import os
import sys
from typing import Final

# The numbers on which the two systems differ or that a socket can give; the first
# 34 are common to both. Sources: asm-generic/errno.h and sys/errno.h of XNU.
_COMMON: Final = {
    1: ("EPERM", "Operation not permitted"),
    2: ("ENOENT", "No such file or directory"),
    4: ("EINTR", "Interrupted system call"),
    5: ("EIO", "Input/output error"),
    8: ("ENOEXEC", "Exec format error"),
    9: ("EBADF", "Bad file descriptor"),
    12: ("ENOMEM", "Cannot allocate memory"),
    13: ("EACCES", "Permission denied"),
    14: ("EFAULT", "Bad address"),
    16: ("EBUSY", "Device or resource busy"),
    17: ("EEXIST", "File exists"),
    19: ("ENODEV", "No such device"),
    20: ("ENOTDIR", "Not a directory"),
    21: ("EISDIR", "Is a directory"),
    22: ("EINVAL", "Invalid argument"),
    23: ("ENFILE", "Too many open files in system"),
    24: ("EMFILE", "Too many open files"),
    27: ("EFBIG", "File too large"),
    28: ("ENOSPC", "No space left on device"),
    30: ("EROFS", "Read-only file system"),
    32: ("EPIPE", "Broken pipe"),
}

_LINUX: Final = _COMMON | {
    11: ("EAGAIN", "Resource temporarily unavailable"),
    35: ("EDEADLK", "Resource deadlock avoided"),
    71: ("EPROTO", "Protocol error"),
    88: ("ENOTSOCK", "Socket operation on non-socket"),
    90: ("EMSGSIZE", "Message too long"),
    97: ("EAFNOSUPPORT", "Address family not supported by protocol"),
    98: ("EADDRINUSE", "Address already in use"),
    99: ("EADDRNOTAVAIL", "Cannot assign requested address"),
    100: ("ENETDOWN", "Network is down"),
    101: ("ENETUNREACH", "Network is unreachable"),
    102: ("ENETRESET", "Network dropped connection on reset"),
    103: ("ECONNABORTED", "Software caused connection abort"),
    104: ("ECONNRESET", "Connection reset by peer"),
    105: ("ENOBUFS", "No buffer space available"),
    106: ("EISCONN", "Transport endpoint is already connected"),
    107: ("ENOTCONN", "Transport endpoint is not connected"),
    108: ("ESHUTDOWN", "Cannot send after transport endpoint shutdown"),
    110: ("ETIMEDOUT", "Connection timed out"),
    111: ("ECONNREFUSED", "Connection refused"),
    112: ("EHOSTDOWN", "Host is down"),
    113: ("EHOSTUNREACH", "No route to host"),
    114: ("EALREADY", "Operation already in progress"),
    115: ("EINPROGRESS", "Operation now in progress"),
    122: ("EDQUOT", "Disk quota exceeded"),
}

_DARWIN: Final = _COMMON | {
    11: ("EDEADLK", "Resource deadlock avoided"),
    35: ("EAGAIN", "Resource temporarily unavailable"),
    36: ("EINPROGRESS", "Operation now in progress"),
    37: ("EALREADY", "Operation already in progress"),
    38: ("ENOTSOCK", "Socket operation on non-socket"),
    40: ("EMSGSIZE", "Message too long"),
    47: ("EAFNOSUPPORT", "Address family not supported by protocol family"),
    48: ("EADDRINUSE", "Address already in use"),
    49: ("EADDRNOTAVAIL", "Can't assign requested address"),
    50: ("ENETDOWN", "Network is down"),
    51: ("ENETUNREACH", "Network is unreachable"),
    52: ("ENETRESET", "Network dropped connection on reset"),
    53: ("ECONNABORTED", "Software caused connection abort"),
    54: ("ECONNRESET", "Connection reset by peer"),
    55: ("ENOBUFS", "No buffer space available"),
    56: ("EISCONN", "Socket is already connected"),
    57: ("ENOTCONN", "Socket is not connected"),
    58: ("ESHUTDOWN", "Can't send after socket shutdown"),
    60: ("ETIMEDOUT", "Operation timed out"),
    61: ("ECONNREFUSED", "Connection refused"),
    64: ("EHOSTDOWN", "Host is down"),
    65: ("EHOSTUNREACH", "No route to host"),
    69: ("EDQUOT", "Disk quota exceeded"),
    100: ("EPROTO", "Protocol error"),
}

# Sockets of Windows; their numbers mean nothing elsewhere.
_WINSOCK: Final = {
    10013: ("EACCES", "Permission denied"),
    10024: ("EMFILE", "Too many open files"),
    10048: ("EADDRINUSE", "Address already in use"),
    10049: ("EADDRNOTAVAIL", "Cannot assign requested address"),
    10051: ("ENETUNREACH", "Network is unreachable"),
    10053: ("ECONNABORTED", "Software caused connection abort"),
    10054: ("ECONNRESET", "Connection reset by peer"),
    10055: ("ENOBUFS", "No buffer space available"),
    10060: ("ETIMEDOUT", "Connection timed out"),
    10061: ("ECONNREFUSED", "Connection refused"),
    10065: ("EHOSTUNREACH", "No route to host"),
}

_TABLES: Final = {"linux": _LINUX, "darwin": _DARWIN, "win32": _WINSOCK}


def describe(number: int, platform: str) -> tuple[str | None, str | None, str]:
    """
    Decode an error number of a socket call.

    A number that means nothing to a socket on the given platform, but does on the
    other one, was printed there: logs are read on other machines than they come from.

    Args:
        number: The error number as printed.
        platform: The `sys.platform` of the process that printed it.

    Returns:
        The symbolic name, the description, and the platform by which they were decoded.
    """
    own = _TABLES.get(platform)
    if own is not None and number in own:
        return *own[number], platform
    for name, table in _TABLES.items():
        if name != platform and number in table:
            return *table[number], name
    if platform == sys.platform and number in errno.errorcode:
        return errno.errorcode[number], os.strerror(number), platform
    return None, None, platform
