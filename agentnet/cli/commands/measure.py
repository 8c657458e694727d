"""``agentnet measure``: the owner's questions, put to the members of a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentnet.cli import options

if TYPE_CHECKING:
    from agentnet.contracts.evaluations import Item
    from agentnet.contracts.network import NetworkSpec
    from agentnet.evals.datasets import Dataset
    from agentnet.evals.loading import Suite
    from agentnet.profiles.measuring import Graded

SuiteOption = Annotated[
    str | None, typer.Option("--suite", help="A suite, shipped or a YAML file: its selection split is asked.")
]
Family = Annotated[
    list[str] | None, typer.Option("--family", "-f", help="A family of generated questions; may be given again.")
]


async def measure(
    members: Annotated[
        list[str] | None, typer.Argument(help="Members to measure. Default: all solvers.", metavar="[MEMBER]...")
    ] = None,
    suite: SuiteOption = None,
    family: Family = None,
    items: Annotated[
        int, typer.Option("--items", "-i", min=1, max=100_000, help="Questions of each label, at most.")
    ] = 100,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, metavar="N", help="Questions at a time.")] = 4,
    network: options.NetworkOption = None,
    seed: options.Seed = None,
    store: options.StoreOption = None,
    json: options.Json = False,
) -> None:
    """Ask members questions with known answers, and keep what they prove in their profiles.

    What was asked before is not asked again: Ctrl-C loses nothing, and the same command continues.
    """
    from agentnet.cli.entry import Interruption
    from agentnet.cli.output import emit
    from agentnet.cli.profiles_view import show_profiles
    from agentnet.errors import BadInput
    from agentnet.evals.loading import find_suite
    from agentnet.network import find_network
    from agentnet.profiles.measuring import calibrate
    from agentnet.session import open_session

    if (suite is None) is (not family):
        raise BadInput("say what to ask: --suite SUITE, or --family NAME (such as math), not both")
    settings = options.settings_from(network=network, store=store)
    where: tuple[NetworkSpec, Path] | None = None
    if suite is None:
        questions = of_families(family or [], items, seed)
    else:
        found_suite = find_suite(suite)
        questions = of_suite(found_suite, items)
        if network is None:
            where = find_network(found_suite.spec.network, beside=found_suite.folder)
    Interruption.resume_hint = "the same command"
    async with open_session(where, settings=settings) as session:
        measured, kept = session.measured.members, session.measured.store
        agents = [session.network[name] for name in dict.fromkeys(members or [])]
        agents = agents or [agent for agent in session.network if agent.metered and "solver" in agent.card.roles]
        for agent in agents:
            if not json:
                typer.echo(f"{agent.name}: {len(questions)} questions", err=True)
            await calibrate(agent, questions, measured, kept, concurrency=concurrency)
        found = [profile for agent in agents for profile in measured.seats(agent.name)]
    if json:
        emit([profile.shown() for profile in found])
    else:
        show_profiles(found)


def of_families(names: list[str], items: int, seed: int | None) -> list[Graded]:
    """Return held-out questions of families. Raises `BadInput` for an unknown family."""
    from agentnet.evals.datasets import load
    from agentnet.evals.suite import DatasetSpec

    found = []
    for name in dict.fromkeys(names):
        content = {"from": "zoo", "family": name, "items": items, "seed": seed or 0}
        dataset = load(DatasetSpec.model_validate(content), Path.cwd(), selection=0)
        found += _graded(dataset, dataset.test, f"zoo family {name}, held out", seed or 0)
    return found


def of_suite(suite: Suite, items: int) -> list[Graded]:
    """Return the selection split of a suite, at most so many questions of each dataset. Raises `BadInput`.

    The other questions of the suite stay unseen, so that evaluations with them stay honest.
    """
    from agentnet.errors import BadInput
    from agentnet.evals.datasets import load

    found = []
    for spec in suite.spec.datasets:
        dataset = load(spec, suite.folder, selection=suite.spec.selection)
        if dataset.grading.judge is not None:
            raise BadInput(f"{suite.path}: dataset {dataset.name!r}: answers that an agent judges measure nobody")
        found += _graded(dataset, dataset.selection[:items], f"selection split of {suite.spec.name}", suite.spec.seed)
    if not found:
        raise BadInput(f"{suite.path}: it has no selection split: set `selection` to a number of questions")
    return found


def _graded(dataset: Dataset, items: Sequence[Item], suite: str, seed: int) -> list[Graded]:
    from agentnet.profiles.measuring import Graded

    grading = dataset.grading

    def grader(item: Item) -> Callable[[str], bool]:
        return lambda answer: grading.score(answer, item) == 1.0

    return [Graded(item.label, item.text, grader(item), suite, seed) for item in items]
