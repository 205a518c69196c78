"""The tree of errors drawn in the module is the tree of its classes."""

from __future__ import annotations

import inspect
import re

from optical_memory import errors

ROOT = errors.OpticalMemoryError
CLASSES = {
    name: value
    for name, value in vars(errors).items()
    if inspect.isclass(value) and issubclass(value, Exception)
}


def drawn_parents() -> dict[str, str]:
    """Each class in the tree of the docstring, with the class that it stands under."""
    parents = {}
    ancestors: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"([│├└─ ]*)(\w+)(?:\((\w+)\))?(?: {2,}|$)", line)
        if match and match[2] in CLASSES:
            del ancestors[len(match[1]) // 4 :]
            parents[match[2]] = match[3] or (ancestors or ["Exception"])[-1]
            ancestors.append(match[2])
    return parents


def test_the_tree_has_every_error_under_its_class():
    assert drawn_parents() == {name: value.__bases__[0].__name__ for name, value in CLASSES.items()}


def test_every_error_is_public():
    assert set(CLASSES) <= set(errors.__all__)


def test_the_root_catches_every_error_but_forgotten():
    outside = [name for name, value in CLASSES.items() if not issubclass(value, ROOT)]
    assert outside == ["Forgotten"]
