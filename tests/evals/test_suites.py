"""The shipped suites: each can be started, and what the documents say of the zoo is true of fewer items too."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from agentnet.collab.library import shipped_protocols
from agentnet.contracts.evaluations import SELECTION, EvaluationRecord
from agentnet.contracts.model_specs import LlamaSpec, ReplaySpec
from agentnet.evals.loading import Suite, find_suite, shipped_suites
from agentnet.evals.results import Row, Summary
from agentnet.evals.session import resume, start
from agentnet.evals.suite import SystemSpec
from agentnet.evals.systems import BEST
from agentnet.files.shipped import shipped_folder
from agentnet.network.files import EMBEDDED, find_network
from agentnet.store import Database, Evaluations

EVALS = shipped_folder("evals").resolve()


def smaller(name: str, items: int, selection: int) -> Suite:
    found = find_suite(name)
    datasets = tuple(dataset.model_copy(update={"items": items}) for dataset in found.spec.datasets)
    return replace(found, spec=found.spec.model_copy(update={"datasets": datasets, "selection": selection}))


@pytest.mark.parametrize("name", shipped_suites())
async def test_every_shipped_suite_can_be_started(name: str, tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "evals.db") as database:
        evaluations = Evaluations(database)
        record: EvaluationRecord = await start(smaller(name, 2, 2), evaluations)
        assert len([system for system in record.systems if system.kind in ("system", "candidate")]) >= 3
        items = await evaluations.items(record.id, "test")
        assert len(items) == 2 * len(find_suite(name).spec.datasets)
        apart = await evaluations.items(record.id, SELECTION)
        assert not {(item.dataset, item.id) for item in items} & {(item.dataset, item.id) for item in apart}


async def test_the_suite_of_liars_for_any_network_names_no_member_of_the_zoo(tmp_path: Path) -> None:
    network = tmp_path / "mine.yaml"
    members = "".join(
        f"  - {{name: {name}, model: {{path: 'zoo:{name}'}}, pack: compact}}\n" for name in ("atlas", "sage")
    )
    network.write_text(f"name: mine\nagents:\n{members}", encoding="utf-8")
    async with await Database.open(tmp_path / "evals.db") as database:
        record = await start(smaller("attack-own", 1, 1), Evaluations(database), network=str(network))
    attacked = {system.facts["attacked"] for system in record.systems if "attacked" in system.facts}
    assert attacked == {"vote", "weighted vote", "debate", "cascade"}


@pytest.mark.parametrize("name", shipped_suites())
def test_a_shipped_suite_needs_no_file_that_is_not_shipped_with_it(name: str) -> None:
    suite = find_suite(name)
    network, base = find_network(suite.spec.network, beside=suite.folder)
    files = [suite.folder / dataset.path for dataset in suite.spec.datasets if dataset.path]
    for agent in network.agents:
        if isinstance(agent.model, ReplaySpec):
            files.append(base / agent.model.replay)
        else:
            assert isinstance(agent.model, LlamaSpec)
            assert agent.model.path.startswith("zoo:")
    if suite.spec.network not in EMBEDDED:
        files.append(suite.folder / suite.spec.network)
    for entry in suite.spec.systems:
        if isinstance(entry, SystemSpec) and isinstance(entry.protocol, str):
            assert entry.protocol in shipped_protocols()
    for file in files:
        assert file.resolve().is_relative_to(EVALS)
        assert file.is_file()


def test_a_shipped_file_of_data_is_small_and_says_where_it_is_from() -> None:
    files = sorted((EVALS / "data").glob("*/*.gz"))
    assert files
    for file in files:
        assert file.stat().st_size < 3 * 2**20
        assert f"`{file.name}`" in (file.parent / "NOTICE.md").read_text(encoding="utf-8")
        assert any((file.parent / "LICENSES").iterdir())


@pytest.mark.slow
async def test_recorded_answers_always_give_the_same_scores(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "evals.db") as database:
        evaluations = Evaluations(database)
        summary = await resume(await start(find_suite("gsm8k-recorded").changed(limit=60), evaluations), evaluations)
    assert summary.chosen == {"gsm8k": "gpt-4"}
    right = {one.system: round(60 * one.accuracy.estimate) for one in summary.rows if one.kind == "member"}
    assert right == {"gpt-4": 52, "mixtral": 34, "verifier-175b": 31, "ft-175b": 26, "verifier-6b": 23, "ft-6b": 11}
    decided = {one.system: round(60 * one.accuracy.estimate) for one in summary.rows if one.kind == "system"}
    assert (decided["vote of six"], decided["weighted vote of six"], decided["routed by card"]) == (48, 53, 52)


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
