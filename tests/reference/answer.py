"""Every number of a run's answer, made again from its Parquet files and config.json alone.

Which layers, heads and rows of a transformer are erased in, summary.json says.

Written from docs/method.md, docs/statistics.md, docs/run-folder.md and the printed sentences. It imports no attnprobe.

    python -m tests.reference.answer RUN

prints what stands in the answer beside what is found here, and ends with status 1 where they differ.
"""

import json
import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from tests.reference.chance import better_than_chance
from tests.reference.intervals import (
    DEVIATIONS,
    SEED,
    Estimate,
    Z,
    bootstrapped_means,
    exact_sign_test,
    lead,
    sign_flip,
    wilson,
)
from tests.reference.verdicts import Effect, Verdict, judge, judge_effects, judge_heads

FLIPS_OF_A_RUN = 10_000
"""Random assignments of a permutation test."""

SAMPLED = 100_000
PARTS = (10, 4, 2)
"""At 10, 25 and 50 % erased: one in so many."""

ASCENDING, REFERENCES = "attention_ascending", ("oracle", "greedy")
PAPER = ("random", "attention", "gradient", "gradient_attention")


@dataclass
class Ordering:
    """One row of the first two tables, and means over the documents that every ordering flips."""

    flipped: Estimate
    emptied: Estimate
    never: Estimate
    restricted_mean: Estimate
    lead_of_mean: Estimate | None
    """Restricted mean less attention's."""
    erased_at: list
    """Shares of documents that have flipped with 10, 25 and 50 % erased."""
    paired_fraction: float
    words_ratio: float
    """Attention's number of items over this one's, in the documents that every ordering flips."""


@dataclass
class Comparison:
    """Attention against another ordering, in shares of documents; ``lead`` is attention's."""

    first: Estimate
    equal: Estimate
    second: Estimate
    neither: float
    lead: Estimate
    p: tuple[float, float]
    """The p of the test beside it, and the range that chance leaves it where signs are flipped at random."""


@dataclass
class Answer:
    config: dict
    total: int
    n: int
    one_item: int
    sampled: int
    quarantined: int
    accuracy: Estimate | None
    labelled: int
    """Documents of several items whose label is one that the model decides between."""
    orderings: dict
    all_flip: int
    emptied_rows: float | None
    comparisons: dict
    erasing_top: Estimate
    erasing_other: Estimate
    evenness: Estimate
    verdict: Verdict
    verdicts: dict
    """By each further way of erasing, the verdict under it."""
    heads: list
    head_documents: int
    effects: list[Effect]
    effect_documents: int
    kept_at_least: Estimate | None
    """Share of the words of the smallest set that guarantees the decision; None where that is not known."""
    median_kept: float
    kept_by_attention: float
    chance: tuple
    """Documents, random orders of each, and by explanation in how many it is better than they are."""
    selected: list
    """Of a transformer what is erased in, layer by layer, as the run's summary notes it."""
    specials: Estimate | None
    """Share of the attention that special tokens hold; None where items do not say what lies before them."""
    sink: tuple | None
    """Where the first item is a sink, what it holds of the attention, and which share of decisions it flips alone."""
    measured_sink: dict | None
    """What the run's summary notes of training documents, where a sink is to be left out."""
    held_by_sink: Estimate | None
    """Share of the attention on the sink that is left out; None where none is."""


class Tables:
    """The tables of a run, those of its rows that statistics are made of; ``several`` have more than one item."""

    def __init__(self, folder, way=None):
        folder = Path(folder)
        self.config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        noted = folder / "summary.json"
        self.selected = (
            json.loads(noted.read_text(encoding="utf-8")).get("selected") if noted.exists() else None
        ) or []
        self.documents = _read(folder / "documents.parquet").set_index("document").sort_index()
        self.erasures = _read(folder / "erasures.parquet")
        self.items = _read(folder / "items.parquet")
        self.ways = ["renormalise"]
        if "erase_by" in self.erasures:  # the answer is of the way that is named first
            self.ways = [str(name) for name in np.atleast_1d(self.config["settings"]["erase_by"])]
            self.erasures = self.erasures[self.erasures["erase_by"] == (way or self.ways[0])]
        if way not in (None, self.ways[0]):
            self.documents, self.items = (_under(table, way) for table in (self.documents, self.items))
        self.heads, self.effects = (
            _read(folder / f"{name}.parquet") if (folder / f"{name}.parquet").exists() else None
            for name in ("heads", "head_effects")
        )
        self.total = len(self.documents)
        self.split = self.config["data"].get("documents", {}).get("test", self.total)
        if self.total > SAMPLED:
            drawn = np.random.default_rng(self.config["settings"]["seed"]).permutation(self.split)[:SAMPLED]
            self.documents = self.documents[self.documents.index.isin(drawn)]
        self.several = self.documents[self.documents["n"] > 1]
        if "emptied" not in self.erasures:
            self.erasures["emptied"] = self.erasures["removed"] == self.erasures["n"]

    def of(self, ordering, column):
        """(documents, draws) of erasures.parquet, documents of several items in order."""
        rows = self.erasures[self.erasures["ordering"] == ordering]
        return rows.pivot(index="document", columns="draw", values=column).loc[self.several.index].to_numpy()


