"""``python -m benchmarks.living.simulation``: rules for choosing a node, side by side on a simulated network.

Nodes, queues and caches are simulated, token by token in time; the rule ``expected`` is the one that ships
(`agentnet.models.node.directory`), asked by several coordinators that hear of each other's requests only through
heartbeats. Nodes fail and come back with an empty cache. At the end, the same with ten and a hundred times fewer nodes
and runs: what a run costs must not grow with the network.
"""

from __future__ import annotations

import argparse
import heapq
import random
import statistics
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.table import Table

from agentnet.contracts.nodes import Load, NodeRecord, Offer
from agentnet.models.node.directory import Directory, Endpoint
from agentnet.models.node.prefixes import BLOCK_TOKENS
from benchmarks.living.workload import MEMBERS, Run, Turn, runs

SLOTS = 2
PREFILL, WRITING = 400.0, 20.0
"""Tokens in a second: of a prompt, and of a reply."""
CACHE = 16_384
"""Tokens that a node's cache holds."""
COORDINATORS = 4
HEARTBEAT = 5.0
FAILING = 600.0
"""Mean seconds until a node fails."""
AWAY = 30.0
"""Seconds until it is back."""
LEASE = 15.0
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(eq=False, slots=True)
class Job:
    """A turn on its way: where it is, and whose it is."""

    run: Run
    turn: Turn
    coordinator: int
    node: int = -1
    tried: list[str] = field(default_factory=list)
    release: Callable[[], None] = lambda: None


@dataclass(eq=False, slots=True)
class Node:
    """A node that serves one member."""

    number: int
    member: int
    running: set[Job] = field(default_factory=set)
    queue: deque[Job] = field(default_factory=deque)
    cache: OrderedDict[int, int] = field(default_factory=OrderedDict)
    """Run → tokens of its transcript, the least recently used first."""
    alive: bool = True
    life: int = 0
    heard: float = 0.0
    load: Load = field(default_factory=lambda: Load(slots=SLOTS, prefill_per_second=PREFILL))

    @property
    def key(self) -> str:
        return str(self.number)

    def read(self, job: Job) -> int:
        """Return the tokens of a prompt that must be evaluated, and keep them."""
        tokens = job.turn.prompt.tokens
        whole = len(job.turn.prompt.blocks) * BLOCK_TOKENS
        held = min(self.cache.pop(job.run.number, 0), whole)
        self.cache[job.run.number] = whole
        while sum(self.cache.values()) > CACHE:
            self.cache.popitem(last=False)
        return tokens - held


class Rule:
    """How a coordinator chooses among the nodes of a member; `ahead` is what it knows of a node's requests."""

    def __init__(self, nodes: list[Node], seed: int) -> None:
        self.nodes, self.draw = nodes, random.Random(seed)
        self.of = [[node for node in nodes if node.member == member] for member in range(MEMBERS)]
        self.own = [0] * len(nodes)
        self.own_then = [0] * len(nodes)
        self.down: dict[int, float] = {}

    def ahead(self, node: Node) -> int:
        load = node.load
        others = load.running + load.queued - self.own_then[node.number]
        return max(0, others) + self.own[node.number]

    def heard(self, node: Node) -> None:
        self.own_then[node.number] = self.own[node.number]
        self.down.pop(node.number, None)

    def refresh(self, now: float) -> None:
        """Called every second."""

    def failed(self, job: Job, now: float) -> None:
        self.down[job.node] = now

    def able(self, job: Job) -> list[Node]:
        mine = self.of[job.turn.member]
        return [node for node in mine if node.number not in self.down and node.key not in job.tried] or mine

    def choose(self, job: Job) -> Node | None:
        """Return the node to ask; None where none is known to be there."""
        node = self.pick(job)
        self.own[node.number] += 1
        job.release = lambda: self._released(node)
        return node

    def _released(self, node: Node) -> None:
        self.own[node.number] -= 1

    def pick(self, job: Job) -> Node:
        raise NotImplementedError


class AtRandom(Rule):
    def pick(self, job: Job) -> Node:
        return self.draw.choice(self.able(job))


class TwoChoices(Rule):
    def pick(self, job: Job) -> Node:
        able = self.able(job)
        return min(self.draw.sample(able, min(2, len(able))), key=self.ahead)


class LeastLoaded(Rule):
    def pick(self, job: Job) -> Node:
        able = self.able(job)
        self.draw.shuffle(able)
        return min(able, key=self.ahead)


class Hashed(Rule):
    """The node that a run and a member hash to: every turn of a run finds its prefix."""

    def pick(self, job: Job) -> Node:
        able = self.able(job)
        return able[hash((job.run.number, job.turn.member)) % len(able)]


class Sticky(TwoChoices):
    """The node of the run's last turn, else the better of two."""

    def __init__(self, nodes: list[Node], seed: int) -> None:
        super().__init__(nodes, seed)
        self.last: dict[tuple[int, int], Node] = {}

    def pick(self, job: Job) -> Node:
        place = job.run.number, job.turn.member
        last = self.last.get(place)
        if last is None or last.number in self.down or last.key in job.tried:
            last = self.last[place] = super().pick(job)
        return last


