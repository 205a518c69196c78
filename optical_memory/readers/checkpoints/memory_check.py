"""Whether a half of a model fits into the memory of a device, checked before anything loads."""

from __future__ import annotations

import psutil
import torch

from optical_memory.errors import NotEnoughMemory
from optical_memory.readers.checkpoints.devices import Device, Half

__all__ = [
    "free_bytes",
    "require_memory",
]

GIB = 2**30
SPARE = 1.08
"""Room beyond the weights while they load: the largest tensor is there twice, and the decoder
needs keys and values.
"""


def free_bytes(device: str) -> int:
    """Free memory of a device by its name, in bytes, with the part that torch keeps for itself."""
    if device.startswith("cuda"):
        n_kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + n_kept
    return int(psutil.virtual_memory().available)


def require_memory(model: str, half: Half, n_parameters: int, device: Device) -> None:
    """Check that `n_parameters` of a half of `model` fit on the device.

    Raises `NotEnoughMemory`, with the needed and the free memory, if they do not.
    """
    n_bytes = int(n_parameters * device.dtype.itemsize * SPARE)
    n_free = free_bytes(device.name)
    if n_bytes > n_free:
        raise NotEnoughMemory(
            f"the {half} of {model} needs {n_bytes / GIB:.1f} GiB in {device.dtype_name} on "
            f"{device.name}, {n_free / GIB:.1f} GiB are free; free some, choose dtype='bfloat16', "
            "or read through a server (vllm+http://…)"
        )
