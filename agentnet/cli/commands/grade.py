"""``agentnet grade``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentnet.cli import options
from agentnet.cli.entry import EXIT_HELD

if TYPE_CHECKING:
    from agentnet.contracts.grades import Grades
    from agentnet.evals.loading import Suite


async def grade(
    suite: Annotated[
        str | None, typer.Argument(help="A suite, shipped or a YAML file, whose questions are asked.")
    ] = None,
    family: Annotated[
        list[str] | None, typer.Option("--family", help="Ask questions of a family of the zoo instead; repeatable.")
    ] = None,
    resume: Annotated[str | None, typer.Option("--resume", help="Resume an interrupted grading, by its id.")] = None,
    items: Annotated[
        int, typer.Option("--items", min=1, metavar="N", help="Questions of each dataset that are answered and graded.")
    ] = 20,
    members: Annotated[
        list[str] | None, typer.Option("--member", help="A member, or a selector such as @solver; repeatable.")
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option("--scale", metavar="A,B,C", help="The grades, best first. Default: A,B,C, or verdicts."),
    ] = None,
    score: Annotated[bool, typer.Option("--score", help="Judges write no reason; the likeliest grade counts.")] = False,
    network: options.NetworkOption = None,
    seed: options.Seed = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the grades there, for `grades:` of the network file.")
    ] = None,
    store: options.StoreOption = None,
    json: options.Json = False,
) -> int:
    """Let the members of a network grade each other's answers, and show who judges whom in `route`.

    Every grade is stored when it is given, so Ctrl-C loses nothing: `--resume` continues. A grade that does not
    parse is missing, and counts nowhere.
    """
    from agentnet.cli.entry import Interruption
    from agentnet.cli.output import emit
    from agentnet.cli.progress import progress_for
    from agentnet.contracts.grades import Grades
    from agentnet.errors import BadInput
    from agentnet.evals.session import resume as resume_evaluation
    from agentnet.evals.session import start
    from agentnet.evals.suite import SuiteSpec
    from agentnet.evals.systems import members_of
    from agentnet.store import Database, Evaluations

    if sum(given is not None for given in (suite, family or None, resume)) != 1:
        raise BadInput("give a suite, --family, or --resume ID: one of them says which questions are asked")
    settings = options.settings_from(store=store, network=network)
    async with await Database.open(settings.store.value) as opened:
        evaluations = Evaluations(opened)
        if resume is not None:
            record = await evaluations.find(resume)
            if SuiteSpec.model_validate(record.suite).grades is None:
                raise BadInput(f"evaluation {record.id} has no grades: `agentnet eval --resume {record.id}` resumes it")
        else:
            wanted = _asked(suite, family or [], items, members or [], _scale(scale), score, seed)
            command = shlex.join(["agentnet", *sys.argv[1:]])
            where = network or (settings.network.value if suite is None else None)
            record = await start(wanted, evaluations, network=where, command=command)
        Interruption.resume_hint = f"agentnet grade --resume {record.id}"
        with progress_for(record, json=json) as show:
            await resume_evaluation(record, evaluations, show, new=resume is None)
        record = await evaluations.find(record.id)
    grades = record.network.grades
    assert isinstance(grades, Grades)
    names = members_of(SuiteSpec.model_validate(record.suite).members, record.network)
    if out is not None:
        _write(grades, out)
    if json:
        emit(grades.model_dump(mode="json"))
    else:
        _show(grades, names, out)
    return EXIT_HELD


def _asked(
    suite: str | None,
    families: list[str],
    items: int,
    members: list[str],
    scale: tuple[str, ...] | None,
    score: bool,
    seed: int | None,
) -> Suite:
    """The suite that grades and does nothing else: with the questions of another suite, or of families of the zoo."""
    from agentnet.evals.loading import Suite, find_suite
    from agentnet.evals.suite import SuiteSpec

    mutual = {"scale": scale, "by": "score" if score else "reason"}
    if suite is None:
        spec = SuiteSpec.model_validate(
            {
                "name": "grades",
                "summary": "Members grade each other's answers.",
                "datasets": [{"from": "zoo", "family": family, "items": 1} for family in families],
                "baselines": [],
                "selection": items,
                "grades": mutual,
                "seed": seed or 0,
                **({"members": members} if members else {}),
            }
        )
        return Suite(spec, Path("grades.yaml"))
    found = find_suite(suite)
    changes = {"baselines": (), "systems": (), "learn": None, "attacks": None, "living": None, "selection": items}
    own = found.spec.model_dump(by_alias=True, mode="json") | {**changes, "grades": mutual}
    own |= {"members": members} if members else {}
    own |= {} if seed is None else {"seed": seed}
    return Suite(SuiteSpec.model_validate(own), found.path)


def _scale(text: str | None) -> tuple[str, ...] | None:
    from agentnet.errors import BadInput

    if text is None:
        return None
    grades = tuple(grade.strip() for grade in text.split(","))
    if len(set(grades)) != len(grades) or len(grades) < 2 or "" in grades:
        raise BadInput(f"--scale {text!r}: name two grades or more, best first, each once, such as A,B,C")
    return grades


def _write(grades: Grades, out: Path) -> None:
    import yaml

    from agentnet.errors import BadInput

    text = yaml.safe_dump(grades.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{out}: the grades cannot be written there ({error.strerror}); name another file") from error


def _show(grades: Grades, members: tuple[str, ...], out: Path | None) -> None:
    from agentnet.cli.output import show_table, table
    from agentnet.collab.mutual import judges, states

    means = grades.means
    rows = table("judge", *members, "state", "judged by (C)", wrap=("judged by (C)",))
    found, chosen = states(means, members), judges(means, members)
    for name in members:
        cells = [f"{means[name][other]:.2f}" if other in means.get(name, {}) else "–" for other in members]
        rows.add_row(name, *cells, STATES.get(found.get(name, 0), "–"), ", ".join(chosen[name]) or "nobody")
    show_table(rows)
    missing = sum(grade.missing for given in grades.given.values() for grade in given.values())
    typer.echo(f"Rows grade columns, from 1 ({grades.scale[-1]}) to {len(grades.scale)} ({grades.scale[0]}).")
    if missing:
        typer.echo(f"{missing} grades did not parse and are missing.")
    if out is not None:
        typer.echo(f"{out}: name it in the network file (`grades: {out.name}`), and `route` goes by it")


STATES = {1: "strict, graded high", 2: "mild, graded high", 3: "mild, graded low", 4: "strict, graded low"}
