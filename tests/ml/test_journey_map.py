"""The solved chain against walking it step by step."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ml.journey_map import absorbing_chain

SHOP = pd.DataFrame(
    [
        ("start", "search", 60), ("start", "email", 40), ("search", "product", 45), ("search", "null", 15),
        ("email", "product", 30), ("email", "null", 10), ("product", "basket", 30), ("product", "search", 10),
        ("product", "null", 45), ("basket", "order", 15), ("basket", "product", 10), ("basket", "null", 5),
    ],
    columns=["from", "to", "n"],
)  # fmt: skip

NAMES = ["start", "a", "b", "c"]
chains = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from([*NAMES[1:], "order", "null"]), st.integers(0, 9)),
    min_size=3,
    max_size=16,
).filter(lambda rows: any(here == "start" and n for here, _, n in rows))


def frame_of(rows):
    return pd.DataFrame(rows, columns=["from", "to", "n"])


def walk(edges, *, removed=None, begin="start", steps=5_000):
    """Conversion probability and mean steps of those who convert, by moving mass along the edges again and again."""
    places = sorted({*edges["from"], *edges["to"]} - {"order", "null"})
    columns = [*places, "order", "null"]
    counts = edges.pivot_table(index="from", columns="to", values="n", aggfunc="sum", fill_value=0)
    counts = counts.reindex(index=places, columns=columns, fill_value=0)
    moves = np.array(counts.div(counts.sum(axis=1).replace(0, 1), axis=0), dtype=float)
    if removed in places:
        moves[:, places.index(removed)] = 0
    here, won, weighted = np.eye(len(places))[places.index(begin)], 0.0, 0.0
    for step in range(1, steps):
        there = here @ moves
        won, weighted = won + there[-2], weighted + there[-2] * step
        here = there[:-2]
        if here.sum() < 1e-15:
            break
    return won, weighted / won if won else np.nan


@settings(max_examples=30, deadline=None)
@given(rows=chains)
def test_chain_equals_walking_it(rows):
    edges = frame_of(rows)
    solved = absorbing_chain(edges, start="start", main="order", null="null")
    frame = solved.to_frame().set_index("node")
    # loops that almost never end would need more steps than a walk has
    assume(solved.visits.max() < 50)
    closed = np.isinf(frame["expected_visits"]).any()
    steps = 500 if closed else 5_000
    for node in frame.index:
        won, mean_steps = walk(edges, begin=node, steps=steps)
        tolerance = {"abs": 1e-6 if closed else 1e-9}
        assert frame.loc[node, "conversion_probability"] == pytest.approx(won, **tolerance)
        if won > 1e-3 and not closed:
            assert frame.loc[node, "expected_steps"] == pytest.approx(mean_steps, rel=1e-6)
    full = walk(edges, steps=steps)[0]
    if full > 1e-3 and not closed:
        for node in frame.index.drop("start"):
            left = walk(edges, removed=node, steps=steps)[0]
            assert frame.loc[node, "contribution"] == pytest.approx(1 - left / full, abs=1e-9)


def test_steps_are_those_of_journeys_that_convert():
    edges = frame_of([("start", "a", 1), ("start", "null", 99), ("a", "order", 1)])
    assert absorbing_chain(edges, start="start", main="order", null="null").to_frame().set_index("node").loc[
        "start", "expected_steps"
    ] == pytest.approx(2)


@pytest.mark.parametrize(
    ("node", "to", "eps"),
    [("product", "basket", 0.2), ("email", "order", 0.1), ("basket", "search", 0.05), ("product", "product", 0.1)],
)
def test_what_if_is_the_chain_solved_again(node, to, eps):
    solved = absorbing_chain(SHOP, start="start", main="order", null="null")
    total = SHOP.loc[SHOP["from"] == node, "n"].sum()
    moved = pd.concat([SHOP, frame_of([(node, to, eps * total)])])
    moved.loc[(moved["from"] == node) & (moved["to"] == "null"), "n"] -= eps * total
    again = absorbing_chain(moved, start="start", main="order", null="null")
    answer = solved.what_if(node, eps, to)
    start = again.nodes.index("start")
    assert answer.after == pytest.approx(again.conversion_probability[start], abs=1e-12)
    assert answer.before == pytest.approx(solved.conversion_probability[start])
    small = solved.what_if(node, 1e-6, to)
    assert small.change == pytest.approx(small.first_order, rel=1e-4)


@settings(max_examples=30, deadline=None)
@given(rows=chains)
def test_the_table_of_what_ifs_answers_as_the_chain_does(rows):
    solved = absorbing_chain(frame_of(rows), start="start", main="order", null="null")
    assume(solved.visits.max() < 50)
    table = solved.what_ifs()
    losing = {node for node, lost in zip(solved.nodes, solved.transitions[:, -1], strict=True) if lost > 0}
    targets = {*solved.nodes, "order"} - {"start"}
    pairs = {(node, target) for node in losing for target in targets if node != target}
    assert set(zip(table["node"], table["target"], strict=True)) == pairs
    for row in table.itertuples():
        for part in (0.01, 0.5, 0.999):
            eps = part * row.lost
            change = eps * row.gain / (1 - eps * row.return_visits)
            assert change == pytest.approx(solved.what_if(row.node, eps, row.target).change, abs=1e-12)


def test_no_more_can_be_won_than_is_lost():
    solved = absorbing_chain(SHOP, start="start", main="order", null="null")
    with pytest.raises(ValueError, match=r"'email' loses 0\.25"):
        solved.what_if("email", 0.3, "product")
    with pytest.raises(ValueError, match="'shop' is not one of the 5 nodes"):
        solved.what_if("shop", 0.1, "product")


def test_critical_path_is_the_most_probable_of_all_simple_paths():
    solved = absorbing_chain(SHOP, start="start", main="order", null="null")
    assert solved.critical_path() == ("start", "search", "product", "basket", "order")
    certain = frame_of([("start", "a", 5), ("a", "order", 5)])
    assert absorbing_chain(certain, start="start", main="order", null="null").critical_path() == ("start", "a", "order")
    never = frame_of([("start", "a", 5), ("a", "null", 5)])
    solved = absorbing_chain(never, start="start", main="order", null="null")
    assert solved.critical_path() == ()
    assert np.isnan(solved.expected_steps).all()


def test_loops_without_exit_dead_ends_and_unreached_nodes_are_harmless():
    into_loop = [("start", "loop", 2), ("loop", "loop2", 1), ("loop2", "loop", 1)]
    others = [("start", "a", 6), ("start", "stuck", 2), ("a", "order", 3), ("a", "null", 3), ("island", "order", 1)]
    edges = frame_of([*into_loop, *others])
    frame = absorbing_chain(edges, start="start", main="order", null="null").to_frame().set_index("node")
    assert frame.loc["start", "conversion_probability"] == pytest.approx(0.3)
    assert frame.loc[["loop", "stuck"], "conversion_probability"].tolist() == [0, 0]
    assert frame.loc["loop", "expected_visits"] == np.inf
    assert frame.loc["stuck", "expected_visits"] == pytest.approx(0.2)
    assert frame.loc["island", ["conversion_probability", "expected_visits"]].tolist() == [1, 0]
    assert frame.loc["a", "contribution"] == pytest.approx(1)


def test_several_main_conversions_count_as_one():
    edges = frame_of([("start", "order", 2), ("start", "call order", 3), ("start", "null", 5)])
    solved = absorbing_chain(edges, start="start", main=["order", "call order"], null="null")
    assert solved.conversion_probability.tolist() == [0.5]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="n"), r"lacks the column\(s\) \['n'\]"),
        (lambda f: f.assign(n=-1), "n: 12 of 12 rows are below 0"),
        (lambda f: pd.concat([f, frame_of([("order", "start", 1)])]), "1 of 13 rows leave an end"),
        (lambda f: f[f["from"] != "start"], "no moves leave the start 'start' in 10 rows"),
        (lambda f: f.assign(to=[None, *f["to"][1:]]), "to: 1 of 12 rows have no node"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        absorbing_chain(change(SHOP), start="start", main="order", null="null")


def moves_of_persons(rng, persons):
    """Edges by bucket of persons who walk the shop, some keener than others."""
    chance = {"search": ("product", 0.7), "product": ("basket", 0.4), "basket": ("order", 0.5)}
    rows = []
    for person in range(persons):
        keen = rng.beta(2, 2) * 2
        for _ in range(rng.integers(1, 4)):
            here = "search"
            rows.append(("start", here, person % 100))
            while here not in ("order", "null"):
                onwards, share = chance[here]
                there = onwards if rng.random() < share * keen else ("search" if rng.random() < 0.2 else "null")
                rows.append((here, there, person % 100))
                here = there
    frame = pd.DataFrame(rows, columns=["from", "to", "bucket"])
    return frame.groupby(["from", "to", "bucket"]).size().reset_index(name="n")


def test_intervals_are_those_of_leaving_out_each_bucket_by_hand():
    edges = moves_of_persons(np.random.default_rng(1), 400)
    solved = absorbing_chain(edges, start="start", main="order", null="null")
    whole = absorbing_chain(edges.drop(columns="bucket"), start="start", main="order", null="null")
    assert solved.conversion_probability == pytest.approx(whole.conversion_probability, abs=1e-12)
    assert np.isnan(whole.conversion_probability_low).all()
    without = [
        absorbing_chain(edges[edges["bucket"] != bucket], start="start", main="order", null="null")
        for bucket in range(100)
    ]
    for name in ("conversion_probability", "contribution"):
        replicates = np.array([getattr(chain, name) for chain in without])
        error = np.sqrt(99 / 100 * ((replicates - replicates.mean(axis=0)) ** 2).sum(axis=0))
        low, high, middle = (getattr(solved, name + end) for end in ("_low", "_high", ""))
        inside = (middle > 0) & (middle < 0.999)
        half = (np.log(high / (1 - high)) - np.log(low / (1 - low))) / 2
        expected = 1.98422 * error / (middle * (1 - middle))
        assert half[inside] == pytest.approx(expected[inside], rel=1e-4)
    gains = np.array([chain.gain for chain in without])
    error = np.sqrt(99 / 100 * ((gains - gains.mean(axis=0)) ** 2).sum(axis=0))
    assert solved.gain_high == pytest.approx(solved.gain + 1.98422 * error, rel=1e-6)
    assert solved.gain_low == pytest.approx(np.maximum(solved.gain - 1.98422 * error, 0), rel=1e-6, abs=1e-9)


def test_the_interval_of_a_large_what_if_is_nearly_that_of_its_gain():
    """The pages widen the interval of a small move to a large one: return visits hardly vary beside the gain."""
    edges = moves_of_persons(np.random.default_rng(1), 2_000)
    solved = absorbing_chain(edges, start="start", main="order", null="null")
    row = solved.what_ifs().set_index(["node", "target"]).loc[("product", "search")]
    eps = 0.5 * row["lost"]
    changes = np.array(
        [
            absorbing_chain(edges[edges["bucket"] != bucket], start="start", main="order", null="null")
            .what_if("product", eps, "search")
            .change
            for bucket in range(100)
        ]
    )
    error = np.sqrt(99 / 100 * ((changes - changes.mean()) ** 2).sum())
    shown = eps * (row["gain_high"] - row["gain_low"]) / (1 - eps * row["return_visits"])
    assert shown == pytest.approx(2 * 1.98422 * error, rel=0.2)


@pytest.mark.slow
def test_intervals_hold_the_truth_of_many_samples():
    truth = absorbing_chain(
        moves_of_persons(np.random.default_rng(0), 40_000), start="start", main="order", null="null"
    )
    hits = []
    for seed in range(200):
        edges = moves_of_persons(np.random.default_rng(seed + 1), 300)
        solved = absorbing_chain(edges, start="start", main="order", null="null")
        low, high = solved.conversion_probability_low, solved.conversion_probability_high
        hits.append((low <= truth.conversion_probability) & (truth.conversion_probability <= high))
    assert 0.92 <= np.mean(hits) <= 0.97
