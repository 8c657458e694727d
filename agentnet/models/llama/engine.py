"""The engine: one GGUF file, one context with many sequences, one thread that owns it, and an async front."""

from __future__ import annotations

import asyncio
import logging
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
from agentnet.models.llama.context import Context
from agentnet.models.llama.counts import Counts
from agentnet.models.llama.delivery import Mailbox
from agentnet.models.llama.gate import Gate
from agentnet.models.llama.job import Job, settle
from agentnet.models.llama.loading import Loaded, load
from agentnet.models.llama.machine import Machine
from agentnet.models.llama.scheduler import Scheduler
from agentnet.models.llama.seats import Claim
from agentnet.models.llama.threads import end_team
from agentnet.models.llama.vocabulary import Vocabulary

log = logging.getLogger("agentnet.llama")

MOST_INSIDE = 1024
"""Requests that an engine takes in; further ones wait at its door."""
LINGER = 0.002
"""Seconds that an engine without work keeps its share of the threads: giving it back and forth costs time too."""


class Engine:
    """Decodes the requests of everybody who uses one GGUF file.

    llama.cpp releases the interpreter lock while it computes, so engines really run side by side; how many threads each
    one uses is planned for all of them together (`threads.py`).
    """

    def __init__(self, path: Path, spec: LlamaSpec, machine: Machine) -> None:
        """Load the file into the machine's memory; blocks for as long as that takes. Raises `ModelFileError`."""
        self.name = path.stem
        self.machine, self._budget = machine, machine.threads
        self._fixed = spec.threads
        self.loaded: Loaded = load(path, spec, machine)
        try:
            self.vocabulary = Vocabulary(self.loaded.vocab)
            self._context = Context(
                self.name,
                self.loaded,
                vocabulary_size=self.vocabulary.size,
                reuse=spec.reuse_prefix,
                parked_bytes=spec.parked_mib * 2**20,
            )
        except BaseException:
            self.loaded.close()
            raise
        self._mailbox = Mailbox()
        # Half of a batch is left to prompts, however many requests write.
        self.places = min(spec.sequences, max(1, self.loaded.batch // 2))
        """How many requests and sessions are decoded together."""
        self._scheduler = Scheduler(self._context, self._mailbox, most=self.places)
        self._gate = Gate(MOST_INSIDE)
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._sent: dict[asyncio.AbstractEventLoop, list[Job | Claim]] = {}
        self._closing = threading.Event()
        self._reading = threading.Lock()
        self._threads = 0
        self._at_work = False
        """Whether the engine holds a share of the threads."""
        self._thread = threading.Thread(target=self._work, name=f"llama-{self.name}", daemon=True)
        self._thread.start()

    @property
    def counts(self) -> Counts:
        """What was done so far: requests, tokens asked, evaluated and reused, steps and seconds."""
        return self._scheduler.counts

    @property
    def cells(self) -> int:
        """Tokens that the cache holds for all sequences together."""
        return self.loaded.cells

    @property
    def longest_stem(self) -> int:
        """Tokens whose logits may be wanted in one step, beside what writes."""
        return max(0, min(64, self.loaded.batch // 2) - 1)

    async def run(self, job: Job | Claim) -> Any:
        """Have a job done. Cancelling the caller frees its sequence before the next step."""
        try:
            await self._gate.enter()
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
            self._gate.leave()

    def end_session(self, session: object) -> None:
        """Give up the sequence that a session's steps have left."""
        self._inbox.put(partial(self._scheduler.end_session, session))

    def begin(self, claim: Claim) -> None:
        """From now on the sessions with these places may be decoded: until then they are not thought to stand still."""
        claim.rests_since = time.monotonic()
        self._inbox.put(_wake)

    def end_claim(self, claim: Claim) -> None:
        """Take back the places that were claimed, if they were granted."""
        self._inbox.put(partial(self._scheduler.end_claim, claim))

    def _send(self, job: Job | Claim) -> None:
        """Hand over what one turn of an event loop asks for together: parallel agents then start in one step."""
        sent = self._sent.setdefault(job.loop, [])
        if not sent:
            job.loop.call_soon(self._hand_over, job.loop)
        sent.append(job)

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
        """While this lasts the weights stay where they are. Raises `ModelError` once the engine is closed."""
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
        """End the replies that are being made with an error, refuse what comes, and free the memory. Blocks until the
        step that is being decoded is done; stopping twice is harmless."""
        with self._reading:
            self._closing.set()
        self._inbox.put(_wake)
        self._thread.join()
        with self._reading:  # of several callers, one frees
            self.loaded.close()

    def _work(self) -> None:
        """The thread, from start to end."""
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
        self._mailbox.flush()

    def _serve(self) -> None:
        """Take in what came, decode a step, hand out what is ready."""
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
                self._mailbox.flush()
        finally:
            self._rest()

    def _wait(self) -> None:
        """Until something comes in, or a place may be lent. The engine soon gives up its share of the threads."""
        if self._at_work:
            try:
                self._inbox.get(timeout=LINGER)()
                return
            except queue.Empty:
                self._rest()
        with suppress(queue.Empty):
            self._inbox.get(timeout=self._scheduler.patience)()

    def _rest(self) -> None:
        """Leave the threads to others."""
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

    def _submit(self, jobs: list[Job | Claim]) -> None:
        for job in jobs:
            self._scheduler.submit(job)

    def _use_threads(self) -> None:
        threads = self._fixed or self._budget.share
        if threads != self._threads:
            self._threads = threads
            self._context.set_threads(threads)


def _wake() -> None:
    """What is put into the inbox only to have the thread look around."""
