"""Software that nobody here wrote reads our pages: RapidOCR, if it is installed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from optical_memory.pages import Grid

EVALS = Path(__file__).resolve().parents[2] / "evals"


@pytest.fixture(scope="module")
def judge() -> ModuleType:
    spec = importlib.util.spec_from_file_location("judge", EVALS / "judge.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["judge"] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def test_lines_are_put_in_order_column_by_column(judge: ModuleType) -> None:
    class Shuffled:
        """Gives two lines, the second in two parts, in no order."""

        def lines(self, image: object) -> list[object]:
            return [judge.Line(300, 40, "c"), judge.Line(80, 40.5, "b"), judge.Line(150, 20, "a")]

    image = judge.np.full((1024, 1024), 255, judge.np.uint8)
    assert judge.read_page(Shuffled(), image, Grid()) == "a b c a b c"


def test_the_pages_to_judge_are_full_and_spread_over_the_text(judge: ModuleType) -> None:
    for grid in judge.GRIDS.values():
        pages = judge.full_pages(judge.prose(), grid, 3)
        assert [len(page.lines) for page in pages] == [grid.rows * grid.text_columns] * 3
        assert len({page.text for page in pages}) == 3


@pytest.mark.slow
@pytest.mark.parametrize("style", ["cells", "sans"])
def test_rapidocr_reads_a_full_page_of_english(judge: ModuleType, style: str) -> None:
    pytest.importorskip("rapidocr", reason="needs the extra `judge`: pip install -e '.[judge]'")
    row = judge.row(style, judge.prose(), judge.Judge(2.0), 1)
    assert row["accuracy"] >= 0.98