class ExpectedTime(Rule):
    """The rule that ships: a `Directory`."""

    def __init__(self, nodes: list[Node], seed: int) -> None:
        super().__init__(nodes, seed)
        self.now = 0.0
        self.directory = Directory(seed=seed, clock=lambda: self.now)
        self.seconds = 0.0
        self.refresh(0.0)

    def refresh(self, now: float) -> None:
        self.now = now
        self.directory.update(record_of(node, now) for node in self.nodes)

    def failed(self, job: Job, now: float) -> None:
        self.directory.failed(self._endpoint(self.nodes[job.node]))

    def _endpoint(self, node: Node) -> Endpoint:
        record = record_of(node, self.now)
        return Endpoint(
            key=record.key,
            node=record.name,
            url="",
            access="",
            state="active",
            offer=record.offers[0],
            load=record.load,
            lease=record.lease,
        )

    def choose(self, job: Job) -> Node | None:
        started = time.perf_counter()
        name = f"m{job.turn.member}"
        endpoint = self.directory.choose(name, name, job.turn.prompt, avoid=job.tried) or self.directory.choose(
            name, name, job.turn.prompt
        )
        self.seconds += time.perf_counter() - started
        if endpoint is None:
            return None
        using = self.directory.using(endpoint, job.turn.prompt)
        using.__enter__()

        def release() -> None:
            using.__exit__(None, None, None)

        job.release = release
        return self.nodes[int(endpoint.key)]


OFFERS = tuple((Offer(name=f"m{member}", digest=f"m{member}"),) for member in range(MEMBERS))


def record_of(node: Node, now: float) -> NodeRecord:
    """The node's record in a roster, as of its last heartbeat."""
    heard = START + timedelta(seconds=node.heard)
    late = now - node.heard
    return NodeRecord.model_construct(
        key=node.key,
        name=f"n{node.number}",
        url="",
        state="active" if late <= 1.5 * HEARTBEAT else "suspect" if late <= LEASE else "gone",
        offers=OFFERS[node.member],
        load=node.load,
        lease=str(node.life),
        joined=START,
        heard=heard,
        until=heard + timedelta(seconds=LEASE),
        epoch=0,
    )


@dataclass
class Result:
    """What became of some runs."""

    seconds: list[float] = field(default_factory=list)
    """From a run's arrival to its end."""
    read: int = 0
    prompts: int = 0
    written: int = 0
    repeated: int = 0
    """Turns that were asked again, since their node failed."""
    choosing: float = 0.0
    """Seconds of this machine that choosing took."""

    @property
    def percentile(self) -> float:
        return statistics.quantiles(self.seconds, n=20)[-1]

    @property
    def reused(self) -> float:
        return 1 - self.read / self.prompts

    @property
    def tokens(self) -> float:
        """Tokens that are evaluated for a run."""
        return (self.read + self.written) / len(self.seconds)


