"""The training loop: one recipe in, one GGUF file out, resumable at any checkpoint."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from tools.zoo.training import tokenizer
from tools.zoo.training.batches import Batch, Pairs, prefetched
from tools.zoo.training.export import export
from tools.zoo.training.network import Network
from tools.zoo.training.optimizer import optimizers, schedule
from tools.zoo.training.recipe import Recipe

log = logging.getLogger(__name__)

WORK = Path(".zoo-work")
"""Where checkpoints lie, one folder per model."""


def train(
    recipe: Recipe,
    pairs: Pairs,
    out: Path,
    work: Path | None = None,
    threads: int = 2,
    save_every: int = 250,
    stop_at: int | None = None,
) -> float:
    """Train `recipe` on `pairs`, from the checkpoint in `work` if there is one; write `out`; return the last mean loss.

    `stop_at` leaves off after that step, with a checkpoint and a file that hold what has been learnt so far.
    """
    torch.set_num_threads(threads)
    work = work or WORK / recipe.name
    work.mkdir(parents=True, exist_ok=True)
    run = Run(recipe, pairs, work)
    run.resume()
    try:
        loss = run.advance(min(recipe.steps, stop_at or recipe.steps), save_every)
    finally:
        run.close()
    export(run.network, run.vocabulary, recipe.name, out)
    log.info("%s: wrote %s (%.1f MB)", recipe.name, out, out.stat().st_size / 1e6)
    return loss


class Run:
    """The state of one training: network, optimizers, step, and the place in the stream of batches."""

    def __init__(self, recipe: Recipe, pairs: Pairs, work: Path) -> None:
        self.recipe, self.pairs, self.work = recipe, pairs, work
        self.vocabulary = self._vocabulary()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(recipe.seed)
        self.network = Network(recipe.shape(self.vocabulary.size)).to(self.device)
        self.optimizers = optimizers(self.network, recipe.peak_lr)
        self.step, self.cursor = 0, (0, 0)
        self._stream: Generator[Batch, None, None] | None = None

    def _vocabulary(self) -> tokenizer.Vocabulary:
        path = self.work / "tokenizer.json"
        if not path.exists():
            texts = (text for pair in self.pairs(self.recipe.seed) for text in pair)
            tokenizer.build(self.recipe.tokenizer, self.recipe.vocab, texts).save(path)
        return tokenizer.load(path)

    def advance(self, until: int, save_every: int) -> float:
        """Train up to step `until`; return the mean loss of the last 50 steps or fewer."""
        recipe, meter = self.recipe, Meter(self.step, until)
        self._stream = prefetched(
            self.pairs, self.work / "tokenizer.json", recipe.context, recipe.batch_tokens, recipe.seed, self.cursor
        )
        while self.step < until:
            batch = next(self._stream)
            meter.add(self._learn(batch), len(batch.tokens))
            self.step, self.cursor = self.step + 1, batch.after
            if self.step % 50 == 0 or self.step == until:
                log.info("%s: %s", recipe.name, meter.report(self.step))
            if self.step % save_every == 0 or self.step == until:
                self.save()
        return meter.loss

    def _learn(self, batch: Batch) -> Tensor:
        """One step of gradient descent; the loss is the mean over the completion's tokens."""
        rate = schedule(self.step, self.recipe.steps, self.recipe.warmup)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * rate
        tokens, rows, targets = (
            torch.from_numpy(part).to(self.device) for part in (batch.tokens, batch.rows, batch.targets)
        )
        with torch.autocast(self.device.type, torch.bfloat16):
            logits = self.network(tokens, batch.blocks, rows)
        loss = F.cross_entropy(logits.float(), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        return loss.detach()

    def save(self) -> None:
        """Write the checkpoint. No step draws random numbers: the cursor is all the stream needs."""
        partial = self.work / "checkpoint.partial"
        state = {
            "shape": asdict(self.network.shape),
            "network": self.network.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "cursor": self.cursor,
        }
        torch.save(state, partial)
        os.replace(partial, self.work / "checkpoint.pt")

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one. Shape and tokenizer must be the recipe's; the rest may differ."""
        path = self.work / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device)
        if state["shape"] != asdict(self.network.shape):
            raise ValueError(
                f"{path} is of another shape than recipe {self.recipe.name!r}: delete {self.work} to start again"
            )
        self.network.load_state_dict(state["network"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            peaks = [group["peak"] for group in optimizer.param_groups]
            optimizer.load_state_dict(saved)
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["peak"] = peak
        self.step, self.cursor = state["step"], tuple(state["cursor"])
        log.info("%s: going on from step %d", self.recipe.name, self.step)

    def close(self) -> None:
        """End the process that makes batches."""
        if self._stream is not None:
            self._stream.close()


@dataclass
class Meter:
    """Loss and speed since the last report."""

    first: int
    until: int
    loss: float = float("nan")

    def __post_init__(self) -> None:
        self._losses: list[Tensor] = []
        self._tokens, self._since, self._start = 0, time.monotonic(), time.monotonic()

    def add(self, loss: Tensor, tokens: int) -> None:
        self._losses.append(loss)
        self._tokens += tokens

    def report(self, step: int) -> str:
        """A line for the log; starts the next stretch."""
        now = time.monotonic()
        self.loss = torch.stack(self._losses).mean().item()
        left = (now - self._start) / (step - self.first) * (self.until - step)
        speed = self._tokens / (now - self._since)
        self._losses, self._tokens, self._since = [], 0, now
        return f"step {step}/{self.until}  loss {self.loss:.4f}  {speed:,.0f} tokens/s  {left / 60:.1f} min left"
