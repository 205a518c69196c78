"""The memory as a whole: remembering, recalling, contexts within their budget, two memories on one session."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import optical_memory
from optical_memory import ForgettingPolicy, OpticalMemory, Turn
from optical_memory.context import PagePart, TextPart
from optical_memory.counting import count_tokens
from optical_memory.errors import BudgetTooSmall, InputError, StoreError
from optical_memory.profiles import V1_LADDER, Rung
from optical_memory.readers.pocket import PocketReader
from optical_memory.renderers import PageRenderer
from optical_memory.stores import Store
from optical_memory.testing import TemplateReader, turns_told
from optical_memory.tokens import VisualTokens
from optical_memory.turns import Attachment, ToolCall

Open = Callable[..., OpticalMemory]
ROOT = Path(optical_memory.__file__).parents[1]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/memory.db"


@pytest.fixture
def opened(url: str) -> Iterator[Open]:
    """Opens memories of one session in one file; closes them after the test."""
    memories: list[OpticalMemory] = []

    def open_one(**settings: Any) -> OpticalMemory:
        defaults: dict[str, Any] = {"store": url, "reader": TemplateReader(), "keep_turns": 3, "capacity": 10**6}
        memories.append(OpticalMemory("alice", **defaults | settings))
        return memories[-1]

    yield open_one
    for memory in memories:  # without flushing: some tests leave work that never ends or fails
        memory._worker.stop()
        memory.store.close()


def said(n: int, first: int = 0) -> list[Turn]:
    """Turns that are told apart by one word each."""
    return [Turn("user", f"Topic{i} is on shelf {i * 3}, beside the apples.") for i in range(first, first + n)]


# ---- remembering ----------------------------------------------------------------------------------------------------


def test_what_was_remembered_is_there_after_reopening_without_closing(opened: Open):
    ids = opened(background=False).remember(said(3))
    again = opened(background=False)
    assert list(turns_told(again).items()) == list(zip(ids, (t.text for t in said(3)), strict=True))


def test_every_turn_is_told_word_for_word_and_in_order_once_it_stands_on_pages(opened: Open):
    memory = opened()
    turns = [
        Turn("user", "  indented\n\n\tand tabbed  \n", name="Mel"),
        Turn("assistant", "", tool_calls=(ToolCall("f", '{"a": 1}', "c1"),)),
        Turn("tool", "result 1\r\nline 2", tool_call_id="c1"),
        Turn("user", "a picture", attachments=(Attachment("image", "a.png", "two cats"),)),
        Turn("user", "long " * 400),
        *said(40),
    ]
    ids = memory.remember(turns)
    memory.flush()
    told = turns_told(memory)
    assert list(told) == ids
    assert told[ids[0]] == "  indented\n\n\tand tabbed  \n"
    assert told[ids[1]] == '=> f({"a": 1})'
    assert told[ids[2]] == "result 1\nline 2"
    assert told[ids[3]] == "a picture\n[image: two cats <a.png>]"
    assert [told[id] for id in ids[4:]] == [turn.text for turn in turns[4:]]
    assert memory.stats().pages == {"large": len(memory.archive.snapshot().pages)}


def test_the_same_turn_again_changes_nothing(opened: Open):
    memory = opened(background=False)
    turn = Turn("user", "hello", id="m1")
    assert memory.remember(turn) == memory.remember(turn) == ["m1"]
    version = memory.store.version("alice")
    memory.remember([turn, turn])
    assert memory.store.version("alice") == version
    assert turns_told(memory) == {"m1": "hello"}


def test_an_edited_turn_replaces_the_old_one_while_it_is_open(opened: Open):
    memory = opened(background=False)
    memory.remember([Turn("user", "first", id="a"), Turn("user", "second", id="b")])
    memory.remember(Turn("user", "first, edited", id="a"))
    assert turns_told(memory) == {"a": "first, edited", "b": "second"}


def test_an_edited_turn_on_a_sealed_page_is_a_new_turn_and_sending_it_all_again_changes_nothing(opened: Open):
    memory = opened()
    history = [Turn("user", turn.text, id=f"m{i}") for i, turn in enumerate(said(40))]
    memory.remember(history)
    memory.flush()
    history[0] = Turn("user", "quite another thing", id="m0")
    assert memory.remember(history)[0] == "m0~2"
    version = memory.store.version("alice")
    assert memory.remember(history)[:2] == ["m0~2", "m1"]
    assert memory.store.version("alice") == version


class EditingRenderer:
    """Draws, but not before another memory has edited a turn on the page."""

    def __init__(self, editor: OpticalMemory) -> None:
        self._editor, self._plain = editor, PageRenderer(editor.reader.profile.grid)

    def paginate(self, turns: Any) -> Any:
        return self._plain.paginate(turns)

    def draw(self, page: Any, side_px: int) -> Any:
        self._editor.remember(Turn("user", "edited just in time", id="m1"))
        return self._plain.draw(page, side_px)


def test_a_turn_edited_while_its_page_is_drawn_is_sealed_as_edited(opened: Open):
    memory = opened(background=False, keep_turns=0)
    memory.remember([Turn("user", turn.text, id=f"m{i}") for i, turn in enumerate(said(40))])
    memory.renderer = EditingRenderer(opened(background=False))  # type: ignore[assignment]
    assert memory.seal()
    assert turns_told(memory)["m1"] == "edited just in time"
    assert memory.check() == []


def test_a_tool_call_and_its_result_stand_on_one_page_where_it_can_hold_both(opened: Open):
    memory = opened(keep_turns=0)
    for n in range(30):
        memory.remember(
            [
                Turn("user", f"please look up number {n}"),
                Turn("assistant", "", tool_calls=(ToolCall("look_up", f'{{"n": {n}}}', f"c{n}"),)),
                Turn("tool", f"the number {n} is {n * n}", tool_call_id=f"c{n}"),
            ]
        )
    memory.flush()
    turns = [record for record in memory.archive.snapshot().turns.values() if record.sealed]
    pairs = [(call, answer) for call, answer in pairwise(turns) if answer.role == "tool"]
    assert len(pairs) > 20
    assert all(call.pages == answer.pages for call, answer in pairs)


@pytest.mark.parametrize("wrong", ["hello", {"role": "user"}, None, Turn("owner", "x"), Turn("user", 5)])  # type: ignore[arg-type]
def test_what_is_no_turn_is_refused_and_nothing_is_written(opened: Open, wrong: Any):
    memory = opened(background=False)
    with pytest.raises(InputError):
        memory.remember([Turn("user", "fine"), wrong])
    assert memory.store.version("alice") == 0


def test_half_a_character_is_kept_as_a_visible_escape(opened: Open):
    memory = opened(background=False)
    memory.remember(Turn("user", "broken \ud83d emoji", id="\udc00"))
    assert list(turns_told(opened(background=False)).values()) == ["broken \\ud83d emoji"]


@pytest.mark.slow
def test_remembering_one_turn_at_a_time_takes_as_long_at_the_end_as_at_the_beginning(opened: Open):
    memory = opened(background=False)
    seconds: list[float] = []
    for turn in said(5_000):
        start = time.perf_counter()
        memory.remember(turn)
        seconds.append(time.perf_counter() - start)
    assert median(seconds[-500:]) / median(seconds[:500]) < 3


class SlowReader(TemplateReader):
    """Takes its time, like a real one."""

    def encode(self, images: Any, rung: Rung) -> list[VisualTokens]:
        time.sleep(0.2)
        return super().encode(images, rung)


def test_remembering_never_waits_for_drawing_or_for_the_reader(opened: Open):
    memory = opened(reader=SlowReader())
    memory.remember(said(200))
    time.sleep(0.1)
    waits: list[float] = []
    for turn in said(100, 200):
        start = time.perf_counter()
        memory.remember(turn)
        waits.append(time.perf_counter() - start)
        time.sleep(0.01)
    assert memory.stats().pages.get("text", 0) > 0, "the reader was still at work"
    assert sorted(waits)[94] < 0.1  # a busy disk may stop anybody now and then


# ---- recalling ------------------------------------------------------------------------------------------------------


def test_recall_finds_the_page_and_says_how_it_was_read(opened: Open):
    memory = opened()
    memory.remember(said(60))
    memory.flush()
    (found,) = memory.recall("where is topic7?", k=1)
    assert "Topic7 is on shelf 21" in " ".join(found.text.split())
    assert found.provenance == f"[page {found.ordinal + 1}, read from large, 100 % verified]"
    assert "t7" in found.turns
    assert "".join(found.text[span.start : span.end] for span in found.spans) == found.text


def test_an_open_turn_is_recalled_as_a_turn_and_not_as_a_page(opened: Open):
    memory = opened()
    memory.remember(said(2))
    (found,) = memory.recall("topic1", k=1)
    assert (found.page, found.rung, found.text) == ("turn t1", "open", said(2)[1].text)
    assert found.provenance == "[turn t1, original text]"


def test_nothing_is_found_where_no_word_is_shared(opened: Open):
    memory = opened()
    assert memory.recall("topic1") == []
    memory.remember(said(2))
    assert memory.recall("zeppelin") == []


def test_reading_from_the_cache_never_sees_a_picture_and_says_the_same(opened: Open):
    memory = opened()
    memory.remember(said(60))
    memory.flush()
    assert isinstance(memory.reader, TemplateReader)
    first = memory.recall("topic7 shelf", k=5)
    seen = memory.reader.calls["encoded"]
    assert memory.recall("topic7 shelf", k=5) == first
    assert memory.reader.calls["encoded"] == seen
    memory.store.drop_blobs("alice")
    assert memory.recall("topic7 shelf", k=5) == first
    assert memory.reader.calls["encoded"] == seen + len([r for r in first if r.rung == "large"])


def test_dropping_blobs_at_random_moments_changes_nothing_that_is_recalled(opened: Open):
    memory = opened(reader=TemplateReader(misread={"large": 0.03}))
    memory.remember(said(80))
    memory.flush()
    expected = [memory.recall(f"topic{n} shelf", k=3) for n in range(20)]
    done = threading.Event()

    def drop() -> None:
        while not done.is_set():
            memory.store.drop_blobs("alice")
            time.sleep(0.001)

    thread = threading.Thread(target=drop)
    thread.start()
    try:
        assert [memory.recall(f"topic{n} shelf", k=3) for n in range(20)] == expected
    finally:
        done.set()
        thread.join()


class NoCache:
    """A store whose cache is broken; records work."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get_blobs(self, *args: object) -> None:
        raise StoreError("no cache today")

    put_blobs = get_blobs


