"""The engine of bulk work on Ray Data: a pool of processes, each with the store and the reader
opened once.

Ray runs the processes, on this machine or on a cluster, and starts one anew that died. What a
session's work is, and which sessions are left to do, `bulk` decides. Ray comes with the extra
`optical-memory[ray]`.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from optical_memory.bulk.report import SessionReport
from optical_memory.bulk.sessions import Engine, Job, SessionWorker
from optical_memory.errors import InputError, MissingExtra

__all__ = ["on_ray"]

BLOCKS = 4096
"""At most so many blocks: a block's sessions are reported together, and each block costs Ray some
milliseconds.
"""


def on_ray(
    workers: int = 2, *, num_cpus: float = 1, num_gpus: float = 0, address: str = "local"
) -> Engine:
    """An engine of `workers` processes, each of which reserves so many CPUs and GPUs.

    `address` is Ray's: "local" starts Ray on this machine and stops it afterwards, "auto" or
    "ray://host:10001" joins a cluster, whose machines need this package, the store and the reader's
    files. Where the program has started Ray already, that is used. What the processes log is in
    Ray's logs. Raises `MissingExtra` where Ray is not installed.
    """
    if workers < 1 or num_cpus < 0 or num_gpus < 0:
        raise InputError(
            f"workers must be positive, CPUs and GPUs not negative: {workers=}, {num_cpus=}, {num_gpus=}"
        )
    ray = _ray()

    def engine(job: Job, sessions: Sequence[str]) -> Iterator[SessionReport]:
        own: dict[str, Any] = {"address": address}
        if (
            address == "local"
        ):  # never fewer than the workers reserve, or Ray would wait for them forever
            own |= {
                "num_cpus": max(os.cpu_count() or 1, math.ceil(workers * num_cpus)),
                "include_dashboard": False,
            }
        with _started(ray, own):
            rows = ray.data.from_items(
                [
                    {"session": json.dumps(name)} for name in sessions
                ],  # ASCII: Arrow takes no lone surrogates
                override_num_blocks=min(len(sessions), BLOCKS),
            ).map(
                _Actor,
                fn_constructor_args=(job,),
                compute=ray.data.ActorPoolStrategy(size=workers),
                num_cpus=num_cpus,
                num_gpus=num_gpus,
            )
            for row in rows.iter_rows():
                yield SessionReport(**json.loads(row["report"]))

    return engine


class _Actor:
    """A `SessionWorker` in a process of Ray's."""

    def __init__(self, job: Job) -> None:
        self._worker = SessionWorker(job)

    def __call__(self, row: dict[str, Any]) -> dict[str, str]:
        return {"report": json.dumps(self._worker.work_on(json.loads(row["session"])).to_json())}


def _ray() -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtra(
            "bulk work on Ray needs the extra: pip install 'optical-memory[ray]'"
        ) from error
    return ray


@contextmanager
def _started(ray: Any, options: dict[str, Any]) -> Iterator[None]:
    """Ray, quietly: as the program has started it, or for as long as this lasts."""
    own = not ray.is_initialized()
    if own:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
    context, log = ray.data.DataContext.get_current(), logging.getLogger("ray.data")
    before = context.enable_progress_bars, log.level
    context.enable_progress_bars = False
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        context.enable_progress_bars = before[0]
        log.setLevel(before[1])
        if own:
            ray.shutdown()
