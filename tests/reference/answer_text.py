"""A terminal's answer taken apart: every number of the text, and the number recomputed for the place that it is in."""

import math
import re
from dataclasses import dataclass
from typing import NamedTuple

from tests.reference.intervals import Estimate

NUMBER = r"[+−-]?[<>]? ?\d[\d,]*(?:\.\d+)?"
SHARE = rf"({NUMBER}) %"
RANGE = rf" \[({NUMBER}), ({NUMBER})\]"
INTERVAL = SHARE + RANGE
POINTS = rf"({NUMBER})" + RANGE
COUNT = r"([\d,]+)"

NAMES = {
    "random": "Random",
    "attention": "Attention",
    "gradient": "Gradient",
    "gradient_attention": "Gradient × attention",
    "greedy": "Greedy",
    "oracle": "Smallest set (exact)",
    "runner_up_margin": "Runner-up margin",
}
"""What an ordering is called in the tables; others by their own names."""

OPENINGS = {
    "nothing flips": "Nothing flips:",
    "not informative": "Not informative:",
    "no": "No:",
    "undecided": "Undecided:",
    "only in part": "Only in part:",
    "as well as any": "As well as any ordering tried (gradient and gradient × attention):",
}


@dataclass(frozen=True)
class Share:
    """Printed with one decimal, in per cent or percentage points; ``most`` where chance makes it one of several."""

    value: float
    most: float | None = None

    def agrees(self, token):
        """Whether a reader of the token is told this number, to the digits that are printed."""
        # What float64 adds where a share ends in a half of the last digit.
        half, rounding = 0.0005, 1e-9
        printed = _number(token) / 100
        bounds = (printed - half, printed + half)
        if token[0] == "<":
            bounds = (0.0, half)
        elif token[0] == ">":
            bounds = (1 - half, 1.0)
        elif token in ("0", "100"):  # without a decimal: none, or all
            bounds = (printed, printed)
        most = self.value if self.most is None else self.most
        return bounds[0] - rounding <= most and self.value <= bounds[1] + rounding

    def __str__(self):
        return f"{100 * self.value:.3f}" + (f" to {100 * self.most:.3f}" if self.most is not None else "")


@dataclass(frozen=True)
class Decimal:
    """Printed with as many digits as the token has."""

    value: float

    def agrees(self, token):
        """Whether it is the token when rounded."""
        decimals = len(token.partition(".")[2])
        return abs(self.value - _number(token)) <= 0.5 * 10**-decimals + 1e-9

    def __str__(self):
        return f"{self.value:.5f}"


@dataclass(frozen=True)
class Count:
    """Printed as it is; ``most`` where chance makes it one of several."""

    value: int
    most: int | None = None

    def agrees(self, token):
        """Whether it is the token, or the token is between the two."""
        return self.value <= _number(token) <= (self.value if self.most is None else self.most)

    def __str__(self):
        return f"{self.value:,}" + ("" if self.most is None else f" to {self.most:,}")


def _number(token):
    return float(token.lstrip("<> ").replace("−", "-").replace(",", ""))


def interval(name, estimate: Estimate):
    """The three numbers of an estimate with its interval, by name."""
    low, high = (Share(ends[0], ends[1] if ends[0] < ends[1] else None) for ends in (estimate.low, estimate.high))
    return {name: Share(estimate.value), f"{name}, from": low, f"{name}, to": high}


class Row(NamedTuple):
    """A number of the text: where it stands, in words and in characters (its end), as printed and as recomputed."""

    place: str
    token: str
    number: Share | Decimal | Count
    end: int

    @property
    def agrees(self):
        """Whether a reader is told the number that was recomputed."""
        return self.number.agrees(self.token)


