"""A model's examination as plain text."""

from __future__ import annotations

from collections.abc import Sequence

from attnprobe.base.text_cells import aligned
from attnprobe.base.visible import visible
from attnprobe.engines.choice import FORWARD, REPLAY, SINGLE_ROW
from attnprobe.engines.examination import Examination, Layer

VERIFIED = "verified"

_ENGINES = {
    SINGLE_ROW: "the row's context in closed form, the rest of the model on that row alone",
    REPLAY: "the model is run from the layer's block on",
    FORWARD: "the whole model is run",
}


def examination_text(seen: Examination, task: str) -> str:
    """Everything that was seen, and the verdict as the last line: ``verified``, or ``refused:`` and one sentence.

    Args:
        seen: of the model.
        task: what the model is for, in words.
    """
    source, target = seen.lengths
    tokens = f"{source} tokens" if target is None else f"{source} tokens and {target} in the decoder"
    parts = [
        table_of_text(
            [
                ("model", seen.model),
                ("task", task),
                ("parameters", f"{seen.parameters:,}"),
                ("examples", f"{seen.documents} documents of up to {tokens}, random and padded"),
            ]
        )
    ]
    if seen.layers:
        parts.append(_attention(seen.layers))
    if seen.foreign:
        found = [(str(each.place), each.module, str(each.shape)) for each in seen.foreign]
        parts.append(f"Attention whose columns are not the tokens\n{_table(('at', 'module', 'shape'), found)}")
    if seen.checks:
        parts.append(f"Verified\n{table_of_text([(f'  {check.name}', check.seen) for check in seen.checks])}")
    if seen.refusal is None:
        parts.append(_cost(seen))
    parts.append(VERIFIED if seen.refusal is None else f"refused: {visible(seen.refusal)}")
    return "\n\n".join(parts)


def _attention(layers: Sequence[Layer]) -> str:
    header = ("stack", "layer", "at", "heads", "shape", "sinks", "way in", "rows read")
    rows = [
        (
            layer.site.stack,
            str(layer.site.layer),
            str(layer.site.place),
            str(layer.site.heads),
            "×".join(map(str, layer.shape)),
            str(layer.site.extra or ""),
            layer.way_in,
            layer.reads,
        )
        for layer in layers
    ]
    return f"Attention layers\n{_table(header, rows)}"


def _cost(seen: Examination) -> str:
    """Shares are counted, seconds are measured."""
    header = ("stack", "layer", "engine", "forward passes, counted", "seconds", "× a pass")
    rows = []
    for layer in seen.layers:
        if layer.erasure is None:
            rows.append((layer.site.stack, str(layer.site.layer), "nothing to erase", "", "", ""))
            continue
        engine, share, seconds = layer.erasure
        numbers = (f"{share:.3f}", f"{seconds:.4f}", f"{seconds / seen.seconds:.2f}")
        rows.append((layer.site.stack, str(layer.site.layer), engine, *numbers))
    used = [name for name in _ENGINES if any(layer.erasure and layer.erasure.engine == name for layer in seen.layers)]
    blocks = f"{seen.block_calls} calls of its blocks" if seen.block_calls else "no blocks that it could be run from"
    lines = [
        "An erasure (one prefix of one ordering) in each of the examples, all at once",
        _table(header, rows),
        *(f"  {name}: {_ENGINES[name]}" for name in used),
        f"  One plain forward pass over the examples is {blocks} and takes {seen.seconds:.4f} seconds.",
        "  A document of n tokens has n prefixes: an ordering costs at most n times as many passes.",
    ]
    return "\n".join(lines)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Without the columns that are empty throughout."""
    kept = [number for number in range(len(header)) if any(row[number] for row in rows)]
    return table_of_text([[f"  {row[kept[0]]}", *(row[number] for number in kept[1:])] for row in (header, *rows)])


def table_of_text(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell."""
    shown = [[visible(cell) for cell in row] for row in rows]
    return "\n".join(line.rstrip() for line in aligned(shown, right=False))
