"""One turn that several agents take together: their prompts, their budget, the fused text, and its message."""

from __future__ import annotations

import asyncio
import codecs
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from agentnet.agents import ModelAgent, Turn
from agentnet.agents.forms import THINKING_ENDS
from agentnet.collab.budget import Reservation
from agentnet.collab.context import RunContext
from agentnet.collab.weights import weights
from agentnet.contracts.bodies import Body, Error, Fusion, Piece, answer_of
from agentnet.contracts.events import Likely, TurnStarted, WrittenToken
from agentnet.contracts.messages import FUSION, Message, message_id
from agentnet.contracts.protocols import PROBABILITIES, ROBUST, Fuse
from agentnet.contracts.usage import Usage
from agentnet.errors import AgentNetError, LimitReached, ModelError, ModelUnavailable
from agentnet.fusion.byte_vocabulary import END
from agentnet.fusion.loop import Fused, FusionLoop
from agentnet.fusion.members import LocalMember, Member
from agentnet.fusion.remote import RemoteMember
from agentnet.fusion.speculation import Speculation
from agentnet.fusion.strategies import strategy_of
from agentnet.fusion.views import Choice
from agentnet.logs import logger
from agentnet.models.base import Completion, Request
from agentnet.models.tokens import NextTokenSource, TokenStepper, hold

log = logger("fusion")

Finish = Literal["stop", "length"]

SPECULATING = 3
"""Local members with which drafts pay, unless the protocol says otherwise."""
LEAST_LOGPROB = -9999.0
"""What stands for the logarithm of 0, which JSON has no number for."""
REMOTE_DEADLINE = 10.0
"""Seconds that a member may take for a piece, unless the protocol says otherwise, where one is behind a server."""