def test_a_cache_that_fails_costs_speed_only_and_is_logged_once(opened: Open, caplog: pytest.LogCaptureFixture):
    memory = opened()
    memory.remember(said(60))
    memory.flush()
    expected = memory.recall("topic7", k=3)
    memory.archive.store = NoCache(memory.store)  # type: ignore[assignment]
    with caplog.at_level(logging.WARNING, "optical_memory"):
        assert memory.recall("topic7", k=3) == expected
        assert memory.recall("topic7", k=3) == expected
    ours = [record.message for record in caplog.records if record.name == "optical_memory"]
    assert [message.count("no cache today") for message in ours] == [1]


def test_async_calls_say_what_the_others_say(opened: Open):
    memory = opened()

    async def talk() -> tuple[object, object]:
        await memory.aremember(said(3))
        return await memory.arecall("topic1"), await memory.acontext("topic1")

    assert asyncio.run(talk()) == (memory.recall("topic1"), memory.context("topic1"))


# ---- context --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpticalMemory]:
    """A memory with pages at several rungs, stubs, a tool call and open turns."""
    path = tmp_path_factory.mktemp("full") / "memory.db"
    memory = OpticalMemory("full", store=f"sqlite:///{path}", reader=TemplateReader(), keep_turns=6, capacity=300)
    memory.remember(said(200))
    memory.remember(Turn("user", "And the weather? " * 4))
    memory.remember(Turn("assistant", "", tool_calls=(ToolCall("weather", '{"city": "Bonn"}', "c1"),)))
    memory.remember(Turn("tool", "Rain at first, then sun. " * 6, tool_call_id="c1"))
    memory.flush()
    yield memory
    memory.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    budget=st.integers(0, 900),
    query=st.sampled_from([None, "topic7", "shelf apples", "weather", "zeppelin", ""]),
    mode=st.sampled_from(["text", "image", "tokens"]),
)
def test_no_context_exceeds_its_budget(full: OpticalMemory, budget: int, query: str | None, mode: Any):
    try:
        context = full.context(query, budget, mode)
    except BudgetTooSmall:
        assert budget < count_tokens("And the weather? " * 4)
        return
    assert context.tokens <= budget
    texts = [part.text for part in context.parts if isinstance(part, TextPart)]
    assert any(text.startswith("And the weather?") for text in texts), "the last user turn must stay"
    if mode == "text":
        content = [message["content"] for message in context.to_messages()]
        calls = [call for part in context.parts if isinstance(part, TextPart) for call in part.tool_calls]
        assert sum(map(count_tokens, content)) + sum(count_tokens(c.name) for c in calls) <= budget


