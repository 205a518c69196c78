"""Spans and metrics by OpenTelemetry: what they tell, what they never tell, and what they cost."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import timeit
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk", reason="needs opentelemetry-sdk")

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from support.shelf_turns import said

from optical_memory import OpticalMemory, Turn, telemetry
from optical_memory.errors import InputError
from optical_memory.stores import SQLiteStore
from optical_memory.telemetry import measuring
from optical_memory.telemetry.events import session_digest
from optical_memory.telemetry.instruments import INSTRUMENTS
from optical_memory.testing import TemplateReader

SECRET = "zorblax QX-7731"


class Ear:
    """Spans and metrics that were sent."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader])

    def listen(self, *, session_names: bool = False) -> None:
        telemetry.enable(
            session_names=session_names, tracer_provider=self.tracers, meter_provider=self.meters
        )

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def named(self, name: str) -> ReadableSpan:
        return next(span for span in self.spans if span.name == name)

    def metrics(self) -> dict[str, list[Any]]:
        """The points of each instrument that has any."""
        data = self.reader.get_metrics_data()
        points: dict[str, list[Any]] = {}
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                points |= {metric.name: list(metric.data.data_points) for metric in scope.metrics}
        return points


@pytest.fixture
def ear() -> Iterator[Ear]:
    heard = Ear()
    yield heard
    heard.tracers.shutdown()
    heard.meters.shutdown()


@pytest.fixture
def life(ear: Ear, tmp_path: Path) -> Iterator[OpticalMemory]:
    """A memory that lived through every verb while somebody listened."""
    ear.listen()
    memory = OpticalMemory(
        "al ice",
        store=f"sqlite:///{tmp_path}/m.db",
        reader=TemplateReader(),
        keep_turns=3,
        background=False,
    )
    memory.remember([Turn("user", f"The code is {SECRET}.", id="m1"), *said(30)])
    memory.sync([{"role": "user", "content": f"And {SECRET} again."}])
    memory.flush()
    memory.recall("Topic7")
    memory.context(f"code {SECRET}")
    memory.fade(capacity=10_000)
    memory.forget(turn="m1")
    with pytest.raises(InputError):
        memory.recall("x", k=0)
    yield memory
    memory._worker.stop()  # a test closes the store
    memory.store.close()


def test_every_verb_and_every_step_of_the_background_has_a_span(life: OpticalMemory, ear: Ear):
    verbs = {span.name.removeprefix("optical_memory.") for span in ear.spans}
    assert {"remember", "sync", "recall", "context", "fade", "forget"} <= verbs
    assert {"seal", "certify", "encode", "decode"} <= verbs
    assert {"commit sqlite", "version sqlite", "put_blobs sqlite"} <= verbs


def test_a_store_is_asked_inside_the_span_of_the_verb(life: OpticalMemory, ear: Ear):
    remember = ear.named("optical_memory.remember")
    commit = ear.named("commit sqlite")
    assert commit.parent is not None
    assert commit.parent.span_id == remember.context.span_id
    assert commit.attributes is not None
    assert commit.attributes["db.system.name"] == "sqlite"
    assert commit.attributes["db.operation.name"] == "commit"


def test_attributes_follow_the_conventions(life: OpticalMemory, ear: Ear):
    recall = ear.named("optical_memory.recall").attributes
    assert recall is not None
    assert recall["gen_ai.operation.name"] == "retrieval"
    assert recall["gen_ai.conversation.id"] == session_digest("al ice")
    encode = ear.named("optical_memory.encode").attributes
    assert encode is not None
    assert encode["gen_ai.request.model"] == life.reader.profile.id


def test_neither_text_nor_the_session_is_in_what_is_sent(life: OpticalMemory, ear: Ear):
    sent = "".join(span.to_json() for span in ear.spans) + str(ear.metrics())
    assert not any(word in sent for word in (SECRET, "al ice", "Topic7", "apples"))


def test_the_session_is_named_if_somebody_asks_for_it(ear: Ear, tmp_path: Path):
    ear.listen(session_names=True)
    store = f"sqlite:///{tmp_path}/m.db"
    with OpticalMemory("al ice", store=store, reader=TemplateReader()) as memory:
        memory.remember(said(1))
    attributes = ear.named("optical_memory.remember").attributes
    assert attributes is not None
    assert attributes["gen_ai.conversation.id"] == "al ice"


def test_an_error_is_told_by_its_type_alone(life: OpticalMemory, ear: Ear):
    failed = [span for span in ear.spans if span.status.status_code is StatusCode.ERROR]
    assert [(span.name, dict(span.attributes or {})["error.type"]) for span in failed] == [
        ("optical_memory.recall", "InputError")
    ]
    assert not failed[0].events
    assert failed[0].status.description is None


