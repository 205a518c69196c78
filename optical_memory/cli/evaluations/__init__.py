"""The commands of `eval`, a module for each subject."""

from __future__ import annotations

import typer

from optical_memory.cli.evaluations import finding, forgetting, hosts, needles, pages

__all__ = [
    "app",
]

app = typer.Typer(no_args_is_help=True, help="Measure on files of your own.")
app.command()(pages.fidelity)
app.command()(pages.identifiers)
app.command()(finding.evidence)
app.command()(finding.retrieval)
app.command()(needles.needles)
app.command()(forgetting.forgetting)
app.command()(hosts.host)
