"""The command line: `./headrace …` or `python -m cli …`. `./headrace --help` lists the commands."""

from __future__ import annotations

import typer

from cli.commands.deliveries import deliveries
from cli.commands.dev import dev
from cli.commands.doctor import doctor
from cli.commands.executions import cancel, explain, list_executions, pause, resume, show, trigger
from cli.commands.keys import keys
from cli.commands.nodes import node
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
    help="Headrace, a workflow engine on Redis Streams.",
    no_args_is_help=True,
    add_completion=False,
    # Plain help: the coloured one costs a quarter of a second of imports.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
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
app.add_typer(deliveries, name="deliveries")
app.add_typer(keys, name="keys")
app.add_typer(tenants, name="tenants")
app.command(context_settings=PASS_ON | {"help_option_names": []})(redis)
app.command()(doctor)
app.command(context_settings=PASS_ON)(test)


if __name__ == "__main__":
    write_what_can_be_written()
    app(prog_name="headrace")
