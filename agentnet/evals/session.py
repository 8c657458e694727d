"""An evaluation from its suite to its summary: started once, resumed as often as it takes."""

from __future__ import annotations

import asyncio
import os
import platform
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from agentnet.contracts.evaluations import SELECTION, EvaluationRecord, Item, Split
from agentnet.contracts.policies import Policy
from agentnet.errors import BadInput, ModelError
from agentnet.evals.datasets import Dataset, load
from agentnet.evals.jobs import Progress
from agentnet.evals.learning import learned_policy
from agentnet.evals.loading import Suite, find_suite
from agentnet.evals.report import Evaluated
from agentnet.evals.results import Summary
from agentnet.evals.running import Evaluation
from agentnet.evals.suite import Learning, SuiteSpec
from agentnet.evals.summary import summarise
from agentnet.evals.systems import systems_of
from agentnet.evals.tables import ALL
from agentnet.network import find_network
from agentnet.session import open_session
from agentnet.store import Database, Evaluations

PACKAGES = ("agentnet-ai", "llama-cpp-python", "langgraph", "openai")


async def evaluate(
    suite: str | Path | Suite | SuiteSpec,
    *,
    limit: int | None = None,
    network: str | None = None,
    store: str | Path = ":memory:",
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Evaluated:
    """Run a suite from beginning to end: for notebooks and programs.

    `suite` is a shipped name, a YAML file, or the suite itself: then its paths start from the working folder. `limit`
    caps the items of each dataset. Without a `store` nothing is kept. Raises what `start` and `resume` raise.
    """
    if isinstance(suite, SuiteSpec):
        suite = Suite(suite, Path(f"{suite.name}.yaml"))
    found = suite if isinstance(suite, Suite) else find_suite(str(suite))
    async with await Database.open(store) as opened:
        evaluations = Evaluations(opened)
        record = await start(found.changed(limit=limit), evaluations, network=network)
        return Evaluated(await resume(record, evaluations, on_progress, new=True))


async def start(
    suite: Suite, evaluations: Evaluations, *, network: str | None = None, command: str = ""
) -> EvaluationRecord:
    """Read everything that a suite refers to, and store it as a new evaluation. No model is asked yet.

    `network` replaces the suite's own. Raises `BadInput`, one line that says what is wrong where; `StoreError`.
    """
    spec = suite.spec
    found, base = find_network(network or spec.network, beside=None if network else suite.folder)
    try:
        datasets = await asyncio.to_thread(_load, spec, suite.folder)
        systems = systems_of(spec, found, suite.folder)
    except BadInput as error:
        raise BadInput(f"{suite.path}: {error}") from error
    now = datetime.now(UTC)
    record = EvaluationRecord(
        id=secrets.token_hex(5),
        name=spec.name,
        suite=spec.model_dump(mode="json", by_alias=True),
        suite_source=str(suite.path),
        folder=str(suite.folder),
        network=found,
        network_folder=str(base.resolve()),
        systems=systems,
        repeated={dataset.name: dataset.repeated for dataset in datasets if dataset.repeated},
        command=command,
        versions={"python": platform.python_version(), **{package: version(package) for package in PACKAGES}},
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        created=now,
        updated=now,
    )
    await evaluations.start(record, _items(datasets))
    return record


async def resume(
    record: EvaluationRecord,
    evaluations: Evaluations,
    on_progress: Callable[[Progress], None] = lambda _: None,
    *,
    new: bool = False,
) -> Summary:
    """Make every trial that an evaluation lacks, and return its summary. Where none is missing, no model is asked.

    A `new` one that cannot begin, because its models or protocols cannot be used, is removed from the store.

    Raises `BadInput` where the items are not what they were, `NetworkError`, `ModelError`, `StoreError`.
    """
    await carry_out(record, evaluations, on_progress, new=new)
    return await summary(record.id, evaluations)


async def carry_out(
    record: EvaluationRecord,
    evaluations: Evaluations,
    on_progress: Callable[[Progress], None] = lambda _: None,
    *,
    new: bool = False,
) -> None:
    """Make every trial that an evaluation lacks, as `resume` does, without its summary. Raises what `resume` does."""
    async with _opened(record, evaluations, on_progress, new=new) as evaluation:
        await evaluation.run()


async def learn(
    record: EvaluationRecord,
    evaluations: Evaluations,
    on_progress: Callable[[Progress], None] = lambda _: None,
    *,
    new: bool = False,
) -> Policy:
    """Make the trials of an evaluation that its policy needs, and return it. Raises what `resume` does.

    Trials that were made before are not made again. The evaluation's suite needs `learn` (`Suite.learning`).
    """
    async with _opened(record, evaluations, on_progress, new=new) as evaluation:
        return await evaluation.learn()


async def learn_from(evaluation: str, evaluations: Evaluations, learning: Learning) -> Policy:
    """Return the policy that the trials of a stored evaluation teach, those of both splits. No model is asked.

    Raises `BadInput` for an unknown id, and where nothing can be learned.
    """
    record = await evaluations.find(evaluation)
    items = [*await evaluations.items(record.id, SELECTION), *await evaluations.items(record.id, "test")]
    return learned_policy(record, await evaluations.trials(record.id), items, learning)


@asynccontextmanager
async def _opened(
    record: EvaluationRecord, evaluations: Evaluations, on_progress: Callable[[Progress], None], *, new: bool
) -> AsyncIterator[Evaluation]:
    """An evaluation on its open network, with the items that it was started with."""
    datasets = await asyncio.to_thread(_load, SuiteSpec.model_validate(record.suite), Path(record.folder))
    for split, items in _items(datasets).items():
        if items != await evaluations.items(record.id, split):
            raise BadInput(f"evaluation {record.id}: its {split} items are not what they were; start a new one")
    gradings = {dataset.name: dataset.grading for dataset in datasets}
    try:
        async with open_session((record.network, Path(record.network_folder)), remember=False) as session:
            yield Evaluation(record, session, evaluations, gradings, on_progress)
    except (BadInput, ModelError):
        if new and not await evaluations.trials(record.id):
            await evaluations.forget(record.id)
        raise


async def summary(evaluation: str, evaluations: Evaluations) -> Summary:
    """Return the summary of an evaluation, finished or not. Raises `BadInput` for an unknown id."""
    record = await evaluations.find(evaluation)
    trials, items = await evaluations.trials(record.id), await evaluations.items(record.id, "test")
    return await asyncio.to_thread(summarise, record, trials, items)


def _load(spec: SuiteSpec, folder: Path) -> list[Dataset]:
    found = []
    for dataset in spec.datasets:
        try:
            found.append(load(dataset, folder, selection=spec.selection))
        except BadInput as error:
            raise BadInput(f"dataset {dataset.called!r}: {error}") from error
    names = [dataset.name for dataset in found]
    if ALL in names:
        raise BadInput(f"no dataset can be called {ALL!r}, which is all of them together: give it another `name`")
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadInput(f"two datasets are called {min(twice)!r}: give one of them another `name`")
    return found


def _items(datasets: list[Dataset]) -> dict[Split, list[Item]]:
    return {
        SELECTION: [item for dataset in datasets for item in dataset.selection],
        "test": [item for dataset in datasets for item in dataset.test],
    }
