"""How a model is trained."""

from __future__ import annotations

from dataclasses import dataclass

from attnprobe.erasure.registered_ways import RENORMALISE
from attnprobe.settings.declaration import Settings, setting
from attnprobe.settings.unfit import Named, SettingError

ACCURACY, AUC = JUDGES = ("accuracy", "auc")
"""What epochs are judged by."""

LEARNED, UNIFORM, FROZEN = "learned", "uniform", "frozen:"
"""What the attention of a model that pools may be; a run's folder stands behind the last."""

HALF = "half"
"""Of each batch of training documents, half is erased in at random."""

EPOCHS_DOCSTRINGS = 4
"""At most, where nothing is said of them: the embedded dataset is done after fewer than others."""


@dataclass(frozen=True)
class TrainingSettings(Settings, section="training"):
    """How a model is trained."""

    epochs: int = setting(
        8, help=f"at most so many; on docstrings {EPOCHS_DOCSTRINGS}, where neither a flag nor a file says it"
    )
    patience: int = setting(2, help="stop after so many epochs without a better accuracy on the development split")
    learning_rate: float = setting(2e-3, above=0, help="of the optimiser, at first")
    batch_documents: int = setting(32, flag="--batch-size", help="documents in a batch, at most")
    batch_tokens: int = setting(16384, help="tokens in a batch, padding included, at most")
    gradient_norm: float | None = setting(10.0, above=0, help="limit of the gradient's global norm, or none")
    gradient_value: float | None = setting(None, above=0, help="limit of the size of each of its entries, or none")
    amsgrad: bool = setting(
        False, silent=True, help="divide Adam's steps by the largest second moment so far (not of hf: models)"
    )
    weight_decay: float = setting(
        0.0,
        at_least=0,
        silent=True,
        help="this times the weight is added to each gradient but the attention's (not of hf: models)",
    )
    halving: bool = setting(True, silent=True, help="halve the learning rate after an epoch that is no better")
    judged_by: str = setting(
        ACCURACY, choices=JUDGES, silent=True, help="what of the development split says which epoch is the best"
    )
    attention: str = setting(
        LEARNED,
        silent=True,
        metavar=f"{LEARNED}|{UNIFORM}|{FROZEN}RUN",
        help=f"of models that pool: {LEARNED}; {UNIFORM}, equal weights throughout; or {FROZEN}RUN, those of the "
        "trained model of another run with the same vocabulary (Wiegreffe & Pinter 2019)",
    )
    mask_training: str | None = setting(
        None,
        silent=True,
        choices=(HALF,),
        help="train for erasure: in half of each batch a uniformly drawn share, 0 to 100 %, of the items is erased at "
        "the attention (docs/method.md)",
    )
    mask_training_by: str = setting(
        RENORMALISE, silent=True, metavar="NAME", help="the way of erasing (attnprobe list) of that training"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mask_training is None and self.mask_training_by != RENORMALISE:
            sentence = "{} says how {} erases, which is not asked for."
            raise SettingError(self.section, sentence, Named("mask_training_by"), Named("mask_training"))


OF_JAIN = TrainingSettings(
    epochs=8,
    patience=8,
    learning_rate=1e-3,
    gradient_norm=None,
    amsgrad=True,
    weight_decay=1e-5 / 32,
    halving=False,
    judged_by=AUC,
)
"""The recipe of Jain & Wallace (2019): all eight epochs, and of these the best.

Their weight decay of 1e-5 stands beside a loss that is summed over 32 documents; here losses are means.
"""

FINE_TUNING = TrainingSettings(epochs=3, learning_rate=1e-4, gradient_norm=1.0)
"""How a pretrained model is trained further unless told otherwise: with smaller steps than one from scratch."""
