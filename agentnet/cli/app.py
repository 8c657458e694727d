"""The commands, and the help of ``agentnet`` itself."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Annotated

import typer

from agentnet.cli.commands.ask import ask
from agentnet.cli.commands.audit import forget, verify
from agentnet.cli.commands.compare import compare
from agentnet.cli.commands.demo import demo
from agentnet.cli.commands.doctor import doctor
from agentnet.cli.commands.evaluate import evaluate
from agentnet.cli.commands.fork import fork
from agentnet.cli.commands.grade import grade
from agentnet.cli.commands.graph import graph
from agentnet.cli.commands.join import join, leave
from agentnet.cli.commands.keys import create as create_key
from agentnet.cli.commands.keys import list_ as list_keys
from agentnet.cli.commands.keys import revoke as revoke_key
from agentnet.cli.commands.learn import learn
from agentnet.cli.commands.mcp import mcp
from agentnet.cli.commands.measure import measure
from agentnet.cli.commands.models import models
from agentnet.cli.commands.nodes import nodes
from agentnet.cli.commands.policy import show as show_policy
from agentnet.cli.commands.profiles import outcome, profiles
from agentnet.cli.commands.protocols import protocols
from agentnet.cli.commands.report import report
from agentnet.cli.commands.resume import resume
from agentnet.cli.commands.run import run
from agentnet.cli.commands.runs import runs, show
from agentnet.cli.commands.serve import serve
from agentnet.cli.commands.tools import tools
from agentnet.cli.entry import command

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": 100},
)


def _shown_warnings() -> AbstractContextManager[None]:
    from agentnet.cli.warnings import shown_warnings  # here: ``--help`` does without `logging`

    return shown_warnings()


app.command("eval")(command(evaluate, _shown_warnings))
for function in (
    *(demo, ask, run, resume, fork, models, tools, protocols, graph, runs, show, outcome, verify, forget),
    *(measure, profiles, learn, grade, serve, mcp, join, nodes, leave, report, compare, doctor),
):
    app.command(function.__name__)(command(function, _shown_warnings))

policy = typer.Typer(no_args_is_help=True, help="Look at what was learned about a network.")
policy.command("show")(command(show_policy, _shown_warnings))
app.add_typer(policy, name="policy")

keys = typer.Typer(no_args_is_help=True, help="Make, list and revoke the keys with which others use a served network.")
keys.command("create")(command(create_key, _shown_warnings))
keys.command("list")(command(list_keys, _shown_warnings))
keys.command("revoke")(command(revoke_key, _shown_warnings))
app.add_typer(keys, name="keys")


def _version(wanted: bool) -> None:
    if wanted:
        from agentnet.cli.doctor_checks import own_version

        typer.echo(f"agentnet {own_version()}")
        raise typer.Exit()


@app.callback()
def about(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Language models join a network, share what they can do, and reason together.

    Try `agentnet demo` first: it needs no download, no server and no key.

    Every command takes --json. Exit codes: 0 success, 1 no answer or a failed expectation, 2 bad input,
    130 interrupted.
    """