@dataclass(frozen=True)
class FusedTurn:
    """A turn at one node of a run. Taken again after a crash, it is found and not decoded again."""

    run: RunContext
    fuse: Fuse
    node: str
    round: int

    async def take(self, task: str, view: Sequence[str]) -> Message:
        """Return the turn's message; a failure becomes an `Error`. Raises `LimitReached` where the limits say stop."""
        run = self.run
        id = message_id(run.run, self.node, self.round, FUSION)
        if id in run.messages:
            return run.messages[id]
        role = "revise" if view else "solve"
        if run.events.wanted:
            run.events.publish(
                TurnStarted(
                    run=run.run,
                    message=id,
                    agent=FUSION,
                    node=self.node,
                    round=self.round,
                    role=role,
                    reply_to=(task, *view),
                )
            )
        turn = Turn(
            role=role,
            task=run.task(task),
            read=run.get(view),
            sampling=self.fuse.sampling,
            replies=run.replies,
            seed=run.seed_of(self.node, self.round, FUSION),
            step=run.step(task),
        )
        body, usage, finish = await self._decode(self._agents(turn), turn, id)
        if run.replies.top_logprobs is not None and isinstance(body, Fusion) and self.fuse.strategy in PROBABILITIES:
            run.tell_tokens(id, FUSION, tokens_of(body.pieces, run.replies.top_logprobs))
        return await run.record(
            body, sender=FUSION, node=self.node, round=self.round, reply_to=(task, *view), usage=usage, finish=finish
        )

    def _agents(self, turn: Turn) -> list[ModelAgent]:
        found = [self.run.agent(selector, turn.task.label) for selector in self.fuse.members]
        # Preflight lets no other kind of agent decode with others.
        decoding = {agent.name: agent for agent in found if isinstance(agent, ModelAgent)}
        return list(decoding.values())

    async def _decode(self, agents: Sequence[ModelAgent], turn: Turn, id: str) -> tuple[Body, Usage, Finish | None]:
        budget = self.run.budget
        reserved: list[tuple[ModelAgent, Reservation]] = []
        usages: dict[str, Usage] = {}
        try:
            requests = [agent.request(turn) for agent in agents]
            try:
                reserved.extend((agent, self.run.reserve(agent, turn)) for agent in agents)
                with self.run.pieces.counted(agents, turn, id):
                    async with asyncio.timeout(budget.seconds_left):
                        fused = await self._together(agents, requests, turn, id)
                usages = {agent.name: agent.bill(fused.usages.get(agent.name, Usage())) for agent in agents}
            except TimeoutError:
                raise LimitReached(
                    f"the limit of {budget.limits.seconds:g} seconds ran out while members decoded"
                ) from None
            finally:
                for agent, reservation in reserved:
                    budget.settle(reservation, usages.get(agent.name, Usage()))
            return self._body(agents, turn, fused), sum(usages.values(), Usage()), fused.finish
        except LimitReached as error:
            if budget.limits.when_exhausted == "stop":
                raise
            return Error(code=error.code, detail=str(error)), sum(usages.values(), Usage()), None
        except AgentNetError as error:
            return Error(code=error.code, detail=str(error)), sum(usages.values(), Usage()), None

    async def _together(self, agents: Sequence[ModelAgent], requests: Sequence[Request], turn: Turn, id: str) -> Fused:
        """Return the text. Waiting until the sessions are let in counts for the limits of the run only: it delays no
        member's deadline, and is in no member's usage."""
        sampling = requests[0].sampling
        opened: dict[str, Member] = {}
        try:
            absent = await self._open(agents, requests, turn.task.label, opened)
            members = [opened[agent.name] for agent in agents if agent.name in opened]
            async with hold([member.session for member in members if member.session is not None]):
                if self.fuse.think:
                    await self._think(members)
                agreeing = self._agreeing(members)
                loop = FusionLoop(
                    agreeing,
                    strategy_of(self.fuse, turn.seed),
                    limit=sampling.max_tokens,
                    stop=sampling.stop,
                    deadline=self._deadline(members),
                    on_piece=self._streamer(id),
                    speculation=Speculation(agreeing) if self._speculates(agreeing) else None,
                )
                started = time.perf_counter()
                fused = await loop.decode()
                seconds = time.perf_counter() - started
        finally:
            for member in opened.values():
                member.close()
        return replace(
            fused,
            usages={name: usage.model_copy(update={"seconds": seconds}) for name, usage in fused.usages.items()},
            dropped=absent | fused.dropped,
        )

    async def _open(
        self, agents: Sequence[ModelAgent], requests: Sequence[Request], label: str | None, opened: dict[str, Member]
    ) -> dict[str, str]:
        """Add the members to `opened`, and return why some are absent: they cannot be reached, and others can.

        Raises `ModelError` for any other failure, and where none can be reached.
        """

        async def open_one(agent: ModelAgent, request: Request, weight: float) -> None:
            opened[agent.name] = await self._member(agent, request, weight)

        each = zip(agents, requests, self._weights(agents, label), strict=True)
        outcomes = await asyncio.gather(*(open_one(*one) for one in each), return_exceptions=True)
        failures = {
            agent.name: outcome
            for agent, outcome in zip(agents, outcomes, strict=True)
            if isinstance(outcome, BaseException)
        }
        for failure in failures.values():
            if not opened or not isinstance(failure, ModelUnavailable):
                raise failure
        return {name: str(failure) for name, failure in failures.items()}

    def _deadline(self, members: Sequence[Member]) -> float | None:
        """Return the seconds that a member may take for a piece: where one is behind a server, there is a limit."""
        remote = any(isinstance(member, RemoteMember) for member in members)
        return REMOTE_DEADLINE if self.fuse.deadline is None and remote else self.fuse.deadline

    def _speculates(self, members: Sequence[Member]) -> bool:
        """Return whether drafts are evaluated.

        Two members would wait for each other in turn: while one drafts, the other rests. Drafts make a member late for
        the piece before them, a gated strategy asks few members as it is, and a limit of tokens or cost is not there
        for tokens that are evaluated in vain.
        """
        fuse = self.fuse
        if fuse.sure is not None or fuse.deadline is not None or self.run.budget.counts_tokens:
            return False
        if fuse.speculate is None:
            return sum(member.session is not None for member in members) >= SPECULATING
        return fuse.speculate

    def _agreeing(self, members: Sequence[Member]) -> Sequence[Member]:
        """Return the members as they take part: byte by byte only where vocabularies differ, else piece by piece."""
        local = [member for member in members if isinstance(member, LocalMember)]
        all_local = len(local) == len(members)
        one_vocabulary = all(member.vocabulary.same_as(local[0].vocabulary) for member in local[1:])
        level = self.fuse.level or ("bytes" if self.fuse.strategy in ROBUST and all_local else "pieces")
        if level == "pieces" or (one_vocabulary and all_local):
            return members
        return [member.by_bytes() if isinstance(member, LocalMember) else member for member in members]

    async def _member(self, agent: ModelAgent, request: Request, weight: float) -> Member:
        if isinstance(agent.model, TokenStepper):
            return LocalMember(agent.name, await agent.model.open_session(request), weight=weight)
        if isinstance(agent.model, NextTokenSource):
            return RemoteMember(agent.name, agent.model, request, weight=weight)
        raise ModelError(f"{agent.model.name} does not show its next tokens; leave {agent.name} out")

    async def _think(self, members: Sequence[Member]) -> None:
        """Let every member think by itself, all at once. A member that fails takes part without having thought."""
        thinkers = [member for member in members if isinstance(member, LocalMember)]
        ends = await asyncio.gather(
            *(member.think(THINKING_ENDS.encode(), self.fuse.think) for member in thinkers), return_exceptions=True
        )
        for member, end in zip(thinkers, ends, strict=True):
            if isinstance(end, AgentNetError):
                log.warning("%s takes part without having thought: %s", member.name, end)
            elif isinstance(end, BaseException):
                raise end

    def _weights(self, agents: Sequence[ModelAgent], label: str | None) -> list[float]:
        by = self.fuse.weights or ("card" if self.fuse.strategy == "gac" else "equal")
        return [1.0] * len(agents) if by == "equal" else weights([agent.card for agent in agents], label)

    def _streamer(self, id: str) -> Callable[[str, Choice], None] | None:
        tell = self.run.pieces.teller(FUSION, id)
        if tell is None:
            return None

        def on_piece(text: str, _: Choice) -> None:
            if text:
                tell(text)

        return on_piece

    def _body(self, agents: Sequence[ModelAgent], turn: Turn, fused: Fused) -> Body:
        """Return what the first member's prompt pack reads in the text. Raises `ReplyError` where that is no answer."""
        body = agents[0].read(turn, Completion(fused.text, fused.finish, Usage()))
        answer = answer_of(body)
        if answer is None:
            return body
        return Fusion(
            answer=answer,
            text=fused.text,
            members=tuple(agent.name for agent in agents),
            strategy=self.fuse.strategy,
            pieces=tuple(pieces_of(fused.choices)),
            respelled=fused.retokenized,
            dropped=fused.dropped,
            evaluations=fused.evaluations,
        )


