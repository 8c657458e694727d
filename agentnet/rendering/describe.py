"""What a message says, as neutral parts. The terminal, notebooks and pages only dress them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Literal, assert_never

from agentnet.contracts.base import shown
from agentnet.contracts.bodies import (
    Analysis,
    Assignment,
    Body,
    Critique,
    Error,
    Fusion,
    Grade,
    Plan,
    Proposal,
    Refusal,
    Result,
    Revision,
    Synthesis,
    Task,
    ToolCall,
    Unknown,
    Verdict,
    Vote,
    answer_of,
)
from agentnet.contracts.messages import Message

Mark = Literal["plain", "answer", "detail", "good", "bad", "warning", "contested"]
"""What a part is: an `answer` to the task; a `detail` beside it; `good`, `bad` or a `warning`; or `contested`, a piece
of a fused text that not all members backed."""
MOST_DOUBTS = 12
"""Contested pieces of a fused text that are listed."""
LONGEST_VALUE = 80
"""Characters of a call's arguments, and of its result, that are shown in short."""
LEAST_SHARE = 0.05
"""Probability below which a label is not listed."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of text that looks the same from its beginning to its end. It may hold line breaks."""

    text: str
    mark: Mark = "plain"
    agent: str | None = None
    """The agent whose colour it has."""


@dataclass(frozen=True, slots=True)
class Description:
    """A message for people."""

    speaker: str
    kind: str
    """The kind of its body, with the round from the second one on: ``proposal 2``."""
    parts: tuple[Part, ...]
    refs: tuple[str, ...]
    """Ids of the messages that it decides about, or rests on."""
    depth: int
    """Expressions around the one that it was said in."""

    @property
    def text(self) -> str:
        """What it says, without marks."""
        return "".join(part.text for part in self.parts)


def describe(message: Message, said: Mapping[str, Message], *, verbose: bool = False) -> Description:
    """Return what a message says: the answer, or with `verbose` the whole reply and the reasons.

    `said` holds the messages that it may refer to, by id; a reference to any other is shown as the id.
    """
    return Description(
        speaker=message.sender,
        kind=message.body.kind + (f" {message.round + 1}" if message.round else ""),
        parts=tuple(_merged(chain(_parts(message, said, verbose), _origin(message, said, verbose)))),
        refs=_refs(message.body),
        depth=depth_of(message.node),
    )


def depth_of(node: str) -> int:
    """Return how deep an expression lies in others: the dots in the path are the rounds of nested ones."""
    return sum("." in part for part in node.split("/")[1:-1])


def _parts(message: Message, said: Mapping[str, Message], verbose: bool) -> Iterator[Part]:
    body = message.body
    match body:
        case Task() | Critique():
            yield Part(body.text)
        case Analysis():
            yield Part(body.label or "unknown kind")
            yield Part(_shares(body), "detail")
            yield from _use(body)
        case Plan():
            yield Part("\n".join(f"{step.id}  {step.label}: {step.ask}" for step in body.steps))
        case Assignment():
            yield Part("→ ", "detail")
            yield Part(body.agent, agent=body.agent)
            yield Part(f"  {body.text}")
        case Proposal() | Revision() | Synthesis():
            whole = verbose and body.text not in ("", body.answer)
            yield Part(body.text) if whole else Part(body.answer, "answer")
        case Vote():
            chosen = said.get(body.choice)
            yield Part("→ ", "detail")
            yield Part((answer_of(chosen.body) if chosen else None) or body.choice)
            yield Part((f"  of {chosen.sender}" if chosen else "") + _probability(message), "detail")
            yield from _reason(body, verbose)
        case Verdict():
            yield Part("✓ approve", "good") if body.verdict == "approve" else Part("✗ disapprove", "bad")
            yield Part(_probability(message) + (f"  found {body.answer}" if body.answer else ""), "detail")
            yield from _reason(body, verbose)
        case Grade():
            yield Part(body.grade)
            yield from _reason(body, verbose)
        case Fusion():
            yield from _provenance(body) if verbose and body.pieces else _fused_answer(body)
        case Result():
            yield Part(body.answer, "answer")
            yield Part(f"  {body.decision}{_support(body)}", "warning" if body.approved is False else "detail")
        case ToolCall():
            yield from _call(body, verbose)
        case Refusal():
            yield Part("declines: ", "warning")
            yield Part(body.reason)
        case Error():
            yield Part(f"✗ {body.detail}", "bad")
        case Unknown():
            yield Part(f"a message of the kind {body.kind!r}, which this version does not know", "detail")
        case _:
            assert_never(body)


