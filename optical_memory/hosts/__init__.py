"""Hosts: for each model that looks at pictures, the price, the limits, and how well it reads.

Data with dates and sources. A model that nobody measured gets text.
"""

from __future__ import annotations

from optical_memory.hosts.choose import find_host, host_named
from optical_memory.hosts.profile import Density, HostProfile, Limits, SheetSize
from optical_memory.hosts.published import HOSTS
from optical_memory.hosts.receipts import Receipt, read_receipts, write_receipts
from optical_memory.hosts.refusals import accept_images, image_refusal, refuse_images

__all__ = [
    "HOSTS",
    "Density",
    "HostProfile",
    "Limits",
    "Receipt",
    "SheetSize",
    "accept_images",
    "find_host",
    "host_named",
    "image_refusal",
    "read_receipts",
    "refuse_images",
    "write_receipts",
]
