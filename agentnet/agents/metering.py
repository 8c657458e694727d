"""What a request to a model takes: the most tokens that it can have, and what tokens cost."""

from __future__ import annotations

from agentnet.contracts.cards import Card
from agentnet.contracts.usage import Usage
from agentnet.models.base import Model, Request, TokenCounter

TEMPLATE_TOKENS = 16
"""Most tokens that a chat template adds to a message. Each token of the message itself is at least one byte."""


def most_prompt_tokens(model: Model, request: Request) -> int:
    """Return the most tokens that a prompt can have. No tokenizer makes more tokens than there are bytes."""
    if isinstance(model, TokenCounter):
        return model.count_tokens(request)
    return sum(len(message["content"].encode()) + TEMPLATE_TOKENS for message in request.messages)


def billed(usage: Usage, card: Card) -> Usage:
    """Return a usage with its cost at the prices of a card."""
    price = card.price
    cost = (usage.prompt_tokens * price.prompt + usage.completion_tokens * price.completion) / 1e6
    return usage.model_copy(update={"cost": cost}) if cost else usage
