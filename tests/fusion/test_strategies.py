"""Strategies on distributions that are written down."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentnet.contracts.protocols import Fuse
from agentnet.fusion.byte_vocabulary import END, ByteVocabulary
from agentnet.fusion.logits_view import LogitsView
from agentnet.fusion.ranking import Ranking
from agentnet.fusion.strategies import (
    STRATEGIES,
    DuetNet,
    Gated,
    MaxScore,
    Mean,
    Median,
    Strategy,
    Trimmed,
    UniTE,
    strategy_of,
)
from agentnet.fusion.strategies.duetnet import Values
from agentnet.fusion.views import ListedView


def view(member: str, logits: Mapping[bytes | None, float], *, weight: float = 1.0, **spelled: bytes) -> ListedView:
    """A member with just these pieces; `spelled` says how it begins to spell those of others."""
    whole = math.log(math.fsum(map(math.exp, logits.values())))
    return ListedView(
        member,
        {piece: logit - whole for piece, logit in logits.items()},
        logits=logits,
        weight=weight,
        first_piece=lambda text: spelled.get(text.decode(), text),
    )


def renamed(view: ListedView, member: str, by: float = 0.0) -> ListedView:
    """The same distribution of another member, a constant added to its logits."""
    candidates = view.top(1000)
    return ListedView(
        member,
        {candidate.piece: candidate.logprob for candidate in candidates},
        logits={candidate.piece: candidate.logit + by for candidate in candidates},
    )


def probabilities(member: str, found: Mapping[bytes | None, float], **more: float) -> ListedView:
    return view(member, {piece: math.log(value) for piece, value in found.items()}, **more)


# The published example: DuetNet, figure 5. The logits are those that survive; one more piece falls to the truncation.
A = view("A", {b"1": 29.0, b"The": 27.9, b"x": 20.0})
B = view("B", {b"1": 21.3, b"2": 20.8, b"The": 19.4, b"y": 10.0})


class TestDuetNet:
    def test_the_published_example(self) -> None:
        # tau_p is set so that exactly the pieces of the figure survive.
        kept = DuetNet(tau_p=0.999)
        choice = kept.choose([A, B])
        assert choice.piece == b"1"
        assert choice.score == pytest.approx(50.3)
        assert choice.shares == pytest.approx({"A": 29.0, "B": 21.3})
        assert (choice.runner_up, choice.runner_up_score) == (b"The", pytest.approx(47.3))

    def test_truncation_keeps_the_fewest_that_reach_the_probability(self) -> None:
        found = probabilities("A", {b"a": 0.5, b"b": 0.3, b"c": 0.15, b"d": 0.05})
        alone = probabilities("B", {b"c": 0.9, b"d": 0.1})
        choice = DuetNet(tau_p=0.75, values="probabilities").choose([found, alone])
        assert choice.piece == b"c"  # 0.9 of B; A keeps a and b only
        assert choice.shares == pytest.approx({"B": 0.9})
        assert DuetNet(tau_p=0.9, values="probabilities").choose([found, alone]).score == pytest.approx(1.05)

    def test_truncation_by_number_alone(self) -> None:
        found = probabilities("A", {b"a": 0.5, b"b": 0.3, b"c": 0.2})
        other = probabilities("B", {b"c": 0.6, b"b": 0.4})
        assert DuetNet(tau_k=2, tau_p=None, values="probabilities").choose([found, other]).piece == b"b"
        assert DuetNet(tau_k=3, tau_p=None, values="probabilities").choose([found, other]).piece == b"c"

    def test_missing_counts_nothing_as_published_and_what_that_does_to_negative_logits(self) -> None:
        votes = [view("A", {b"yes": -1.0}), view("B", {b"yes": -2.0}), view("C", {b"no": -3.0})]
        published = DuetNet().choose(votes)
        assert (published.score, published.runner_up_score) == (-3.0, -3.0)  # a tie, though two say yes
        assert DuetNet(values="logprobs").choose(votes).piece == b"yes"

    @given(st.floats(-50, 50), st.floats(-50, 50))
    def test_log_probabilities_do_not_mind_a_shift(self, one: float, other: float) -> None:
        rule = DuetNet(values="logprobs")
        assert rule.choose([renamed(A, "A", one), renamed(B, "B", other)]).piece == rule.choose([A, B]).piece

    @pytest.mark.parametrize("values", ["logits", "probabilities", "logprobs"])
    def test_what_a_server_did_not_tell_is_no_veto(self, values: Values) -> None:
        """It told two pieces, fewer than are kept: that says nothing about the end."""
        server = ListedView("S", {END: -math.inf, b"a": math.log(0.3), b"b": math.log(0.2)})
        sure = probabilities("A", {END: 0.9, b"z": 0.1})
        choice = DuetNet(values=values, tau_p=None).choose([server, sure])
        assert math.isfinite(choice.score)
        assert choice.runner_up_score is not None
        assert math.isfinite(choice.runner_up_score)
        assert [candidate.piece for candidate in server.top(10)] == [b"a", b"b"]

    def test_draws_are_repeatable_and_advance(self) -> None:
        def texts(seed: int) -> list[object]:
            rule = DuetNet(top=3, tau_p=None, values="probabilities", seed=seed)
            even = probabilities("A", {b"a": 0.4, b"b": 0.3, b"c": 0.2, b"d": 0.1})
            return [rule.choose([even]).piece for _ in range(60)]

        assert texts(1) == texts(1)
        assert texts(1) != texts(2)
        assert set(texts(1)) == {b"a", b"b", b"c"}

    def test_several_end_tokens_are_one_outcome(self) -> None:
        pieces = ByteVocabulary([b"a", b"", b"", b"ctrl"], ends=[1, 2])
        row = np.log([0.4, 0.35, 0.25, 1e-9]).astype(np.float32)
        found = LogitsView("A", pieces, Ranking(row))
        assert len(found.top(9)) == 3
        assert found.probability(END) == pytest.approx(0.6)
        assert Mean().choose([found]).piece is END


class TestMean:
    def test_equal_weights_over_different_vocabularies(self) -> None:
        one = probabilities("A", {b"a": 0.6, b"b": 0.4})
        two = probabilities("B", {b"b": 0.5, b"c": 0.5})
        choice = Mean().choose([one, two])
        assert (choice.piece, choice.score) == (b"b", pytest.approx(0.45))
        assert choice.shares == pytest.approx({"A": 0.2, "B": 0.25})
        assert choice.runner_up == b"a"

    def test_weights_tip_the_scales(self) -> None:
        one = probabilities("A", {b"a": 0.6, b"b": 0.4}, weight=3)
        two = probabilities("B", {b"b": 0.9, b"c": 0.1}, weight=1)
        assert Mean().choose([one, two]).piece == b"b"
        assert Mean().choose([probabilities("A", {b"a": 0.6, b"b": 0.4}, weight=9), two]).piece == b"a"

    @given(
        members=st.integers(1, 3),
        spread=st.sampled_from([0.01, 1.0, 8.0]),
        seed=st.integers(0, 999),
        levels=st.sampled_from([0.5, 1e-6]),
    )
    @settings(deadline=None)
    def test_a_few_pieces_of_each_decide_as_all_would(
        self, members: int, spread: float, seed: int, levels: float
    ) -> None:
        """However flat the distributions are, and however little the vocabularies share."""
        draw = np.random.default_rng(seed)
        views: list[LogitsView] = []
        for number in range(members):
            spelled = [b"%d" % word for word in draw.choice(3000, 2000, replace=False)]
            pieces = ByteVocabulary([*spelled, b"", b""], ends=[2000, 2001])
            row = (draw.normal(0, spread, pieces.size) / levels).round().astype(np.float32) * np.float32(levels)
            views.append(LogitsView(str(number), pieces, Ranking(row), weight=float(draw.integers(1, 4))))
        whole = sum(view.weight for view in views)
        said = {candidate.piece for view in views for candidate in view.top(10**4)}
        scores = {piece: sum(view.probability(piece) * view.weight for view in views) / whole for piece in said}
        best, second = sorted(scores.values(), reverse=True)[:2]
        choice = Mean().choose(views)
        assert choice.score == pytest.approx(scores[choice.piece]) == pytest.approx(best)
        likely = {candidate.piece for view in views for candidate in view.top(8)} - {choice.piece}
        assert choice.runner_up_score is not None
        assert max(scores[piece] for piece in likely) <= choice.runner_up_score * (1 + 1e-9)
        assert choice.runner_up_score == pytest.approx(scores[choice.runner_up])
        assert choice.runner_up_score <= second * (1 + 1e-9)

    def test_one_vocabulary_is_compared_place_by_place(self) -> None:
        one = probabilities("A", {b"a": 0.6, b"b": 0.4})
        assert Mean().choose([one, renamed(one, "B")]).score == pytest.approx(0.6)


class TestUniTE:
    def test_who_lacks_a_token_scores_it_by_how_it_would_begin_to_spell_it(self) -> None:
        long = view("A", {b"668": 2.0, b"7": 1.0})
        short = view("B", {b"6": 3.0, b"7": 0.5}, **{"668": b"6"})
        choice = UniTE(top=1).choose([long, short])
        # The union is {668, 6}. A has no 6 and spells it in no way here: no share. B scores both by its 6.
        assert choice.piece == b"668"
        assert choice.shares == pytest.approx({"A": 0.5, "B": 0.25})

    def test_the_softmax_is_over_the_union(self) -> None:
        one = view("A", {b"a": math.log(6), b"b": math.log(3), b"c": math.log(1)})
        choice = UniTE(top=2).choose([one])
        assert choice.score == pytest.approx(6 / 9)


def test_the_surest_leads() -> None:
    unsure = probabilities("A", {b"a": 0.55, b"b": 0.45})
    sure = probabilities("B", {b"b": 0.9, b"a": 0.1})
    choice = MaxScore().choose([unsure, sure])
    assert (choice.piece, choice.score, choice.runner_up) == (b"b", pytest.approx(0.9), b"a")


def test_a_gate_asks_the_others_only_where_the_leader_is_unsure() -> None:
    rule = Gated(Mean(), sure=0.8)
    sure, unsure = probabilities("A", {b"a": 0.9, b"b": 0.1}), probabilities("A", {b"a": 0.6, b"b": 0.4})
    other = probabilities("B", {b"b": 0.95, b"a": 0.05})
    assert (rule.leads, rule.enough(sure), rule.enough(unsure)) == (True, True, False)
    assert rule.choose([sure]).piece == b"a"
    assert rule.choose([unsure, other]).piece == b"b"


def test_every_strategy_that_a_protocol_can_name_has_a_row() -> None:
    assert set(STRATEGIES) == set(get_args(Fuse.model_fields["strategy"].annotation))


@pytest.mark.parametrize(("name", "kind"), [
    ("duetnet", DuetNet), ("duetnet-logprobs", DuetNet), ("dp", DuetNet), ("dk", DuetNet),
    ("pi", Mean), ("gac", Mean), ("unite", UniTE), ("max", MaxScore),
])  # fmt: skip
def test_a_strategy_is_found_by_its_name(name: str, kind: type[object]) -> None:
    fuse = Fuse.model_validate({"members": ["@all"], "strategy": name})
    assert type(strategy_of(fuse, 0)) is kind
    assert type(strategy_of(fuse.model_copy(update={"sure": 0.5}), 0)) is Gated


def test_settings_of_an_expression_reach_its_strategy() -> None:
    found = probabilities("A", {b"a": 0.5, b"b": 0.3, b"c": 0.2})
    other = probabilities("B", {b"c": 0.6, b"b": 0.4})

    def strategy(name: str, seed: int = 0, **settings: float) -> Strategy:
        return strategy_of(Fuse.model_validate({"members": ["@all"], "strategy": name, **settings}), seed)

    assert [strategy("dk", tau_k=count).choose([found, other]).piece for count in (2, 3)] == [b"c", b"a"]
    assert strategy("dp", tau_p=0.9).choose([found, other]).score == pytest.approx(0.8)
    assert strategy("dp", tau_p=0.5).choose([found, other]).score == pytest.approx(0.6)
    assert [strategy("unite", tau_k=count).choose([found, other]).runner_up for count in (1, 2)] == [b"a", b"b"]
    assert [strategy("pi", sure=sure).enough(found) for sure in (0.4, 0.6)] == [True, False]
    for name in ("dp", "dk", "duetnet", "duetnet-logprobs"):
        texts = []
        for seed in (1, 1, 2):
            drawing = strategy(name, seed, tau_p=1.0, top=3)
            texts.append([drawing.choose([found, other]).piece for _ in range(40)])
        assert texts[0] == texts[1] != texts[2]


EVERY = [DuetNet(), DuetNet(values="logprobs"), Mean(), UniTE(), MaxScore(), Gated(Mean())]


@pytest.mark.parametrize("rule", EVERY)
def test_members_of_any_kind_and_number_take_part(rule: Strategy) -> None:
    """A server tells few pieces, and nothing of the end."""
    local = probabilities("L", {b"x": 0.7, b"y": 0.2, END: 0.1})
    server = ListedView("S", {b"x": math.log(0.6), b"q": math.log(0.2)})
    for views in ([local], [local, server], [server, local], [server], [local, server, server]):
        choice = rule.choose(views)
        assert choice.piece == b"x"
        assert choice.runner_up_score is None or math.isfinite(choice.runner_up_score)


@pytest.mark.parametrize("rule", [rule for rule in EVERY if rule is not EVERY[0]])
@given(st.integers(0, 500), st.floats(-30, 30))
def test_a_constant_added_to_logits_changes_no_choice_but_duetnets(rule: Strategy, seed: int, by: float) -> None:
    draw = np.random.default_rng(seed)
    spelled = {"A": (b"a", b"b", b"c"), "B": (b"b", b"c", b"d")}
    one, other = (view(name, {piece: draw.normal(0, 2) for piece in pieces}) for name, pieces in spelled.items())
    moved = renamed(one, "A", by)
    before, after = rule.choose([one, other]), rule.choose([moved, other])
    assert after.piece == before.piece
    assert after.score == pytest.approx(before.score, abs=1e-9)


@pytest.mark.parametrize("rule", EVERY)
@given(logits=st.lists(st.integers(-200, 200).map(lambda tenths: tenths / 10), min_size=2, max_size=30, unique=True))
def test_copies_of_one_model_choose_what_it_chooses_alone(rule: Strategy, logits: list[float]) -> None:
    found = view("A", {bytes([97 + place]): logit for place, logit in enumerate(logits)})
    copies = [renamed(found, name) for name in "AB"]
    if isinstance(rule, DuetNet) and max(logits) <= 0:
        return  # what is published adds up raw logits: where they are negative, what only one keeps may win
    assert rule.choose(copies).piece == found.likeliest.piece


class TestLiars:
    """One distribution over bytes of each member: what the median and the trimmed mean make of hostile ones."""

    HONEST = ({b"4": 0.9, b"5": 0.1}, {b"4": 0.7, b"5": 0.3}, {b"4": 0.6, b"5": 0.4})

    @pytest.mark.parametrize(("strategy", "liars"), [(Median(), 1), (Median(), 2), (Trimmed(), 1)])
    def test_a_minority_of_liars_is_not_heard(self, strategy: Strategy, liars: int) -> None:
        honest = [probabilities(f"h{number}", found) for number, found in enumerate(self.HONEST)]
        lying = [probabilities(f"l{number}", {b"5": 1.0}) for number in range(liars)]
        assert strategy.choose([*lying, *honest]).piece == b"4"
        assert Mean().choose([*lying, *honest]).piece == (b"4" if liars == 1 else b"5")

    def test_a_majority_of_liars_wins(self) -> None:
        honest = [probabilities(f"h{number}", found) for number, found in enumerate(self.HONEST)]
        lying = [probabilities(f"l{number}", {b"5": 1.0}) for number in range(4)]
        assert Median().choose([*lying, *honest]).piece == b"5"

    def test_without_any_agreement_the_trimmed_mean_decides(self) -> None:
        views = [probabilities(member, {member.encode(): 0.9, b"z": 0.1}) for member in "abcd"]
        views.append(probabilities("e", {b"a": 0.4, b"e": 0.6}))
        assert Median().choose(views).piece == b"z"
        apart = [probabilities(member, {member.encode(): 1.0}) for member in "abc"]
        assert Median().choose(apart).score == 0.0

    @given(st.lists(st.lists(st.floats(0.001, 1.0), min_size=30, max_size=30), min_size=1, max_size=5))
    def test_looking_at_the_likeliest_is_enough(self, values: list[list[float]]) -> None:
        pieces = [bytes([97 + number % 26, 97 + number // 26]) for number in range(30)]
        views = [probabilities(f"m{n}", dict(zip(pieces, some, strict=True))) for n, some in enumerate(values)]
        for strategy in (Median(), Trimmed(), Mean()):
            whole = {
                p: strategy.aggregate([v.probability(p) for v in views], [1 / len(views)] * len(views)) for p in pieces
            }
            assert whole[strategy.choose(views).piece] == max(whole.values())