def test_a_context_shows_pages_as_text_pictures_or_visual_tokens(full: OpticalMemory):
    parts = {mode: full.context("topic150", 2_000, mode).parts for mode in ("text", "image", "tokens")}  # type: ignore[arg-type]
    pages = {mode: [part for part in found if isinstance(part, PagePart)] for mode, found in parts.items()}
    assert all("150" in " ".join(page.text for page in found) for found in pages.values())
    assert all(page.picture is None for page in pages["text"])
    pictures = [page.picture for page in pages["image"] if page.picture]
    assert pictures
    assert all(picture.png and picture.png.startswith(b"\x89PNG") for picture in pictures)
    seen = [page.picture.visual for page in pages["tokens"] if page.picture]
    assert seen
    assert all(visual is not None and visual.values.ndim == 2 for visual in seen)


def test_the_page_with_the_beginning_of_a_long_turn_is_not_left_out_because_its_end_is_shown(opened: Open):
    memory = opened(keep_turns=0)
    memory.remember(
        [*said(3), Turn("user", "The password of the zeppelin is swordfish. " + "Blah blah. " * 60, id="long")]
    )
    memory.flush()
    assert memory.archive.snapshot().open_turns()[0].sealed_upto > 0
    told = " ".join(str(message["content"]) for message in memory.context("zeppelin password", 2_000).to_messages())
    assert "swordfish" in told


