"""The form of a reply for each role: the JSON Schema it is held to, and the strict way back to a typed body.

Plans, votes and verdicts are structured; everything else is text that ends with the pack's answer marker. What does not
parse raises `ReplyError`: nothing is guessed and nothing is imputed. Without its reason a vote or a verdict is one of a
few texts, which a model can score instead of writing one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from agentnet.agents.base import Turn
from agentnet.answers.repetition import repetition
from agentnet.contracts.base import first_problem
from agentnet.contracts.bodies import (
    REFERENCE,
    Body,
    Critique,
    Plan,
    Proposal,
    Refusal,
    Revision,
    Step,
    Synthesis,
    Verdict,
    Vote,
)
from agentnet.errors import ReplyError
from agentnet.prompts import Pack, letter, readable

STRUCTURED = frozenset({"plan", "choose", "verify"})
"""The roles whose replies are held to a schema."""

THINKING_STARTS, THINKING_ENDS = "<think>", "</think>"

REFUSES = "REFUSE:"
"""A reply that starts with this declines the task and says why."""


def schema_for(
    role: str, *, labels: Sequence[str] = (), letters: Sequence[str] = (), max_steps: int = 8
) -> dict[str, Any]:
    """The JSON Schema of a structured role's reply. `labels` and `letters` are the live choices, as enums."""
    if role == "plan":
        label: dict[str, Any] = {"type": "string", "enum": list(labels)} if labels else {"type": "string"}
        step = _object(label=label, ask={"type": "string", "minLength": 1})
        return _object(steps={"type": "array", "items": step, "minItems": 1, "maxItems": max_steps})
    if role == "choose":
        return _object(reason={"type": "string"}, choice={"type": "string", "enum": list(letters)})
    return _object(reason={"type": "string"}, verdict={"type": "string", "enum": ["approve", "disapprove"]})


def closed_replies(role: str, *, letters: Sequence[str] = ()) -> tuple[str, ...]:
    """Every reply without a reason that a vote (`choose`) or a verdict (`verify`) can be; `read_reply` takes each.

    Of equally likely replies the first counts: the first letter, and never an approval.
    """
    if role == "choose":
        return tuple(_tight({"choice": letter}) for letter in letters)
    return tuple(_tight({"verdict": verdict}) for verdict in ("disapprove", "approve"))


def _tight(value: dict[str, str]) -> str:
    """JSON as a grammar makes it: without spaces."""
    return json.dumps(value, separators=(",", ":"))


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def body_of(turn: Turn, text: str, pack: Pack) -> Body:
    """The typed body of a reply to a turn. Letters and targets mean what the turn's transcript showed.

    Raises `ReplyError`.
    """
    shown = [message.id for message in turn.read if readable(message)]
    candidates = {letter(index): id for index, id in enumerate(shown)}
    target = shown[-1] if shown else ""
    return read_reply(turn.role, text, pack, candidates=candidates, target=target, max_steps=turn.max_steps)


def read_reply(
    role: str, text: str, pack: Pack, *, candidates: Mapping[str, str], target: str, max_steps: int = 8
) -> Body:
    """The typed body of a reply. `candidates` maps letters to message ids, `target` is what a verdict is about."""
    said = text.rpartition(THINKING_ENDS)[2].strip()
    if said.startswith(THINKING_STARTS):
        raise ReplyError("the reply ends before the thinking does")
    if role == "plan":
        return _plan(_structure(said), max_steps)
    if role == "choose":
        return _vote(_structure(said), candidates)
    if role == "verify":
        return _verdict(_structure(said), pack, target)
    if not said:
        raise ReplyError("the reply is empty")
    if said.startswith(REFUSES):
        return Refusal(reason=said.removeprefix(REFUSES).strip() or "no reason given")
    if role == "critique":
        return Critique(text=said)
    answer = pack.final_answer(said)
    if answer is None:
        if "\n" in said:
            raise ReplyError(f"the reply has no answer marker {pack.spec.answer_marker!r} and more than one line")
        if unit := repetition(said):
            raise ReplyError(f"the reply has no answer marker {pack.spec.answer_marker!r} and repeats {unit[:40]!r}")
        answer = said
    if role == "solve":
        return Proposal(answer=answer, text=said)
    return Synthesis(answer=answer, text=said) if role == "synthesize" else Revision(answer=answer, text=said)


def _structure(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()  # an escape such as \ud800 alone is no text that can be stored
    except (ValueError, RecursionError) as error:
        raise ReplyError(f"the reply is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ReplyError(f"the reply is not a JSON object but {type(value).__name__}")
    return value


def _plan(value: dict[str, Any], max_steps: int) -> Plan:
    try:
        steps = tuple(_step(place, step) for place, step in enumerate(value["steps"], start=1))
        plan = Plan(steps=steps)
    except ValidationError as error:
        raise ReplyError(f"the plan is not usable: {first_problem(error)}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ReplyError(f"the plan is not a list of steps with label and ask ({error!r})") from error
    if len(steps) > max_steps:
        raise ReplyError(f"the plan has {len(steps)} steps, at most {max_steps} are allowed")
    return plan


def _step(place: int, step: dict[str, Any]) -> Step:
    needs = sorted({int(reference) for reference in REFERENCE.findall(step["ask"])})
    return Step(id=place, label=step["label"], ask=step["ask"], needs=tuple(needs))


def _vote(value: dict[str, Any], candidates: Mapping[str, str]) -> Vote:
    choice = value.get("choice")
    if not isinstance(choice, str) or choice not in candidates:
        raise ReplyError(f"the choice {choice!r} is none of {', '.join(candidates)}")
    return Vote(choice=candidates[choice], reason=str(value.get("reason", "")))


def _verdict(value: dict[str, Any], pack: Pack, target: str) -> Verdict:
    reason = str(value.get("reason", ""))
    try:
        return Verdict(
            verdict=value.get("verdict"),  # type: ignore[arg-type]
            reason=reason,
            answer=pack.final_answer(reason) or "",
            target=target,
        )
    except ValidationError as error:
        raise ReplyError(f"the verdict is not usable: {first_problem(error)}") from error
