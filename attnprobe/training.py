"""Train a classifier: learning rate halved when dev accuracy stalls, early stopping on it, resumable by epoch.

Everything random in an epoch (order of batches, dropout) is a function of the seed and the epoch's number, so that a
run that was interrupted and resumed ends with the same weights as one that was not.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from attnprobe.data.batches import EncodedSplit, LabelledBatch

B = TypeVar("B", bound=LabelledBatch)
In = TypeVar("In", contravariant=True)


class TrainableClassifier(Protocol[In]):
    """A module that makes logits (documents, classes) of a batch and knows how its weights are updated."""

    def __call__(self, batch: In, /) -> Tensor:
        """Logits (documents, classes)."""
        ...

    def optimisers(self, learning_rate: float) -> list[torch.optim.Optimizer]:
        """Optimisers that together update every weight."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """As of any module, like all that follows."""
        ...

    def state_dict(self) -> dict[str, Any]: ...  # noqa: D102

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any: ...  # noqa: ANN401, D102

    def train(self) -> Any: ...  # noqa: ANN401, D102

    def eval(self) -> Any: ...  # noqa: ANN401, D102

    def zero_grad(self, set_to_none: bool = True) -> None: ...  # noqa: D102


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    Attributes:
        epochs: at most this many.
        patience: stop after this many epochs without a better dev accuracy.
        learning_rate: of the optimisers, at first.
        batch_documents: most documents in a batch.
        batch_tokens: most tokens in a batch, padding included.
        gradient_norm: limit of the global norm, or None.
        gradient_value: limit of each entry's size, or None.
    """

    epochs: int = 8
    patience: int = 2
    learning_rate: float = 2e-3
    batch_documents: int = 32
    batch_tokens: int = 16384
    gradient_norm: float | None = 10.0
    gradient_value: float | None = None


@dataclass
class Epoch:
    """One line of the training log; times in seconds."""

    epoch: int
    loss: float
    dev_accuracy: float
    learning_rate: float
    tokens_per_second: float
    seconds: float


@dataclass
class Progress:
    """Where training stands: what it takes, beside the optimisers' state, to go on."""

    epochs: list[Epoch] = field(default_factory=list)
    best_accuracy: float = -1.0
    best_epoch: int = -1
    learning_rate: float = 0.0
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    def finished(self, settings: TrainingSettings) -> bool:
        """Whether the epochs are used up, or patience is."""
        waited = len(self.epochs) - 1 - self.best_epoch
        return len(self.epochs) >= settings.epochs or (bool(self.epochs) and waited >= settings.patience)


