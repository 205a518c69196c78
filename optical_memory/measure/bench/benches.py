"""All benches by name: `optical-memory bench`.

Rates are medians of a few runs after a first run that does not count, by the clock. Times in
"ms of CPU" are those of the process on a single core, so that other work of the machine counts
little. The package and the baseline run in turn on the same input. If `ratio` is above 1, the
package is better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from optical_memory.measure.bench.chat import bench_chat
from optical_memory.measure.bench.encryption import bench_encryption
from optical_memory.measure.bench.finding import bench_find
from optical_memory.measure.bench.loading import bench_load
from optical_memory.measure.bench.long_session import bench_long_session
from optical_memory.measure.bench.passages import bench_passages
from optical_memory.measure.bench.pictures import (
    bench_codec,
    bench_decode,
    bench_draw,
    bench_encode,
    bench_read,
)
from optical_memory.measure.bench.planning import bench_plan
from optical_memory.measure.bench.setup import BenchInputs, BenchRow
from optical_memory.measure.bench.short_session import (
    bench_context,
    bench_recall,
    bench_remember,
)

__all__ = [
    "BENCHES",
    "BenchName",
]

BenchName = Literal[
    "draw",
    "encode",
    "decode",
    "read",
    "codec",
    "remember",
    "recall",
    "context",
    "passages",
    "find",
    "long-session",
    "chat",
    "plan",
    "load",
    "encryption",
]

BENCHES: Mapping[BenchName, Callable[[BenchInputs], Iterator[BenchRow]]] = {
    "draw": bench_draw,
    "encode": bench_encode,
    "decode": bench_decode,
    "read": bench_read,
    "codec": bench_codec,
    "remember": bench_remember,
    "recall": bench_recall,
    "context": bench_context,
    "passages": bench_passages,
    "find": bench_find,
    "long-session": bench_long_session,
    "chat": bench_chat,
    "plan": bench_plan,
    "load": bench_load,
    "encryption": bench_encryption,
}
"""Every bench by the name that `--only` takes; each gives its rows."""
