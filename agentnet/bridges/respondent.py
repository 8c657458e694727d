"""`Respondent`: one protocol on one network, for an evaluation; opened at the first question of each event loop."""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from weakref import WeakKeyDictionary

from agentnet.collab.binding import Binder
from agentnet.collab.inline import read_protocol
from agentnet.coordinator import Outcome
from agentnet.errors import BadInput, ModelError
from agentnet.network import find_network
from agentnet.network.files import source_of
from agentnet.session import Session, open_session
from agentnet.settings import resolve

UNANSWERED = ("error", "empty")


class Respondent:
    """Answers questions with a protocol. Nothing is stored, and nothing is opened before the first question.

    `protocol` is a shipped name, a YAML file or an expression; `network` is ``zoo`` or a file (default: the settings'
    network). Every task gets the `label`. `unanswered` says what a run without an answer becomes: an ``error``, or an
    ``empty`` reply, which an evaluation counts as wrong.
    """

    def __init__(
        self,
        protocol: str,
        network: str | None = None,
        *,
        label: str | None = None,
        seed: int = 0,
        unanswered: str = "error",
    ) -> None:
        """Check all arguments that can be checked without loading models. Raises `BadInput`."""
        if unanswered not in UNANSWERED:
            raise BadInput(f"unanswered: expected {' or '.join(UNANSWERED)}, found {unanswered!r}")
        reference = network or resolve().network.value
        self.network, _ = find_network(reference)
        self._source = source_of(reference)
        self.protocol, _ = read_protocol(protocol, agents=[agent.name for agent in self.network.agents])
        Binder(self.network).bind(self.protocol.protocol)
        self.label = label
        self.seed = seed
        self._raises = unanswered == "error"
        self._open: WeakKeyDictionary[asyncio.AbstractEventLoop, _Opened] = WeakKeyDictionary()

    async def ask(self, text: str, seed: int | None = None) -> Outcome:
        """Run the protocol on a text, and return the outcome.

        Without a `seed`, each repetition of a text in one event loop gets the next seed, so that repetitions of a
        sample are independent draws. Raises `ModelError` if the run ends without an answer and `unanswered` is
        ``error``, and the errors of `Session.run` and `open_session`.
        """
        opened = self._opened()
        session = await opened.session()
        if seed is None:
            seed = self.seed + opened.asked[text]
            opened.asked[text] += 1
        outcome = await session.run(text, self.protocol, label=self.label, seed=seed)
        if outcome.answer is None and self._raises:
            raise ModelError(unanswered(outcome, self.protocol.name))
        return outcome

    async def session(self) -> Session:
        """Return the session of this event loop; open it if necessary."""
        return await self._opened().session()

    async def close(self) -> None:
        """Release the models of this event loop; the next question loads them again.

        A loop that is shut down like that of `asyncio.run` releases its own.
        """
        opened = self._open.pop(asyncio.get_running_loop(), None)
        if opened is not None:
            await opened.close()

    def _opened(self) -> _Opened:
        loop = asyncio.get_running_loop()
        opened = self._open.get(loop)
        if opened is None or opened.over:
            opened = self._open[loop] = _Opened(self._source)
        return opened


_HELD: set[asyncio.Task[None]] = set()
"""Strong references to the tasks that hold sessions open: an event loop keeps only weak ones."""


class _Opened:
    """A session that a task of its own holds open, so that cancelling the first caller does not affect the others."""

    def __init__(self, network: str) -> None:
        self.asked: Counter[str] = Counter()
        self._closing = asyncio.Event()
        self._ready: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        # A new context: the task would keep the evaluation's context alive for as long as the models.
        self._holding = asyncio.get_running_loop().create_task(self._hold(network), context=contextvars.Context())
        _HELD.add(self._holding)
        self._holding.add_done_callback(_HELD.discard)

    @property
    def over(self) -> bool:
        return self._holding.done()

    async def session(self) -> Session:
        return await asyncio.shield(self._ready)

    async def close(self) -> None:
        self._closing.set()
        await asyncio.wait([self._holding])

    async def _hold(self, network: str) -> None:
        try:
            async with open_session(network, remember=False) as session:
                self._ready.set_result(session)
                await self._closing.wait()
        except Exception as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)
        finally:
            self._ready.cancel()


def unanswered(outcome: Outcome, protocol: str) -> str:
    """Return one line that says why a run has no answer."""
    return f"the run of {protocol!r} ended without an answer ({outcome.status}): {outcome.detail}"
