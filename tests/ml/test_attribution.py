"""Attribution against brute force, worked examples and simulated persons."""

from itertools import combinations, pairwise, permutations
from math import factorial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ml.attribution import markov_credit, rule_credit, shapley_credit, transform_path

TOY = pd.DataFrame(
    [("A>B>C", 10, 20), ("A>C", 5, 30), ("B>C", 4, 10), ("C", 6, 40), ("A", 2, 60), ("B", 3, 50)],
    columns=["path", "conversions", "nulls"],
).assign(path=lambda frame: frame["path"].str.split(">"))

worlds = st.lists(
    st.tuples(
        st.lists(st.sampled_from("abcd"), min_size=1, max_size=6),
        st.integers(0, 5),
        st.integers(0, 5),
        st.floats(1, 100),
    ),
    min_size=1,
    max_size=12,
).filter(lambda rows: any(won for _, won, _, _ in rows))


def frame_of(rows):
    return pd.DataFrame(
        [(path, won, lost, won * price) for path, won, lost, price in rows],
        columns=["path", "conversions", "nulls", "value"],
    )


def obvious_reach(frame, removed, order, outcome="conversions"):
    """Expected outcome of a journey by walking the chain ten thousand steps; moves into `removed` are lost."""
    moves, ends = {}, {}
    for row in frame.to_dict("records"):
        path = transform_path(row["path"], "exposure")
        states = [("start",), *(tuple(path[max(0, i - order + 1) : i + 1]) for i in range(len(path)))]
        for here, there in pairwise(states):
            moves.setdefault(here, {}).setdefault(there, 0)
            moves[here][there] += row["conversions"] + row["nulls"]
        ends[states[-1]] = ends.get(states[-1], 0) + row[outcome]
    left = {("start",): sum(moves[("start",)].values())}
    for to in moves.values():
        for there, n in to.items():
            left[there] = left.get(there, 0) + n
    walking, total = {("start",): 1.0}, 0.0
    for _ in range(10_000):
        arrived = {}
        for here, mass in walking.items():
            if not left.get(here):
                continue
            total += mass * ends.get(here, 0) / left[here]
            for there, n in moves.get(here, {}).items():
                if there[-1] != removed:
                    arrived[there] = arrived.get(there, 0) + mass * n / left[here]
        walking = {state: mass for state, mass in arrived.items() if mass > 1e-16}
        if not walking:
            break
    return total


def test_the_toy_has_its_known_credits():
    credits = markov_credit(TOY, replicates=0)
    assert credits.channels == ("A", "B", "C")
    assert credits.removal_effects == pytest.approx([0.421649, 0.393333, 0.833333], abs=1e-6)
    assert credits.conversions == pytest.approx([7.6742, 7.1588, 15.1670], abs=1e-4)


def worlds_each(few, many=2000):
    """A few random worlds in every run, thousands among the slow proofs."""
    return pytest.mark.parametrize("count", [few, pytest.param(many, marks=pytest.mark.slow)])


@worlds_each(40)
@pytest.mark.parametrize("order", [1, 2])
def test_removal_effects_equal_removing_each_channel_and_walking_again(order, count):
    settings(max_examples=count, deadline=None)(given(rows=worlds)(lambda rows: check_removal(order, rows)))()


def check_removal(order, rows):
    frame = frame_of(rows)
    credits = markov_credit(frame, order=order, replicates=0)
    full = obvious_reach(frame, None, order)
    for channel, effect in zip(credits.channels, credits.removal_effects, strict=True):
        assert effect == pytest.approx(1 - obvious_reach(frame, channel, order) / full, abs=1e-9)
    money = obvious_reach(frame, None, order, "value")
    lost = np.array([money - obvious_reach(frame, channel, order, "value") for channel in credits.channels])
    assert credits.value == pytest.approx(frame["value"].sum() * lost / lost.sum(), rel=1e-9)


@worlds_each(25, 500)
def test_every_model_credits_exactly_what_was_observed(count):
    settings(max_examples=count, deadline=None)(given(rows=worlds)(check_sums))()


