"""What vLLM says when the GPU's memory does not suffice for its plan."""

from typing import Final

from diagnostics.catalog._building import finds
from diagnostics.catalog.cuda import CudaOutOfMemory
from diagnostics.signatures import Signature

SIGNATURES: Final = (
    Signature(
        name="vllm-no-cache-blocks",
        pattern=r"(?P<detail>No available memory for the cache blocks"
        r"|larger than the (?:maximum number of tokens that can be stored in KV cache"
        r"|available KV cache memory)"
        r"|Free memory on device .{0,60}on startup is less than desired GPU memory utilization"
        r"|To serve at least one request with the model.s max seq len)",
        build=finds(CudaOutOfMemory),
        literals=(
            "memory for the cache blocks",
            "can be stored in KV cache",
            "available KV cache memory",
            "desired GPU memory utilization",
            "To serve at least one request with",
        ),
    ),
)
