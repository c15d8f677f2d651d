"""Areas of whole curves as a run's folder has them, against those of tensors and the limits that they lie between."""

import json

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import torch

from attnprobe.analysis.curve_statistics import curve_statistics
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.analysis.whole_curves import WholeCurves, areas, on_grid
from attnprobe.base.errors import InputError
from attnprobe.erasure import curve_areas
from attnprobe.erasure.aopc_limits import AopcLimits, normalised_aopc
from attnprobe.erasure.erasable import Curves
from attnprobe.reports import style
from attnprobe.reports.areas_of_curves import areas_of_curves, curves_in_words
from attnprobe.reports.figures import FIGURES
from tests.fixtures.curved_runs import write_curved_run
from tests.fixtures.synthetic_runs import write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("curved") / "run"
    write_curved_run(folder)
    return folder


def padded(table, column, sizes, draws):
    """A column as a tensor (draws, documents, items + 1) that stays as it is behind a document's items."""
    found = torch.empty(len(draws), len(sizes), max(sizes) + 1, dtype=torch.float64)
    for row, (_, of_document) in enumerate(table.groupby("document")):
        for place, key in enumerate(draws):
            of_curve = of_document[(of_document.ordering == key[0]) & (of_document.draw == key[1])]
            values = torch.from_numpy(of_curve[column].to_numpy().astype(float))
            found[place, row] = values[-1]
            found[place, row, : len(values)] = values
    return found


def test_areas_are_those_of_tensors_and_shares_too(run):
    results = RunResults.load(run)
    curves, statistics = WholeCurves.of(results), curve_statistics(results)
    table = results.curves()
    table = table[table.document.isin(results.several.document)]
    sizes, draws = torch.from_numpy(curves.sizes), curves.draws
    assert statistics["documents"] == len(sizes) < len(results.several)
    at_random = [place for place, (name, _) in enumerate(draws) if name == "random"]
    for score in ("probability", "logit"):
        whole = Curves(*(padded(table, name, sizes.tolist(), draws) for name in (score, f"kept_{score}")))
        found = areas(curves, score)
        comprehensiveness = curve_areas.comprehensiveness(whole)
        expected = {
            "comprehensiveness": curve_areas.aopc(comprehensiveness, sizes),
            "sufficiency": curve_areas.aopc(curve_areas.sufficiency(whole), sizes),
            "comprehensiveness_eraser": curve_areas.aopc_eraser(comprehensiveness, sizes),
            "sufficiency_eraser": curve_areas.aopc_eraser(curve_areas.sufficiency(whole), sizes),
            "symmetric_relevance_gain": curve_areas.symmetric_relevance_gain(whole, sizes),
        }
        for name, wanted in expected.items():
            np.testing.assert_allclose(getattr(found, name).T, wanted, atol=1e-9)
            for ordering, places in curves.of_orderings().items():
                estimate = getattr(statistics["orderings"][ordering][score], name)
                assert estimate.value == pytest.approx(float(wanted[places].mean()), abs=1e-9)
        # Of one document RACU is that of tensors; over documents it is a ratio of means.
        random = whole.erased[at_random].mean(0)
        share = curve_areas.area_against_random(whole.erased, random, sizes)
        under = found.under_curve
        against = under[:, at_random].mean(1, keepdims=True)
        ours = (against - under) / (against - found.when_empty)
        np.testing.assert_allclose(ours.T[~share.isnan()], share[~share.isnan()], rtol=1e-6, atol=1e-6)
        names = [f"aopc_{score}_{end}" for end in ("lower_low", "lower_high", "upper_low", "upper_high")]
        ends = torch.from_numpy(results.several[names].to_numpy(float)[curves.documents])
        shares = normalised_aopc(expected["comprehensiveness"], AopcLimits(ends[:, :2], ends[:, 2:]))
        shares[:, ends.isnan().any(-1)] = torch.nan
        for ordering, places in curves.of_orderings().items():
            of_ordering = statistics["orderings"][ordering][score]
            known = shares[places].mean(0)
            known = known[~known.isnan().any(-1)].mean(0)
            assert of_ordering.normalised_least.value == pytest.approx(float(known[0]))
            assert of_ordering.normalised_most.value == pytest.approx(float(known[1]))
            assert 0 <= of_ordering.normalised_least.value <= of_ordering.normalised.value
            assert of_ordering.normalised.value <= of_ordering.normalised_most.value <= 1
    log_p = padded(table, "log_probability", sizes.tolist(), draws)
    falls = curve_areas.aopc(log_p - log_p[..., :1], sizes)
    for ordering, places in curves.of_orderings().items():
        found = statistics["orderings"][ordering]["log_odds"].value
        assert found == pytest.approx(float(falls[places].mean()), abs=1e-9)


def test_limits_contain_every_ordering_and_those_that_are_equal_are_counted(run):
    results = RunResults.load(run)
    curves, statistics = WholeCurves.of(results), curve_statistics(results)
    for score in ("probability", "logit"):
        lower, upper = (
            results.several[f"aopc_{score}_{end}"].to_numpy(float)[curves.documents]
            for end in ("lower_low", "upper_high")
        )
        known = ~np.isnan(lower)
        aopc = areas(curves, score).comprehensiveness[known]
        assert (aopc >= lower[known, None] - 1e-5).all()
        assert (aopc <= upper[known, None] + 1e-5).all()
        counts = statistics["limits"][score]
        assert counts.documents == known.sum() == counts.equal + counts.exact + counts.between + counts.attained
        assert counts.attained == 0
        of = statistics["orderings"]["attention"][score]
        assert of.normalised.n == counts.documents - counts.equal
        assert of.comprehensiveness.n == statistics["documents"]


