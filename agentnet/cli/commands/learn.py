"""``agentnet learn``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentnet.cli import options

if TYPE_CHECKING:
    from agentnet.contracts.policies import Exchange, Policy
    from agentnet.evals.suite import Learning


async def learn(
    suite: Annotated[str | None, typer.Argument(help="A shipped suite's name, or a YAML file.")] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", help="Go on where learning was interrupted, by its id.")
    ] = None,
    evaluation: Annotated[
        str | None, typer.Option("--from", metavar="ID", help="Learn from a stored evaluation. No model is asked.")
    ] = None,
    epsilon: Annotated[
        float | None, typer.Option("--epsilon", min=0, max=1, help="Accuracy that may be lost to save cost.")
    ] = None,
    delta: Annotated[
        float | None, typer.Option("--delta", min=1e-9, max=0.5, help="Probability with which more may be lost.")
    ] = None,
    price: Annotated[
        float | None, typer.Option("--price", min=0, help="Share of accuracy that one unit of money is worth.")
    ] = None,
    second: Annotated[
        float | None, typer.Option("--second", min=0, help="Share of accuracy that a second is worth.")
    ] = None,
    token: Annotated[
        float | None, typer.Option("--token", min=0, help="Share of accuracy that 1,000 tokens are worth.")
    ] = None,
    explore: Annotated[
        float | None, typer.Option("--explore", min=0, max=1, help="Share of questions that try another system.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="Ask at most N questions of each dataset.")
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", min=1, metavar="N", help="Questions asked concurrently.")
    ] = None,
    network: options.NetworkOption = None,
    seed: options.Seed = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Policy file. Default: the network's own, which `auto` finds.")
    ] = None,
    store: options.StoreOption = None,
    json: options.Json = False,
) -> None:
    """Learn which system to use for which kind of question, and write it into the network's policy file.

    Every member, every usual way to collaborate and every system of the suite is tried on the suite's selection items.
    Another system than the best single model is used only where its gain, or its tolerable loss at less cost, is proven
    by questions that did not propose it.
    """
    from agentnet.cli.entry import Interruption
    from agentnet.cli.output import emit
    from agentnet.cli.progress import progress_for
    from agentnet.errors import BadInput
    from agentnet.evals.loading import find_suite
    from agentnet.evals.session import learn as learn_by_asking
    from agentnet.evals.session import learn_from, start
    from agentnet.evals.suite import Learning
    from agentnet.policy import policy_path, save_policy
    from agentnet.store import Database, Evaluations

    if sum(source is not None for source in (suite, resume, evaluation)) != 1:
        raise BadInput("give one of: a suite to learn from, --resume ID, --from ID")
    terms = {
        "epsilon": epsilon,
        "delta": delta,
        "explore": explore,
        "exchange": _exchange(price, second, token),
    }
    asked = {"--limit": limit, "--concurrency": concurrency, "--network": network, "--seed": seed}
    if suite is None and (unused := [name for name, value in asked.items() if value is not None]):
        raise BadInput(f"{', '.join(unused)}: only with a suite; --resume and --from have their own")
    if resume is not None and any(value is not None for value in terms.values()):
        raise BadInput("--resume goes on with the terms that learning began with; `--from ID` learns with others")
    settings = options.settings_from(store=store)
    async with await Database.open(settings.store.value) as opened:
        evaluations = Evaluations(opened)
        if evaluation is not None:
            record = await evaluations.find(evaluation)
            policy = await learn_from(record.id, evaluations, _with(Learning(), terms))
        else:
            if resume is not None:
                record = await evaluations.find(resume)
                if not record.suite.get("learn"):
                    raise BadInput(f"evaluation {record.id} does not learn: start with `agentnet learn SUITE`")
            else:
                assert suite is not None
                changed = find_suite(suite).changed(limit=limit, concurrency=concurrency, seed=seed)
                command = shlex.join(["agentnet", *sys.argv[1:]])
                if network is not None:
                    changed = changed.on(network)
                record = await start(changed.learning(**terms), evaluations, command=command)
            Interruption.resume_hint = f"agentnet learn --resume {record.id}"
            with progress_for(record, json=json) as show:
                policy = await learn_by_asking(record, evaluations, show, new=resume is None)
        path = out or policy_path(_network_file(record.suite["network"], record.folder), settings)
    save_policy(policy, path)
    if json:
        emit(policy.model_dump(mode="json", exclude={"analyzer"}) | {"file": str(path)})
    else:
        _show(policy)
        typer.echo(f"policy: {path}")


def _exchange(price: float | None, second: float | None, token: float | None) -> Exchange | None:
    from agentnet.contracts.policies import Exchange

    if price is None and second is None and token is None:
        return None
    return Exchange(price=price or 0.0, second=second or 0.0, token=token or 0.0)


def _with(learning: Learning, terms: Mapping[str, object]) -> Learning:
    return learning.model_copy(update={name: value for name, value in terms.items() if value is not None})


def _network_file(network: str, folder: str) -> str:
    """The network of a suite as `policy_path` wants it: an embedded one's name, or its file."""
    from agentnet.network.files import EMBEDDED

    return network if network in EMBEDDED else str(Path(folder) / network)


def _show(policy: Policy) -> None:
    typer.echo(f"default: {policy.default}")
    for choice in policy.choices:
        what = "other questions" if choice.label == "*" else choice.label
        typer.echo(f"{what}: {choice.use}: {choice.why}")
    if not policy.choices:
        typer.echo("nothing else was better, or cheaper and as good, for certain")
