"""The engine: one GGUF file, one context of many sequences, the thread that owns it, and an async interface."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.errors import ModelError
from agentnet.logs import logger
from agentnet.models.llama.admission_limit import AdmissionLimit
from agentnet.models.llama.context import Context
from agentnet.models.llama.dispatcher import ResultDispatcher
from agentnet.models.llama.job import Job, settle
from agentnet.models.llama.loading import Loaded, load
from agentnet.models.llama.machine import Machine
from agentnet.models.llama.scheduler import Scheduler
from agentnet.models.llama.slots import SlotReservation
from agentnet.models.llama.stats import EngineStats
from agentnet.models.llama.threads import end_team

log = logger("llama")

MOST_INSIDE = 1024
"""Requests that an engine takes in; further ones wait on their own event loops."""
LINGER = 0.002
"""Seconds that an engine without work keeps its share of the threads, since handing it over costs time too."""
HELD_LINGER = 0.1
"""The same while sessions hold slots: between two pieces of a text, an engine waits for models that are slower."""


class Engine:
    """Decodes the requests for one GGUF file, however many tasks and event loops they come from.

    llama.cpp releases the interpreter lock while it computes, so engines run in parallel. The machine's thread budget
    says how many threads each one uses.
    """

    def __init__(self, path: Path, spec: LlamaSpec, machine: Machine) -> None:
        """Load the file into the machine's memory. Blocks until it is loaded. Raises `ModelFileError`."""
        self.name = path.stem
        self.machine, self._budget = machine, machine.threads
        self._fixed = spec.threads
        self.loaded: Loaded = load(
            path,
            spec,
            memory=machine.memory,
            threads=spec.threads or machine.threads.share,
            open_weights=machine.weights,
        )
        self.vocabulary = self.loaded.vocabulary
        try:
            self._context = Context(
                self.name,
                self.loaded,
                vocabulary_size=self.vocabulary.size,
                reuse=spec.reuse_prefix,
                host_cache_bytes=spec.parked_mib * 2**20,
            )
        except BaseException:
            self.loaded.close()
            raise
        self._dispatcher = ResultDispatcher()
        # Half of a batch is left to prompts, however many requests decode.
        self.slots = min(spec.sequences, max(1, self.loaded.batch // 2))
        """How many requests and sessions decode together."""
        self._scheduler = Scheduler(self._context, self._dispatcher, most=self.slots)
        self._limit = AdmissionLimit(MOST_INSIDE)
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._sent: dict[asyncio.AbstractEventLoop, list[Job | SlotReservation]] = {}
        self._closing = threading.Event()
        self._reading = threading.Lock()
        self._threads = 0
        self._at_work = False
        """Whether the engine holds a share of the threads."""
        self._thread = threading.Thread(target=self._work, name=f"llama-{self.name}", daemon=True)
        self._thread.start()

    @property
    def stats(self) -> EngineStats:
        """What the engine has done so far."""
        return self._scheduler.stats

    @property
    def cells(self) -> int:
        """Tokens that the KV cache holds for all sequences together."""
        return self.loaded.cells

    @property
    def free_cells(self) -> int:
        """Tokens of the KV cache that no request needs at the moment."""
        return self._context.cache.available

    @property
    def longest_stem(self) -> int:
        """Tokens of a scored reply whose logits one step may compute, beside those of requests that decode."""
        return max(0, min(64, self.loaded.batch // 2) - 1)

    async def run(self, job: Job | SlotReservation) -> Any:
        """Return the result of a job, or raise its error. A cancelled job leaves before the next step."""
        try:
            await self._limit.acquire()
        except BaseException:
            job.close()
            raise
        try:
            self._send(job)
            return await job.future
        except asyncio.CancelledError:
            job.cancelled = True
            self._inbox.put(_wake)
            raise
        finally:
            self._limit.release()

    def end_session(self, session: object) -> None:
        """Give up the sequence that a session keeps between its steps."""
        self._inbox.put(partial(self._scheduler.end_session, session))

    def begin(self, reservation: SlotReservation) -> None:
        """Note that the sessions of a granted reservation may take steps: their idle time counts from now on."""
        reservation.idle_since = time.monotonic()
        self._inbox.put(_wake)

    def end_reservation(self, reservation: SlotReservation) -> None:
        """Free the slots of a reservation, if it was granted."""
        self._inbox.put(partial(self._scheduler.end_reservation, reservation))

    def _send(self, job: Job | SlotReservation) -> None:
        """Hand over together what one turn of an event loop asks for, so that parallel agents start in one step."""
        jobs = self._sent.setdefault(job.loop, [])
        if not jobs:
            job.loop.call_soon(self._hand_over, job.loop)
        jobs.append(job)

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        jobs = self._sent.pop(loop)
        try:
            with self.open():
                self._inbox.put(partial(self._submit, jobs))
        except ModelError as error:
            for job in jobs:
                job.close()
                settle(job.future, error)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Keep the weights in memory while the context lasts. Raises `ModelError` if the engine is closed."""
        with self._reading:
            if self._closing.is_set():
                raise self._closed()
            yield

    def _closed(self) -> ModelError:
        return ModelError(f"{self.name}: the model is closed; open it again")

    async def close(self) -> None:
        """`stop`, without blocking the event loop."""
        await asyncio.to_thread(self.stop)

    def stop(self) -> None:
        """End all requests with an error, refuse further ones, and free the memory.

        Blocks until the current step is decoded. Stopping twice is harmless.
        """
        with self._reading:
            self._closing.set()
        self._inbox.put(_wake)
        self._thread.join()
        with self._reading:  # of several callers, one frees
            self.loaded.close()

    def _work(self) -> None:
        """Run the engine's thread, from its start to its end."""
        failure = self._closed()
        try:
            with self.machine.switch_interval.shortened():
                self._serve()
        except Exception as error:
            log.exception("the engine of %s stopped", self.name)
            failure = ModelError(f"{self.name}: the engine stopped: {type(error).__name__}: {error}; open it again")
        with self._reading:
            self._closing.set()
        self._take_in()
        self._scheduler.fail_all(failure)
        self._dispatcher.flush()

    def _serve(self) -> None:
        """Take in what has arrived, decode a step, hand out the results; until the engine is closed."""
        try:
            while not self._closing.is_set():
                if self._scheduler.stuck or not self._scheduler.busy:
                    self._wait()
                self._take_in()
                if self._scheduler.busy and not self._at_work:
                    self._budget.enter(self._fixed)
                    self._at_work = True
                self._use_threads()
                self._scheduler.step()
                self._dispatcher.flush()
        finally:
            self._rest()

    def _wait(self) -> None:
        """Wait until something arrives or slots may be reclaimed. Soon the engine gives up its share of the threads."""
        if self._at_work:
            try:
                self._inbox.get(timeout=HELD_LINGER if self._scheduler.held else LINGER)()
                return
            except queue.Empty:
                self._rest()
        with suppress(queue.Empty):
            self._inbox.get(timeout=self._scheduler.patience)()

    def _rest(self) -> None:
        """Leave the threads to other engines."""
        if self._at_work:
            self._at_work = False
            self._budget.leave(self._fixed)
            end_team()

    def _take_in(self) -> None:
        while True:
            try:
                self._inbox.get_nowait()()
            except queue.Empty:
                return

    def _submit(self, jobs: list[Job | SlotReservation]) -> None:
        for job in jobs:
            self._scheduler.submit(job)

    def _use_threads(self) -> None:
        threads = self._fixed or self._budget.share
        if threads != self._threads:
            self._threads = threads
            self._context.set_threads(threads)


def _wake() -> None:
    """Do nothing: put into the inbox, it has the thread look at everything again."""
