"""The training loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property, partial
from typing import Generic, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from attnprobe.base.freed_memory import keep_freed_memory
from attnprobe.erasure.masking import Masking
from attnprobe.settings.training import AUC, TrainingSettings
from attnprobe.training.evaluation import accuracy, auc
from attnprobe.training.gradient_limits import limit_gradients
from attnprobe.training.masked_batches import MaskedBatches
from attnprobe.training.progress import Epoch, Progress
from attnprobe.training.ranks import ALONE, Ranks
from attnprobe.training.streamed_split import Buffer, Sample, StreamedSplit
from attnprobe.training.trainable import B, TrainableClassifier


class _Done(NamedTuple):
    """What was trained on: the sum of its documents' losses, and how many tokens and documents they are."""

    loss: float
    tokens: int
    documents: int


class Trainer(Generic[B]):
    """A model, its optimiser and its progress.

    Args:
        model: to be trained.
        settings: how.
        seed: of all that is random.
        ranks: the processes that train together.
    """

    def __init__(
        self, model: TrainableClassifier[B], settings: TrainingSettings, seed: int, ranks: Ranks = ALONE
    ) -> None:
        self.model = model
        self.settings = settings
        self.seed = seed
        self.ranks = ranks
        self.progress = Progress(learning_rate=settings.learning_rate)
        self.optimiser = model.optimiser(settings)

    def step(self, batch: B, weight: float = 1.0, masking: Masking | None = None) -> Tensor:
        """One update of the weights; returns the loss (detached).

        Args:
            batch: documents, of several ranks this one's.
            weight: of the documents' mean cross-entropy in the loss.
            masking: what of their attention is erased.
        """
        self.optimiser.zero_grad(set_to_none=True)
        logits = self._among_ranks(batch) if masking is None else self._among_ranks(batch, masking)
        loss = weight * nn.functional.cross_entropy(logits, batch.labels)
        loss.backward()  # type: ignore[no-untyped-call]
        limit_gradients(self.model.parameters(), self.settings)
        self.optimiser.step()
        return loss.detach()

    @cached_property
    def _among_ranks(self) -> TrainableClassifier[B]:
        """Made when it is first needed: weights that were loaded since are the same on all ranks, too."""
        return self.ranks.together(self.model)

    def run_epoch(
        self,
        train: StreamedSplit[B],
        dev: StreamedSplit[B],
        device: torch.device,
        advance: Callable[[int], None],
    ) -> Epoch:
        """Train over all batches once, measure dev accuracy, adapt the learning rate, keep the best weights.

        Args:
            advance: told the number of tokens after each batch.
        """
        keep_freed_memory()
        number = len(self.progress.epochs)
        own = () if self.ranks.first else (self.ranks.rank,)  # so that ranks do not drop out alike
        torch.manual_seed(hash((self.seed, number, *own)))
        self.model.train()
        started = time.perf_counter()
        # Not a loop, whose variable would keep one buffer in memory while the next is made.
        done = list(map(partial(self._train_on, number, device, advance), train.buffers(self.seed, number)))
        elapsed = time.perf_counter() - started
        loss = self.ranks.total(sum(each.loss for each in done)) / self.ranks.world
        epoch = Epoch(
            epoch=number,
            loss=loss / sum(each.documents for each in done),
            dev_accuracy=accuracy(self.model, dev, device, self.ranks),
            learning_rate=self.progress.learning_rate,
            tokens_per_second=sum(each.tokens for each in done) / elapsed,
            seconds=time.perf_counter() - started,
            dev_auc=auc(self.model, dev, device) if self.settings.judged_by == AUC else None,
        )
        self._judge(epoch)
        return epoch

    def _train_on(self, epoch: int, device: torch.device, advance: Callable[[int], None], buffer: Buffer[B]) -> _Done:
        documents, seed = buffer
        masked = MaskedBatches(documents, self.seed, epoch, self.settings) if self.settings.mask_training else None
        losses, tokens = [], 0
        for rows in documents.shuffled(self.settings.batch_documents, self.settings.batch_tokens, seed):
            places, weight = self.ranks.share(np.arange(len(rows)))
            # Of the whole batch, of which a rank has its part: so all ranks together draw what one process does.
            masking = None if masked is None else masked.of(rows).some(torch.from_numpy(places)).to(device)
            losses.append(self.step(documents.batch(rows[places]).to(device), weight, masking) * len(rows))
            tokens += (done := int(documents.lengths[rows].sum()))
            advance(done)
        return _Done(float(torch.stack(losses).sum()), tokens, len(documents))

    def _judge(self, epoch: Epoch) -> None:
        progress = self.progress
        progress.epochs.append(epoch)
        score = epoch.dev_accuracy if epoch.dev_auc is None else epoch.dev_auc
        if score > progress.best_score:
            progress.best_score, progress.best_epoch = score, epoch.epoch
            progress.best_weights = {k: v.detach().cpu().clone() for k, v in self.model.state_dict().items()}
        elif self.settings.halving:
            self.set_learning_rate(progress.learning_rate / 2)

    def set_learning_rate(self, rate: float) -> None:
        """Set it in the optimiser and in the progress."""
        self.progress.learning_rate = rate
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    def estimate_seconds(self, sample: Sample[B], device: torch.device, batches: int = 6) -> float:
        """Seconds that an epoch will take, from timing the passes of a few batches of all lengths; changes nothing."""
        documents = sample.documents
        groups = documents.in_order_of_length(self.settings.batch_documents, self.settings.batch_tokens)
        chosen = groups[:: max(1, len(groups) // batches)]
        started = 0.0
        with torch.random.fork_rng():
            for index, batch in enumerate(documents.batches([chosen[len(chosen) // 2], *chosen], device)):
                if index == 1:  # the first pass warms up
                    started = time.perf_counter()
                loss = nn.functional.cross_entropy(self.model(batch), batch.labels)
                loss.backward()  # type: ignore[no-untyped-call]
        elapsed = time.perf_counter() - started
        tokens = sum(int(documents.lengths[rows].sum()) for rows in chosen)
        self.model.zero_grad(set_to_none=True)
        return elapsed * sample.tokens / tokens / self.ranks.world
