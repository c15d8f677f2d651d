"""Pictures with their patches shaded, and sounds on an axis of time: one drawing a document, in HTML of its own."""

from __future__ import annotations

import base64
import html
import struct
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from attnprobe.base.visible import visible
from attnprobe.data.media import Frames, Media, Patches, Shown

_FIRST = 6
"""Documents that are drawn where nobody says which."""

_PANELS = (("weight", "attention"), ("js", "erased alone: how far the output moves (JS, nats)"))
"""What patches and steps are shaded by: columns of items.parquet, and what they are called."""

_WIDE, _HIGH, _BAND = 640, 96, 34
"""Of a sound: how wide it is drawn, how high its samples, and how high each row of bars."""

_LEGEND = {
    "patch": "Shades are shares of the largest value; a red edge: erased alone, the patch flips the decision.",
    "step": "Bars are shares of the largest value; red: erased alone, the step flips the decision.",
}

_STYLE = (
    "<style>.attnprobe-media{font:14px/1.4 system-ui,sans-serif}"
    ".attnprobe-media figure{margin:0 0 1.5em;max-width:100%}"
    ".attnprobe-media .panels{display:flex;flex-wrap:wrap;gap:12px}"
    ".attnprobe-media .panel{flex:1 1 150px;max-width:240px}"
    ".attnprobe-media .sound{max-width:640px}"
    ".attnprobe-media svg{width:100%;height:auto;display:block}"
    ".attnprobe-media figcaption,.attnprobe-media p{margin:.3em 0}"
    ".attnprobe-media text{fill:currentColor;font:11px system-ui,sans-serif}</style>"
)


def media_html(
    media: Media,
    documents: pd.DataFrame,
    erasures: pd.DataFrame,
    items: pd.DataFrame,
    which: Sequence[int] | None = None,
    classes: Mapping[int, str] | None = None,
) -> str:
    """Drawings of documents, one below the other.

    Args:
        media: the pictures or sounds.
        documents: one row a document.
        erasures: one row a document × ordering × draw.
        items: one row a document × item.
        which: numbers of documents; by default the first ones.
        classes: what decisions are called, by their numbers.
    """
    numbers = range(min(_FIRST, len(media.shown))) if which is None else which
    drawn = []
    for number in numbers:
        if not 0 <= number < len(media.shown):
            continue
        own = items[items["document"] == number].sort_values("position")
        caption = _caption(number, documents, erasures, classes or {})
        drawing = _picture(media.places, media.shown[number], own) if isinstance(media.places, Patches) else ""
        if isinstance(media.places, Frames):
            drawing = _sound(media.places, media.shown[number], own)
        drawn.append(f"<figure><figcaption>{caption}</figcaption>{drawing}</figure>")
    legend = f"<p>{_LEGEND['patch' if isinstance(media.places, Patches) else 'step']}</p>"
    return f'{_STYLE}<div class="attnprobe-media">{"".join(drawn)}{legend}</div>' if drawn else ""


def _caption(number: int, documents: pd.DataFrame, erasures: pd.DataFrame, classes: Mapping[int, str]) -> str:
    row = documents[documents["document"] == number].iloc[0]
    decided = int(row["decision"])
    name = visible(classes.get(decided, f"class {decided}"))
    flips = erasures[(erasures["document"] == number) & (erasures["ordering"] == "attention")]
    told = ""
    if len(flips):
        removed = int(flips.iloc[0]["removed"])
        told = f", by attention flips without {removed} of {int(row['n'])} items"
        told = ", never flips by attention" if removed < 0 else told
    sure = f", p = {float(row['p_decision']):.2f}" if "p_decision" in row else ""
    return html.escape(f"Document {number}: {name}{sure}{told}")


def _picture(places: Patches, shown: Shown, items: pd.DataFrame) -> str:
    content = shown.content[::-1] if places.spectrogram else shown.content
    high, wide = content.shape[:2]
    scale = 240 / max(high, wide) if not places.spectrogram else 1.0
    panels = []
    for column, told in _shown_columns(items):
        values = items[column].to_numpy(float)
        most = np.nanmax(values, initial=0.0) or 1.0
        cells = []
        for token, value, name, flips in zip(shown.tokens, values, items["token"], _flips(items), strict=True):
            place = int(token) - places.before
            if 0 <= place < places.rows * places.columns:
                row, across = divmod(place, places.columns)
                row = places.rows - 1 - row if places.spectrogram else row
                cells.append(_cell(row, across, places, (high, wide), value / most, f"{name}: {value:.3g}", flips))
        size = f'viewBox="0 0 {wide} {high}"'
        label = f"{told}, patch by patch"
        image = f'<image href="{_png(content)}" width="{wide}" height="{high}" preserveAspectRatio="none"/>'
        style = f'style="image-rendering:pixelated;max-width:{max(160, round(wide * scale))}px"'
        drawing = f'<svg {size} role="img" aria-label="{html.escape(label)}" {style}>{image}{"".join(cells)}</svg>'
        panels.append(f'<div class="panel">{drawing}<p>{html.escape(told)}</p></div>')
    return f'<div class="panels">{"".join(panels)}</div>{_of_no_place(places, shown, items)}'


