"""The version of this package, read from its metadata."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("optical-memory")
except PackageNotFoundError:  # a checkout that is not installed
    __version__ = "0+unknown"
