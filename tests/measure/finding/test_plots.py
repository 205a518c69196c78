"""The figure of `eval evidence`."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

from optical_memory.measure.finding.evidence import EvidenceRow
from optical_memory.measure.finding.plots import evidence_plot

ROW = EvidenceRow(
    method="ours",
    kind="all",
    budget_share=0.1,
    budget_tokens=None,
    window_tokens=1_300.0,
    n_questions=100,
    any=0.9,
    all=0.8,
    evidence_legible=0.8,
    touched=0.9,
    all_touched=0.8,
    ci95={"any": (0.85, 0.95), "all": (0.7, 0.9)},
    cpu_ms_p50=5.0,
    cpu_ms_p95=9.0,
    seconds=1.0,
)


def _circles(drawing: str) -> int:
    return drawing.count("<circle")


def test_each_method_has_a_line_in_both_panels_and_a_place_in_the_legend() -> None:
    rows = [ROW, replace(ROW, window_tokens=3_000.0), replace(ROW, method="newest <b>")]
    drawing = evidence_plot(rows)

    ElementTree.fromstring(drawing)
    assert _circles(drawing) == 2 * len(rows) + 2
    assert "newest &lt;b&gt;" in drawing
    assert evidence_plot(rows) == drawing


def test_rows_of_single_kinds_and_empty_windows_do_no_harm() -> None:
    rows = [ROW, replace(ROW, kind="temporal"), replace(ROW, method="none", window_tokens=0.0)]
    assert _circles(evidence_plot(rows)) == 2 * 2 + 2
    ElementTree.fromstring(evidence_plot([]))