def check_sums(rows):
    frame = frame_of(rows)
    models = [markov_credit(frame), shapley_credit(frame), shapley_credit(frame, value_function="conversions")]
    rules = ("first", "last", "last_non_direct", "linear", "position", "time_decay")
    for credits in [*models, *(rule_credit(frame, rule=rule, direct="a") for rule in rules)]:
        assert credits.conversions.sum() == pytest.approx(frame["conversions"].sum(), abs=1e-9)
        assert credits.value.sum() == pytest.approx(frame["value"].sum(), abs=1e-9)
        assert credits.to_frame()["share"].sum() == pytest.approx(1)
        known = ~np.isnan(credits.conversions_low)
        assert (credits.conversions_low <= credits.conversions + 1e-9)[known].all()
        assert (credits.conversions <= credits.conversions_high + 1e-9)[known].all()


@worlds_each(12)
def test_shapley_equals_the_average_over_all_orders_of_arrival(count):
    settings(max_examples=count, deadline=None)(given(rows=worlds)(check_shapley))()


def check_shapley(rows):
    frame = frame_of(rows)
    sets = [frozenset(path) for path in frame["path"]]

    def rate(coalition):
        inside = frame[[channels <= coalition for channels in sets]]
        journeys = (inside["conversions"] + inside["nulls"]).sum()
        return inside["conversions"].sum() / journeys if journeys else 0.0

    def won(coalition):
        return frame.loc[[channels <= coalition for channels in sets], "conversions"].sum()

    channels = sorted(frozenset().union(*sets))
    values = dict.fromkeys(channels, 0.0)
    orders = list(permutations(channels))
    for arrival in orders:
        for i, channel in enumerate(arrival):
            values[channel] += (rate(frozenset(arrival[: i + 1])) - rate(frozenset(arrival[:i]))) / len(orders)
    credits = shapley_credit(frame, replicates=0)
    assert list(credits.channels) == channels
    if (total := sum(values.values())) > 1e-9:  # in sum the rate of all journeys
        expected = frame["conversions"].sum() * np.array(list(values.values())) / total
        assert credits.conversions == pytest.approx(expected, abs=1e-9)
    # By counting, the formula over subsets gives the equal split.
    split = dict.fromkeys(channels, 0.0)
    for size in range(len(channels)):
        weight = factorial(size) * factorial(len(channels) - size - 1) / factorial(len(channels))
        for channel in channels:
            for members in combinations([other for other in channels if other != channel], size):
                split[channel] += weight * (won(frozenset(members) | {channel}) - won(frozenset(members)))
    equal = shapley_credit(frame, value_function="conversions", replicates=0)
    assert equal.conversions == pytest.approx(list(split.values()), abs=1e-9)


def test_shapley_of_counted_conversions_is_the_equal_split():
    credits = shapley_credit(TOY, value_function="conversions", replicates=0)
    expected = [10 / 3 + 5 / 2 + 2, 10 / 3 + 4 / 2 + 3, 10 / 3 + 5 / 2 + 4 / 2 + 6]
    assert credits.conversions == pytest.approx(expected)


def test_shapley_bears_sixteen_channels_and_names_the_limit_beyond():
    names = [f"channel {i:02}" for i in range(17)]
    frame = pd.DataFrame({"path": [[name] for name in names], "conversions": 3, "nulls": 7})
    credits = shapley_credit(frame[:16], replicates=0)
    assert credits.conversions == pytest.approx([3.0] * 16)
    assert shapley_credit(frame[:16], replicates=0).details["unseen_coalitions"] == 0
    with pytest.raises(ValueError, match="17 channels"):
        shapley_credit(frame)


def test_unseen_coalitions_are_counted():
    frame = pd.DataFrame({"path": [["a", "b"], ["a", "b", "c"]], "conversions": [1, 2], "nulls": [3, 4]})
    assert shapley_credit(frame, replicates=0).details["unseen_coalitions"] == 5  # a, b, c, ac, bc


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("first", {"a": 1}),
        ("last", {"direct": 1}),
        ("last_non_direct", {"b": 1}),
        ("linear", {"a": 0.5, "b": 0.25, "direct": 0.25}),
        ("position", {"a": 0.5, "b": 0.1, "direct": 0.4}),
        ("time_decay", {"a": (0.125 + 0.25) / 1.875, "b": 0.5 / 1.875, "direct": 1 / 1.875}),
    ],
)
def test_rules_on_one_journey(rule, expected):
    frame = pd.DataFrame({"path": [["a", "a", "b", "direct"]], "conversions": [1], "nulls": [0]})
    credits = rule_credit(frame, rule=rule, half_life=1, replicates=0)
    assert dict(zip(credits.channels, credits.conversions, strict=True)) == pytest.approx(
        {"a": 0, "b": 0, "direct": 0} | expected
    )


