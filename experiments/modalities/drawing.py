"""Documents with what attention and single erasures say of their places, beside one another."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from attnprobe.any_model import ProbeResult
from attnprobe.data.media import Patches
from attnprobe.reports.style import PAGE, SETTINGS
from experiments.modalities.planted import Planted

_DOCUMENTS = 4
_TOLD = {"weight": "attention", "js": "erased\nalone (JS)"}


def draw(result: ProbeResult, documents: Planted, path: Path) -> None:
    """Write a figure, a column a document: what is read, each place's attention, and what it does erased alone."""
    if result.media is None:
        return
    of_patches = isinstance(result.media.places, Patches)
    with plt.rc_context(SETTINGS):
        heights = [1.0, 1.0, 1.0] if of_patches else [1.0, 0.6, 0.6]
        size = (PAGE, 4.0 if of_patches else 3.0)
        figure, axes = plt.subplots(3, _DOCUMENTS, figsize=size, height_ratios=heights, squeeze=False)
        for number in range(_DOCUMENTS):
            own = result.items[result.items["document"] == number].sort_values("position")
            content, planted = result.media.shown[number].content, int(documents.places[number])
            for row, column in enumerate((None, *_TOLD)):
                values = None if column is None else own[column].to_numpy(float)
                place = _of_patches if of_patches else _of_frames
                place(axes[row, number], result, content, values, planted)
                if number == 0:
                    axes[row, number].set_ylabel("what is read" if column is None else _TOLD[column])
            axes[0, number].set_title(f"class {int(documents.classes[number])}")
        figure.tight_layout(pad=0.6)
        figure.savefig(path, dpi=160)
        plt.close(figure)


def _of_patches(axes: Axes, result: ProbeResult, content: np.ndarray, values: np.ndarray | None, planted: int) -> None:
    assert result.media is not None
    places = result.media.places
    assert isinstance(places, Patches)
    high, wide = content.shape[0] / places.rows, content.shape[1] / places.columns
    axes.imshow(content, interpolation="nearest")
    if values is not None:
        axes.imshow(np.full((*content.shape[:2], 3), 255), alpha=0.45)
        shades = np.maximum(values, 0) / max(1e-12, np.nanmax(values))
        for number, shade in enumerate(shades):
            row, column = divmod(number, places.columns)
            corner = (column * wide - 0.5, row * high - 0.5)
            axes.add_patch(Rectangle(corner, wide, high, facecolor="#D55E00", alpha=0.9 * shade, edgecolor="none"))
    row, column = divmod(planted, places.columns)
    corner = (column * wide - 0.5, row * high - 0.5)
    axes.add_patch(Rectangle(corner, wide, high, fill=False, edgecolor="#0072B2", linewidth=1.4))
    axes.set_xticks([])
    axes.set_yticks([])


def _of_frames(axes: Axes, result: ProbeResult, content: np.ndarray, values: np.ndarray | None, planted: int) -> None:
    assert result.media is not None
    places = result.media.places
    if values is None:
        extent = (0.5, places.tokens + 0.5, 0.0, 1.0)
        axes.imshow(content, aspect="auto", origin="lower", cmap="gray", extent=extent)
        axes.set_yticks([])
    else:
        axes.bar(np.arange(1, places.tokens + 1), np.maximum(values, 0), width=1.0, color="#D55E00")
        axes.set_xlim(0.5, places.tokens + 0.5)
        axes.set_yticks([])
    axes.axvspan(planted + 0.5, planted + 1.5, fill=False, edgecolor="#0072B2", linewidth=1.4)
    axes.set_xticks([1, 4, 8, 12])
    if values is None:
        axes.set_xlabel("frame")
