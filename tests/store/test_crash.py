"""A process that is killed loses nothing that was acknowledged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from agentnet.store import Database, Runs

from .samples import message

PROGRAM = """
import asyncio, sys
sys.path.append(sys.argv[2])
from agentnet.store import Database, Runs
from samples import message, run_record

async def main():
    runs = Runs(await Database.open(sys.argv[1]))
    await runs.start_run(run_record())
    for round in range(100_000):
        turns = [message(round=round, sender=name) for name in ("ann", "bob", "cyd")]
        said = await asyncio.gather(*map(runs.append, turns))
        for one in said:
            print(one.id, one.sequence, flush=True)

asyncio.run(main())
"""


async def test_a_kill_in_the_middle_loses_no_acknowledged_message(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    command = [sys.executable, "-c", PROGRAM, str(path), str(Path(__file__).parent)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    acknowledged = [process.stdout.readline() for _ in range(60)]
    process.kill()
    acknowledged += [line for line in process.stdout if line.endswith("\n")]
    process.wait()
    process.stdout.close()
    async with await Database.open(path) as database:
        runs = Runs(database)
        kept = await runs.messages("run-1")
        places = {one.id: one.sequence for one in kept}
        assert [one.sequence for one in kept] == list(range(len(kept)))
        assert (await runs.verify("run-1")).intact
        for line in acknowledged:
            id, sequence = line.split()
            assert places[id] == int(sequence)
        again = await runs.append(message(round=0, sender="ann"))
        assert again.sequence == places[again.id], "the turn that is executed twice appears once"
        assert len(await runs.messages("run-1")) == len(kept)
        await runs.append(message(round=-1 % 100_000, sender="ann"))
        assert (await runs.verify("run-1")).intact, "what is recorded later continues the chain"
