"""What engines of one machine share, and what engines of two do not."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from agentnet.models.llama.machine import SWITCH_INTERVAL, Machine, this_machine
from agentnet.models.pool import ModelPool

ASK = Request(({"role": "user", "content": "hi"},))


async def test_two_machines_see_neither_the_memory_nor_the_threads_of_each_other(chain_file: Path) -> None:
    here, there = Machine(cores=4), Machine(cores=2)
    spec = LlamaSpec(path=str(chain_file))
    async with ModelPool(chain_file.parent, machine=here) as one, ModelPool(chain_file.parent, machine=there) as other:
        await one.open([spec, spec.model_copy(update={"context": 64})])
        assert (len(here.memory), len(there.memory)) == (3, 0)  # the weights, and two contexts on them
        models = [(await pool.open([spec]))[0] for pool in (one, other)]
        sessions = [await model.open_session(ASK) for model in models if isinstance(model, LlamaModel)]
        assert [session.admission for session in sessions] == [here.admission, there.admission]
        assert here.admission is not there.admission
        assert (len(here.memory), len(there.memory)) == (3, 2)
        here.threads.enter()
        here.threads.enter()
        assert (here.threads.share, there.threads.share) == (2, 2)
        there.threads.enter()
        there.threads.enter()
        assert (here.threads.share, there.threads.share) == (2, 1)
    assert (len(here.memory), len(there.memory)) == (0, 0)


async def test_models_share_the_machine_of_the_process_unless_they_are_given_one(chain_file: Path) -> None:
    before = len(this_machine().memory)
    model = LlamaModel(chain_file, LlamaSpec(path="x", threads=1))
    async with ModelPool(chain_file.parent) as pool:
        await pool.open([LlamaSpec(path=str(chain_file), threads=1)])
        assert len(this_machine().memory) == before + 3
    await model.close()
    assert len(this_machine().memory) == before


def test_threads_that_ask_for_the_machine_at_once_get_the_same() -> None:
    code = (
        "import threading\n"
        "from agentnet.models.llama.machine import this_machine\n"
        "found, start = [], threading.Barrier(8)\n"
        "def ask():\n"
        "    start.wait()\n"
        "    found.append(this_machine())\n"
        "threads = [threading.Thread(target=ask) for _ in range(8)]\n"
        "[thread.start() for thread in threads]\n"
        "[thread.join() for thread in threads]\n"
        "assert len(found) == 8 and len(set(map(id, found))) == 1, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_engine_reads_nothing_of_the_machine() -> None:
    code = (
        "import sys\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, found: opened.append(str(found[0])) if event == 'open' else None)\n"
        "import agentnet.models.pool, agentnet.models.llama\n"
        "assert not [path for path in opened if path.startswith('/sys')], opened\n"
        "from agentnet.models.llama.machine import this_machine\n"
        "this_machine()\n"
        "assert [path for path in opened if path.startswith('/sys')], 'nothing was read at all'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class TestSwitchInterval:
    @pytest.fixture(autouse=True)
    def default(self) -> Iterator[None]:
        before = sys.getswitchinterval()
        sys.setswitchinterval(0.005)
        yield
        sys.setswitchinterval(before)

    async def test_it_is_short_while_an_engine_is_open(self, chain_file: Path) -> None:
        first = LlamaModel(chain_file, LlamaSpec(path="x", threads=1))
        second = LlamaModel(chain_file, LlamaSpec(path="x", threads=1), Machine(cores=1))
        await first.generate(ASK)
        await second.generate(ASK)
        assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL)
        await first.close()
        await first.close()
        assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL)
        await second.close()
        assert sys.getswitchinterval() == pytest.approx(0.005)

    async def test_what_the_program_sets_meanwhile_stays(self, chain_file: Path) -> None:
        model = LlamaModel(chain_file, LlamaSpec(path="x", threads=1))
        await model.generate(ASK)
        sys.setswitchinterval(0.001)
        await model.close()
        assert sys.getswitchinterval() == pytest.approx(0.001)

    async def test_a_shorter_one_is_left_alone(self, chain_file: Path) -> None:
        sys.setswitchinterval(1e-5)
        model = LlamaModel(chain_file, LlamaSpec(path="x", threads=1))
        await model.generate(ASK)
        assert sys.getswitchinterval() == pytest.approx(1e-5)
        await model.close()
        assert sys.getswitchinterval() == pytest.approx(1e-5)

    def test_holders_on_many_threads_leave_it_as_it_was(self) -> None:
        machine = Machine(cores=1)

        def hold() -> None:
            for _ in range(200):
                with machine.switch_interval.shortened():
                    assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL)

        threads = [threading.Thread(target=hold) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sys.getswitchinterval() == pytest.approx(0.005)
