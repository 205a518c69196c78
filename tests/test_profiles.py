"""A ladder knows its steps, a rung its tokens, and a profile its published curve."""

from __future__ import annotations

import pytest

from optical_memory.profiles import V1_LADDER, Ladder, ReaderProfile, Rung, Views

NO_STEPS = ["stub", "forgotten", None]


def test_deepseek_ocrs_sizes_have_their_published_numbers_of_tokens():
    assert [rung.n_grid_tokens for rung in V1_LADDER] == [400, 256, 100, 64]
    assert [rung.n_tokens for rung in V1_LADDER] == [421, 273, 111, 73]


def test_tiles_newlines_and_the_separator_are_counted():
    views = Views(1024, tile_px=640, across=2, down=3)
    assert views.tiles == 6
    assert views.n_grid_tokens == 256 + 6 * 100
    assert views.n_tokens == 856 + (16 + 30) + 1
    assert Views(1024, newlines=False, separator=False).n_tokens == 256


def test_a_picture_is_square_but_for_mosaics_of_unequal_sides():
    assert Rung("base", 1024).size_px == (1024, 1024)
    assert Rung("square", 1280, Views(1024, 640, 2, 2)).size_px == (1280, 1280)
    assert Rung("high", 1920, Views(1024, 640, 2, 3)).size_px == (1280, 1920)


def test_the_step_of_a_rung_is_how_many_are_finer():
    assert V1_LADDER.names == ("large", "base", "small", "tiny")
    assert [V1_LADDER.step(name) for name in V1_LADDER.names] == [0, 1, 2, 3]


def test_finer_and_coarser_rungs_are_those_above_and_below():
    assert V1_LADDER.finer("large") == ()
    assert V1_LADDER.finer("small").names == ("large", "base")
    assert V1_LADDER.coarser("small").names == ("tiny",)
    assert V1_LADDER.coarser("tiny") == ()


def test_down_from_a_rung_begins_with_it():
    assert V1_LADDER.down_from("large") == V1_LADDER
    assert V1_LADDER.down_from("small").names == ("small", "tiny")


@pytest.mark.parametrize("name", NO_STEPS)
def test_every_rung_is_finer_than_no_step_and_none_is_coarser(name: str | None):
    assert V1_LADDER.step(name) == 4
    assert V1_LADDER.finer(name) == V1_LADDER
    assert V1_LADDER.coarser(name) == ()
    assert V1_LADDER.down_from(name) == ()


@pytest.mark.parametrize("name", ["base", *NO_STEPS])
def test_the_rungs_above_and_down_from_a_step_are_the_whole_ladder(name: str | None):
    assert V1_LADDER.finer(name) + V1_LADDER.down_from(name) == V1_LADDER


def test_parts_of_a_ladder_are_ladders_and_an_empty_one_has_no_steps():
    assert isinstance(V1_LADDER.coarser("base").coarser("small"), Ladder)
    assert (Ladder().names, Ladder().step("base"), Ladder().finer("base")) == ((), 0, ())


def test_a_profile_finds_its_rungs_by_name():
    profile = ReaderProfile("r", "1", 8)
    assert profile.rung("small") == Rung("small", 640)
    with pytest.raises(KeyError, match=r"'r' has no rung 'huge'.*'large', 'base', 'small', 'tiny'"):
        profile.rung("huge")


def test_the_published_accuracy_lies_on_straight_lines_between_its_points():
    profile = ReaderProfile("r", "1", 8, fidelity=((10.0, 0.5), (20.0, 0.9), (40.0, 1.0)))
    assert profile.expected(15) == pytest.approx(0.7)
    assert profile.expected(20) == 0.9
    assert profile.expected(1000) == 1.0
    assert profile.expected(9.9) is None
    assert ReaderProfile("r", "1", 8).expected(15) is None