def test_a_budget_too_small_for_the_last_user_turn_is_an_error_that_says_what_it_needs(full: OpticalMemory):
    with pytest.raises(BudgetTooSmall, match=r"the last user turn needs \d+ tokens, but the budget is 3"):
        full.context("topic7", 3)


def test_a_budget_below_nothing_is_refused(full: OpticalMemory):
    with pytest.raises(InputError, match="-1"):
        full.context("topic7", -1)


# ---- several memories on one session --------------------------------------------------------------------------------


def test_two_threads_with_a_memory_each_lose_nothing_and_number_without_gaps(opened: Open):
    memories = [opened(), opened()]

    def write(memory: OpticalMemory, who: str) -> None:
        for n in range(60):
            memory.remember(Turn("user", f"{who} says number {n}, and that is that.", id=f"{who}{n}"))

    threads = [threading.Thread(target=write, args=pair) for pair in zip(memories, ("ann", "bob"), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for memory in memories:
        memory.flush()
    assert_both_told_everything(memories[0], 60)


def assert_both_told_everything(memory: OpticalMemory, each: int) -> None:
    told = turns_told(memory)
    assert memory.check() == []
    assert set(told) == {f"{who}{n}" for who in ("ann", "bob") for n in range(each)}
    assert all(
        told[f"{who}{n}"] == f"{who} says number {n}, and that is that." for who in ("ann", "bob") for n in range(each)
    )
    for who in ("ann", "bob"):
        assert [id for id in told if id.startswith(who)] == [f"{who}{n}" for n in range(each)]


WRITER = """
import sys
from optical_memory import OpticalMemory, Turn
from optical_memory.testing import TemplateReader
url, who = sys.argv[1:]
with OpticalMemory("alice", store=url, reader=TemplateReader(), keep_turns=3, capacity=10**6) as memory:
    for n in range(60):
        memory.remember(Turn("user", f"{who} says number {n}, and that is that.", id=f"{who}{n}"))
"""


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_two_processes_on_one_session_lose_nothing(kind: str, tmp_path: Path, request: pytest.FixtureRequest):
    url = f"sqlite:///{tmp_path}/memory.db" if kind == "sqlite" else request.getfixturevalue("redis_url")
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, url, who], cwd=ROOT) for who in ("ann", "bob")]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    with OpticalMemory("alice", store=url, reader=TemplateReader(), background=False) as memory:
        try:
            assert len(memory.archive.snapshot().pages) > 5
            assert_both_told_everything(memory, 60)
        finally:
            memory.forget(session=True)


