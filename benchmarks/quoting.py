"""What it costs that words of members are no structure: time of a prompt, and tokens of a transcript.

The discussions are recorded answers of six real models to questions of GSM8K, as the instruct pack shows them to one
more reader. Times are medians over the prompts: with what keeps words apart, minus without. Tokens are counted in six
real vocabularies (`benchmarks.generated.vocabularies`), and compared with the same transcript without marks: the letter
and a blank line before each reply.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from agentnet.contracts.bodies import Task
from agentnet.files.tables import records
from agentnet.models.base import ChatMessage
from agentnet.models.llama.control_tokens import ControlTokens
from agentnet.models.llama.template import ChatTemplate
from agentnet.models.llama.vocabulary import Vocabulary
from agentnet.prompts import Entry, Pack, find_pack, letter
from benchmarks.generated.vocabularies import SHA256, open_vocabulary, vocabulary_file

DATA = Path("evals/data/gsm8k")
LEARNT = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")
CHAT = ("mistralai/Mixtral-8x7B-Instruct-v0.1_response", "gpt-4-1106-preview_response")
REPEATS = 20


def discussions(count: int) -> list[tuple[Task, list[Entry]]]:
    """Return questions and the recorded answers to each of them, as many as there are of the six."""
    replies = {
        record.fields["question"]: [record.fields[model]["solution"] for model in LEARNT]
        for record in records(DATA / "example_model_solutions.jsonl.gz")
    }
    for record in records(DATA / "gsm8k_responses.csv.gz"):
        if record.fields["prompt"] in replies:
            replies[record.fields["prompt"]] += [record.fields[model].strip() for model in CHAT]
    return [
        (Task(text=question), [_entry(place, text) for place, text in enumerate(texts)])
        for question, texts in list(replies.items())[:count]
    ]


def _entry(place: int, text: str) -> Entry:
    return Entry(letter(place), "ada", "proposal", text.rpartition("\n")[2], text)


def unmarked(pack: Pack) -> Pack:
    """Return a pack that shows words as they are."""
    other = copy.copy(pack)
    other.spec = pack.spec.model_copy(update={"quote": "nothing"})
    return other


def transcript(prompt: str) -> str:
    return prompt.partition("# What was said so far\n\n")[2].partition("# Your turn\n")[0]


def before(entries: Sequence[Entry]) -> str:
    """Return the transcript as the instruct pack wrote it without marks."""
    return "".join(f"[{entry.letter}]\n\n{entry.text}\n\n" for entry in entries)


def seconds(work: Callable[[], object]) -> float:
    """Return the shortest time of some repetitions."""
    best = float("inf")
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def quoting_time(pack: Pack, asked: Sequence[tuple[Task, list[Entry]]]) -> float:
    """Return the median time, in microseconds, that quoting adds to rendering a prompt."""
    bare = unmarked(pack)

    def extra(task: Task, entries: list[Entry]) -> float:
        return seconds(lambda: pack.render("revise", task, entries)) - seconds(
            lambda: bare.render("revise", task, entries)
        )

    return statistics.median(extra(task, entries) for task, entries in asked) * 1e6


def tokenising_time(vocabulary: Vocabulary, prompts: Sequence[str]) -> float:
    """Return the median time, in microseconds, that keeping control tokens apart adds before a prompt is tokenised."""
    template = ChatTemplate(None, path=Path("chatml"), bos=vocabulary.bos, eos=vocabulary.eos)
    control = ControlTokens(vocabulary, template.source)

    def extra(prompt: str) -> float:
        message: ChatMessage = {"role": "user", "content": prompt}

        def apart() -> list[int]:
            rendered = template.locate([message])
            return control.cuts(rendered.text, rendered.words or ())

        return seconds(apart) - seconds(lambda: template.render([message]))

    return statistics.median(map(extra, prompts)) * 1e6


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the time of a prompt and the tokens of a transcript."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quoting", description=main.__doc__)
    parser.add_argument("--discussions", type=int, default=100)
    parser.add_argument("--vocabularies", type=Path, help="folder of the real vocabularies")
    options = parser.parse_args(arguments)
    console, pack = Console(), find_pack("instruct")
    asked = discussions(options.discussions)
    prompts = [pack.render("revise", task, entries) for task, entries in asked]
    lines = statistics.mean(len(transcript(prompt).splitlines()) for prompt in prompts)
    console.print(f"{len(asked)} discussions of {len(asked[0][1])} answers, {lines:.0f} lines on average")
    console.print(f"quoting: {quoting_time(pack, asked):.1f} µs a prompt")
    table = Table("vocabulary", "keeping control tokens apart, µs a prompt", "tokens before", "now", "more")
    for name in SHA256:
        with open_vocabulary(vocabulary_file(name, options.vocabularies)) as vocabulary:
            old = sum(len(vocabulary.tokens(before(entries), begin=False)) for _, entries in asked)
            new = sum(len(vocabulary.tokens(transcript(prompt), begin=False)) for prompt in prompts)
            added = tokenising_time(vocabulary, prompts)
            table.add_row(name, f"{added:.1f}", f"{old:,}", f"{new:,}", f"{100 * (new / old - 1):.1f} %")
    console.print(table)


if __name__ == "__main__":
    main()
