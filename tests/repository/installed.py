"""The README's Python of a user who installs the wheel with the extra `langchain`.

    python tests/repository/installed.py

runs with the Python of that environment, in a folder of its own: the package must come from the
environment and not from the checkout. `make test-install` calls it.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)

NEEDED = ("from optical_memory import OpticalMemory", "OpticalMemoryMiddleware(")
"""Blocks that have such words are run: they need the extra `langchain` and no other."""


def main() -> int:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    os.chdir(tempfile.mkdtemp())
    os.environ["XDG_DATA_HOME"] = os.getcwd()
    n_run = 0
    for code in BLOCK.findall(text):
        if any(line in code for line in NEEDED):
            exec(compile(code, "README.md", "exec"), {"__name__": "__readme__"})
            n_run += 1
    import optical_memory

    place = Path(optical_memory.__file__).resolve()
    print(f"{n_run} blocks of README ran with {place}")
    return int((place.is_relative_to(ROOT) and ".venv-install" not in place.parts) or n_run < 2)


if __name__ == "__main__":
    sys.exit(main())
