import numpy as np
import pandas as pd
import pytest

from attnprobe.analysis.head_map import FAITHFUL, NOT_FAITHFUL, UNDECIDED, head_map
from attnprobe.analysis.intervals import wilson
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.significance import holm, sign_flip_tests
from attnprobe.base.errors import InputError
from tests.fixtures.transformer_runs import write_transformer_run

SIZES = np.random.default_rng(1).integers(1, 12, size=60)
SHAPE = (("self", 3, 11),)


def name(row):
    return row.stack, row.layer, row.head


def mapped(folder, table=None):
    if table is not None:
        table.to_parquet(folder / "heads.parquet")
    return {name(row): row for row in head_map(RunResults.load(folder))}


def alike(folder, columns, sizes=(10,) * 40):
    """The map of a single head whose table is that of a real one, but for these columns."""
    table = write_transformer_run(folder, list(sizes), heads=(("self", 1, 1),))[-1].assign(**columns)
    return mapped(folder, table)["self", 0, 0]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("heads")
    table = write_transformer_run(folder, SIZES, heads=SHAPE, faithful=[("self", 1, 10), ("self", 2, 0)])[-1]
    return folder, table, mapped(folder)


def test_the_planted_heads_are_found_and_no_others(run):
    faithful = {key for key, row in run[2].items() if row.verdict == FAITHFUL}
    assert faithful == {("self", 1, 10), ("self", 2, 0)}


def test_statistics_equal_a_loop(run):
    _, table, heads = run
    assert len(heads) == 33
    for (stack, layer, head), found in heads.items():
        mine = (table["stack"] == stack) & (table["layer"] == layer) & (table["head"] == head) & (table["n"] > 1)
        fractions, randoms = [], []
        for row in table[mine].itertuples():
            fractions.append(row.removed_attention / row.n if row.removed_attention > 0 else 1)
            randoms.append(row.removed_random / row.n if row.removed_random > 0 else 1)
        assert found.documents == len(fractions) == (SIZES > 1).sum()
        assert found.fraction_attention.value == pytest.approx(np.mean(fractions))
        assert found.fraction_random.value == pytest.approx(np.mean(randoms))
        assert found.gain.value == pytest.approx(np.mean(np.subtract(randoms, fractions)))
        assert found.gain.low <= found.gain.value <= found.gain.high
        rows = table[mine]
        assert found.never_attention == wilson(int((rows["removed_attention"] < 0).sum()), len(rows))
        assert found.never_random == wilson(int((rows["removed_random"] < 0).sum()), len(rows))
        assert found.flip_top == wilson(int(rows["flip_top"].sum()), len(rows))
        assert found.delta_js.value == pytest.approx((rows["js_top"] - rows["js_other"]).mean())
        assert found.attention_entropy.value == pytest.approx(rows["attention_entropy_normalised"].mean())


def test_the_planted_gain_is_known(tmp_path):
    table = {"n": 10, "removed_attention": [1, -1] * 20, "removed_random": [6, -1] * 20}
    found = alike(tmp_path, table)
    assert found.fraction_attention.value == pytest.approx((0.1 + 1) / 2)
    assert found.gain.value == pytest.approx(0.25)
    assert found.never_attention.value == found.never_random.value == 0.5
    assert found.verdict == FAITHFUL


def test_p_values_are_holms_over_all_heads(run):
    _, table, heads = run
    kept = table[table["n"] > 1]
    fractions = {
        column: np.where(kept[column] < 0, 1, kept[column] / kept["n"])
        for column in ("removed_attention", "removed_random")
    }
    gains = pd.Series(fractions["removed_random"] - fractions["removed_attention"], index=kept.index)
    by_head = {key: gains[rows.index].to_numpy() for key, rows in kept.groupby(["stack", "layer", "head"])}
    raw = sign_flip_tests(by_head)
    expected = holm({key: test.p for key, test in raw.items()})
    assert {key: row.gain_p for key, row in heads.items()} == pytest.approx(expected)
    assert expected["self", 2, 0] == pytest.approx(33 * raw["self", 2, 0].p)