def _origin(message: Message, said: Mapping[str, Message], verbose: bool) -> Iterator[Part]:
    """Yield whose turn the sender took over and, with `verbose`, the node that served its model."""
    if message.instead_of is not None:
        failed = said.get(message.instead_of)
        yield Part("  in place of ", "detail")
        yield Part(failed.sender, agent=failed.sender) if failed else Part(message.instead_of, "detail")
    if verbose and message.served_by is not None:
        yield Part(f"  on {message.served_by}", "detail")


def _refs(body: Body) -> tuple[str, ...]:
    match body:
        case Vote():
            return (body.choice,)
        case Verdict() | Grade():
            return (body.target,)
        case Result():
            return body.sources
        case _:
            return ()


def _call(call: ToolCall, verbose: bool) -> Iterator[Part]:
    """Describe a call and its result: with `verbose` all of it, else its first line."""
    yield Part(call.tool)
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    yield Part(f" {arguments if verbose else shown(arguments, LONGEST_VALUE)}", "detail")
    if call.error:
        yield Part(f"  ✗ {call.error}", "bad")
        return
    yield Part(" → ", "detail")
    yield Part(call.result if verbose else shown(call.result, LONGEST_VALUE))
    yield Part("  (cut)" if call.cut else "", "warning")


def _shares(analysis: Analysis) -> str:
    """Return the probabilities of the likeliest labels; empty where the label was given."""
    likely = [f"{label} {share * 100:.0f} %" for label, share in analysis.shares.items() if share >= LEAST_SHARE]
    if analysis.label is not None:
        return likely[0].removeprefix(analysis.label) if likely else "  (given)"
    return f"  {', '.join(likely)}" if likely else ""


def _use(analysis: Analysis) -> Iterator[Part]:
    if analysis.use:
        yield Part("  → ", "detail")
        yield Part(analysis.use)
        yield Part(f"  {analysis.why}" if analysis.why else "", "detail")


def _reason(body: Vote | Verdict | Grade, verbose: bool) -> Iterator[Part]:
    if verbose and body.reason:
        yield Part(f"\n{body.reason}", "detail")


def _probability(message: Message) -> str:
    """Return the probability of a choice, where it was scored."""
    return "" if message.confidence is None else f"  {message.confidence * 100:.0f} %"


def _support(result: Result) -> str:
    """Return the count behind a decision, the most supported answer first; empty where all agree."""
    if len(result.support) < 2:
        return ""
    ranked = sorted(result.support.items(), key=lambda entry: -entry[1])
    return ": " + ", ".join(f"{answer} × {weight:.3g}" for answer, weight in ranked)


def _fused_answer(fusion: Fusion) -> Iterator[Part]:
    yield Part(fusion.answer, "answer")
    if fusion.dropped:
        yield Part(f"  without {', '.join(fusion.dropped)}", "warning")


def _provenance(fusion: Fusion) -> Iterator[Part]:
    """Describe a fused text by its pieces, each in the colour of the member that backed it most.

    Below the text stand the members, those that were dropped, and what they disagreed about.
    """
    doubts = []
    for piece in fusion.pieces:
        leader = max(piece.shares, key=lambda name: piece.shares[name]) if piece.shares else None
        agreed = len(piece.shares) == len(fusion.members)
        yield Part(piece.text, "plain" if agreed else "contested", leader)
        if not agreed and piece.runner_up is not None:
            backers = ", ".join(sorted(piece.shares))
            doubts.append(f"\n{_shown(piece.text)} of {backers}, not {_shown(piece.runner_up)}")
    yield Part("\n")
    for name in fusion.members:
        yield Part(name, agent=name)
        yield Part("  ")
    yield Part(f"by {fusion.strategy}{_evaluations(fusion)}; underlined: not backed by all", "detail")
    for name, why in fusion.dropped.items():
        yield Part(f"\n{name} did not last: {why}", "warning")
    yield Part("".join(doubts[:MOST_DOUBTS]), "detail")


def _evaluations(fusion: Fusion) -> str:
    """Return how often a model was asked for a piece, on average; empty where each was asked for every piece."""
    asked = sum(fusion.evaluations.values())
    return f", {asked / (len(fusion.evaluations) * len(fusion.pieces)):.2f} evaluations a piece" if asked else ""


def _shown(text: str) -> str:
    """Return a piece so that spaces and the end are seen."""
    return repr(text) if text else "the end"


def _merged(parts: Iterator[Part]) -> Iterator[Part]:
    """Join neighbours that look the same, and leave out what is empty."""
    visible = (part for part in parts if part.text)
    for (mark, agent), same in groupby(visible, key=lambda part: (part.mark, part.agent)):
        yield Part("".join(part.text for part in same), mark, agent)
