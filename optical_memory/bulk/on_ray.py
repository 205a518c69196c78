"""The engine of bulk work on Ray Data: a pool of processes that open the store and the reader once.

Ray runs the processes, on this machine or on a cluster, and replaces a process that dies. `works`
does the work of a session, `sessions` chooses the sessions that are left to do. Ray comes with the
extra `optical-memory[ray]`.
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
from optical_memory.bulk.sessions import Engine, SessionWorker
from optical_memory.bulk.works import Job
from optical_memory.errors import InputError, MissingExtra

__all__ = [
    "ray_engine",
]

BLOCKS = 4096
"""At most so many blocks: each costs Ray some milliseconds. The sessions of a block are reported
together, so that small blocks tell the progress sooner.
"""


def ray_engine(
    workers: int = 2, *, num_cpus: float = 1, num_gpus: float = 0, address: str = "local"
) -> Engine:
    """An engine of `workers` processes, each of which reserves so many CPUs and GPUs.

    `address` is Ray's. "local" starts Ray on this machine and stops it afterwards. "auto" or
    "ray://host:10001" joins a cluster, whose machines need this package, the store and the reader's
    files. If the program has started Ray already, that Ray is used. The log of the processes is in
    Ray's logs.

    Raises `InputError` for a number out of range, `MissingExtra` if Ray is not installed.
    """
    if workers < 1 or num_cpus < 0 or num_gpus < 0:
        raise InputError(
            "workers must be positive, CPUs and GPUs not negative: "
            f"{workers=}, {num_cpus=}, {num_gpus=}"
        )
    ray = _import_ray()
    options: dict[str, Any] = {"address": address}
    if address == "local":
        # Never fewer than the workers reserve, or Ray would wait for them forever.
        options["num_cpus"] = max(os.cpu_count() or 1, math.ceil(workers * num_cpus))
        options["include_dashboard"] = False

    def engine(job: Job, sessions: Sequence[str]) -> Iterator[SessionReport]:
        # JSON, which is ASCII: Arrow takes no lone surrogates.
        items = [{"session": json.dumps(name)} for name in sessions]
        with _started(ray, options), _quiet(ray):
            blocks = ray.data.from_items(items, override_num_blocks=min(len(items), BLOCKS))
            rows = blocks.map(
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
        report = self._worker.work_on(json.loads(row["session"]))
        return {"report": json.dumps(report.to_json())}


def _import_ray() -> Any:
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
    """Ray as the program has started it, or started for as long as this lasts."""
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _quiet(ray: Any) -> Iterator[None]:
    """Ray Data without progress bars, and with a log of errors only."""
    context = ray.data.DataContext.get_current()
    log = logging.getLogger("ray.data")
    old_bars = context.enable_progress_bars
    old_level = log.level
    context.enable_progress_bars = False
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        context.enable_progress_bars = old_bars
        log.setLevel(old_level)