class Trainer(Generic[B]):
    """A model, its optimisers and its progress."""

    def __init__(self, model: TrainableClassifier[B], settings: TrainingSettings, seed: int) -> None:
        self.model = model
        self.settings = settings
        self.seed = seed
        self.progress = Progress(learning_rate=settings.learning_rate)
        self.optimisers = model.optimisers(settings.learning_rate)

    def step(self, batch: B) -> Tensor:
        """One update of the weights; returns the batch's mean cross-entropy (detached)."""
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(self.model(batch), batch.labels)
        loss.backward()  # type: ignore[no-untyped-call]
        limit_gradients(self.model.parameters(), self.settings)
        for optimiser in self.optimisers:
            optimiser.step()
        return loss.detach()

    def run_epoch(
        self,
        train: EncodedSplit[B],
        dev: EncodedSplit[B],
        device: torch.device,
        advance: Callable[[int], None],
    ) -> Epoch:
        """Train over all batches once, measure dev accuracy, adapt the learning rate, keep the best weights.

        Args:
            advance: told the number of tokens after each batch.
        """
        number = len(self.progress.epochs)
        torch.manual_seed(hash((self.seed, number)))
        self.model.train()
        started = time.perf_counter()
        groups = train.shuffled(self.settings.batch_documents, self.settings.batch_tokens, [self.seed, number])
        losses, tokens = [], 0
        for rows, batch in zip(groups, train.batches(groups, device), strict=True):
            losses.append(self.step(batch) * len(batch))
            tokens += (done := int(train.lengths[rows].sum()))
            advance(done)
        elapsed = time.perf_counter() - started
        epoch = Epoch(
            epoch=number,
            loss=float(torch.stack(losses).sum()) / len(train),
            dev_accuracy=accuracy(self.model, dev, device),
            learning_rate=self.progress.learning_rate,
            tokens_per_second=tokens / elapsed,
            seconds=time.perf_counter() - started,
        )
        self._judge(epoch)
        return epoch

    def _judge(self, epoch: Epoch) -> None:
        progress = self.progress
        progress.epochs.append(epoch)
        if epoch.dev_accuracy > progress.best_accuracy:
            progress.best_accuracy, progress.best_epoch = epoch.dev_accuracy, epoch.epoch
            progress.best_weights = {k: v.detach().cpu().clone() for k, v in self.model.state_dict().items()}
        else:
            self.set_learning_rate(progress.learning_rate / 2)

    def set_learning_rate(self, rate: float) -> None:
        """Set it in every optimiser and in the progress."""
        self.progress.learning_rate = rate
        for group in itertools.chain.from_iterable(o.param_groups for o in self.optimisers):
            group["lr"] = rate

    def estimate_seconds(self, train: EncodedSplit[B], device: torch.device, sample: int = 6) -> float:
        """Seconds that an epoch will take, from timing the passes of a few batches of all lengths; changes nothing."""
        groups = train.in_order_of_length(self.settings.batch_documents, self.settings.batch_tokens)
        chosen = groups[:: max(1, len(groups) // sample)]
        started = 0.0
        with torch.random.fork_rng():
            for index, batch in enumerate(train.batches([chosen[len(chosen) // 2], *chosen], device)):
                if index == 1:  # the first pass warms up
                    started = time.perf_counter()
                loss = nn.functional.cross_entropy(self.model(batch), batch.labels)
                loss.backward()  # type: ignore[no-untyped-call]
        elapsed = time.perf_counter() - started
        tokens = sum(int(train.lengths[rows].sum()) for rows in chosen)
        self.model.zero_grad(set_to_none=True)
        return elapsed * int(train.lengths.sum()) / tokens


def limit_gradients(parameters: Iterable[nn.Parameter], settings: TrainingSettings) -> None:
    """Clip gradients in place, by global norm or by value, the touched rows of the embedding included.

    A sparse gradient is summed by row first, as its norm is that of the sums.
    """
    gradients = []
    for parameter in parameters:
        if parameter.grad is None:
            continue
        if parameter.grad.is_sparse:
            parameter.grad = parameter.grad.coalesce()
            gradients.append(parameter.grad._values())  # the gradient's own storage: values() would refuse edits
        else:
            gradients.append(parameter.grad)
    if settings.gradient_value is not None:
        torch._foreach_clamp_min_(gradients, -settings.gradient_value)
        torch._foreach_clamp_max_(gradients, settings.gradient_value)
    if settings.gradient_norm is not None:
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        torch._foreach_mul_(gradients, (settings.gradient_norm / (norm + 1e-6)).clamp(max=1.0))


EVALUATION_DOCUMENTS, EVALUATION_TOKENS = 256, 32768
"""The fixed batches in which documents are read when no gradient is needed."""


@torch.inference_mode()
def accuracy(model: TrainableClassifier[B], documents: EncodedSplit[B], device: torch.device) -> float:
    """Share of documents whose decision is their label."""
    model.eval()
    right = 0
    groups = documents.in_order_of_length(EVALUATION_DOCUMENTS, EVALUATION_TOKENS)
    for batch in documents.batches(groups, device):
        right += int((model(batch).argmax(-1) == batch.labels).sum())
    return right / len(documents)
