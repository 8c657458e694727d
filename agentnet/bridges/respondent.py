"""Who an evaluation asks: one protocol on one network, opened when it is first asked, once in each event loop."""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from pathlib import Path
from weakref import WeakKeyDictionary

from agentnet.collab.binding import Binder
from agentnet.collab.inline import read_protocol
from agentnet.contracts.network import NetworkSpec
from agentnet.coordinator import Outcome
from agentnet.errors import BadInput, ModelError
from agentnet.network import find_network
from agentnet.session import Session, open_session
from agentnet.settings import resolve

UNANSWERED = ("error", "empty")


class Respondent:
    """Answers questions by a protocol. Nothing is remembered, and nothing is opened before the first question.

    `protocol` is a shipped name, a YAML file or an expression; `network` is ``zoo`` or a file, by default the settings'
    own. `label` is given to every task. `unanswered` says what a run without an answer becomes: an ``error``, or an
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
        """Raises `BadInput` for what can be known to be wrong before models are loaded."""
        if unanswered not in UNANSWERED:
            raise BadInput(f"unanswered: expected {' or '.join(UNANSWERED)}, found {unanswered!r}")
        self.network, self._base = find_network(network or resolve().network.value)
        self.protocol, _ = read_protocol(protocol, agents=[agent.name for agent in self.network.agents])
        Binder(self.network).bind(self.protocol.protocol)
        self.label = label
        self.seed = seed
        self._raises = unanswered == "error"
        self._open: WeakKeyDictionary[asyncio.AbstractEventLoop, _Opened] = WeakKeyDictionary()

    async def ask(self, text: str, seed: int | None = None) -> Outcome:
        """Run the protocol for a text.

        Without a `seed`, the same text asked again in one event loop gets the next one, so that repetitions of a sample
        are draws of their own. Raises `ModelError` where the run ends without an answer and that is an error, and what
        `Session.run` and `open_session` raise.
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
        """The open session of this event loop."""
        return await self._opened().session()

    async def close(self) -> None:
        """Release the models of this event loop; another question opens them again.

        A loop that is shut down as `asyncio.run` does it closes its own.
        """
        opened = self._open.pop(asyncio.get_running_loop(), None)
        if opened is not None:
            await opened.close()

    def _opened(self) -> _Opened:
        loop = asyncio.get_running_loop()
        opened = self._open.get(loop)
        if opened is None or opened.over:
            opened = self._open[loop] = _Opened(self.network, self._base)
        return opened


_HELD: set[asyncio.Task[None]] = set()
"""A loop knows its tasks only weakly: one that waits for ever would be collected together with who started it."""


class _Opened:
    """A session that a task of its own holds open: the first caller may be cancelled, and the others go on."""

    def __init__(self, network: NetworkSpec, base: Path) -> None:
        self.asked: Counter[str] = Counter()
        self._closing = asyncio.Event()
        self._ready: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        # A context of its own: the evaluation's would be kept alive for as long as the models are.
        self._holding = asyncio.get_running_loop().create_task(self._hold(network, base), context=contextvars.Context())
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

    async def _hold(self, network: NetworkSpec, base: Path) -> None:
        try:
            async with open_session((network, base), remember=False) as session:
                self._ready.set_result(session)
                await self._closing.wait()
        except Exception as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)
        finally:
            self._ready.cancel()


def unanswered(outcome: Outcome, protocol: str) -> str:
    """In one line, why a run has no answer."""
    return f"the run of {protocol!r} ended without an answer ({outcome.status}): {outcome.detail}"
