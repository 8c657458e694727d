"""The shipped suites: each can be started, and what the documents say of the zoo is true of fewer items too."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from agentnet.contracts.evaluations import SELECTION, EvaluationRecord
from agentnet.evals.loading import Suite, find_suite, shipped_suites
from agentnet.evals.results import Row, Summary
from agentnet.evals.session import resume, start
from agentnet.evals.systems import BEST
from agentnet.store import Database, Evaluations

RECORDED = Path(__file__).parents[3] / "shared" / "data"


def smaller(name: str, items: int, selection: int) -> Suite:
    found = find_suite(name)
    datasets = tuple(dataset.model_copy(update={"items": items}) for dataset in found.spec.datasets)
    return replace(found, spec=found.spec.model_copy(update={"datasets": datasets, "selection": selection}))


@pytest.mark.parametrize("name", shipped_suites())
async def test_every_shipped_suite_can_be_started(name: str, tmp_path: Path) -> None:
    if name.endswith("-recorded") and not RECORDED.is_dir():
        pytest.skip("the recorded answers are not beside the project")
    async with await Database.open(tmp_path / "evals.db") as database:
        evaluations = Evaluations(database)
        record: EvaluationRecord = await start(smaller(name, 2, 2), evaluations)
        assert len([system for system in record.systems if system.kind == "system"]) >= 3
        items = await evaluations.items(record.id, "test")
        assert len(items) == 2 * len(find_suite(name).spec.datasets)
        apart = await evaluations.items(record.id, SELECTION)
        assert not {(item.dataset, item.id) for item in items} & {(item.dataset, item.id) for item in apart}


@pytest.fixture(scope="module")
def first_light(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    async def measured() -> Summary:
        async with await Database.open(tmp_path_factory.mktemp("evals") / "evals.db") as database:
            evaluations = Evaluations(database)
            return await resume(await start(smaller("first-light", 24, 10), evaluations), evaluations)

    return asyncio.run(measured())


def row(summary: Summary, dataset: str, system: str) -> Row:
    found = summary.row(dataset, system)
    assert found is not None
    return found


@pytest.mark.slow
def test_delegation_answers_what_no_single_model_can(first_light: Summary) -> None:
    delegation = row(first_light, "compound", "delegation")
    alone = [one for one in first_light.rows if one.dataset == "compound" and one.kind == "member"]
    assert len(alone) >= 6
    assert all(one.accuracy.estimate <= 0.25 for one in alone)
    assert delegation.accuracy.estimate >= 0.75
    against = {one.baseline.split(" ×")[0]: one for one in delegation.comparisons}
    assert set(against) == {BEST, "self-consistency", "self-correction"}
    assert all(one.gain.low > 0.3 for one in against.values())
    assert delegation.calls > 2


@pytest.mark.slow
def test_the_critic_never_harms_a_proposer_at_math(first_light: Summary) -> None:
    for name in ("scout", "sage", "atlas"):
        checked, alone = row(first_light, "math", f"{name} and critic"), row(first_light, "math", name)
        assert checked.accuracy.estimate >= alone.accuracy.estimate
        assert checked.calls >= 2


@pytest.mark.slow
def test_the_best_member_in_advance_is_the_specialist(first_light: Summary) -> None:
    assert first_light.chosen["math"] in ("math", "atlas")
    assert row(first_light, "math", BEST).accuracy.estimate >= 0.95
