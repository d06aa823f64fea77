"""The causes that are known out of the box, by family."""

from typing import TypeAlias

from diagnostics.catalog import cpp, host, metal, native, python, ring
from diagnostics.catalog.cpp import AbortNoActiveException, AbortUncaughtCppException
from diagnostics.catalog.host import OutOfMemoryHost
from diagnostics.catalog.metal import (
    MetalCommandBufferError,
    MetalGpuHang,
    MetalGpuTimeout,
    MetalImpactingInteractivity,
    MetalInnocentVictim,
    MetalOutOfMemory,
    MetalPageFault,
    MetalSubmissionsIgnored,
)
from diagnostics.catalog.native import (
    Abort,
    BusError,
    FloatingPointException,
    IllegalInstruction,
    PythonFatalInit,
    Segfault,
    StackOverflow,
    ThreadStacks,
)
from diagnostics.catalog.python import PythonException
from diagnostics.catalog.ring import (
    RingBadAddress,
    RingBadConfig,
    RingBindFailed,
    RingConnectFailed,
    RingPeerClosed,
    RingSocketReceiveErrno,
    RingSocketSendErrno,
    RingTransportAbort,
)
from diagnostics.signatures import register

KnownDiagnostic: TypeAlias = (
    Abort
    | AbortNoActiveException
    | AbortUncaughtCppException
    | BusError
    | FloatingPointException
    | IllegalInstruction
    | MetalCommandBufferError
    | MetalGpuHang
    | MetalGpuTimeout
    | MetalImpactingInteractivity
    | MetalInnocentVictim
    | MetalOutOfMemory
    | MetalPageFault
    | MetalSubmissionsIgnored
    | OutOfMemoryHost
    | PythonException
    | PythonFatalInit
    | RingBadAddress
    | RingBadConfig
    | RingBindFailed
    | RingConnectFailed
    | RingPeerClosed
    | RingSocketReceiveErrno
    | RingSocketSendErrno
    | RingTransportAbort
    | Segfault
    | StackOverflow
    | ThreadStacks
)
"""Every finding that the built-in catalogue can make."""

for _family in (metal, ring, host, cpp, native, python):
    for _signature in _family.SIGNATURES:
        register(_signature)
