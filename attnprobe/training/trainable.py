"""What a model must be able to do to be trained here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, TypeVar

from torch import Tensor, nn

from attnprobe.data.batches import LabelledBatch
from attnprobe.erasure.masking import Masking
from attnprobe.settings.training import TrainingSettings
from attnprobe.training.adam import Optimiser

B = TypeVar("B", bound=LabelledBatch)
In = TypeVar("In", contravariant=True)


class TrainableClassifier(Protocol[In]):
    """A module that makes logits (documents, classes) of a batch and knows how its weights are updated."""

    def __call__(self, batch: In, masking: Masking | None = None, /) -> Tensor:
        """Logits (documents, classes); in training with what ``masking`` says erased at the tested attention."""
        ...

    def logits(self, batch: In, /) -> Tensor:
        """The same to rounding, for whoever looks at nothing else in the model."""
        ...

    def optimiser(self, settings: TrainingSettings) -> Optimiser:
        """An optimiser that updates every weight."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """As of any module, like all that follows."""
        ...

    def state_dict(self) -> dict[str, Any]: ...  # noqa: D102

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any: ...  # noqa: ANN401, D102

    def train(self) -> Any: ...  # noqa: ANN401, D102

    def eval(self) -> Any: ...  # noqa: ANN401, D102

    def zero_grad(self, set_to_none: bool = True) -> None: ...  # noqa: D102