def _read(path):
    table = pq.read_table(path).to_pandas()
    for column in table.select_dtypes("category"):
        table[column] = table[column].astype(str)
    return table


def _under(table, way):
    """The same table as a run of this way alone has it, whose columns stand there with its name behind theirs."""
    of_way = {name: name.removesuffix(f"_{way}") for name in table if name.endswith(f"_{way}")}
    return table.drop(columns=[name for name in of_way.values() if name in table]).rename(columns=of_way)


class Flips:
    """How one ordering went, (documents, draws)."""

    def __init__(self, tables, ordering):
        self.removed = tables.of(ordering, "removed").astype(np.int64)
        changes, emptied = self.removed > 0, tables.of(ordering, "emptied").astype(bool)
        self.flips, self.emptied, self.never = changes & ~emptied, changes & emptied, ~changes
        self.n = tables.several["n"].to_numpy()[:, None]
        self.has_chance = self.removed.shape[1] > 1
        self.restricted = np.where(self.flips, self.removed / self.n, 1.0).mean(axis=1)
        self.times = np.where(self.flips, self.removed, np.inf)

    def erased_at(self, part):
        """Whether the decision has flipped with one in ``part`` of the items erased, in whole numbers."""
        return self.flips & (part * self.removed <= self.n)


def answer(folder):
    """All numbers of the answer of the run in this folder."""
    tables = Tables(folder)
    names = [name for name in tables.erasures["ordering"].unique() if name != ASCENDING]
    flips = {name: Flips(tables, name) for name in names}
    columns, estimated = _bootstrapped(tables, flips)
    orderings, all_flip = _orderings(flips, estimated)
    comparisons = _comparisons(flips, columns, estimated)
    several, attention = tables.several, flips["attention"]
    erasing_top = wilson(int(columns["top"].sum()), len(several))
    heads, head_documents = judge_heads(tables.heads)
    effects, effect_documents = judge_effects(tables.effects)
    return Answer(
        config=tables.config,
        total=tables.total,
        n=len(several),
        one_item=len(tables.documents) - len(several),
        sampled=len(tables.documents),
        quarantined=tables.split - tables.total,
        accuracy=_accuracy(several),
        labelled=int((several["label"] >= 0).sum()),
        orderings=orderings,
        all_flip=all_flip,
        emptied_rows=_emptied_rows(tables, attention),
        comparisons=comparisons,
        erasing_top=erasing_top,
        erasing_other=estimated["other"],
        evenness=estimated["evenness"],
        verdict=_judged(tables, columns, estimated, comparisons),
        verdicts={way: _verdict_under(folder, way) for way in tables.ways[1:]},
        heads=heads,
        head_documents=head_documents,
        effects=effects,
        effect_documents=effect_documents,
        **_guarantees(tables),
        chance=better_than_chance(tables, [name for name in names if name not in ("random", *REFERENCES)]),
        selected=tables.selected,
        specials=_specials(tables) if tables.selected else None,
        **_sinks(folder, tables),
    )


def _judged(tables, columns, estimated, comparisons):
    left = (tables.erasures["removed"] > 0) & ~tables.erasures["emptied"].astype(bool)
    anything_flips = bool(left.any()) or bool((columns["top"] > 0).any()) or estimated["other"].value > 0
    of_paper = {name: one for name, one in comparisons.items() if name in PAPER}
    return judge(of_paper, estimated["evenness"], anything_flips, len(tables.several))