class Reading:
    """The text, and which of its characters have been claimed by a place."""

    def __init__(self, text):
        self.text = " ".join(text.split())
        self.claimed = [False] * len(self.text)
        self.rows = []
        self.missing = []

    def claim(self, pattern, numbers, after="", until=None):
        """The first unclaimed match of the pattern after ``after`` (and before ``until``) is these numbers' place.

        ``numbers`` are by name, in the order of the pattern's groups.
        """
        begin = self.text.find(after)
        end = self.text.find(until, begin) if until and begin >= 0 else len(self.text)
        for match in re.compile(pattern).finditer(self.text, max(begin, 0), end if end >= 0 else len(self.text)):
            if begin >= 0 and not any(self.claimed[match.start() : match.end()]):
                self.claimed[match.start() : match.end()] = [True] * (match.end() - match.start())
                self.rows += [
                    Row(place, match[group].strip(), number, match.end(group))
                    for group, (place, number) in enumerate(numbers.items(), start=1)
                ]
                return
        self.missing.append(", ".join(numbers))

    def quote(self, place, words):
        """These words must be in the text, and claim the numbers among them."""
        begin = self.text.find(words)
        if begin < 0:
            self.missing.append(f"{place}: {words}")
        else:
            self.claimed[begin : begin + len(words)] = [True] * len(words)

    def say(self, place, words):
        """These words must be in the text."""
        if words not in self.text:
            self.missing.append(f"{place}: {words}")

    def unclaimed(self):
        """Numbers that no place claims, with what is around them."""
        return [
            self.text[max(0, match.start() - 40) : match.end() + 20]
            for match in re.finditer(r"\d[\d,.]*", self.text)
            if not all(self.claimed[match.start() : match.end()])
        ]

    def faults(self):
        """Sentences on all that does not agree; empty where everything does."""
        return [
            *(f"{row.place}: printed {row.token}, recomputed {row.number}" for row in self.rows if not row.agrees),
            *(f"not found in the text: {place}" for place in self.missing),
            *(f"no recomputed number claims: …{around}…" for around in self.unclaimed()),
        ]

    def table(self):
        """A line a number: its place, as printed, as recomputed; then what does not agree."""
        width = max(len(row.place) for row in self.rows)
        lines = [
            f"{row.place:<{width}}  {row.token:>9}  {row.number!s:<20}{'' if row.agrees else 'DIFFERS'}".rstrip()
            for row in self.rows
        ]
        faults = self.faults()
        return "\n".join([*lines, "", *(faults or [f"All {len(self.rows):,} numbers of the answer agree."])])


def read(text, answer):
    """A ``Reading`` of the answer's text, in which every number has been looked for at its place."""
    reading = Reading(text)
    for part in (
        _introduction,
        _selection,
        _outcomes,
        _how_early,
        _where_all_flip,
        _who_is_first,
        _erasing_one,
        _guarantees,
        _chance,
        _verdict,
        _other_meanings,
        _heads,
        _effects,
    ):
        part(reading, answer)
    return reading


def _introduction(reading, answer):
    settings = answer.config["settings"]
    # Between dataset and seed stands the model, with the settings that it was given, as they are in config.json.
    name = re.match(r"(.*?) · (.*) · seed \d+:", reading.text)
    known = set(re.findall(r"\d+", str(settings)))
    if name is None or not set(re.findall(r"\d+", name[2])) <= known or name[1] != settings["dataset"]:
        reading.missing.append("a name of dataset, model and seed")
    reading.claim(r"^.*? · seed (\d+):", {"seed": Count(settings["seed"])})
    if answer.sampled < answer.total:
        counts = {"documents": Count(answer.total), "documents of the sample": Count(answer.sampled)}
        reading.claim(rf"{COUNT} documents; statistics of a seeded sample of {COUNT}", counts)
    else:
        reading.claim(rf"{COUNT} documents(?=[;.])", {"documents": Count(answer.n)})
    if answer.one_item:
        reading.claim(rf"{COUNT} (?:more )?ha(?:s|ve) a single", {"with one item": Count(answer.one_item)})
    if answer.quarantined:
        reading.claim(rf"{COUNT} more broke the model", {"that broke the model": Count(answer.quarantined)})
    if answer.accuracy is not None:
        numbers, pattern = interval("accuracy", answer.accuracy), rf"is right in {INTERVAL}"
        if answer.labelled < answer.n:
            pattern += rf" of the {COUNT} documents whose label"
            numbers["documents with a label"] = Count(answer.labelled)
        reading.claim(pattern, numbers)
    reading.claim(r"are (\d+) % intervals", {"level of the intervals": Count(95)})


