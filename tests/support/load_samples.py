"""Sample files of every format that `load` knows: `tests/loaders/samples/FORMAT[.MORE].ENDING`.

FORMAT is the name of the format in small letters, with a hyphen for all that is no letter or digit.
To add a format, put a file there: the tests of all samples, the property and the fuzzer take it.
"""

from __future__ import annotations

import re
from pathlib import Path

from optical_memory.loaders.formats import JSON_FORMATS, TEXT_FORMATS

__all__ = [
    "FORMAT_NAMES",
    "SAMPLES",
    "format_of_sample",
]

FOLDER = Path(__file__).parents[1] / "loaders" / "samples"
SAMPLES = sorted(path for path in FOLDER.iterdir() if path.is_file())

FORMAT_NAMES = [file_format.name for file_format in (*JSON_FORMATS, *TEXT_FORMATS)]
_BY_SLUG = {re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"): name for name in FORMAT_NAMES}


def format_of_sample(path: Path) -> str:
    """The format that the sample is named after."""
    return _BY_SLUG[path.name.split(".")[0]]
