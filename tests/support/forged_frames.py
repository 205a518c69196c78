"""The lines that a frame really has, whatever its texts say."""

from __future__ import annotations


def frame_lines(answer: str) -> list[str]:
    """The lines at the left edge of the frame between its legend and its end."""
    tag = answer.split(">", 1)[0].removeprefix("<")
    lines = answer.splitlines()
    assert lines[0] == f"<{tag}>"
    assert lines[-1] == f"</{tag}>"
    return [line for line in lines[2:-1] if not line.startswith(" ")]