def _selection(reading, answer):
    """Which layers, rows and heads the answer is of, where it is given and in the question."""
    if answer.selected:
        about = _about(answer.selected)
        reading.quote("what is erased in", f"This is about {about};")
        reading.quote("what is erased in, in the question", f"explain this model ({about})?")
    if answer.specials is not None:
        reading.claim(rf"Special tokens hold {INTERVAL} of the attention", interval("special tokens", answer.specials))
    _sinks(reading, answer)


def _sinks(reading, answer):
    """What the first item holds of the attention, and how often it decides."""
    if answer.sink:
        weight, flips = answer.sink
        reading.claim(rf"is a sink of attention: it holds {INTERVAL} of it", interval("sink", weight))
        reading.claim(rf"erasing it alone changes {INTERVAL} of the decisions; by", interval("without the sink", flips))
    elif "is a sink of attention: it holds" in reading.text:
        reading.missing.append("no sink, but one is told")
    told = answer.measured_sink
    if not told:
        return
    is_sink = told["weight"] >= 0.3 and told["flips"] <= 0.05
    if is_sink != (answer.held_by_sink is not None):
        reading.missing.append("a sink that is left out, or none")
    measured = {
        "training documents": Count(told["documents"]),
        "first item of these": Share(told["weight"]),
        "flips without it": Share(told["flips"]),
    }
    training = rf"of {COUNT} training documents it holds {SHARE} of the attention, and erasing it alone changes {SHARE}"
    if is_sink:
        held = interval("sink that is left out", answer.held_by_sink)
        reading.claim(rf"left out holds {INTERVAL} of the attention; {training}", held | measured)
    else:
        limits = {"a sink holds": Share(0.3), "a sink changes": Share(0.05)}
        reading.claim(
            rf"{training} of the decisions \(a sink holds {SHARE} or more and changes {SHARE}", measured | limits
        )


def _about(selected):
    """Layers, rows and heads in words, from where each layer's are."""
    stack = selected[0]["stack"]
    of, count, layers = (f"{stack} " if stack else ""), selected[0]["of_layers"], [each["layer"] for each in selected]
    if count == 1:
        about = f"the one {of}layer"
    elif len(layers) == count:
        about = f"all {count} {of}layers"
    elif layers == [count - 1]:
        about = f"the last of {count} {of}layers"
    else:
        about = f"{of}layer{'s' if len(layers) > 1 else ''} {_in_spans(layers)} of 0–{count - 1}"
    rows = [_rows_in_words(each["rows"]) for each in selected]
    if len(set(rows)) == 1:
        about += f", {rows[0]}"
    elif len(set(rows[:-1])) == 1:
        about += f", {rows[0]}, of the last layer {rows[-1]}"
    else:
        about += ", rows by layer"
    of_heads = {each["of_heads"] for each in selected}
    if all(len(each["heads"]) == each["of_heads"] for each in selected):
        named = "all heads" if len(of_heads) > 1 else f"all {max(of_heads)} heads" if of_heads != {1} else ""
    elif any(each["heads"] != selected[0]["heads"] for each in selected):
        named = "some heads"
    else:
        heads = selected[0]["heads"]
        named = f"head{'s' if len(heads) > 1 else ''} {_in_spans(heads)} of 0–{selected[0]['of_heads'] - 1}"
    return f"{about}, {named}" if named else about


def _rows_in_words(rows):
    if isinstance(rows, str):
        return "all rows" if rows == "all" else f"the {rows} token's row"
    return f"row{'s' if len(rows) > 1 else ''} {_in_spans(rows)}"


def _in_spans(numbers):
    """``0, 2–4`` of 0, 2, 3 and 4."""
    ordered = sorted(numbers)
    begins = [each for each in ordered if each - 1 not in ordered]
    ends = [each for each in ordered if each + 1 not in ordered]
    return ", ".join(f"{a}" if a == b else f"{a}–{b}" for a, b in zip(begins, ends, strict=True))


