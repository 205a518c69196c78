"""The versions of Python, of the libraries, and of each extra."""

from __future__ import annotations

import platform
import re
from collections import defaultdict
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final

from optical_memory.stores.health.report import Finding
from optical_memory.version import __version__

__all__ = ["version_findings"]

LIBRARIES: Final = ("torch", "transformers", "redis", "langchain-core", "pydantic", "numpy")
"""Libraries whose versions matter in a report of a fault."""

PACKAGE: Final = "optical-memory"

_REQUIREMENT = re.compile(r"(?P<name>[\w.-]++)[^;]*;.*extra == ['\"](?P<extra>[\w-]+)['\"]")


def version_findings() -> list[Finding]:
    """The versions; a library that is absent is a problem, an extra that is absent is none."""
    findings = [
        Finding("optical-memory", __version__),
        Finding("Python", f"{platform.python_version()} on {platform.system()}"),
    ]
    for name in LIBRARIES:
        installed = _version(name)
        problem = None if installed else f"{name} is absent: pip install optical-memory"
        findings.append(Finding(name, installed or "absent", problem))
    for extra, names in _extras().items():
        findings.append(Finding(f"extra {extra}", ", ".join(map(_named_version, names))))
    return findings


def _named_version(name: str) -> str:
    return f"{name} {_version(name) or 'absent'}"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _extras() -> dict[str, list[str]]:
    """The packages of each extra but `dev`; empty if the package itself is not installed."""
    try:
        requirements = requires(PACKAGE) or []
    except PackageNotFoundError:
        return {}
    extras: defaultdict[str, list[str]] = defaultdict(list)
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        if match and match["extra"] != "dev":
            extras[match["extra"]].append(match["name"])
    return dict(sorted(extras.items()))
