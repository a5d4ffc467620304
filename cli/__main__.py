"""The command line: `./headrace …` or `python -m cli …`. `./headrace --help` lists the commands."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.commands.children import children, items
from cli.commands.dead import dead
from cli.commands.deliveries import deliveries
from cli.commands.dev import dev
from cli.commands.doctor import doctor
from cli.commands.executions import cancel, explain, list_executions, pause, resume, show, trigger
from cli.commands.keys import keys
from cli.commands.nodes import node
from cli.commands.operations import handlers, queues, usage, workers
from cli.commands.purge import purge
from cli.commands.redis import redis
from cli.commands.reruns import fork, replay, retry
from cli.commands.run import run
from cli.commands.schedules import schedules
from cli.commands.signals import approvals, approve, deny, signal
from cli.commands.simulate import simulate
from cli.commands.statistics import statistics
from cli.commands.tenants import tenants
from cli.commands.test import test
from cli.commands.validate import validate
from cli.commands.watch import watch
from cli.commands.webhooks import webhooks
from cli.commands.workflow_server import workflow_server
from cli.commands.workflows import apply, workflows
from cli.output.text import write_what_can_be_written

app = typer.Typer(
    name="headrace",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    # Plain help: the coloured one costs a quarter of a second of imports.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def print_version(is_wanted: bool) -> None:
    """Print which version this is, and of what Python, and end."""
    if not is_wanted:
        return
    import platform
    import tomllib

    from cli.stack.info import ROOT

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    typer.echo(f"headrace {project['version']} (Python {platform.python_version()}, {ROOT})")
    raise typer.Exit


@app.callback()
def headrace(
    version: Annotated[
        bool,
        typer.Option("--version", callback=print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Headrace, a workflow engine on Redis Streams."""


PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

app.command()(dev)
app.command("workflow-server")(workflow_server)
app.command()(run)
app.command()(apply)
app.add_typer(workflows, name="workflows")
app.add_typer(schedules, name="schedules")
app.add_typer(webhooks, name="webhooks")
app.command()(validate)
app.command()(simulate)
app.command()(watch)
app.command()(trigger)
app.command()(cancel)
app.command("list")(list_executions)
app.command()(show)
app.command()(explain)
app.command()(children)
app.command()(items)
app.command()(retry)
app.command()(replay)
app.command()(fork)
app.command()(pause)
app.command()(resume)
app.command()(purge)
app.add_typer(node, name="node")
app.command()(signal)
app.command()(approvals)
app.command()(approve)
app.command()(deny)
app.command()(statistics)
app.command()(usage)
app.command()(workers)
app.command()(queues)
app.command()(handlers)
app.add_typer(dead, name="dead")
app.add_typer(deliveries, name="deliveries")
app.add_typer(keys, name="keys")
app.add_typer(tenants, name="tenants")
app.command(context_settings=PASS_ON | {"help_option_names": []})(redis)
app.command()(doctor)
app.command(context_settings=PASS_ON)(test)


if __name__ == "__main__":
    write_what_can_be_written()
    app(prog_name="headrace")