def _name(ordering):
    return NAMES.get(ordering, ordering.replace("_", " ").capitalize()[:20])


def _outcomes(reading, answer):
    for name, row in answer.orderings.items():
        shown = _name(name)
        numbers = interval(f"{shown}: flipped", row.flipped) | interval(f"{shown}: emptied", row.emptied)
        pattern = rf"{re.escape(shown)} {INTERVAL} {INTERVAL} {INTERVAL}"
        within = {"after": "only when none is left never", "until": "(With none left"}
        reading.claim(pattern, numbers | interval(f"{shown}: never", row.never), **within)


def _how_early(reading, answer):
    after, parts = "erased by then, over all", [10, 25, 50]
    reading.claim(rf"over all {COUNT} documents", {"documents of the means": Count(answer.n)}, after)
    for where, pattern in {"title": r"with (\d+), (\d+) and (\d+) % erased", "headings": r"at (\d+) % " * 3}.items():
        reading.claim(pattern, {f"{part} % in the {where}": Count(part) for part in parts}, after)
    for name, row in answer.orderings.items():
        shown = _name(name)
        numbers = interval(f"{shown}: restricted mean", row.restricted_mean)
        pattern = rf"{re.escape(shown)} {INTERVAL}"
        if row.lead_of_mean is not None:
            numbers |= interval(f"{shown}: mean less attention's", row.lead_of_mean)
            pattern += f" {POINTS}"
        erased_at = zip(parts, row.erased_at, strict=True)
        numbers |= {f"{shown}: flipped at {part} %": Share(share) for part, share in erased_at}
        reading.claim(rf"{pattern} {SHARE} {SHARE} {SHARE}", numbers, after)


REFERENCES = {"greedy": "erasing greedily by gradient", "oracle": "the smallest set that flips it"}
MEANS = {"attention": "most attended first takes", "random": "a random order"} | REFERENCES


def _where_all_flip(reading, answer):
    if answer.all_flip:
        counts = {"documents that every ordering flips": Count(answer.all_flip), "of": Count(answer.n)}
        reading.claim(rf"In the {COUNT} of {COUNT} documents whose", counts)
        for name in (name for name in MEANS if name in answer.orderings):
            row, shown = answer.orderings[name], _name(name)
            reading.claim(f"{MEANS[name]} {SHARE}", {f"{shown}: mean where all flip": Share(row.paired_fraction)})
            if name in REFERENCES:
                pattern = rf"takes ({NUMBER}) times as many \w+ as {REFERENCES[name]}"
                reading.claim(pattern, {f"{shown}: attention takes times as many": Decimal(row.words_ratio)})
    else:
        reading.say("documents that every ordering flips", "In no document does every ordering change the decision")
    if answer.emptied_rows:
        number = {"flips with an emptied row": Share(answer.emptied_rows)}
        reading.claim(f"In {SHARE} of the changes by attention some row", number)


def _who_is_first(reading, answer):
    for name, one in answer.comparisons.items():
        if one.neither < 1:
            against = f"attention against {_name(name)}"
            numbers = interval(f"{against}: first", one.first) | interval(f"{against}: equal", one.equal)
            numbers |= interval(f"{against}: the other first", one.second)
            pattern = rf"{re.escape(_name(name))} {INTERVAL} {INTERVAL} {INTERVAL} {SHARE}"
            numbers[f"{against}: neither"] = Share(one.neither)
            reading.claim(pattern, numbers, "Which changes the decision")


def _erasing_one(reading, answer):
    top = rf"only the most attended \w+ changes the decision in {INTERVAL}"
    reading.claim(top, interval("most attended alone", answer.erasing_top))
    reading.claim(rf"only another \w+, in {INTERVAL}", interval("another alone", answer.erasing_other))


