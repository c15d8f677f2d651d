"""What stands in for what is erased where a caller of the public functions gives it, as logits."""

from __future__ import annotations

import torch
from torch import Tensor

from attnprobe.erasure.contributions import Contributions
from attnprobe.erasure.registered_ways import OWN, RENORMALISE
from attnprobe.erasure.replaced_mass import ReplacedMass

DRAWN = "resample"
"""Of these ways the one of which there are several draws: what comes back has an axis of them before all others."""


def replaced_by(of: Contributions, erase_by: str, mean: Tensor | None, samples: Tensor | None) -> ReplacedMass | None:
    """The closed forms of a way of erasing; None where what remains is renormalised.

    Args:
        of: the documents.
        erase_by: the name of one of this package's ways.
        mean: for ``corpus_mean`` the mean logits of other documents (classes,).
        samples: for ``resample`` the logits of other documents, (draws, classes) or (draws, batch, classes).

    Raises:
        ValueError: there is no such way, or what it needs is missing, of another shape, or not finite.
    """
    if erase_by not in OWN:
        raise ValueError(f"erase_by is {erase_by!r}, but one of {', '.join(OWN)} is needed")
    for name, given, way in (("mean", mean, "corpus_mean"), ("samples", samples, DRAWN)):
        if (given is not None) != (erase_by == way):
            raise ValueError(f"{name} is for erase_by={way!r}" + ("" if given is not None else ", which needs it"))
        if given is not None and not bool(torch.isfinite(given).all()):
            raise ValueError(f"{name} holds NaN or infinite numbers")
    batch, classes = of.logits.shape
    if erase_by == RENORMALISE:
        return None
    if erase_by == "zero":
        logits = of.bias
    elif erase_by == "document_mean":
        logits = of.alone.sum(-1) / of.sizes.clamp(min=1)[:, None]
    elif mean is not None:
        logits = _fitting("mean", mean, (classes,))
    else:
        assert samples is not None, "it is looked for above"
        shape = (len(samples), classes) if samples.dim() == 2 else (len(samples), batch, classes)
        logits = _fitting("samples", samples, shape)
        logits = logits[:, None] if samples.dim() == 2 else logits
    logits = logits.double()
    draws = len(logits) if erase_by == DRAWN else 1
    return ReplacedMass(of, logits.expand(draws, batch, classes))


def _fitting(name: str, given: Tensor, shape: tuple[int, ...]) -> Tensor:
    if given.shape != shape or not len(given):
        raise ValueError(f"{name} has shape {tuple(given.shape)}, but {shape} is needed")
    return given
