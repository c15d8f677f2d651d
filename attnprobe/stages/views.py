"""Further selections of a run's attention: each a complete probe, with a folder of its own inside the run's.

What a heat map usually shows is one row of the last layer; a verdict on that says nothing of the other layers. A view
is the same model, data and seed with other layers erased in: its folder has a configuration, tables and a report as any
run has.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np

from attnprobe.base.run_layout import ALL_LAYERS, view_folder
from attnprobe.erasure.registered_orderings import chosen_orderings
from attnprobe.execution.settings import ExecutionSettings
from attnprobe.models.subject import Tested
from attnprobe.runs.run_folder import RunFolder
from attnprobe.runs.selection_records import recorded_selection
from attnprobe.runs.tables import read_table
from attnprobe.settings.attention import AUTO, AttentionSettings
from attnprobe.settings.kinds import kind_of
from attnprobe.stages.certified_sample import most_erasures
from attnprobe.stages.run_work import TEST
from attnprobe.stages.tables import certified_documents
from attnprobe.stages.testing import BY_DEFAULT, probe
from attnprobe.stages.training import Run

TRIED = 8
"""Documents on which the cost of an erasure is measured."""


def probe_with_views(run: Run, execution: ExecutionSettings = BY_DEFAULT, *, force: bool = False) -> int:
    """Probe a trained run, and then its views: each where it is not probed as the run is.

    Args:
        run: it.
        execution: by whom; what does a share of a run does the same share of its views.
        force: throw away what is there of the views.

    Returns:
        How many documents were left out because they broke the model, in all of them.

    Raises:
        InputError: as :func:`probe`; or someone else is writing into a view.
    """
    tested = run.subject.load()
    return probe(run, execution, tested) + _probe_views(run, tested, execution, force=force)


def keep_views(run: Run, execution: ExecutionSettings = BY_DEFAULT) -> int:
    """The same of a run that is probed: of its views alone."""
    return _probe_views(run, run.subject.load(), execution)


def _probe_views(run: Run, tested: Tested[Any], execution: ExecutionSettings, *, force: bool = False) -> int:
    left_out = 0
    for view in _views_of(run, tested):
        with view.folder.locked(shared=execution.share is not None):
            view.folder.open(view.configuration, force=force)
            of_view = view.subject.load()
            foretold = execution.share is None and not view.folder.is_probed(_stamp(view, of_view))
            if foretold:
                run.say(cost_in_words(run, view, of_view))
            left_out += probe(view, execution, of_view, foretold=foretold)
    return left_out


def _stamp(view: Run, tested: Tested[Any]) -> str:
    return f"{view.configuration.erased_by}/{tested.digest}"


def _views_of(run: Run, tested: Tested[Any]) -> list[Run]:
    """The views of a run, in order, their folders not opened yet."""
    attention = run.configuration.settings.attention
    if attention is None:
        return []
    return [_view(run, attention, layers) for layers in _layers(run, attention, tested)]


def _layers(run: Run, attention: AttentionSettings, tested: Tested[Any]) -> list[str]:
    settings = run.configuration.settings
    if attention.also != (AUTO,):
        return list(attention.also)
    as_usual = attention.layers == AttentionSettings().layers and attention.query == AUTO
    selected = recorded_selection(tested.notes)
    has_others = bool(selected) and selected[0].of_layers > 1
    return [ALL_LAYERS] if not kind_of(settings.model).from_scratch and as_usual and has_others else []


def _view(run: Run, attention: AttentionSettings, layers: str) -> Run:
    own = dataclasses.replace(attention, layers=layers, also=(), head_map_documents=0)
    settings = dataclasses.replace(run.configuration.settings, attention=own)
    configuration = dataclasses.replace(run.configuration, settings=settings)
    folder = RunFolder(run.folder.path / view_folder(layers), run.folder.within)
    return dataclasses.replace(run, folder=folder, configuration=configuration)


def cost_in_words(run: Run, view: Run, tested: Tested[Any]) -> str:
    """What a view takes, as measured on a few documents that the run has probed, and how it is left out.

    Documents that the run had to leave out would break the model here, too.
    """
    split = view.dataset.splits[TEST]
    probed = read_table(run.folder.table("documents"), ["document"])["document"].to_numpy()
    documents = split.take(probed[:TRIED])
    encoded = view.subject.encode(documents)
    batch = encoded.batch(np.arange(len(encoded))).to(view.device)
    erasures = tested.probe.erasures(batch)
    mask = erasures.attention.mask
    started = time.perf_counter()
    erasures.single_effects()
    tried = int(mask.sum())
    each = (time.perf_counter() - started) / tried
    settings = view.configuration.settings
    orders = len(chosen_orderings(settings.orderings)) - 1 + settings.draws
    items = int(split.words_per_document.sum()) * tried / max(1, int(documents.words_per_document.sum()))
    most = int(items * (1 + orders))
    if settings.certify:
        words = np.asarray(split.words_per_document)
        most += most_erasures(certified_documents(words, settings.seed, settings.certify), words)
    layers = view.configuration.settings.attention
    named = "all layers" if layers is not None and layers.layers == ALL_LAYERS else f"layers {view.folder.path.name}"
    return (
        f"Next: the same question of {named} ({view.folder.path.name}/): at most {most:,} erasures, "
        f"{_duration(most * each)} at most as measured on a few documents; --also none leaves it out."
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
