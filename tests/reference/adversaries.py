"""Slow and obvious: every vertex of the rows of attention with nearly the same prediction; one document at a time."""

import itertools

import numpy as np


def js(a, b):
    middle = (a + b) / 2
    return sum(0.5 * (one[one > 0] * np.log(one[one > 0] / middle[one > 0])).sum() for one in (a, b))


def tv(a, b):
    return 0.5 * np.abs(a - b).sum()


def kl(a, b):
    with np.errstate(divide="ignore"):
        return (b[b > 0] * (np.log(b[b > 0]) - np.log(a[b > 0]))).sum()


def hellinger(a, b):
    return np.sqrt(0.5 * ((np.sqrt(a) - np.sqrt(b)) ** 2).sum())


DISTANCES = {"js": js, "tv": tv, "kl": kl, "hellinger": hellinger}


def leads(values, weights, weight, bias):
    """By rival what each item says for the decision against it (rivals, items)."""
    alone = values @ weight.T + bias
    decision = int(np.argmax(weights @ alone))
    return np.delete(alone[:, [decision]] - alone, decision, 1).T


def moved(row, other, of_items):
    """The largest change of σ(lead) over the rivals."""
    one, two = (1 / (1 + np.exp(-(of_items @ each))) for each in (row, other))
    return np.abs(one - two).max()


def limits(row, of_items, epsilon):
    """Low and high leads (rivals,)."""
    if epsilon == 0:
        return of_items @ row, of_items @ row
    with np.errstate(divide="ignore"):
        p = 1 / (1 + np.exp(-(of_items @ row)))
        bounds = np.clip(p - epsilon, 0, 1), np.clip(p + epsilon, 0, 1)
        return tuple(np.log(bound) - np.log1p(-bound) for bound in bounds)


def vertices(of_items, low, high):
    """All basic feasible rows (items,): m active limits, and m + 1 items."""
    rivals, items = of_items.shape
    slack = 1e-9 * max(1.0, np.abs(of_items).max())
    for active in range(min(rivals, items - 1) + 1):
        for chosen in itertools.combinations(range(rivals), active):
            for sides in itertools.product((low, high), repeat=active):
                wanted = np.array([side[rival] for rival, side in zip(chosen, sides, strict=True)])
                if not np.isfinite(wanted).all():
                    continue
                for support in itertools.combinations(range(items), active + 1):
                    rows = np.vstack([of_items[np.ix_(chosen, support)], np.ones(active + 1)])
                    try:
                        found = np.linalg.solve(rows, np.append(wanted, 1.0))
                    except np.linalg.LinAlgError:
                        continue
                    row = np.zeros(items)
                    row[list(support)] = found
                    means = of_items @ row
                    if (found >= -1e-12).all() and (means >= low - slack).all() and (means <= high + slack).all():
                        yield np.maximum(row, 0)