def test_in_order_and_whatever_the_order_of_the_rows(tmp_path):
    shape = (("cross", 1, 2), ("decoder", 2, 12), ("encoder", 1, 1), ("another", 1, 1))
    table = write_transformer_run(tmp_path, [4, 5, 6, 1], heads=shape)[-1]
    heads = mapped(tmp_path)
    expected = [("encoder", 0, 0), *(("decoder", layer, head) for layer in range(2) for head in range(12))]
    assert list(heads) == [*expected, ("cross", 0, 0), ("cross", 0, 1), ("another", 0, 0)]
    shuffled = table.sample(frac=1, random_state=3).astype({"stack": "category"})
    assert mapped(tmp_path, shuffled) == heads


def test_a_head_that_never_flips_a_decision_counts_as_erased_wholly(tmp_path):
    found = alike(tmp_path, {"removed_attention": -1, "removed_random": -1})
    assert found.fraction_attention[:3] == found.fraction_random[:3] == (1, 1, 1)
    assert found.gain[:3] == (0, 0, 0)
    assert found.gain_p == 1
    assert found.never_attention.value == 1
    assert found.verdict == NOT_FAITHFUL


@pytest.mark.parametrize(
    ("attention", "random", "documents", "verdict"),
    [
        (2, 6, 40, FAITHFUL),
        (2, -1, 40, FAITHFUL),
        (6, 2, 40, NOT_FAITHFUL),
        (-1, 2, 40, NOT_FAITHFUL),
        (5, 5, 40, NOT_FAITHFUL),
        (2, 6, 4, UNDECIDED),
        (5, 5, 4, UNDECIDED),
    ],
)
def test_verdicts(tmp_path, attention, random, documents, verdict):
    found = alike(tmp_path, {"removed_attention": attention, "removed_random": random}, [10] * documents)
    assert found.verdict == verdict


def test_gains_of_both_signs_are_undecided(tmp_path):
    found = alike(tmp_path, {"removed_attention": [2, 8] * 20, "removed_random": [8, 2] * 20})
    assert found.gain.low < 0 < found.gain.high
    assert found.verdict == UNDECIDED


@pytest.mark.slow
def test_many_heads_do_not_put_significance_out_of_reach(tmp_path):
    write_transformer_run(tmp_path, [10] * 20, heads=())
    head, document = (index.ravel() for index in np.indices((600, 20)))
    columns = {"stack": "self", "layer": head // 20, "head": head % 20, "document": document, "n": 10}
    columns |= {"removed_attention": np.where(head == 7, 2, 5), "removed_random": 5, "flip_top": False}
    columns |= {"attention_entropy_normalised": 0.5, "js_top": 0.1, "js_other": 0.1}
    heads = mapped(tmp_path, pd.DataFrame(columns))
    assert [key for key, row in heads.items() if row.verdict == FAITHFUL] == [("self", 0, 7)]


def test_a_divergence_that_there_is_none_of_is_left_out(tmp_path):
    found = alike(tmp_path, {"js_top": 0.3, "js_other": [0.1, np.nan] * 20})
    assert found.delta_js.value == pytest.approx(0.2)
    assert found.delta_js.n == 20
    assert np.isnan(alike(tmp_path, {"js_other": np.nan}).delta_js_p)


def test_without_the_table_there_is_none_and_without_items_it_is_empty(tmp_path):
    write_transformer_run(tmp_path, [3, 4], heads=())
    assert head_map(RunResults.load(tmp_path)) is None
    table = write_transformer_run(tmp_path, [1, 1, 3])[-1]
    assert mapped(tmp_path, table[table["n"] == 1]) == {}


def test_what_is_wrong_with_the_table_is_said(tmp_path):
    table = write_transformer_run(tmp_path, [3, 4, 5])[-1]
    for harmed in (table[1:], table[table["head"] + table["document"] != 2], pd.concat([table, table[:1]])):
        with pytest.raises(InputError, match=r"heads\.parquet has other documents of some heads than of others"):
            mapped(tmp_path, harmed)
    with pytest.raises(InputError, match=r"heads\.parquet has no column 'removed_random'"):
        mapped(tmp_path, table.drop(columns="removed_random"))
    (tmp_path / "heads.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"heads\.parquet is not a whole Parquet file"):
        mapped(tmp_path)
