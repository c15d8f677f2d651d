"""A decision that changes only when nothing is left, one that never does, and one that flips are told apart."""

from typing import Any

import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.reports.page.marks import Marks
from attnprobe.reports.page.panels.who_flips_first import comparison_rows
from attnprobe.reports.page.terminal import document_in_terminal
from attnprobe.runs.run_folder import RunFolder
from tests.fixtures.page_reading import distribution, erased, go, state
from tests.fixtures.page_runs import MadeRun, random_texts
from tests.fixtures.struck_runs import StruckRun, transformer_run
from tests.reports.page.conftest import page_of
from tests.reports.page.test_page import data_of

ORDERINGS = ("attention", "gradient", "oracle")


@pytest.fixture(scope="module")
def pooled(tmp_path_factory):
    """Decisions of short documents, many of which the bias alone changes, or nothing does."""
    made = MadeRun(tmp_path_factory.mktemp("outcomes") / "run", random_texts([2, 3, 4, 5, 6] * 12), peak=0.7, seed=1)
    run: Any = StruckRun(made.folder, 1, None)
    run.made, run.page = made, page_of(made.folder).write(made.folder / "report.html")
    return run


@pytest.fixture(scope="module")
def transformer(tmp_path_factory):
    run = transformer_run(tmp_path_factory.mktemp("outcomes") / "run")
    run.page = page_of(run.folder).write(run.folder / "report.html")
    return run


def of_outcome(run, outcome, ordering="attention"):
    found = [document for document in run.items if run.outcome(document, ordering) == outcome]
    assert found
    return found


def shown(run, document, ordering):
    bias = RunFolder(run.folder).read_summary().get("readout_bias")
    text = document_in_terminal(RunResults.load(run.folder), document, ordering=ordering, bias=bias, colour=False)
    return " ".join(text.split())


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_the_terminal_says_what_the_bias_decides_and_strikes_nothing(pooled, ordering):
    for document in of_outcome(pooled, 0, ordering)[:3]:
        text = shown(pooled, document, ordering)
        bias = pooled.made.distribution(document, range(len(pooled.items[document])))
        assert "the decision changes only when nothing is left: the readout's bias alone then decides " in text
        assert f"decides {pooled.made.labels[bias.argmax()]} (" in text
        assert "~~" not in text
        assert "flips to" not in text


def test_the_terminal_says_never_of_what_never_changes(pooled):
    for document in of_outcome(pooled, -1)[:3]:
        text = shown(pooled, document, "attention")
        assert "By attention the decision never changes, not even when nothing is left." in text
        no_set = pooled.outcome(document, "oracle") <= 0
        assert ("No set of words flips it while anything is left." in text) == no_set
        assert ("Smallest set that flips it" in text) != no_set
        assert "~~" not in text


@pytest.mark.slow
def test_the_terminal_counts_every_outcome_of_the_draws(pooled):
    erasures = pooled.erasures.xs("random", level="ordering")
    checked = set()
    for document, draws in erasures.groupby("document"):
        told = (
            shown(pooled, document, "attention").split("Erased at the first flip: random ")[1].split(", attention ")[0]
        )
        flips = draws[(draws["removed"] > 0) & ~draws["emptied"]]
        outcome = (len(flips) > 0, bool(draws["emptied"].any()), bool((draws["removed"] < 0).any()))
        assert outcome == (told[0].isdigit(), "only with nothing left" in told, "never" in told)
        checked.add(outcome)
    assert len(checked) >= 4


def test_without_an_affine_readout_the_rest_of_the_model_decides(transformer):
    text = shown(transformer, of_outcome(transformer, 0)[0], "attention")
    assert "changes only when nothing is left: the rest of the model then decides alone." in text


@pytest.mark.browser
def test_everything_erased_is_no_flip_by_the_weights(pooled, opened):
    page = opened(pooled.page)
    for document in (of_outcome(pooled, 0)[0], of_outcome(pooled, -1)[0]):
        n = len(pooled.items[document])
        go(page, f"#run=0&document={document}&by=attention&first={n}")
        assert len(erased(page)) == n
        bias = pooled.made.distribution(document, range(n))
        decided = pooled.made.labels[bias.argmax()]
        same = bias.argmax() == pooled.made.distribution(document, []).argmax()
        assert same == (pooled.outcome(document, "attention") == -1)
        said = f"Nothing is left with all {n} words erased: the readout's bias alone decides"
        assert state(page).startswith(f"{said}, and decides the same, {decided}" if same else f"{said} {decided}")
        assert "flips" not in state(page)
        assert page.locator(".pane.flipped").count() == 0
        assert distribution(page)[int(bias.argmax())] == pytest.approx(bias.max(), abs=1e-9)


