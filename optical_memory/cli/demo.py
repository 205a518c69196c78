"""The command `demo`: a conversation remembered, faded, asked, and read again after a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from optical_memory.cli.options import AsJson, ReaderName, pick
from optical_memory.cli.output import Run, reader_name
from optical_memory.cli.progress import progress_bars
from optical_memory.loaders import Conversation, example, load
from optical_memory.readers import open_reader

__all__ = [
    "demo",
]


def demo(
    input: Annotated[
        Path | None, typer.Option(help="A conversation file; else the bundled conversation.")
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="A store to use; without it a private Valkey server.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the report and the pictures go.")] = Path(
        "demo-out"
    ),
    conversation: Annotated[
        str, typer.Option(help="Which conversation of the file, from 1, or 'all'.")
    ] = "1",
    pages: Annotated[
        int, typer.Option(min=1, help="Remember at most so many pages of a conversation.")
    ] = 24,
    questions: Annotated[int, typer.Option(min=0, help="Ask at most so many questions.")] = 12,
    capacity: Annotated[
        int | None, typer.Option(min=1, help="Visual tokens to keep; else all rungs show.")
    ] = None,
    floor: Annotated[
        float, typer.Option(min=0, max=1, help="Least agreement to fade to; 0 shows every rung.")
    ] = 0.0,
    seed: Annotated[
        int, typer.Option(help="Which facts are asked for, if no questions come with the file.")
    ] = 0,
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """A conversation goes the whole way: remember it, let it fade, ask it, restart the store, read
    again. Writes a report.
    """
    from optical_memory.cli import demo_output
    from optical_memory.measure.demo import Settings, run
    from optical_memory.measure.questions import bundled_questions

    page_reader = open_reader(reader)
    command = Run("demo", as_json, reader_name(page_reader), seed)
    settings = Settings(store, pages, questions, capacity, floor, seed)
    rows: list[dict[str, Any]] = []
    summaries: list[dict[str, Any]] = []
    for item in _conversations(input, conversation):
        with progress_bars(as_json) as progress:
            question_list = bundled_questions() if input is None else None
            result = run(item, question_list, page_reader, settings, progress)
        folder = out / demo_output.file_name(item.id) if conversation == "all" else out
        demo_output.write(result, folder, reader_name(page_reader))
        if not as_json:
            demo_output.show(result, folder)
        rows += demo_output.rows(result)
        summaries.append(demo_output.summary(result))
    command.finish(lambda console: None, rows, conversations=summaries, out=str(out))


def _conversations(input: Path | None, number: str) -> list[Conversation]:
    """The conversations that the demo shows. Raises `typer.BadParameter` for a bad number."""
    if input is None:
        return [example()]
    conversations = load(input)
    if number == "all":
        return conversations
    if not number.isdecimal():
        raise typer.BadParameter(
            f"{number!r} is neither a number nor 'all'", param_hint="--conversation"
        )
    return [pick(conversations, int(number), input.name)]
