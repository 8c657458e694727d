"""Running an evaluation: every trial is stored as it ends, and no stored trial is made again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Container, Iterable, Mapping, Sequence

from agentnet.contracts.bodies import Task
from agentnet.contracts.evaluations import SELECTION, EvaluationRecord, Item, Split, System, Trial
from agentnet.contracts.grades import Grades
from agentnet.contracts.policies import Policy
from agentnet.coordinator import Outcome
from agentnet.errors import BadInput
from agentnet.evals.attack.canaries import watched
from agentnet.evals.attack.network import Infiltration
from agentnet.evals.equal_budget import repetitions
from agentnet.evals.grading import Grading
from agentnet.evals.jobs import Job, Progress, jobs_of, seed_of
from agentnet.evals.learning import learned_policy
from agentnet.evals.living import absent, arrivals, lived
from agentnet.evals.mutual import expected_grades, grade, graders, grades_of, scale_of
from agentnet.evals.selection import best_members, cards_with, halved, measured_members
from agentnet.evals.suite import Living, MutualGrades, SuiteSpec
from agentnet.evals.systems import CORRECTIONS, SAMPLES, corrections, members_of, samples
from agentnet.evals.trials import interrupted, reply_of, trial_of
from agentnet.network import Network
from agentnet.session import Session
from agentnet.store import Evaluations

PAUSE = 0.5
"""Seconds before the second try of an item whose models could not be asked; each further pause is twice as long."""


class Evaluation:
    """One evaluation on an open network. `gradings` maps each dataset to how its answers are scored.

    After an interruption, `run` makes the trials that are missing. With the same network and seeds it ends with the
    same trials as without the interruption.
    """

    def __init__(
        self,
        record: EvaluationRecord,
        session: Session,
        evaluations: Evaluations,
        gradings: Mapping[str, Grading],
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self.record = record
        self._suite = SuiteSpec.model_validate(record.suite)
        self._members = members_of(self._suite.members, record.network)
        self._session, self._evaluations = session, evaluations
        self._gradings, self._on_progress = gradings, on_progress
        self._trials: dict[tuple[Split, tuple[str, str, str, int]], Trial] = {}
        self._infiltration: Infiltration | None = None
        self._infiltrated: dict[tuple[str, ...], Session] = {}
        """Sessions with liars in the place of members, by the attack and the names of the liars."""
        self._watched: dict[tuple[str, ...], dict[tuple[str, str], Session]] = {}
        """The same for each item, by its dataset and id, where members are asked canaries."""
        self._days: dict[tuple[str, str], Session] = {}
        """Of a living suite: the session that each item meets, by its dataset and id."""

    async def run(self) -> EvaluationRecord:
        """Make every trial that is missing. Raises `BadInput` before the first one, and `StoreError`."""
        items = await self._begin()
        session = await self._measure(items[SELECTION])
        best = best_members(self.record, (item.label for item in items["test"]))
        wanted = [system for system in self.record.systems if self._is_wanted(system, set(best.values()))]
        if self._suite.living is not None:
            await self._let_live(session, self._suite.living, items)
        await self._make("systems", session, jobs_of(wanted, items["test"], self._suite.epochs, "test"))
        under_attack = [system for system in self.record.systems if system.kind == "attacked"]
        if under_attack:
            asked = [*items[SELECTION], *items["test"]]
            canaries = self._canaries(items[SELECTION])
            self._infiltration = Infiltration(asked, self._trials.values(), self._members, frozenset(canaries))
            await self._watch(session, under_attack, items["test"], list(canaries.values()))
            await self._make("attacks", session, jobs_of(under_attack, items["test"], self._suite.epochs, "test"))
        repeated = self._repeated(items["test"], best)
        new = [system for system in repeated if system not in self.record.systems]
        await self._save(systems=(*self.record.systems, *new))
        await self._make("equal budget", session, jobs_of(repeated, items["test"], self._suite.epochs, "test"))
        await self._save(status="done")
        return self.record

    async def learn(self) -> Policy:
        """Make the trials of the selection items only; return the policy that they teach. Raises what `run` does."""
        items = await self._begin()
        if not items[SELECTION]:
            raise BadInput("a policy is learned from selection items: set `selection` to more than 0")
        await self._measure(items[SELECTION])
        assert self.record.policy is not None
        return self.record.policy

    async def _begin(self) -> dict[Split, list[Item]]:
        """Read the trials made so far, and check that the others can be made. Returns the items of both splits."""
        for trial in await self._evaluations.trials(self.record.id):
            self._trials[trial.split, trial.key] = trial
        if self._suite.grades is not None and self._session.network.spec.grades is None:
            self._session = _graded(self._session, expected_grades(self._members))
        usable = [system for system in self.record.systems if self._is_usable(system)]
        await self._save(systems=tuple(usable))
        self._prepare_baselines(self._session)
        changes = self._suite.living.changes if self._suite.living is not None else ()
        judges = {grading.judge for grading in self._gradings.values() if grading.judge is not None}
        for name in judges | {change.member for change in changes}:
            self._session.network[name]
        return {split: await self._evaluations.items(self.record.id, split) for split in (SELECTION, "test")}

    def _is_usable(self, system: System) -> bool:
        """Return whether the network can do what a system needs. Raises `BadInput` unless it is a usual candidate."""
        try:
            self._session.prepare(system.protocol)
        except BadInput:
            if system.kind == "candidate" and system.facts.get("usual"):
                return False
            raise
        return True

    async def _measure(self, items: Sequence[Item]) -> Session:
        """Try members and candidates on the selection items. Returns a session with what they teach."""
        session = self._session
        if not items:
            return session
        alone = [system for system in self.record.systems if system.kind == "member" or "path" in system.facts]
        await self._make("selection", session, jobs_of(alone, items, 1, SELECTION))
        kept = self._canaries(items)
        cards = [trial for trial in self._of(SELECTION) if (trial.dataset, trial.item) not in kept]
        measured = measured_members(self.record, cards, items, self._members)
        await self._save(measured=measured)
        if self._suite.grades is not None:
            session = self._session = await self._let_grade(self._suite.grades, items)
        session = session.with_cards(cards_with(self.record.network, measured))
        if self._suite.learn is None:
            return session
        await self._try_candidates(items)
        trials, learn, seed = self._of(SELECTION), self._suite.learn, self._suite.seed
        policy = await asyncio.to_thread(learned_policy, self.record, trials, items, learn, seed=seed)
        await self._save(policy=policy)
        return session.with_policy(policy)

    async def _let_grade(self, spec: MutualGrades, items: Sequence[Item]) -> Session:
        """Let members grade each other's answers to the selection items. Returns a session that goes by the grades."""
        network = self._session.network
        scale = scale_of(spec, network, self._members)
        answers = {trial.key[:3]: trial for trial in self._of(SELECTION) if trial.answer is not None}

        def answer_to(job: Job) -> Trial | None:
            return answers.get((job.system.facts["member"], job.item.dataset, job.item.id))

        async def give(_: Session, job: Job) -> Trial:
            answer = answer_to(job)
            assert answer is not None
            seed = seed_of(self._suite.seed, job.item, job.epoch)
            return await grade(job.system, job.item, answer, network, scale, scored=spec.by == "score", seed=seed)

        jobs = [job for job in jobs_of(list(graders(self._members)), items, 1, SELECTION) if answer_to(job) is not None]
        await self._make("grading", self._session, jobs, give)
        suite = f"selection split of {self.record.name}"
        grades = grades_of(
            self._of(SELECTION), self._members, scale, suite=suite, seed=self._suite.seed, graded_at=self.record.created
        )
        await self._save(network=self.record.network.model_copy(update={"grades": grades}))
        return _graded(self._session, grades)

    def _prepare_baselines(self, session: Session) -> None:
        """Check that the best member can be asked for its baselines, before any model is asked."""
        if not any(system.kind == "system" for system in self.record.systems):
            return
        temperature = self._suite.repeats.temperature
        wanted = {
            SAMPLES: samples(self._members, self.record.network, "", 2, temperature),
            CORRECTIONS: corrections(self._members, "", 2),
        }
        for name, system in wanted.items():
            if name in self._suite.baselines:
                try:
                    session.prepare(system.protocol)
                except BadInput as error:
                    left = ", ".join(baseline for baseline in self._suite.baselines if baseline != name)
                    raise BadInput(f"the baseline {name}: {error}; or leave it out: `baselines: [{left}]`") from error

    async def _try_candidates(self, items: Sequence[Item]) -> None:
        """Try the candidates of `learn` on the selection items.

        Each half of the items is tried with the cards that the other half measures: a candidate that goes by cards
        would otherwise be measured with cards that know its own questions.
        """
        candidates = [system for system in self.record.systems if system.kind == "candidate"]
        halves = halved(items)
        for half, other in (halves, halves[::-1]):
            known = {(item.dataset, item.id) for item in other}
            trials = [trial for trial in self._of(SELECTION) if (trial.dataset, trial.item) in known]
            measured = measured_members(self.record, trials, other, self._members)
            session = self._session.with_cards(cards_with(self.record.network, measured))
            await self._make("candidates", session, jobs_of(candidates, half, 1, SELECTION))

    def _of(self, split: Split) -> list[Trial]:
        return [trial for (where, _), trial in self._trials.items() if where == split]

    async def _save(self, **changes: object) -> None:
        changed = self.record.model_copy(update=changes)
        if changed != self.record:
            self.record = await self._evaluations.save(changed)

    def _is_wanted(self, system: System, best: Container[str]) -> bool:
        """Whether to try a system: of the members alone all that the suite shows, else the best for each label."""
        if system.kind in ("samples", "corrections", "attacked", "candidate"):
            return False
        if system.kind != "member" or "members" in self._suite.baselines:
            return True
        return bool(self._suite.baselines) and system.name in best

    def _repeated(self, items: Sequence[Item], best: Mapping[str, str]) -> list[System]:
        """The best member asked again, as often as the tokens of the most expensive system pay for."""
        known = [system for system in self.record.systems if system.kind in ("samples", "corrections")]
        if known:
            return known
        found: list[System] = []
        for dataset in dict.fromkeys(item.dataset for item in items):
            if self._gradings[dataset].judge is not None:
                continue  # a judge would have to grade every answer that a smaller budget decides on
            times = repetitions(
                [system for system in self.record.systems if system.kind == "system"],
                best,
                [item for item in items if item.dataset == dataset],
                self._of("test"),
                self._suite.repeats.most,
            )
            if times > 1 and "self-consistency" in self._suite.baselines:
                found.append(
                    samples(self._members, self.record.network, dataset, times, self._suite.repeats.temperature)
                )
            if times > 1 and "self-correction" in self._suite.baselines:
                found.append(corrections(self._members, dataset, times))
        return found

    async def _make(
        self,
        phase: str,
        session: Session,
        jobs: Iterable[Job],
        make: Callable[[Session, Job], Awaitable[Trial]] | None = None,
    ) -> None:
        """Make the trials that are missing, as many concurrently as the suite says; by runs, unless `make` is given."""
        make = make or self._try
        wanted = list(jobs)
        missing = [job for job in wanted if not self._is_made(job)]
        total, waiting = len(wanted), iter(missing)
        done, failed = total - len(missing), 0
        self._on_progress(Progress(phase, done, total, failed))

        async def work() -> None:
            nonlocal done, failed
            for job in waiting:
                trial = await make(session, job)
                await self._evaluations.record_trial(self.record.id, trial)
                self._trials[trial.split, trial.key] = trial
                done, failed = done + 1, failed + (trial.status == "error")
                self._on_progress(Progress(phase, done, total, failed))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._suite.concurrency, len(missing))):
                    group.create_task(work())
        except ExceptionGroup as several:
            raise several.exceptions[0] from several

    def _is_made(self, job: Job) -> bool:
        key = (job.system.name, job.item.dataset, job.item.id, job.epoch)
        trial = self._trials.get((job.split, key))
        return trial is not None and trial.status != "error"

    async def _try(self, session: Session, job: Job) -> Trial:
        """Make a trial, and try again where a model could not be asked."""
        if job.system.kind == "attacked":
            session = self._with_liars(session, job.system)
            session = self._watched.get(self._key_of(job.system), {}).get((job.item.dataset, job.item.id), session)
        if job.system.away:
            session = session.changed(lambda network: network.without(job.system.away))
        if job.split == "test":
            session = self._days.get((job.item.dataset, job.item.id), session)
        task = Task(text=job.item.text, label=None if job.system.unlabelled else job.item.label)
        living = bool(self._days) and job.split == "test"
        if living:
            try:
                session.prepare(job.system.protocol)
            except BadInput as error:
                return absent(job.system, job.item, job.epoch, str(error))
        for attempt in range(1 if living else self._suite.attempts):
            if attempt:
                await asyncio.sleep(PAUSE * 2 ** (attempt - 1))
            started = time.perf_counter()
            seed = seed_of(self._suite.seed, job.item, job.epoch)
            outcome: Outcome = await session.run(task, job.system.protocol, seed=seed, limits=self._suite.limits)
            seconds = time.perf_counter() - started
            if interrupted(outcome) is None:
                break
        trial = await trial_of(
            job.system,
            job.item,
            job.epoch,
            job.split,
            outcome,
            seconds,
            self._gradings[job.item.dataset],
            session.network,
        )
        if living and trial.status == "error":  # its members are not there: nothing went wrong with the evaluation
            trial = trial.model_copy(update={"status": "failed", "score": 0.0})
        if self._suite.grades is not None and job.split == SELECTION:
            trial = trial.model_copy(update={"reply": reply_of(outcome)})
        return trial

    def _canaries(self, selection: Sequence[Item]) -> dict[tuple[str, str], Item]:
        """The items of the selection split that are canaries, by dataset and id: the last ones of each dataset."""
        asking = self._suite.attacks or self._suite.living
        count = 0 if asking is None else asking.canaries
        datasets = dict.fromkeys(item.dataset for item in selection)
        found = [item for name in datasets for item in _last([one for one in selection if one.dataset == name], count)]
        return {(item.dataset, item.id): item for item in found}

    async def _let_live(self, session: Session, living: Living, items: Mapping[Split, Sequence[Item]]) -> None:
        """Find out which network each question meets, and keep what is known of the members by then."""
        canaries = self._canaries(items[SELECTION])
        asked, order = items["test"], arrivals(items["test"], self._suite.seed)
        infiltration = Infiltration([*items[SELECTION], *asked], self._trials.values(), self._members)
        days = await lived(
            session.network,
            living,
            self._members,
            list(canaries.values()),
            len(order),
            infiltration.knowledge,
            self._is_right,
            self._suite.seed,
        )
        sessions = {network: _on(session, network) for network in set(days.networks)}
        self._days = {
            (asked[place].dataset, asked[place].id): sessions[network]
            for place, network in zip(order, days.networks, strict=True)
        }
        await self._save(standings=days.standings)

    async def _watch(
        self, session: Session, systems: Sequence[System], items: Sequence[Item], canaries: Sequence[Item]
    ) -> None:
        """Find out which network each item meets under each attack, where members are asked canaries."""
        if not canaries:
            return
        for system in systems:
            key = self._key_of(system)
            if key in self._watched:
                continue
            infiltrated = self._with_liars(session, system)
            networks = await watched(
                infiltrated.network, self._members, canaries, len(items), self._is_right, self._suite.seed
            )
            sessions = {network: _on(infiltrated, network) for network in set(networks)}
            self._watched[key] = {
                (item.dataset, item.id): sessions[network] for item, network in zip(items, networks, strict=True)
            }

    def _is_right(self, answer: str, item: Item) -> bool:
        return self._gradings[item.dataset].score(answer, item) == 1.0

    @staticmethod
    def _key_of(system: System) -> tuple[str, ...]:
        return (system.facts["attack"], *system.facts["liars"])

    def _with_liars(self, session: Session, system: System) -> Session:
        infiltration = self._infiltration
        assert infiltration is not None
        key = self._key_of(system)
        if key not in self._infiltrated:
            self._infiltrated[key] = session.changed(lambda network: infiltration.of(network, system))
        return self._infiltrated[key]


def _graded(session: Session, grades: Grades) -> Session:
    return session.changed(lambda network: network.with_grades(grades))


def _on(session: Session, network: Network) -> Session:
    return session.changed(lambda _: network)


def _last(items: Sequence[Item], count: int) -> Sequence[Item]:
    return items[len(items) - min(count, len(items) // 2) :]
