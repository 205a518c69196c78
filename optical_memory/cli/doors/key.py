"""The commands `key`: a new key, sessions encrypted in place, keys exchanged."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from optical_memory.cli.options import (
    AsJson,
    KeyFile,
    StoreUrl,
    key_from_options,
    store_from_option,
)
from optical_memory.cli.output import Run, printable
from optical_memory.errors import InputError, StoreError
from optical_memory.session.archive import Archive
from optical_memory.session.rekeying.exchange import encrypt as encrypt_session
from optical_memory.session.rekeying.exchange import rotate_data_key, rotate_tenant_key
from optical_memory.stores.encryption.tenant_key import TenantKey

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, help="Keys of encrypted sessions: make them, use them, exchange them."
)

OneSession = Annotated[
    str | None, typer.Option("--session", help="One session; without it every session.")
]


@app.command()
def new(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")],
    as_json: AsJson = False,
) -> None:
    """Write a new random key to a file that only you can read (mode 0600).

    Keep a copy elsewhere: without the key nobody can read the sessions under it.
    """
    run = Run("key new", as_json)
    key = TenantKey.generate()
    key.write(file)
    run.finish(lambda out: out.print(printable(f"wrote key {key.id} to {file}")), key=key.id)


@app.command()
def encrypt(
    store: StoreUrl = None,
    session: OneSession = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Encrypt plain sessions in place. One that was cut short goes on."""
    key = _required_key(key_file)
    _for_each(
        "key encrypt", store, session, None, as_json, lambda archive: encrypt_session(archive, key)
    )


@app.command()
def rotate(
    to: Annotated[
        Path | None, typer.Option("--to", help="The file of the new key: wraps the data keys anew.")
    ] = None,
    data: Annotated[
        bool, typer.Option("--data", help="New data keys: writes every value again.")
    ] = False,
    store: StoreUrl = None,
    session: OneSession = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Exchange the key of sessions, or their data keys, or both. One that was cut short goes on."""
    if to is None and not data:
        raise typer.BadParameter("name what to exchange: --to NEW_KEY_FILE, --data, or both")
    key = _required_key(key_file)
    new_key = None if to is None else TenantKey.from_file(to)

    def exchange(archive: Archive) -> int:
        if new_key is not None:
            rotate_tenant_key(archive, new_key)
        return rotate_data_key(archive) if data else 0

    _for_each("key rotate", store, session, key, as_json, exchange)


def _required_key(key_file: Path | None) -> TenantKey:
    key = key_from_options(key_file)
    if key is None:
        raise InputError("name the key: --key-file FILE, or OPTICAL_MEMORY_KEY")
    return key


def _for_each(
    command: str,
    url: str | None,
    session: str | None,
    key: TenantKey | None,
    as_json: bool,
    work: Callable[[Archive], int],
) -> None:
    """Do the work on a session, or on all; tell how many values were written.

    A session that another key opens does not keep the others. Then the command exits with 1.
    """
    run = Run(command, as_json)
    rows = []
    problems: dict[str, str] = {}
    with closing(store_from_option(url)) as store:
        names = store.sessions()
        if session is not None and session not in names:
            raise InputError(f"no session {session!r} in this store")
        for name in names if session is None else [session]:
            try:
                n_written = work(Archive(store, name, key=key))
            except StoreError as error:
                problems[name] = str(error)
            else:
                rows.append({"session": name, "written": n_written})
    lines = [f"{row['session']}: {row['written']} values written" for row in rows]
    lines += [f"session {name!r}: {problem}" for name, problem in problems.items()]
    text = "\n".join(lines) or "no sessions"
    run.finish(lambda out: out.print(printable(text)), rows, problems=problems)
    raise typer.Exit(1 if problems else 0)
