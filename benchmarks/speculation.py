"""``python -m benchmarks.speculation``: what speculation leaves of the evaluations of fused texts, and of their time.

The items of the suite ``fusion``: three generalists of the zoo with different vocabularies answer each with every
strategy, with and without speculation, in an order that is drawn. An *evaluation* is a call of `llama_decode` by one
member's engine, as the engine counts it, drafts and prompts included; it is divided by the members and the pieces of
the text (where bytes are agreed on: by the tokens of the member that needs most). *Tokens* are those that went through
the models behind the prompts, divided in the same way. *Time* is that of decoding, prompts included.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

import agentnet
from agentnet.agents import ModelAgent
from agentnet.contracts.bodies import Fusion
from agentnet.contracts.protocols import Fuse
from agentnet.evals.datasets.zoo import distinct
from agentnet.fusion.strategies import STRATEGIES
from agentnet.models.llama import LlamaModel
from agentnet.session import Session
from agentnet.zoo.families import FAMILIES

MEMBERS = "@generalist"
BYTEWISE = ("pi", "gac")
"""Strategies that the suite also has byte by byte."""


@dataclass
class Side:
    """What the texts of one way took, all together."""

    evaluations: int = 0
    tokens: int = 0
    seconds: float = 0.0
    texts: list[str] = field(default_factory=list)


@dataclass
class Row:
    """One family with one strategy, with and without speculation."""

    without: Side = field(default_factory=Side)
    ahead: Side = field(default_factory=Side)
    pieces: int = 0

    @property
    def same(self) -> int:
        return sum(one == other for one, other in zip(self.without.texts, self.ahead.texts, strict=True))


def models(session: Session) -> list[LlamaModel]:
    agents = [agent for agent in session.network if "generalist" in agent.card.roles]
    return [agent.model for agent in agents if isinstance(agent, ModelAgent) and isinstance(agent.model, LlamaModel)]


async def write(session: Session, question: str, label: str, fuse: Fuse, side: Side) -> Fusion | None:
    """Let the members answer, and add what that took to a side."""
    steps = sum(model.stats.steps for model in models(session))
    outcome = await session.run(question, fuse, label=label)
    side.evaluations += sum(model.stats.steps for model in models(session)) - steps
    message = next(message for message in outcome.messages if message.sender == "fusion")
    side.tokens += message.usage.completion_tokens
    side.seconds += message.usage.seconds / len(models(session))
    body = message.body if isinstance(message.body, Fusion) else None
    side.texts.append(body.text if body else str(message.body))
    return body


async def measure(session: Session, family: str, strategy: str, level: str, items: int, draw: random.Random) -> Row:
    row = Row()
    for item in distinct(FAMILIES[family], "test", 0, items):
        fuses = [
            Fuse.model_validate({"members": [MEMBERS], "strategy": strategy, "level": level, "speculate": speculate})
            for speculate in (False, True)
        ]
        sides = list(zip(fuses, (row.without, row.ahead), strict=True))
        draw.shuffle(sides)
        for fuse, side in sides:
            body = await write(session, item.question, family, fuse, side)
            if body is not None and side is row.without:
                row.pieces += await length(session, body, level)
    return row


async def length(session: Session, body: Fusion, level: str) -> int:
    """Return how many pieces a text has, its end included; of bytes, how many tokens for the member that needs most."""
    if level == "pieces":
        return len(body.pieces)
    return 1 + max(len(model.tokens(body.text)) for model in models(session))


async def run(families: Sequence[str], items: int) -> None:
    draw = random.Random(0)
    ways = [(strategy, "pieces") for strategy in STRATEGIES] + [(strategy, "bytes") for strategy in BYTEWISE]
    table = Table("family", "strategy", title=f"{items} items of each family; without → with speculation")
    for heading in ("a text", "evaluations", "tokens", "time", "same text"):
        table.add_column(heading, justify="right")
    sums: Counter[str] = Counter()
    async with agentnet.open("zoo", remember=False) as session:
        members = len(models(session))
        for family in families:
            for strategy, level in ways:
                row = await measure(session, family, strategy, level, items, draw)
                per = members * row.pieces
                table.add_row(
                    family,
                    strategy + (", by bytes" if level == "bytes" else ""),
                    f"{row.pieces / items:.1f}",
                    f"{row.without.evaluations / per:.2f} → {row.ahead.evaluations / per:.2f}",
                    f"{row.without.tokens / per:.2f} → {row.ahead.tokens / per:.2f}",
                    f"{row.ahead.seconds / row.without.seconds:.2f}",
                    f"{row.same} of {items}",
                    end_section=(strategy, level) == ways[-1],
                )
                sums.update(same=row.same, items=items)
    console = Console()
    console.print(table)
    console.print(f"{sums['same']} of {sums['items']} texts are the same")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speculation", description=__doc__)
    parser.add_argument("--families", nargs="+", default=["math", "facts"], choices=list(FAMILIES))
    parser.add_argument("--items", type=int, default=40, help="of each family")
    options = parser.parse_args()
    asyncio.run(run(options.families, options.items))


if __name__ == "__main__":
    main()
