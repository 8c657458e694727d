"""``agentnet demo``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentnet.cli import options
from agentnet.cli.entry import EXIT_HELD, EXIT_NOT_HELD

if TYPE_CHECKING:
    from agentnet.coordinator import Outcome
    from agentnet.network import Network
    from agentnet.session import Session

QUESTION = "What is the atomic number of oxygen times the number of letters in the capital of Peru?"
ANSWER = "32"


async def demo(
    question: Annotated[str | None, typer.Argument(help="Another question of this kind.", show_default=False)] = None,
    store: options.StoreOption = None,
    verbose: options.Verbose = False,
    json: options.Json = False,
) -> int:
    """Watch tiny models answer a compound question together.

    Then each solver answers the same question alone, and a table compares the results.

    Needs no download, no server and no key: the models are part of the package.
    """
    from agentnet.answers import same
    from agentnet.cli.live import view_for
    from agentnet.cli.output import emit
    from agentnet.cli.records import outcome_data
    from agentnet.cli.watching import watched
    from agentnet.network.files import ZOO
    from agentnet.session import Session, open_session

    asked = question or QUESTION
    expected = ANSWER if question is None else None
    async with open_session(ZOO, settings=options.settings_from(store=store)) as session:
        if not json:
            _introduce(session.network)
        with view_for(json=json, json_lines=False, verbose=verbose) as view:
            together = await watched(session.run(asked, "delegation", on_event=view, stream_text=not json), view)
        alone = await _each_alone(Session(session.network), asked)
    right = together.answer is not None and (expected is None or same(expected, together.answer))
    if json:
        emit(
            {
                "question": asked,
                "expected": expected,
                "right": right,
                "together": outcome_data(together),
                "alone": [_row_data(name, outcome) for name, outcome in alone.items()],
            }
        )
    else:
        _compare(together, alone, expected)
    return EXIT_HELD if right else EXIT_NOT_HELD


def _introduce(network: Network) -> None:
    from rich.text import Text

    from agentnet.cli.messages_view import style_of
    from agentnet.cli.output import console

    screen = console()
    names = list(network.agents)
    members = Text(", ").join(Text(name, style_of(name, names)) for name in names)
    screen.print(Text(f"{len(network.agents)} tiny models, running here: ", "dim") + members)


async def _each_alone(session: Session, question: str) -> dict[str, Outcome]:
    """Each solver's outcome for the question, without a store."""
    from agentnet.contracts.protocols import Ask

    solvers = [agent.name for agent in session.network if "solver" in agent.card.roles]
    return {name: await session.run(question, Ask(agent=name)) for name in solvers}


def _compare(together: Outcome, alone: dict[str, Outcome], expected: str | None) -> None:
    from rich.text import Text

    from agentnet.answers import same
    from agentnet.cli.entry import printable
    from agentnet.cli.messages_view import style_of
    from agentnet.cli.output import console, show_table, table
    from agentnet.cli.records import usage_by_agent

    rows = table(
        "", "agents", "answer", "calls", "tokens", "seconds", right=("calls", "tokens", "seconds"), wrap=("answer",)
    )
    team = " + ".join(usage_by_agent(together.messages)) or "none"
    for name, outcome in {team: together, **alone}.items():
        right = outcome.answer is not None and expected is not None and same(expected, outcome.answer)
        mark = "" if expected is None else "✓" if right else "✗"
        style = "bold" if outcome is together else style_of(name, together.members)
        answer = printable(outcome.answer if outcome.answer is not None else outcome.detail)
        used = outcome.usage
        numbers = (str(used.calls), str(used.tokens), f"{used.seconds:.2f}")
        rows.add_row(Text(mark, "green" if right else "red"), Text(name, style), answer, *numbers)
    screen = console()
    screen.print()
    screen.print(Text("The same question, answered together and by each solver alone:", "dim"))
    show_table(rows)
    screen.print(Text(f"agentnet show {together.run}  shows the run; agentnet graph delegation  draws it", "dim"))


def _row_data(name: str, outcome: Outcome) -> dict[str, Any]:
    usage = outcome.usage.model_dump(mode="json")
    return {"agent": name, "status": outcome.status, "answer": outcome.answer, "usage": usage}