def _cell(row: int, column: int, places: Patches, size: tuple[int, int], share: float, told: str, flips: bool) -> str:
    high, wide = size[0] / places.rows, size[1] / places.columns
    edge = max(size) / 160
    stroke = f"#d00000;stroke-width:{2 * edge:.3g}" if flips else f"#8888;stroke-width:{edge / 2:.3g}"
    opacity = 0.0 if np.isnan(share) else 0.85 * max(0.0, share)
    return (
        f'<rect x="{column * wide:.4g}" y="{row * high:.4g}" width="{wide:.4g}" height="{high:.4g}" '
        f'style="fill:#ff8c00;fill-opacity:{opacity:.3f};stroke:{stroke}">{_title(told)}</rect>'
    )


def _of_no_place(places: Patches, shown: Shown, items: pd.DataFrame) -> str:
    inside = (shown.tokens >= places.before) & (shown.tokens < places.before + places.rows * places.columns)
    others = items[~inside]
    if others.empty:
        return ""
    told = "; ".join(f"{name} {weight:.3f}" for name, weight in zip(others["token"], others["weight"], strict=True))
    return f"<p>Tokens of no place, and their attention: {html.escape(visible(told))}</p>"


def _sound(places: Frames, shown: Shown, items: pd.DataFrame) -> str:
    columns = _shown_columns(items)
    high = _HIGH + len(columns) * _BAND + 22
    length = shown.content.shape[-1]
    parts = [_samples(shown.content)]
    for number, (column, told) in enumerate(columns):
        values = items[column].to_numpy(float)
        most = np.nanmax(values, initial=0.0) or 1.0
        top = _HIGH + number * _BAND
        for token, value, name, flips in zip(shown.tokens, values, items["token"], _flips(items), strict=True):
            left = int(token) * places.step / length * _WIDE
            bar = 0.0 if np.isnan(value) else max(0.0, value / most) * (_BAND - 16)
            colour = "#d00000" if flips else "#ff8c00"
            parts.append(
                f'<rect x="{left:.5g}" y="{top + _BAND - bar:.5g}" width="{places.step / length * _WIDE:.4g}" '
                f'height="{bar:.4g}" fill="{colour}">{_title(f"{name}: {value:.3g}")}</rect>'
            )
        parts.append(f'<text x="0" y="{top + 12}">{html.escape(told)}</text>')
    parts.append(_axis(places, length, high - 22))
    size = f'viewBox="0 0 {_WIDE} {high}" role="img" aria-label="attention and single erasures over time"'
    return f'<div class="sound"><svg {size}>{"".join(parts)}</svg></div>'


def _title(told: str) -> str:
    return f"<title>{html.escape(visible(told))}</title>"


def _samples(content: npt.NDArray[np.generic]) -> str:
    if content.ndim == 2:
        image = _png(content[::-1])
        return f'<image href="{image}" width="{_WIDE}" height="{_HIGH - 6}" preserveAspectRatio="none"/>'
    values = content.astype(float)
    parts = np.array_split(values, min(len(values), _WIDE // 2))
    most = float(np.abs(values).max()) or 1.0
    middle, wide = (_HIGH - 6) / 2, _WIDE / len(parts)
    lines = []
    for number, part in enumerate(parts):
        top, bottom = middle - part.max() / most * middle, middle - part.min() / most * middle
        lines.append(f"M{(number + 0.5) * wide:.5g} {top:.4g}V{max(bottom, top + 0.5):.4g}")
    return f'<path d="{"".join(lines)}" stroke="currentColor" stroke-width="{wide:.3g}" opacity="0.6"/>'


def _axis(places: Frames, length: int, top: float) -> str:
    unit = "s" if places.rate else "frames"
    whole = length / places.rate if places.rate else length / places.step
    step = _round_step(whole)
    marks = [f'<path d="M0 {top}H{_WIDE}" stroke="currentColor" fill="none"/>']
    last = int(whole / step + 1e-9)
    for number in range(last + 1):
        left = number * step / whole * _WIDE
        anchor = "start" if number == 0 else "end" if left > _WIDE - 40 else "middle"
        told = f"{number * step:.4g} {unit if number == last else ''}".strip()
        marks.append(f'<path d="M{left:.5g} {top}v4" stroke="currentColor"/>')
        marks.append(f'<text x="{left:.5g}" y="{top + 16}" text-anchor="{anchor}">{told}</text>')
    return "".join(marks)


def _round_step(whole: float) -> float:
    """Some eight marks on an axis, at 1, 2 or 5 times a power of ten."""
    rough = whole / 8
    power = 10.0 ** np.floor(np.log10(rough))
    return float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough))


def _shown_columns(items: pd.DataFrame) -> list[tuple[str, str]]:
    return [(column, told) for column, told in _PANELS if column in items and items[column].notna().any()]


def _flips(items: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether erasing the item alone flips the decision."""
    if "flips" not in items:
        return np.zeros(len(items), dtype=bool)
    return items["flips"].fillna(False).to_numpy(bool)


def _png(levels: npt.NDArray[np.generic]) -> str:
    """Levels from 0 to 255 (height, width) or (height, width, 3) as the address of a picture."""
    pixels = np.ascontiguousarray(levels, dtype=np.uint8)
    high, wide = pixels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    kind = 2 if pixels.ndim == 3 else 0
    header = struct.pack(">IIBBBBB", wide, high, 8, kind, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"
