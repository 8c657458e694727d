"""The form of a reply for each role: the JSON Schema that constrains it, and strict parsing into a typed body.

Plans, votes and verdicts are structured; all other replies are text that ends with the pack's answer marker. A reply
that does not parse raises `ReplyError`: nothing is guessed or imputed. Without its reason, a vote or a verdict is one
of a few texts, which a model can score instead of writing one.
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
    Grade,
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

STRUCTURED = frozenset({"plan", "choose", "verify", "grade"})
"""The roles whose replies are constrained by a schema."""

THINKING_STARTS, THINKING_ENDS = "<think>", "</think>"

REFUSES = "REFUSE:"
"""A reply that starts with this declines the task and says why."""


def schema_for(
    role: str,
    *,
    labels: Sequence[str] = (),
    letters: Sequence[str] = (),
    scale: Sequence[str] = (),
    max_steps: int = 8,
) -> dict[str, Any]:
    """Return the JSON Schema of a structured role's reply: `labels`, `letters` and `scale` are the live choices."""
    if role == "plan":
        label: dict[str, Any] = {"type": "string", "enum": list(labels)} if labels else {"type": "string"}
        step = _object(label=label, ask={"type": "string", "minLength": 1})
        return _object(steps={"type": "array", "items": step, "minItems": 1, "maxItems": max_steps})
    if role == "choose":
        return _object(reason={"type": "string"}, choice={"type": "string", "enum": list(letters)})
    if role == "grade":
        return _object(reason={"type": "string"}, grade={"type": "string", "enum": list(scale)})
    return _object(reason={"type": "string"}, verdict={"type": "string", "enum": ["approve", "disapprove"]})


def closed_replies(role: str, *, letters: Sequence[str] = (), scale: Sequence[str] = ()) -> tuple[str, ...]:
    """Return every reply without a reason that a vote (`choose`), a verdict (`verify`) or a grade can be.

    `read_reply` accepts each. Of equally likely replies the first counts: the first letter, never an approval, and the
    lowest grade.
    """
    if role == "choose":
        return tuple(_tight({"choice": letter}) for letter in letters)
    if role == "grade":
        return tuple(_tight({"grade": grade}) for grade in reversed(scale))
    return tuple(_tight({"verdict": verdict}) for verdict in ("disapprove", "approve"))


def _tight(value: dict[str, str]) -> str:
    """Compact JSON, as a grammar produces it."""
    return json.dumps(value, separators=(",", ":"))


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def body_of(turn: Turn, text: str, pack: Pack) -> Body:
    """Return the typed body of a reply to a turn. Letters and targets refer to the turn's transcript.

    Raises `ReplyError`.
    """
    shown = [message.id for message in turn.read if readable(message)]
    candidates = {letter(index): id for index, id in enumerate(shown)}
    target = shown[-1] if shown else ""
    return read_reply(
        turn.role,
        text,
        pack,
        candidates=candidates,
        target=target,
        scale=turn.scale,
        max_steps=turn.max_steps,
        form=turn.format.kind if turn.format else None,
        whole=turn.replies.whole,
    )


def read_reply(
    role: str,
    text: str,
    pack: Pack,
    *,
    candidates: Mapping[str, str],
    target: str,
    scale: Sequence[str] = (),
    max_steps: int = 8,
    form: str | None = None,
    whole: bool = False,
) -> Body:
    """Return the typed body of a reply. `candidates` maps letters to message ids; `target` is the judged message,
    `scale` has the grades.

    `form` is the kind of the `Format` that a free reply was held to: the whole reply is the answer if it has no marker,
    and JSON has none; with `whole`, so is any free reply, even an empty one. Thinking before ``</think>`` is dropped.
    Raises `ReplyError`.
    """
    whole = whole and role not in STRUCTURED
    reply = text.rpartition(THINKING_ENDS)[2].strip()
    if reply.startswith(THINKING_STARTS):
        if not whole:
            raise ReplyError("the reply ends before the thinking does")
        reply = ""
    if role == "plan":
        return _plan(_structure(reply), max_steps)
    if role == "choose":
        return _vote(_structure(reply), candidates)
    if role == "verify":
        return _verdict(_structure(reply), pack, target)
    if role == "grade":
        return _grade(_structure(reply), scale, target)
    if not (reply or whole):
        raise ReplyError("the reply is empty")
    if reply.startswith(REFUSES):
        return Refusal(reason=reply.removeprefix(REFUSES).strip() or "no reason given")
    if role == "critique":
        return Critique(text=reply)
    answer = None if form == "json_schema" else pack.final_answer(reply)
    if answer is None and (whole or form is not None):
        answer = reply
    if answer is None:
        if "\n" in reply:
            raise ReplyError(f"the reply has no answer marker {pack.spec.answer_marker!r} and more than one line")
        if unit := repetition(reply):
            raise ReplyError(f"the reply has no answer marker {pack.spec.answer_marker!r} and repeats {unit[:40]!r}")
        answer = reply
    if role == "solve":
        return Proposal(answer=answer, text=reply)
    return Synthesis(answer=answer, text=reply) if role == "synthesize" else Revision(answer=answer, text=reply)


def _structure(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate such as \ud800 cannot be stored
    except (ValueError, RecursionError) as error:
        raise ReplyError(f"the reply is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ReplyError(f"the reply is a JSON {type(value).__name__}, not an object")
    return value


def _plan(value: dict[str, Any], max_steps: int) -> Plan:
    try:
        steps = tuple(_step(id, step) for id, step in enumerate(value["steps"], start=1))
        plan = Plan(steps=steps)
    except ValidationError as error:
        raise ReplyError(f"the plan is not usable: {first_problem(error)}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ReplyError(f"the plan is not a list of steps with label and ask ({error!r})") from error
    if len(steps) > max_steps:
        raise ReplyError(f"the plan has {len(steps)} steps, at most {max_steps} are allowed")
    return plan


def _step(id: int, step: dict[str, Any]) -> Step:
    needs = sorted({int(reference) for reference in REFERENCE.findall(step["ask"])})
    return Step(id=id, label=step["label"], ask=step["ask"], needs=tuple(needs))


def _vote(value: dict[str, Any], candidates: Mapping[str, str]) -> Vote:
    choice = value.get("choice")
    if not isinstance(choice, str) or choice not in candidates:
        raise ReplyError(f"the choice {choice!r} is none of {', '.join(candidates)}")
    return Vote(choice=candidates[choice], reason=str(value.get("reason", "")))


def _grade(value: dict[str, Any], scale: Sequence[str], target: str) -> Grade:
    grade = value.get("grade")
    if not isinstance(grade, str) or grade not in scale:
        raise ReplyError(f"the grade {grade!r} is none of {', '.join(scale)}")
    return Grade(grade=grade, reason=str(value.get("reason", "")), target=target)


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
