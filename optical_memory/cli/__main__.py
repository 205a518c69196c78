"""`python -m optical_memory.cli`: the same as the script `optical-memory`."""

from __future__ import annotations

from optical_memory.cli import main

if __name__ == "__main__":
    main()
