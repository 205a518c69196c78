"""Work on every session of a store: encode, certify or fade it, in one process or on Ray."""

from __future__ import annotations

from optical_memory.bulk.on_ray import ray_engine
from optical_memory.bulk.report import SessionReport
from optical_memory.bulk.sessions import Engine, bulk, in_process
from optical_memory.bulk.works import WORKS, Job, Work

__all__ = [
    "WORKS",
    "Engine",
    "Job",
    "SessionReport",
    "Work",
    "bulk",
    "in_process",
    "ray_engine",
]