def test_counters_count(life: OpticalMemory, ear: Ear):
    points = ear.metrics()
    assert points["optical_memory.turns.remembered"][0].value == 32
    assert points["optical_memory.window.budget"][0].value == 8_000
    assert 0 < points["optical_memory.window.tokens"][0].value <= 8_000
    changes = {p.attributes["change"]: p.value for p in points["optical_memory.page.changes"]}
    assert changes["sealed"] == changes["certified"] == len(life.pages())
    seconds = {p.attributes["operation"]: p for p in points["optical_memory.operation.duration"]}
    assert seconds["remember"].count == 1
    calls = {p.attributes["db.operation.name"] for p in points["db.client.operation.duration"]}
    assert {"commit", "get_blobs"} <= calls


def test_gauges_tell_of_open_sessions_without_asking_the_store(life: OpticalMemory, ear: Ear):
    life.store.close()  # whoever asked it would get an error
    points = ear.metrics()
    assert sum(point.value for point in points["optical_memory.pages"]) == len(
        life._archive.latest.pages  # type: ignore[union-attr]
    )
    assert points["optical_memory.visual_tokens"][0].value > 0
    assert points["optical_memory.background.lag"][0].value == 0


def test_every_label_that_is_sent_is_in_the_table(life: OpticalMemory, ear: Ear):
    labels = {instrument.name: set(instrument.labels) for instrument in INSTRUMENTS}
    for name, points in ear.metrics().items():
        assert all(set(point.attributes) <= labels[name] for point in points), name


def test_nothing_is_sent_after_disable(life: OpticalMemory, ear: Ear):
    telemetry.disable()
    n_spans = len(ear.spans)
    life.recall("Topic3")
    assert len(ear.spans) == n_spans
    assert "optical_memory.pages" not in ear.metrics()


# ---- off by default ------------------------------------------------------------------------------

LIFE = """
import sys, json, os
os.environ["OPTICAL_MEMORY_TELEMETRY"] = "1"
from optical_memory import OpticalMemory, Turn
from optical_memory.testing import TemplateReader
memory = OpticalMemory("a", store="sqlite:///m.db", reader=TemplateReader())
memory.remember(Turn("user", "hello"))
memory.recall("hello")
memory.close()
print(json.dumps([name in sys.modules for name in ("opentelemetry", "prometheus_client")]))
"""


def test_the_variable_asks_for_it(tmp_path: Path):
    process = subprocess.run(
        [sys.executable, "-c", LIFE], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert (json.loads(process.stdout), process.stderr) == ([True, False], "")


def test_without_the_api_enable_names_the_extra_and_the_variable_does_no_harm(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
):
    monkeypatch.delitem(sys.modules, "optical_memory.telemetry.otel", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ImportError, match=r"optical-memory\[telemetry\]"):
        telemetry.enable()
    monkeypatch.setenv(telemetry.VARIABLE, "1")
    with caplog.at_level(logging.WARNING, "optical_memory"):
        store = f"sqlite:///{tmp_path}/m.db"
        with OpticalMemory("a", store=store, reader=TemplateReader()) as memory:
            memory.remember(said(1))
    assert [record.event for record in caplog.records] == ["telemetry_absent"]


# ---- cost ----------------------------------------------------------------------------------------


def seconds_each(work: Callable[[], object], n: int = 5_000) -> float:
    """Of the best of some runs, so that other work of the machine does not count."""
    return min(timeit.repeat(work, number=n, repeat=7)) / n


def test_off_it_costs_nothing_that_a_call_of_a_store_shows(tmp_path: Path):
    store = SQLiteStore(tmp_path / "m.db")
    bare = SQLiteStore.version.__wrapped__  # type: ignore[attr-defined]
    with_seam: list[float] = []
    without: list[float] = []
    for _ in range(40):  # in turn, so that other work of the machine meets both
        with_seam.append(timeit.timeit(lambda: store.version("alice"), number=200))
        without.append(timeit.timeit(lambda: bare(store, "alice"), number=200))
    store.close()
    assert min(with_seam) < 1.15 * min(without)


def test_on_without_an_sdk_it_costs_a_few_microseconds(tmp_path: Path):
    def work() -> None:
        with measuring.operation("recall", "alice"):
            pass

    off = seconds_each(work)
    telemetry.enable()
    on = seconds_each(work, 2_000)
    assert off < 2e-6
    assert on < 100e-6