@pytest.mark.browser
def test_the_page_offers_a_first_flip_only_while_something_is_left(pooled, opened):
    page = opened(pooled.page)
    words = {0: "only when nothing is left", -1: "never"}
    titles = {
        0: "By Attention the decision changes only when nothing is left.",
        -1: "By Attention the decision never changes.",
    }
    for outcome in words:
        document = of_outcome(pooled, outcome)[0]
        go(page, f"#run=0&document={document}&by=attention")
        button = page.get_by_role("button", name="To the first flip")
        assert button.is_disabled()
        assert button.get_attribute("title") == titles[outcome]
        row = page.locator(".first-flips tbody tr").nth(1)
        assert row.locator("th").inner_text() == "Attention"
        assert row.locator(".outcome").inner_text() == words[outcome]
        assert row.locator("button").count() == 0
    listed = dict(text.split(" · ", 1) for text in page.locator("#list .says").all_inner_texts())
    assert "changes only when nothing is left" in listed[str(of_outcome(pooled, 0)[0])]
    assert "never flips" in listed[str(of_outcome(pooled, -1)[0])]


@pytest.mark.browser
def test_a_set_that_leaves_nothing_is_no_smallest_set(pooled, opened):
    page = opened(pooled.page, f"#run=0&document={of_outcome(pooled, 0, 'oracle')[0]}&by=attention")
    button = page.get_by_role("button", name="Smallest set that flips it")
    assert button.is_disabled()
    assert button.get_attribute("title") == "No set flips this decision while anything is left."


@pytest.mark.browser
def test_of_other_models_the_page_says_what_the_tests_saw_with_nothing_left(transformer, opened):
    page = opened(transformer.page)
    for outcome, says in ((0, "decides otherwise"), (-1, "decides the same")):
        document = of_outcome(transformer, outcome)[0]
        go(page, f"#run=0&document={document}&by=attention&first={len(transformer.items[document])}")
        assert state(page) == f"Nothing is left: the rest of the model, without this attention, {says}."
        assert page.locator(".pane.flipped").count() == 0


@pytest.mark.browser
def test_an_ordering_that_is_not_of_one_number_is_shaded_by_place(transformer, opened):
    """Of several heads the table has means, whose product is not what was ranked."""
    document = max(transformer.items, key=lambda number: len(transformer.items[number]))
    page = opened(transformer.page, f"#run=0&document={document}&by=gradient_attention")
    levels = page.locator(".words .item").evaluate_all(
        "all => all.map(each => Number(/\\bs([0-9])/.exec(each.className)[1]))"
    )
    rank = transformer.items[document]["rank_gradient_attention"].tolist()
    in_order = [level for _, level in sorted(zip(rank, levels, strict=True))]
    assert in_order == sorted(levels, reverse=True)
    assert in_order[0] == 9
    assert len(set(levels)) > 3
    assert page.locator(".legend .scale").first.inner_text().split()[-1] == "first"


def test_bars_and_kinds_hold_the_documents_of_their_outcome(pooled):
    (run,) = data_of(pooled.page.read_text(encoding="utf-8"))
    numbers = [document["number"] for document in run["documents"]]
    listed = {title: sorted(numbers[place] for place in places) for title, _, places in run["marks"]}
    for outcome, bar, kind in (
        (0, "Attention: changes only when nothing is left", "Changes only when nothing is left by attention"),
        (-1, "Attention: never changes", "Never flips by attention"),
    ):
        assert listed[bar] == listed[kind] == of_outcome(pooled, outcome)
    early = [title for title in listed if title.startswith("Attention: flips with")]
    flipped = sorted(number for title in early for number in listed[title])
    assert flipped == [number for number in pooled.items if pooled.outcome(number, "attention") > 0]


def test_who_flips_first_has_a_part_for_neither(pooled):
    shares = {"first_earlier": 0.25, "equal": 0.125, "second_earlier": 0.5, "neither": 0.125, "lead": -0.25}
    estimates = {name: {"value": share, "low": share, "high": share, "n": 40} for name, share in shares.items()}
    summary = {"who_flips_first": [{"first": "attention", "second": "gradient", **estimates}]}
    marks = Marks()
    (row,) = comparison_rows(RunResults.load(pooled.folder), summary, marks)
    assert [(part.kind, part.x, part.width) for part in row.segments] == [
        ("first_earlier", 0, 25),
        ("equal", 25, 12.5),
        ("second_earlier", 37.5, 50),
        ("neither", 87.5, 12.5),
    ]
    neither = marks.all[row.segments[-1].mark].rows
    later = [
        pooled.outcome(number, "attention") <= 0 and pooled.outcome(number, "gradient") <= 0 for number in pooled.items
    ]
    assert neither.tolist() == later