@pytest.mark.parametrize("rule", ["position", "last_non_direct"])
def test_rules_on_short_and_direct_only_journeys(rule):
    frame = pd.DataFrame({"path": [["direct"], ["direct", "direct"]], "conversions": [2, 3], "nulls": [0, 0]})
    assert rule_credit(frame, rule=rule).conversions == pytest.approx([5])


def test_path_transforms_as_documented():
    path = ["a", "a", "a", "Direct", "a", "Direct", "Direct"]
    assert transform_path(path, "none") == transform_path(path, "unique") == path
    assert transform_path(path, "exposure") == ["a", "Direct", "a", "Direct"]
    assert transform_path(path, "first") == ["a", "Direct"]
    assert transform_path(path, "remove_if_not_all", "Direct") == ["a"] * 4
    assert transform_path(path, "remove_if_last_and_not_all", "Direct") == ["a", "a", "a", "Direct", "a"]
    for transform in ("remove_if_not_all", "remove_if_last_and_not_all"):
        assert transform_path(["Direct", "Direct"], transform, "Direct") == ["Direct", "Direct"]
    with pytest.raises(ValueError, match="needs the channel"):
        transform_path(path, "remove_if_not_all")


def test_repeated_touches_of_a_channel_change_no_removal_effect():
    doubled = TOY.assign(path=[[touch for touch in path for _ in "ab"] for path in TOY["path"]])
    assert markov_credit(doubled).removal_effects == pytest.approx(markov_credit(TOY).removal_effects, abs=1e-12)


def test_one_channel_gets_everything_and_a_channel_that_never_converts_nothing():
    alone = pd.DataFrame({"path": [["a"], ["a", "a"]], "conversions": [30, 1], "nulls": [5, 2]})
    assert markov_credit(alone).to_frame()[["conversions", "conversions_low", "verdict"]].values.tolist() == [
        [31, 31, "supported"]
    ]
    with_idle = pd.concat([alone, pd.DataFrame({"path": [["idle"]], "conversions": [0], "nulls": [9]})])
    frame = markov_credit(with_idle).to_frame().set_index("channel")
    assert frame.loc["idle", "conversions"] == 0
    assert frame.loc["idle", "verdict"] == "not enough data"


def test_arrow_lists_arrays_and_tuples_are_the_same_paths():
    arrow = pa.Table.from_pandas(TOY)
    arrays = TOY.assign(path=[np.array(path, dtype=object) for path in TOY["path"]])
    tuples = TOY.assign(path=[tuple(path) for path in TOY["path"]])
    expected = markov_credit(TOY).to_frame()
    for paths in (arrow, arrays, tuples):
        pd.testing.assert_frame_equal(markov_credit(paths).to_frame(), expected)


def test_order_of_rows_and_splitting_rows_change_nothing():
    split = pd.concat(
        [
            TOY.assign(conversions=1, nulls=2),
            TOY.assign(conversions=lambda f: f.conversions - 1, nulls=lambda f: f.nulls - 2),
        ]
    )
    shuffled = split.sample(frac=1, random_state=3)
    assert markov_credit(shuffled, replicates=0).conversions == pytest.approx(
        markov_credit(TOY, replicates=0).conversions, abs=1e-12
    )


def persons(rng, count=3000):
    """Persons with several journeys of their own taste: paths by bucket, as the warehouse groups them."""
    channels = np.array(["email", "search", "tv", "direct"])
    rows = []
    for person in range(count):
        taste = rng.dirichlet([1, 2, 1, 1])
        for _ in range(rng.integers(1, 4)):
            path = list(rng.choice(channels, rng.integers(1, 4), p=taste))
            won = rng.random() < (0.5 if "email" in path else 0.2)
            rows.append((tuple(path), person % 100, int(won), int(not won), 50.0 * won * rng.lognormal(0, 0.5)))
    frame = pd.DataFrame(rows, columns=["path", "bucket", "conversions", "nulls", "value"])
    return frame.groupby(["path", "bucket"], as_index=False).sum()