def _verdict_under(folder, way):
    """What is said where erased is another of the run's ways: the same rule, of its own rows and columns."""
    tables = Tables(folder, way)
    flips = {name: Flips(tables, name) for name in PAPER if (tables.erasures["ordering"] == name).any()}
    columns, estimated = _bootstrapped(tables, flips)
    return _judged(tables, columns, estimated, _comparisons(flips, columns, estimated)).verdict


def _guarantees(tables):
    """How little, kept, guarantees the decision."""
    several = tables.several
    if "sufficient_smallest" not in several or "oracle" not in set(tables.erasures["ordering"]):
        return {"kept_at_least": None, "median_kept": math.nan, "kept_by_attention": math.nan}
    sizes, smallest = several["n"].to_numpy(), several["sufficient_smallest"].to_numpy()
    (share,) = bootstrapped_means((smallest / sizes)[:, None], SEED)
    return {
        "kept_at_least": share,
        "median_kept": float(np.median(smallest)),
        "kept_by_attention": float((tables.of("attention", "sufficient")[:, 0] / sizes).mean()),
    }


def _specials(tables):
    """What special tokens hold of the attention: items that nothing is written before, not even the empty text."""
    items = tables.items[tables.items["document"].isin(tables.several.index)]
    if "before" not in items:
        return None
    held = items["weight"].where(items["before"].isna(), 0.0).groupby(items["document"]).sum()
    if "left_out_share" in tables.several:
        outside = tables.several.loc[held.index, "left_out_share"]
        of_sink = tables.several.loc[held.index, "sink_share"] if "sink_share" in tables.several else 0.0
        held = outside - of_sink + (1 - outside) * held
    (share,) = bootstrapped_means(held.to_numpy()[:, None], SEED)
    return share


def _sinks(folder, tables):
    """Whether the first item is a sink: 30 % of the attention or more, of 5 % of the decisions or less."""
    found: dict = {"sink": None, "measured_sink": None, "held_by_sink": None}
    if not tables.selected or "before" not in tables.items:
        return found
    if (tables.config["settings"].get("explanations") or {}).get("sinks") == "out":
        found["measured_sink"] = json.loads((Path(folder) / "summary.json").read_text(encoding="utf-8"))["sinks"]
        if "sink_share" in tables.several:
            kept = tables.several.index.isin(tables.items["document"])
            (found["held_by_sink"],) = bootstrapped_means(tables.several.loc[kept, ["sink_share"]].to_numpy(), SEED)
        return found
    first = tables.items[tables.items["document"].isin(tables.several.index) & (tables.items["position"] == 0)]
    weight, flips = bootstrapped_means(first.sort_values("document")[["weight", "flips"]].to_numpy(float), SEED)
    if weight.value >= 0.3 and flips.value <= 0.05:
        found["sink"] = weight, flips
    return found


def _accuracy(several):
    known = several[several["label"] >= 0]  # a language model's next token is no class of the data
    return wilson(int((known["label"] == known["decision"]).sum()), len(known)) if len(known) else None


def _bootstrapped(tables, flips):
    """Columns over documents, by name, and their means with intervals; all see the same resamples."""
    columns = {"evenness": tables.several["attention_entropy_normalised"].to_numpy()}
    columns["top"], columns["other"] = single_erasures(tables)
    attention = flips["attention"]
    for name, ordering in flips.items():
        columns[name, "restricted"] = ordering.restricted
        columns[name, "lead of mean"] = ordering.restricted - attention.restricted
        for outcome in ("flips", "emptied", "never"):
            columns[name, outcome] = getattr(ordering, outcome).mean(axis=1)
        # Draw by draw where several vectors stand in for what is erased, which are the draws of attention, too.
        times = attention.times[:, np.arange(ordering.times.shape[1]) % attention.times.shape[1]]
        columns[name, "first"] = (times < ordering.times).mean(axis=1)
        columns[name, "second"] = (times > ordering.times).mean(axis=1)
        columns[name, "equal"] = ((times == ordering.times) & ordering.flips).mean(axis=1)
        columns[name, "lead"] = columns[name, "first"] - columns[name, "second"]
    kinds = ("flips", "emptied", "never", "first", "second", "equal", "other")
    shares = [each for each, name in enumerate(columns) if (name if isinstance(name, str) else name[1]) in kinds]
    means = bootstrapped_means(np.column_stack(list(columns.values())).astype(float), SEED, shares)
    return columns, dict(zip(columns, means, strict=True))


