"""A process that is killed loses nothing that was acknowledged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from agentnet.store import Store

from .samples import message

PROGRAM = """
import asyncio, sys
sys.path.append(sys.argv[2])
from agentnet.store import Store
from samples import message, run_record

async def main():
    store = await Store.open(sys.argv[1])
    await store.start_run(run_record())
    for round in range(100_000):
        turns = [message(round=round, sender=name) for name in ("ann", "bob", "cyd")]
        said = await asyncio.gather(*map(store.append, turns))
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
    async with await Store.open(path) as store:
        kept = await store.messages("run-1")
        places = {one.id: one.sequence for one in kept}
        assert [one.sequence for one in kept] == list(range(len(kept)))
        for line in acknowledged:
            id, sequence = line.split()
            assert places[id] == int(sequence)
        again = await store.append(message(round=0, sender="ann"))
        assert again.sequence == places[again.id], "the turn that is executed twice appears once"
        assert len(await store.messages("run-1")) == len(kept)
