"""The command `doctor`: settings, versions and the reader, and what is promised with them."""

from __future__ import annotations

from optical_memory.cli.doctor.command import doctor

__all__ = ["doctor"]
