"""A published checkpoint as a memory's reader: writers load the encoder alone, cached pages are
never seen again.
"""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.readers.scripted_decoder import Scribe, chain, write_scripted
from support.readers.small_checkpoints import Stock

from optical_memory import OpticalMemory, Turn
from optical_memory.pages import Page
from optical_memory.readers.deepseek.families import V1
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.language.tokenizer import ocr_tokenizer
from optical_memory.recall.read_pages import PageReader
from optical_memory.recall.reading_cache import ReadingCache
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.renderers.sans_grid import sans_grid
from optical_memory.session.records import page_key, put

Open = Callable[[], OpticalMemory]


def single_token_words(count: int) -> str:
    """Words that are one token each, and none comes twice."""
    tokenizer = ocr_tokenizer()
    words: list[str] = []
    for id in range(5_000, 60_000):
        word = (tokenizer.id_to_token(id) or "").removeprefix("Ġ")
        if re.fullmatch("[a-z]{4,8}", word) and tokenizer.token_to_id("Ġ" + word) == id:
            words.append(word)
        if len(words) == count:
            break
    return " ".join(words)


TEXT = single_token_words(760)  # a full page and a part of another, which stays open
TURN = Turn("user", TEXT, id="long")
LAST_TURN = Turn("assistant", "noted", id="end")


