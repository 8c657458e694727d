"""Lists of runs: what they have in common, and page after page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from agentnet.contracts.serving import Served
from agentnet.store import Runs
from agentnet.store.listing import Place, RunFilter

from .samples import message, run_record

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


async def fill(runs: Runs) -> None:
    for number in range(5):
        served = Served(caller="k" if number % 2 else "", surface="a2a", context=f"c{number // 3}")
        time = NOON + timedelta(minutes=min(number, 3))
        await runs.start_run(run_record(f"r{number}", created=time, updated=time).model_copy(update={"served": served}))
    await runs.start_run(run_record("own", created=NOON, updated=NOON))


async def ids(runs: Runs, wanted: RunFilter) -> list[str]:
    found = [record.id for record in await runs.listed(wanted)]
    assert await runs.count(wanted) == len(found)
    return found


async def test_runs_are_listed_by_what_they_have_in_common(runs: Runs) -> None:
    await fill(runs)
    assert await ids(runs, RunFilter(surface="a2a")) == ["r4", "r3", "r2", "r1", "r0"]
    assert await ids(runs, RunFilter(caller="k")) == ["r3", "r1"]
    assert await ids(runs, RunFilter(caller="", context="c0")) == ["r2", "r0"]
    assert await ids(runs, RunFilter(updated_since=NOON + timedelta(minutes=2))) == ["r4", "r3", "r2"]
    assert await ids(runs, RunFilter(surface="a2a", among=["r1", "own"])) == ["r1"]
    assert await ids(runs, RunFilter(without=["r1", "own"])) == ["r4", "r3", "r2", "r0"]
    await runs.append(message("r2"))
    assert await ids(runs, RunFilter(said="proposal")) == ["r2"]
    assert await ids(runs, RunFilter(said="fusion")) == []
    await runs.finish_run("r0", "done", "4")
    assert await ids(runs, RunFilter(statuses=["done"])) == ["r0"]
    assert await ids(runs, RunFilter()) == ["r4", "r3", "r2", "r1", "own", "r0"]


async def test_a_list_goes_on_behind_the_last_run_of_a_page(runs: Runs) -> None:
    await fill(runs)
    seen: list[str] = []
    behind: Place | None = None
    while page := await runs.listed(RunFilter(surface="a2a"), behind=behind, limit=2):
        seen += [record.id for record in page]
        behind = Place(page[-1].updated, page[-1].id)
    assert seen == ["r4", "r3", "r2", "r1", "r0"]
