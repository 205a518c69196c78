"""Sample files of every format that `load` knows: `tests/loaders/samples/FORMAT[.MORE].ENDING`.

FORMAT is the name of the format in small letters, with a hyphen for all that is no letter or digit.
To add a format, put a file there: the tests of all samples, the property and the fuzzer take it.

Files that are of a format, but are refused with the file to take in their place, are in `refused`.
"""

from __future__ import annotations

import re
from pathlib import Path

from optical_memory.loaders.formats import JSON_FORMATS, TEXT_FORMATS

__all__ = [
    "FOLDER",
    "FORMAT_NAMES",
    "REFUSED_SAMPLES",
    "REFUSING_FORMATS",
    "SAMPLES",
    "format_of_sample",
]

FOLDER = Path(__file__).parents[1] / "loaders" / "samples"
SAMPLES = sorted(path for path in FOLDER.iterdir() if path.is_file())
REFUSED_SAMPLES = sorted((FOLDER / "refused").iterdir())

REFUSING_FORMATS = {"file beside an export's conversations", "table of unknown columns"}
"""Formats without conversations: each of their files is refused."""

FORMAT_NAMES = [file_format.name for file_format in (*JSON_FORMATS, *TEXT_FORMATS)]
_BY_SLUG = {re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"): name for name in FORMAT_NAMES}


def format_of_sample(path: Path) -> str:
    """The format that the sample is named after."""
    return _BY_SLUG[path.name.split(".")[0]]