def _guarantees(reading, answer):
    if answer.kept_at_least is None:
        return
    erased = {"erased at least": Share(answer.orderings["oracle"].restricted_mean.value)}
    reading.claim(rf"To change the decision {SHARE} of the \w+ have to be erased", erased)
    kept = interval("kept at least", answer.kept_at_least) | {"kept in the median": Decimal(answer.median_kept)}
    reading.claim(rf"keeping {INTERVAL} of them \(median: ({NUMBER}) \w+\) guarantees it", kept)
    by_attention = {"kept by attention": Share(answer.kept_by_attention)}
    reading.claim(rf"Of the most attended \w+ the first {SHARE} do\.", by_attention)


def _chance(reading, answer):
    documents, tried, found = answer.chance
    if not found:
        return
    after, until = "By AOPC an order is better than chance", "Does attention explain"
    counts = {"random orders of a document": Count(tried), "false discovery rate": Count(5)}
    counts["documents with random orders"] = Count(documents)
    reading.claim(rf"{COUNT} random orders of the same document \(.*?(\d+) %\).*? of {COUNT} documents", counts, after)
    for name, ranges in found.items():
        shown = _name(name)[0].lower() + _name(name)[1:]
        places = ("", ", from", ", to")
        numbers = {
            f"{shown}: better than chance{place}": Share(*ends) for place, ends in zip(places, ranges, strict=True)
        }
        reading.claim(rf"(?<![\w×] ){re.escape(shown)} {INTERVAL}", numbers, after, until)


def _verdict(reading, answer):
    about = f" ({_about(answer.selected)})" if answer.selected else ""
    verdict, asked = answer.verdict, f"Does attention explain this model{about}?"
    reading.say("verdict", f"{asked} {OPENINGS[verdict.verdict]}")
    said = reading.text[max(reading.text.find(asked), 0) :].partition("Attention heads,")[0]
    _named_orderings(reading, verdict, said)
    if verdict.documents_to_decide:
        fewest, most = map(_rounded_up, verdict.documents_to_decide)
        reading.claim(rf"About {COUNT} documents like these", {"documents to decide": Count(fewest, most)}, asked)
    if "evenness" in said:
        evenness = {"evenness": Decimal(answer.evenness.value), "evenness of equal weights": Count(1)}
        reading.claim(rf"evenness ({NUMBER}), where (1) is all equal", evenness, asked)
    if verdict.nearly_uniform and verdict.verdict not in ("nothing flips", "not informative"):
        reading.say("evenness", "The weights are nearly equal")
    if verdict.verdict == "as well as any":
        reading.claim(r"earlier still in (\d+) % more of the documents", {"negligible lead": Count(5)}, asked)
    if "oracle" not in answer.orderings and verdict.verdict != "nothing flips":
        reading.say("smallest sets", "no exact smallest set is known for this readout")


def _other_meanings(reading, answer):
    """Under how many of the ways of erasing the verdict is the same."""
    if answer.verdicts:
        verdicts = [answer.verdict.verdict, *answer.verdicts.values()]
        same = {"ways with this verdict": Count(verdicts.count(verdicts[0]))}
        if len(set(verdicts)) == 1:
            reading.claim(rf"under all {COUNT} meanings", same)
        else:
            reading.claim(rf"under {COUNT} of {COUNT} meanings", same | {"ways of erasing": Count(len(verdicts))})


def _named_orderings(reading, verdict, said):
    """Which orderings are said to be earlier than attention, and of which it is said to be open."""
    patterns = {
        "better": r"erasing by ((?:(?! changes?\b).)*) changes them earlier (?:still\.|than it does)",
        "open": r"whether erasing by ((?:(?! changes?\b).)*) changes them earlier still, these",
    }
    expected = {"better": set(), "open": set()}
    random_is_open = "random" in verdict.open
    if verdict.verdict == "only in part" or (verdict.verdict == "undecided" and random_is_open):
        expected["better"] = verdict.better
    elif verdict.verdict == "undecided" and verdict.nearly_uniform is not None:
        expected["open"] = verdict.open
    for which, pattern in patterns.items():
        match = re.search(pattern, said)
        found = set(match[1].split(" or by ")) if match else set()
        if found != {_name(name)[0].lower() + _name(name)[1:] for name in expected[which]}:
            reading.missing.append(f"{which}: {sorted(expected[which])}, and not {sorted(found)}")
    says_so = "whether erasing the most attended" in said or "whether their order changes" in said
    if says_so != (random_is_open and verdict.verdict in ("undecided", "not informative")):
        reading.missing.append("whether the order is open against a random one")


