"""A work and an executor without files and processes, to try many cases with."""

import itertools
import random

from attnprobe.execution.work import Executor, Outcome, Work


class InMemory(Work[tuple[int, int]]):
    """Makes lists of documents instead of files."""

    def __init__(self, poison=(), transient=()):
        self.poison, self.transient = set(poison), set(transient)
        self.made, self.begun, self.joined, self.lost = {}, [], [], set()

    def open(self):
        return self.do

    def do(self, piece):
        self.begun.append(piece)
        for document in range(*piece):
            if document in self.transient:
                self.transient.remove(document)
                raise MemoryError
            if document in self.poison:
                if piece == (document, document + 1):
                    self.lost.add(piece)
                raise ValueError(f"document {document}\nis poison")
        assert piece not in self.made
        self.made[piece] = list(range(*piece))

    def is_done(self, piece):
        return piece in self.made

    def parts(self, piece):
        begin, end = piece
        third = max(1, (end - begin) // 3)
        ends = [*range(begin, end, third), end]
        return list(itertools.pairwise(ends)) if end - begin > 1 else []

    def join(self, piece, parts, lost):
        assert parts == self.parts(piece)
        assert list(lost) == [(n, n + 1) for n in range(*piece) if (n, n + 1) in self.lost]
        self.joined.append(piece)
        self.made[piece] = [n for part in parts if part not in lost for n in self.made[part]]

    def cost(self, piece):
        return piece[1] - piece[0]

    def name(self, piece):
        return f"{piece[0]}-{piece[1]}"


class KnownLater(InMemory):
    """Knows but one part of a piece before that is done, or lost."""

    def parts(self, piece):
        parts = super().parts(piece)
        settled = all(self.is_done(part) or part in self.lost for part in parts[:1])
        return parts if settled else parts[:1]


class AnyOrder(Executor):
    """Finishes what is under way in an order drawn at random; some workers die, some of them after the work is done."""

    def __init__(self, workers, seed, deaths=0.0):
        self.workers, self.deaths = workers, deaths
        self.random = random.Random(seed)
        self.under_way, self.submitted, self.died = [], [], set()
        self.closed = True

    def start(self, work, say):
        self.do, self.closed = work.open(), False

    def submit(self, piece):
        self.submitted.append(piece)
        self.under_way.append(piece)
        assert len(self.under_way) <= self.workers

    def next(self):
        piece = self.under_way.pop(self.random.randrange(len(self.under_way)))
        late = self.random.random() < 0.5
        dies = self.random.random() < self.deaths and piece not in self.died
        if dies:
            self.died.add(piece)
            if not late:
                return Outcome(piece, "the worker died (signal 9)", 0.0, 0.0, 0)
        try:
            self.do(piece)
        except Exception as error:
            return Outcome(piece, f"{type(error).__name__}: {str(error).split(chr(10))[0]}", 1.0, 0.5, 0)
        return Outcome(piece, "the worker died (signal 9)" if dies else None, 1.0, 0.5, 0)

    def close(self):
        self.closed = True