def pieces_of(choices: Iterable[Choice]) -> Iterator[Piece]:
    """Yield the provenance of a text as messages keep it. Parts of a character are joined with what completes it."""
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    for choice in choices:
        ended = choice.piece is END
        text = decode(choice.piece or b"", ended)
        if not text and not ended:
            continue
        rival = choice.runner_up
        yield Piece(
            text=text,
            score=_finite(choice.score),
            shares={member: _finite(share) for member, share in choice.shares.items()},
            runner_up=None if choice.runner_up_score is None else (rival or b"").decode(errors="replace"),
            runner_up_score=None if choice.runner_up_score is None else _finite(choice.runner_up_score),
        )


def tokens_of(pieces: Iterable[Piece], likeliest: int) -> Iterator[WrittenToken]:
    """Yield the pieces of a text whose scores are probabilities as tokens.

    Of the others in a piece's place the runner-up is known: up to `likeliest` of the two are told.
    """
    for piece in pieces:
        best = Likely(bytes=tuple(piece.text.encode()), logprob=_logarithm(piece.score))
        places = [best]
        if piece.runner_up is not None and piece.runner_up_score is not None:
            rival = tuple(piece.runner_up.encode())
            places.append(Likely(bytes=rival, logprob=_logarithm(piece.runner_up_score)))
        yield WrittenToken(bytes=best.bytes, logprob=best.logprob, likeliest=tuple(places[:likeliest]))


def _logarithm(probability: float) -> float:
    return min(0.0, math.log(probability)) if probability > 0 else LEAST_LOGPROB


def _finite(score: float) -> float:
    """Return a score as JSON can hold it."""
    return round(max(-1e9, min(1e9, score)), 6)