def test_where_a_limit_is_attained_shares_are_of_what_is_reached_and_certain_of_nothing(run, tmp_path):
    """Two ends of every second document become infinite, and attained ones what no ordering of the run passes."""
    for path in run.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    rows = pd.read_parquet(tmp_path / "documents.parquet")
    attained = rows["document"] % 2 == 0
    for score in ("probability", "logit"):
        for end, beyond in (("lower_low", -np.inf), ("upper_high", np.inf)):
            known = rows[f"aopc_{score}_{end}"].notna()
            rows.loc[attained & known, f"aopc_{score}_{end}"] = beyond
    rows.to_parquet(tmp_path / "documents.parquet")
    results, before = RunResults.load(tmp_path), curve_statistics(RunResults.load(run))
    curves, statistics = WholeCurves.of(results), curve_statistics(results)
    for score in ("probability", "logit"):
        counts, whole = statistics["limits"][score], before["limits"][score]
        assert 0 < counts.attained < counts.documents
        assert counts.documents == whole.documents == counts.equal + counts.exact + counts.between + counts.attained
        assert np.isfinite([counts.widest, *counts.least[:3], *counts.most[:3]]).all()
        aopc = areas(curves, score).comprehensiveness
        several = results.several.iloc[curves.documents]
        low, high = (several[f"aopc_{score}_{end}"].to_numpy(float) for end in ("lower_high", "upper_low"))
        endless = np.isinf(several[f"aopc_{score}_lower_low"].to_numpy(float))
        low, high = np.minimum(low, aopc.min(1))[endless], np.maximum(high, aopc.max(1))[endless]
        for name, places in curves.of_orderings().items():
            with np.errstate(invalid="ignore"):
                shares = (aopc[endless][:, places] - low[:, None]) / (high - low)[:, None]
            of, were = statistics["orderings"][name][score], before["orderings"][name][score]
            assert 0 <= of.normalised_least.value <= were.normalised_least.value
            assert were.normalised_most.value <= of.normalised_most.value <= 1
            known = shares[high - low > 1e-9].mean(1)
            assert len(known)
            others = of.normalised.value * of.normalised.n - known.sum()
            assert -1e-6 <= others <= of.normalised.n - len(known) + 1e-6
    summary = summarise(results)
    assert "attained by orders that were searched for" in areas_of_curves(summary).caption
    assert "the worst order found (0 %) and the best found (100 %)" in curves_in_words(summary)
    assert "found" not in curves_in_words(summarise(RunResults.load(run)))
    with mpl.rc_context(style.SETTINGS):
        figure = FIGURES["normalised_aopc"](results)
    assert "found" in figure.axes[0].get_xlabel()
    assert json.dumps(summary["curves"]["limits"], allow_nan=False)


def test_a_grid_begins_and_ends_where_all_curves_do(run):
    results = RunResults.load(run)
    means = dict(on_grid(WholeCurves.of(results), "probability", np.array([0.0, 0.5, 1.0])))
    assert len({round(mean[0], 6) for mean in means.values()}) == 1
    assert len({round(mean[2], 6) for mean in means.values()}) == 1
    curved = results.several.document.isin(results.curves().document)
    assert means["attention"][0] == pytest.approx(results.several.p_decision[curved].mean(), abs=1e-6)


def test_the_table_the_sentence_and_the_figures_say_what_is_known(run, tmp_path):
    results = RunResults.load(run)
    summary = summarise(results)
    table = areas_of_curves(summary)
    assert "sufficiency is trivial under renormalisation" in table.caption
    assert "exact" in table.caption
    assert len(table.shown) == len(table.plain) == len(summary["curves"]["orderings"])
    assert {"probability_comprehensiveness_low", "logit_normalised_most", "log_odds"} <= set(table.plain)
    assert "attention's AOPC is at" in curves_in_words(summary)
    for name in ("decision_curves", "normalised_aopc"):
        with mpl.rc_context(style.SETTINGS):
            figure = FIGURES[name](results)
            figure.draw_without_rendering()
        needed, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        assert min(needed.x0, needed.y0) > -0.02
        assert max(needed.x1 - width, needed.y1 - height) < 0.02
    write_curved_run(tmp_path / "without", documents=9, limits=0)
    without = RunResults.load(tmp_path / "without")
    summary = summarise(without)
    assert summary["curves"]["limits"] == {}
    assert summary["curves"]["orderings"]["attention"]["logit"]["normalised"]["n"] == 0
    assert curves_in_words(summary) == ""
    assert FIGURES["normalised_aopc"](without) is None
    write_run(tmp_path / "older", [3, 4, 5])
    assert summarise(RunResults.load(tmp_path / "older"))["curves"] is None


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.drop(3),
        lambda rows: rows.iloc[1:],
        lambda rows: rows[rows.removed > 0],
        lambda rows: rows[(rows.ordering != "gradient") | (rows.document > 0)],
        lambda rows: pd.concat([rows, rows]),
    ],
)
def test_what_is_not_whole_is_refused(run, tmp_path, change):
    for path in run.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    change(pd.read_parquet(run / "curves.parquet")).to_parquet(tmp_path / "curves.parquet")
    with pytest.raises(InputError, match="does not hold whole curves"):
        curve_statistics(RunResults.load(tmp_path))