def _rounded_up(count):
    step = 10 ** max(0, math.floor(math.log10(count)) - 1)
    return math.ceil(count / step) * step


def _heads(reading, answer):
    if not answer.heads:
        return
    after = "Attention heads, each erased alone"
    faithful = sorted((head for head in answer.heads if head.verdict == "faithful"), key=lambda head: -head.gain.value)
    counts = {"documents of the heads": Count(answer.head_documents)}
    if faithful:
        counts["faithful heads"] = Count(len(faithful))
    how_many = COUNT if faithful else "none"
    reading.claim(
        rf"in {COUNT} documents?: {how_many} of {COUNT} change", counts | {"heads": Count(len(answer.heads))}, after
    )
    for head in faithful[:3]:
        stack, layer, number = head.name
        place = ("" if stack == "self" else f"{stack} attention ") + r"layer (\d+) head (\d+)"
        numbers = {"layer of a faithful head": Count(layer), "its number": Count(number)}
        gain = interval(f"gain of {stack} layer {layer} head {number}", head.gain)
        reading.claim(rf"{place} \({INTERVAL} fewer", numbers | gain, after)
    for verdict, words in {"not faithful": r"the order saves less than (1) %", "undecided": r"it is undecided"}.items():
        count = sum(head.verdict == verdict for head in answer.heads)
        if count:
            numbers = {f"{verdict} heads": Count(count)}
            if verdict == "not faithful":
                numbers["negligible gain"] = Count(1)
            reading.claim(rf"[oO]f {COUNT} {words}", numbers, after)
    _decisions_that_stay(reading, answer, after)


def _effects(reading, answer):
    if not answer.effects:
        return
    after = "Attention heads, each of"
    counts = {"heads erased": Count(len(answer.effects)), "documents of these": Count(answer.effect_documents)}
    reading.claim(rf"each of {COUNT} erased alone in {COUNT} documents?:", counts)
    flipping = [head for head in answer.effects[:3] if head.flip_whole.value > 0]
    if not flipping:
        reading.say("heads that flip nothing", "no decision changes without any one of them")
    for head in flipping:
        stack, layer, number = head.name
        place = ("" if stack == "self" else f"{stack} attention ") + r"layer (\d+) head (\d+)"
        numbers = {"layer of a head that flips": Count(layer), "its number": Count(number)}
        share = interval(f"flips without {stack} layer {layer} head {number}", head.flip_whole)
        reading.claim(rf"{place} \({INTERVAL}\)", numbers | share, after)
    more = sum(head.more for head in answer.effects)
    if more:
        reading.claim(rf"another one in {COUNT} of them", {"heads whose first item does more": Count(more)}, after)
    else:
        reading.say("heads whose first item does more", "another one in none of them")


def _decisions_that_stay(reading, answer, after):
    """The least and the largest share of decisions that stay with all of a head erased; one where they print alike."""
    never = sorted(head.never for head in answer.heads)
    ends = {"decisions that stay, least": Share(never[0]), "decisions that stay, most": Share(never[-1])}
    pattern = rf"all of a head erased, {SHARE} to {SHARE} of the decisions stay"
    if re.search(pattern, reading.text):
        reading.claim(pattern, ends, after)
    else:
        for name, share in ends.items():
            alone = re.search(rf"all of a head erased, {SHARE} of the decisions stay", reading.text)
            if alone and not share.agrees(alone[1]):
                reading.missing.append(f"{name}: {share}, and not {alone[1]}")
        reading.claim(
            rf"all of a head erased, {SHARE} of the decisions stay", {"decisions that stay": Share(never[0])}, after
        )