def test_the_jackknife_is_what_leaving_out_each_bucket_by_hand_gives():
    paths = persons(np.random.default_rng(1), 400)
    credits = markov_credit(paths)
    without = np.array([markov_credit(paths[paths["bucket"] != bucket], replicates=0).shares for bucket in range(100)])
    error = np.sqrt(99 / 100 * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
    share = credits.shares
    half = stats.t.ppf(0.975, 99) * error / (share * (1 - share))
    logit = np.log(share / (1 - share))
    assert credits.shares_low == pytest.approx(1 / (1 + np.exp(half - logit)), abs=1e-9)
    assert credits.shares_high == pytest.approx(1 / (1 + np.exp(-half - logit)), abs=1e-9)


def test_buckets_do_not_move_the_estimate_and_little_data_gets_no_verdict():
    paths = persons(np.random.default_rng(2), 300)
    merged = paths.groupby("path", as_index=False)[["conversions", "nulls", "value"]].sum()
    for model in (markov_credit, shapley_credit, rule_credit):
        assert model(paths).value == pytest.approx(model(merged).value, abs=1e-9)
    few = paths[paths["bucket"] < 5]
    assert set(markov_credit(few).verdicts) == {"not enough data"}
    assert np.isnan(markov_credit(few).conversions_low).all()


def test_same_seed_same_interval():
    first, again = (markov_credit(TOY, rng=np.random.default_rng(5)).to_frame() for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert not markov_credit(TOY, rng=np.random.default_rng(6)).to_frame().equals(first)


def test_returns_can_make_money_negative_without_breaking_the_sum():
    paths = TOY.assign(value=[-500.0, 10, 10, 10, 10, 10], margin=TOY["conversions"] * 2.0)
    credits = markov_credit(paths)
    assert credits.value.sum() == pytest.approx(-450)
    assert credits.margin.sum() == pytest.approx(60)
    assert (credits.value_low <= credits.value_high).all()


def order_2_world(rng, journeys, memory):
    """After a comes b, unless `memory`: then what follows depends on the touch before."""
    rows = []
    for _ in range(journeys):
        path = [str(rng.choice(["a", "b"]))]
        while len(path) < 40 and rng.random() < 0.7:
            stay = 0.5 if not memory or len(path) < 2 else (0.95 if path[-2] == "a" else 0.05)
            path.append("c" if rng.random() < stay else str(rng.choice(["a", "b"])))
        won = rng.random() < 0.3
        rows.append((tuple(path), int(won), int(not won)))
    return pd.DataFrame(rows, columns=["path", "conversions", "nulls"]).groupby("path", as_index=False).sum()


@pytest.mark.parametrize(("memory", "order"), [(False, 1), (True, 2)])
def test_order_2_is_chosen_only_where_journeys_remember(memory, order):
    chosen = [
        markov_credit(order_2_world(np.random.default_rng(seed), 2000, memory), order="auto", replicates=0).details
        for seed in range(5)
    ]
    assert [details["order"] for details in chosen] == [order] * 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="nulls"), r"lacks the column\(s\) \['nulls'\]"),
        (lambda f: f[:0], "0 rows"),
        (lambda f: f.assign(path=[[], *f["path"][1:]]), "path: 1 of 6 paths are empty"),
        (lambda f: f.assign(path=[">".join(p) for p in f["path"]]), "lists of str.*6 rows"),
        (lambda f: f.assign(path=[["A", None]] * 6), "6 of 12 touches have no channel"),
        (lambda f: f.assign(path=[[1, 2]] * 6), "lists of str"),
        (lambda f: f.assign(conversions=0), "conversions is 0 in all 6 rows"),
        (lambda f: f.assign(conversions=-f["conversions"]), "conversions: 6 of 6 rows are below 0"),
        (lambda f: f.assign(nulls=np.nan), "nulls: 6 of 6 rows are missing"),
        (lambda f: f.assign(nulls="many"), "nulls must hold numbers"),
        (lambda f: f.assign(conversions=[0, 1, 1, 1, 1, 1], value=9.0), "1 of 6 rows have money without"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        markov_credit(change(TOY))


def test_unknown_choices_are_named():
    for call in (
        lambda: markov_credit(TOY, order=3),
        lambda: rule_credit(TOY, rule="middle"),
        lambda: shapley_credit(TOY, value_function="profit"),
        lambda: transform_path(["a"], "sorted"),
    ):
        with pytest.raises(ValueError, match="expected one of"):
            call()


@pytest.mark.slow
def test_intervals_cover_the_truth_of_many_samples():
    truth = markov_credit(persons(np.random.default_rng(0), 60_000), replicates=0).shares
    covered = []
    for seed in range(80):
        credits = markov_credit(persons(np.random.default_rng(seed + 1), 1500))
        covered.append((credits.shares_low <= truth) & (truth <= credits.shares_high))
    assert 0.92 <= np.mean(covered) <= 0.98