def first_page() -> Page:
    renderer = PageRenderer(sans_grid(V1.rung(V1.verbatim).side_px, V1.density))
    return renderer.paginate([PlacedTurn(TURN, "long", 0)])[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that reads the first page of `TEXT` right, its lines run together, and says the
    same of others.
    """
    path = tmp_path_factory.mktemp("reciting")
    write_scripted(path, V1, chain(first_page().text.replace("\n", " ").strip()))
    return path


def open_in(store: Path, checkpoint: Path) -> OpticalMemory:
    """A memory in this folder, with a reader of its own."""
    reader = DeepseekReader(checkpoint, dtype="float32")
    url = f"sqlite:///{store}/memory.db"
    return OpticalMemory("alice", store=url, reader=reader, keep_turns=0, background=False)


@pytest.fixture(scope="module")
def certified_store(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose first page is `TURN`, certified and with its tokens: it is made once."""
    path = tmp_path_factory.mktemp("certified")
    with open_in(path, folder) as memory:
        fill_a_page(memory, TURN)
    return path


@pytest.fixture
def page_id(certified_store: Path, tmp_path: Path) -> str:
    """The id of the certified page, in a copy of its store that the test's memories open."""
    shutil.copytree(certified_store, tmp_path, dirs_exist_ok=True)
    return page_key(0)


@pytest.fixture
def open_memory(folder: Path, tmp_path: Path) -> Iterator[Open]:
    """Opens memories of one session, each with a reader of its own, as processes would have."""
    memories: list[OpticalMemory] = []

    def open_next() -> OpticalMemory:
        memories.append(open_in(tmp_path, folder))
        return memories[-1]

    yield open_next
    for memory in memories:
        memory.close()


def reader_of(memory: OpticalMemory) -> DeepseekReader:
    assert isinstance(memory.reader, DeepseekReader)
    return memory.reader


def fill_a_page(memory: OpticalMemory, *turns: Turn) -> str:
    """Remember the turns, certify their page, and return its id."""
    memory.remember([*turns, LAST_TURN])
    memory.flush()
    (page,) = memory.pages()
    return page.id


# ---- a page's life -------------------------------------------------------------------------------


def test_a_page_goes_the_whole_road(page_id: str, open_memory: Open) -> None:
    """Text, page, picture, tokens, certificate; the text is dropped, the page fades, and is read
    back from tokens.
    """
    memory = open_memory()
    (info,) = memory.pages()
    assert info.agreements == {"base": 1.0, "small": 1.0, "tiny": 1.0}
    assert memory.inspect(page_id).page is None
    memory.fade(capacity=85)
    recollection = memory.read(page_id)
    assert (recollection.rung, recollection.text) == ("tiny", first_page().text)
    assert recollection.share("original", "verified") == 1.0


def test_a_writer_never_loads_the_decoder(open_memory: Open) -> None:
    memory = open_memory()
    memory.remember([TURN, LAST_TURN])
    assert memory.seal()
    (record,) = memory._archive.snapshot().pages.values()
    for rung in memory.reader.profile.ladder:
        memory._cache.tokens([record], rung)
    assert "encoder" in reader_of(memory).__dict__
    assert "decoder" not in reader_of(memory).__dict__


def test_a_reader_of_cached_pages_never_loads_the_encoder(page_id: str, open_memory: Open) -> None:
    memory = open_memory()
    assert memory.read(page_id).text == first_page().text
    assert "encoder" not in reader_of(memory).__dict__


def test_a_page_is_read_as_a_whole_whatever_lines_are_wanted_and_only_once(
    page_id: str, open_memory: Open
) -> None:
    memory = open_memory()
    whole = memory.read(page_id)
    snapshot = memory._archive.snapshot()
    pages = PageReader(memory._cache, ReadingCache())
    (first,) = pages.read_ranges(snapshot, {page_id: [(100, 150)]})[page_id]
    memory.store.drop_blobs("alice")
    reader_of(memory).__dict__.pop("decoder")
    (last,) = pages.read_ranges(snapshot, {page_id: [(900, 1100)]})[page_id]
    assert "decoder" not in reader_of(memory).__dict__
    assert (first.text, last.text) == (whole.text[100:150], whole.text[900:1100])
    assert {span.status for span in last.spans} == {"verified"}


def test_lost_tokens_change_nothing_but_speed(page_id: str, open_memory: Open) -> None:
    memory = open_memory()
    recollection = memory.read(page_id)
    memory.store.drop_blobs("alice")
    assert memory.read(page_id) == recollection


def test_a_page_that_is_read_wrongly_keeps_its_text_and_its_exact_facts(open_memory: Open) -> None:
    """The checkpoint says of this page what stands on the other one."""
    memory = open_memory()
    words = TEXT.split()
    text = " ".join([*words[300:340], "see ticket AB-4711-0815", *words[340:], *words[:100]])
    page_id = fill_a_page(memory, Turn("user", text, id="long"))
    assert memory.inspect(page_id).page is not None
    record = memory.inspect(page_id).record.model_copy(update={"lines": None})
    memory._archive.update(lambda snapshot: ([put(record)], None))
    recollection = memory.read(page_id)
    originals = [
        recollection.text[span.start : span.end]
        for span in recollection.spans
        if span.status == "original"
    ]
    assert "AB-4711-0815" in " ".join(originals)
    assert recollection.share("original", "verified") < 0.2


def test_what_is_forgotten_on_a_page_moves_nothing_else(
    stock: dict[str, Stock], tmp_path: Path
) -> None:
    """A free text has no places: a reader must not look for a turn whose rows are white now."""
    # Rows of like lengths: no help there.
    words = ["".join(letters) for letters in itertools.product("nuh", repeat=5)]
    turns = [Turn("user", " ".join(words[n * 15 : n * 15 + 60]), id=f"turn{n}") for n in range(12)]
    scribe = Scribe()
    reader = DeepseekReader(stock[V1.id][0], dtype="float32", decoder=scribe)
    memory = OpticalMemory(
        "alice", store=f"sqlite:///{tmp_path}/m.db", reader=reader, keep_turns=0, background=False
    )
    placed_turns = [PlacedTurn(turn, str(turn.id), n) for n, turn in enumerate(turns)]
    page = PageRenderer(reader.profile.grid).paginate(placed_turns)[0]
    scribe.text = page.text
    memory.remember(turns)
    memory.flush()
    page_id = memory.pages()[0].id
    assert memory.inspect(page_id).page is None
    spans = page.layout.spans[1:-2]
    for span in spans:
        memory.forget(turn=span.turn)
    start = spans[0].start
    end = spans[-1].end
    scribe.text = page.text[:start] + page.text[end:]
    text = memory.read(page_id).text
    memory.close()
    assert len(scribe.text) < 0.45 * len(page.text)
    assert text[:start] == page.text[:start]
    assert text[start:end].strip() == ""
    assert text[end:] == page.text[end:]
