"""The command line: `./headrace …` or `python -m cli …`. `./headrace --help` lists the commands."""

from __future__ import annotations

import typer

from cli.answers import approvals, approve, deny, signal
from cli.dev import dev
from cli.doctor import doctor
from cli.interventions import node, pause, resume
from cli.redis import redis
from cli.repeats import fork, replay, retry
from cli.run import run
from cli.simulate import simulate
from cli.test import test
from cli.validate import validate
from cli.watch import watch

app = typer.Typer(
    name="headrace",
    help="Headrace, a workflow engine on Redis Streams.",
    no_args_is_help=True,
    add_completion=False,
    # Plain help: the coloured one costs a quarter of a second of imports.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

app.command()(dev)
app.command()(run)
app.command()(validate)
app.command()(simulate)
app.command()(watch)
app.command()(retry)
app.command()(replay)
app.command()(fork)
app.command()(pause)
app.command()(resume)
app.add_typer(node, name="node")
app.command()(signal)
app.command()(approvals)
app.command()(approve)
app.command()(deny)
app.command(context_settings=PASS_ON | {"help_option_names": []})(redis)
app.command()(doctor)
app.command(context_settings=PASS_ON)(test)


if __name__ == "__main__":
    app(prog_name="headrace")