class Simulation:
    """One network, one rule, from the first run's arrival to the last one's end."""

    def __init__(self, kind: type[Rule], nodes: int, seed: int) -> None:
        self.nodes = [Node(number, number % MEMBERS) for number in range(nodes)]
        self.rules = [kind(self.nodes, seed + index) for index in range(COORDINATORS)]
        self.draw = random.Random(seed)
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.count = 0
        self.now = 0.0
        self.open = 0
        self.result = Result()
        self.waiting: dict[int, int] = {}
        """Run → turns of its round that are not answered."""

    def at(self, when: float, what: Callable[[], None]) -> None:
        self.count += 1
        heapq.heappush(self.events, (when, self.count, what))

    def carry_out(self, everything: Iterator[Run]) -> Result:
        for run in everything:
            self.open += 1
            self.at(run.arrives, lambda run=run: self.begin(run, 0))  # type: ignore[misc]
        for node in self.nodes:
            self.at(self.draw.uniform(0, HEARTBEAT), lambda node=node: self.beat(node))  # type: ignore[misc]
            self.at(self.draw.expovariate(1 / FAILING), lambda node=node: self.fail(node))  # type: ignore[misc]
        self.at(1.0, self.refresh)
        while self.open:
            self.now, _, what = heapq.heappop(self.events)
            what()
        self.result.choosing = sum(rule.seconds for rule in self.rules if isinstance(rule, ExpectedTime))
        return self.result

    def refresh(self) -> None:
        for rule in self.rules:
            rule.refresh(self.now)
        self.at(self.now + 1, self.refresh)

    def beat(self, node: Node) -> None:
        if node.alive:
            node.heard = self.now
            node.load = node.load.model_copy(update={"running": len(node.running), "queued": len(node.queue)})
            for rule in self.rules:
                rule.heard(node)
        self.at(self.now + HEARTBEAT, lambda: self.beat(node))

    def fail(self, node: Node) -> None:
        node.alive = False
        lost = [*node.running, *node.queue]
        node.running.clear()
        node.queue.clear()
        node.cache.clear()
        for job in lost:
            self.again(job)
        self.at(self.now + AWAY, lambda: self.come_back(node))
        self.at(self.now + AWAY + self.draw.expovariate(1 / FAILING), lambda: self.fail(node))

    def come_back(self, node: Node) -> None:
        node.alive, node.heard, node.life = True, self.now, node.life + 1

    def again(self, job: Job) -> None:
        rule = self.rules[job.coordinator]
        job.release()
        job.tried.append(str(job.node))
        rule.failed(job, self.now)
        self.result.repeated += 1
        self.ask(job)

    def begin(self, run: Run, round: int) -> None:
        turns = run.rounds[round]
        self.waiting[run.number] = len(turns)
        for turn in turns:
            self.ask(Job(run, turn, run.number % COORDINATORS))

    def ask(self, job: Job) -> None:
        rule = self.rules[job.coordinator]
        if isinstance(rule, ExpectedTime):
            rule.now = self.now
        node = rule.choose(job)
        if node is None:
            self.at(self.now + 1, lambda: self.ask(job))
            return
        job.node = node.number
        if not node.alive:
            self.at(self.now + 0.01, lambda: self.again(job))
        elif len(node.running) < SLOTS:
            self.serve(node, job)
        else:
            node.queue.append(job)

    def serve(self, node: Node, job: Job) -> None:
        node.running.add(job)
        unread = node.read(job)
        self.result.read += unread
        self.result.prompts += job.turn.prompt.tokens
        self.result.written += job.turn.reply
        seconds = unread / PREFILL + job.turn.reply / WRITING
        self.at(self.now + seconds, lambda: self.answered(node, job))

    def answered(self, node: Node, job: Job) -> None:
        if job not in node.running:  # its node failed meanwhile
            return
        node.running.remove(job)
        rule = self.rules[job.coordinator]
        if isinstance(rule, ExpectedTime):
            rule.now = self.now
        job.release()
        if node.queue:
            self.serve(node, node.queue.popleft())
        run = job.run
        self.waiting[run.number] -= 1
        if self.waiting[run.number]:
            return
        run.rounds.pop(0)
        if run.rounds:
            self.begin(run, 0)
        else:
            self.open -= 1
            self.result.seconds.append(self.now - run.arrives)


def work_of_a_run(seed: int) -> float:
    """Return the mean seconds of a slot that a run takes, if nothing is reused."""
    some = list(runs(2000, 1.0, seed))
    turns = [turn for run in some for round in run.rounds for turn in round]
    return sum(turn.prompt.tokens / PREFILL + turn.reply / WRITING for turn in turns) / len(some)


def simulated(kind: type[Rule], nodes: int, count: int, load: float, seed: int) -> Result:
    """Return what becomes of `count` runs at a share `load` of the nodes' capacity without reuse."""
    every = work_of_a_run(seed) / (nodes * SLOTS * load)
    return Simulation(kind, nodes, seed).carry_out(runs(count, every, seed))


RULES: dict[str, type[Rule]] = {
    "expected": ExpectedTime,
    "two choices": TwoChoices,
    "least loaded": LeastLoaded,
    "sticky": Sticky,
    "hashed": Hashed,
    "random": AtRandom,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.living.simulation", description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--load", type=float, default=0.85, help="share of the capacity, if nothing is reused")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rules", nargs="+", default=list(RULES), choices=list(RULES))
    chosen = parser.parse_args()
    console = Console()
    table = Table(title=f"{chosen.nodes} nodes, {chosen.runs} runs, load {chosen.load:g}", title_justify="left")
    for name in ("rule", "median s", "p95 s", "prompt reused", "tokens a run", "asked again"):
        table.add_column(name, justify="left" if name == "rule" else "right")
    for name in chosen.rules:
        result = simulated(RULES[name], chosen.nodes, chosen.runs, chosen.load, chosen.seed)
        median = statistics.median(result.seconds)
        row = f"{median:.1f}", f"{result.percentile:.1f}", f"{result.reused:.0%}", f"{result.tokens:.0f}"
        table.add_row(name, *row, str(result.repeated))
    console.print(table)
    table = Table(title="The rule that ships, as the network grows", title_justify="left")
    for name in ("nodes", "runs", "p95 s", "tokens a run", "choosing, µs a run"):
        table.add_column(name, justify="right")
    for less in (100, 10, 1):
        nodes, count = max(MEMBERS, chosen.nodes // less), chosen.runs // less
        result = simulated(ExpectedTime, nodes, count, chosen.load, chosen.seed)
        choosing = f"{1e6 * result.choosing / count:.0f}"
        table.add_row(str(nodes), str(count), f"{result.percentile:.1f}", f"{result.tokens:.0f}", choosing)
    console.print(table)


if __name__ == "__main__":
    main()