def single_erasures(tables):
    """Whether erasing the most attended item alone flips, and in which share of the others it does, per document.

    From the items where those of all documents are kept, else from what the documents' table says of them.
    """
    several, items = tables.several, tables.items
    if not several.index.isin(items["document"]).all():
        return several["flip_top"].to_numpy(dtype=float), several["flip_other"].to_numpy(dtype=float)
    items = items[items["document"].isin(several.index)].sort_values(["document", "position"])
    # The earliest of the largest weights.
    top = (
        items.sort_values(["document", "weight", "position"], ascending=[True, False, True]).groupby("document").head(1)
    )
    is_top = items.index.isin(top.index)
    by_document = items["flips"].astype(float).groupby([items["document"], is_top]).mean().unstack()
    return by_document[True].to_numpy(), by_document[False].to_numpy()


def _orderings(flips, estimated):
    """Rows of the first two tables by ordering, and how many documents every ordering and draw flips."""
    of_paper = np.all([flips[name].flips.all(axis=1) for name in PAPER if name in flips], axis=0)
    rows = {}
    for name, ordering in flips.items():
        every = of_paper & ordering.flips.all(axis=1)
        words = {one: flips[one].removed[every].mean(axis=1).sum() for one in (name, "attention")}
        outcomes = [getattr(ordering, outcome) for outcome in ("flips", "emptied", "never")]
        shares = [estimated[name, outcome] for outcome in ("flips", "emptied", "never")]
        if not ordering.has_chance:
            shares = [wilson(int(outcome.sum()), len(outcome)) for outcome in outcomes]
        flipped, emptied, never = shares
        rows[name] = Ordering(
            flipped,
            emptied,
            never,
            restricted_mean=estimated[name, "restricted"],
            lead_of_mean=None if name == "attention" else estimated[name, "lead of mean"],
            erased_at=[float(ordering.erased_at(part).mean(axis=1).mean()) for part in PARTS],
            paired_fraction=float((ordering.removed / ordering.n)[every].mean()) if every.any() else math.nan,
            words_ratio=float(words["attention"] / words[name]) if every.any() else math.nan,
        )
    return rows, int(of_paper.sum())


def _emptied_rows(tables, attention):
    """The share of attention's flips at which some row of it had lost every weight; None of pooled attention."""
    if "emptied_rows" not in tables.erasures or not attention.flips.any():
        return None
    rows = tables.of("attention", "emptied_rows")
    return float((rows[attention.flips].astype(float) > 0).mean())


def _comparisons(flips, columns, estimated):
    """Attention against every rival: random and the other orderings that are no references."""
    found = {}
    for name, ordering in flips.items():
        if name in ("attention", *REFERENCES):
            continue
        first, equal, second, led = (estimated[name, which] for which in ("first", "equal", "second", "lead"))
        n = len(ordering.flips)
        if ordering.has_chance:
            p = float(sign_flip(columns[name, "lead"][:, None], SEED)[0])
            chance = DEVIATIONS * math.sqrt(p * (1 - p) / FLIPS_OF_A_RUN)
            p = max(p - chance, 1 / FLIPS_OF_A_RUN), min(p + chance, 1.0)
            least = Z**2 / (n + Z**2)
            low = tuple(min(end, led.value - least) for end in led.low)
            high = tuple(max(end, led.value + least) for end in led.high)
            led = Estimate(led.value, low, high)
        else:
            counts = [int(columns[name, which].sum()) for which in ("first", "equal", "second")]
            first, equal, second = (wilson(count, n) for count in counts)
            led, p = lead(counts[0], counts[2], n), (exact_sign_test(counts[0], counts[2]),) * 2
        of_attention = flips["attention"].flips
        neither = ~(of_attention[:, np.arange(ordering.flips.shape[1]) % of_attention.shape[1]] | ordering.flips)
        found[name] = Comparison(first, equal, second, float(neither.mean(axis=1).mean()), led, p)
    return found


PRINT_ANSWER = """
import pathlib
import sys
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.reports.answer import answer

print(answer(summarise(RunResults.load(pathlib.Path(sys.argv[1])))))
"""
"""What prints a run's answer, in a process of its own."""


def main(folder):
    """Print the answer's numbers beside those of here; 1 where they differ, else 0."""
    from tests.reference.answer_text import read

    told = subprocess.run(
        [sys.executable, "-c", PRINT_ANSWER, folder], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    reading = read(told, answer(folder))
    print(reading.table())
    return 1 if reading.faults() else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