def test_sessions_are_apart(opened: Open):
    memory = opened()
    other = memory.open("bob")
    memory.remember(said(2))
    other.remember(said(1, 7))
    assert memory.sessions() == ["alice", "bob"]
    assert memory.recall("topic7") == []
    assert other.recall("topic7")[0].text == said(1, 7)[0].text
    other.close()


# ---- the background -------------------------------------------------------------------------------------------------


class BrokenReader(TemplateReader):
    """Cannot see."""

    def encode(self, images: Any, rung: Rung) -> list[VisualTokens]:
        raise RuntimeError("the model ran out of memory")


def test_what_goes_wrong_in_the_background_is_raised_by_flush_and_told_by_stats_but_breaks_nothing(
    opened: Open, caplog: pytest.LogCaptureFixture
):
    memory = opened(reader=BrokenReader())
    memory.remember(said(40))
    with pytest.raises(RuntimeError, match="ran out of memory"):
        memory.flush()
    assert "ran out of memory" in str(memory.stats().problem)
    assert "ran out of memory" in caplog.text
    memory.remember(said(1, 99))
    assert memory.recall("topic99")[0].text == said(1, 99)[0].text
    assert "Topic7" in memory.recall("topic7")[0].text
    with pytest.raises(RuntimeError, match="ran out of memory"):
        memory.close()
    assert not any(thread.name == "optical-memory alice" for thread in threading.enumerate())


def test_the_next_memory_does_the_work_that_one_left_undone(opened: Open):
    broken = opened(reader=BrokenReader())
    broken.remember(said(40))
    with pytest.raises(RuntimeError):
        broken.flush()
    memory = opened()
    memory.flush()
    assert set(memory.stats().pages) == {"large"}


def test_closing_ends_the_thread_and_leaves_nothing_undone(url: str):
    with OpticalMemory("alice", store=url, reader=TemplateReader(), keep_turns=3, capacity=10**6) as memory:
        memory.remember(said(40))
    assert not any(thread.name == "optical-memory alice" for thread in threading.enumerate())
    with OpticalMemory("alice", store=url, reader=TemplateReader()) as again:
        assert set(again.stats().pages) == {"large"}


def test_a_memory_that_was_only_read_starts_no_thread(opened: Open):
    opened().remember(said(40))
    reader = opened()
    reader.recall("topic7")
    reader.close()
    assert not reader._worker.started


def test_recalls_slow_fading_where_the_policy_says_so(opened: Open):
    memory = opened(policy=ForgettingPolicy(pages_per_hit=5))
    memory.remember(said(60))
    memory.flush()
    page = memory.recall("topic7", k=1)[0].page
    assert memory.archive.snapshot().pages[page].hits == 1


# ---- the real reader ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_bundled_reader_seals_certifies_fades_and_reads_from_cached_tokens(url: str):
    reader = PocketReader(ladder=V1_LADDER[2:])
    policy = ForgettingPolicy(floor=0.0)
    with OpticalMemory("alice", store=url, reader=reader, keep_turns=0, capacity=150, policy=policy) as memory:
        memory.remember([Turn("user", f"Topic{i} is on shelf {i * 3}, beside the apples.") for i in range(280)])
        memory.flush()
        stats = memory.stats()
        assert stats.visual_tokens <= 150
        assert set(stats.pages) <= {"small", "tiny", "stub"}
        assert stats.pages.keys() & {"small", "tiny"}
        found = memory.recall("topic7", k=1)
        memory.store.drop_blobs("alice")
        assert memory.recall("topic7", k=1) == found
        assert memory.check() == []


def test_a_context_reads_no_more_pages_than_its_budget_could_hold() -> None:
    from optical_memory.archive import Snapshot
    from optical_memory.recalling import affordable
    from optical_memory.records import PageRecord

    pages = {str(i): PageRecord(id=str(i), ordinal=i, digest="", text_tokens=1_000) for i in range(12)}
    best = [(str(i), 12.0 - i) for i in range(12)] + [("turn t1", 0.5)]

    def ids(budget: int) -> list[str]:
        return [id for id, _ in affordable(Snapshot(pages=pages), best, budget)]

    assert ids(5_500) == ["0", "1", "2", "3", "4", "turn t1"]
    assert ids(100) == ["0", "1", "2", "turn t1"]
