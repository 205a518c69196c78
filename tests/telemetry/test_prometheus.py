"""Metrics for Prometheus: its own parser reads them, and no label can have many values."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("prometheus_client", reason="needs prometheus-client")

from prometheus_client.parser import text_string_to_metric_families
from support.shelf_turns import said

from optical_memory import OpticalMemory
from optical_memory.errors import StoreError
from optical_memory.stores import SQLiteStore
from optical_memory.telemetry import measuring
from optical_memory.telemetry.instruments import INSTRUMENTS
from optical_memory.telemetry.prometheus import Prometheus, prometheus_name
from optical_memory.testing import TemplateReader

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(metrics: Prometheus) -> Samples:
    """Each value by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def value(metrics: Prometheus, name: str, **labels: str) -> float:
    return samples(metrics)[f"optical_memory_{name}", frozenset(labels.items())]


@pytest.fixture
def metrics() -> Prometheus:
    """Metrics of everything from now on."""
    listening = Prometheus()
    measuring.put_sink(listening)
    return listening


def test_a_life_is_counted(metrics: Prometheus, tmp_path: Path):
    store = f"sqlite:///{tmp_path}/m.db"
    with OpticalMemory("alice", store=store, reader=TemplateReader(), keep_turns=3) as memory:
        memory.remember(said(30))
        memory.flush()
        n_passages = len(memory.recall("Topic7"))
        memory.context("Topic8", budget=500)
        assert value(metrics, "turns_remembered_total") == 30
        assert value(metrics, "recalls_total", complete="true") == 1
        assert value(metrics, "passages_total", operation="recall") == n_passages
        assert value(metrics, "spans_total", status="verified") >= 1
        assert value(metrics, "window_budget_total") == 500
        assert 0 < value(metrics, "window_tokens_total") <= 500
        n_pages = len(memory.pages())
        assert value(metrics, "page_changes_total", change="certified") == n_pages
        forms = memory.stats().pages
        assert all(value(metrics, "pages", form=form) == n for form, n in forms.items())
        assert value(metrics, "visual_tokens") == memory.stats().visual_tokens
        assert value(metrics, "background_lag_seconds") == 0
    assert "alice" not in metrics.text().decode()


def test_errors_of_a_store_are_counted_by_their_type(metrics: Prometheus, tmp_path: Path):
    store = SQLiteStore(tmp_path / "m.db")
    store.close()
    with pytest.raises(StoreError):
        store.version("alice")
    assert value(metrics, "store_errors_total", db_system_name="sqlite", error_type="StoreError")


def test_every_instrument_is_there_and_has_a_name_of_its_own(metrics: Prometheus):
    text = metrics.text().decode()
    names = [prometheus_name(instrument) for instrument in INSTRUMENTS]
    assert len(set(names)) == len(names)
    assert all(f"# TYPE {name}" in text for name in names)


def test_a_closed_memory_has_no_levels(metrics: Prometheus, tmp_path: Path):
    memory = OpticalMemory("a", store=f"sqlite:///{tmp_path}/m.db", reader=TemplateReader())
    memory.remember(said(3))
    memory.close()
    before = len(measuring.levels())
    del memory
    assert len(measuring.levels()) <= before
