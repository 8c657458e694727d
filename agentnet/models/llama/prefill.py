"""Prefill: how the prompts of a step are divided into chunks, and which request waits for another one's prompt."""

from __future__ import annotations

from collections.abc import Sequence

from agentnet.models.llama.cache import Cache
from agentnet.models.llama.job import Job
from agentnet.models.llama.prefix import WORTH, common_prefix

CHUNK = 128
"""Prompt tokens in a step beside requests that decode."""


def divide_step(running: Sequence[Job], capacity: int) -> list[tuple[Job, int]]:
    """Return how many tokens of which job the next step evaluates, at most `capacity` of all together.

    Each job that decodes has one; what is left of the step goes to prompts, so that a long prompt does not stall the
    jobs that decode. Forced tokens of replies come before prompts.
    """
    pending = [(job, job.pending) for job in running]
    decoding = [share for share in pending if share[1] == 1]
    room = capacity - len(decoding)
    if decoding:
        room = min(room, CHUNK)
    prompts: list[tuple[Job, int]] = []
    for job, tokens in sorted(pending, key=lambda share: share[0].cached < share[0].prompt_length):
        if tokens > 1 and (count := min(_chunk(job, room), room)):
            prompts.append((job, count))
            room -= count
    return decoding + prompts


def _chunk(job: Job, room: int) -> int:
    """Return how many tokens of a prompt fit into a step. Tokens whose logits are wanted never lie in two steps."""
    if job.pending <= room:
        return job.pending
    before = job.wanted_from - job.cached
    return min(room, before) if before > 0 else 0


def waits_for_prefix(job: Job, running: Sequence[Job], cache: Cache) -> bool:
    """Return whether a running job is evaluating a prefix that this job shares, so that it pays to wait for it."""
    if not cache.shares:
        return False
    known: int | None = None
    for leader in running:
        if leader.pending <= 1:
            continue
        common = common_prefix(leader.tokens, job.tokens, job.wanted_from)
        if common < leader.cached + WORTH:
            continue
        if known is None:
            known = cache.known(job.tokens, job.wanted_from)
        if common >= known + WORTH:
            return True
    return False
