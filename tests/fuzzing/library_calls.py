"""Hostile calls of the library: every public function of arrays with arguments that are almost right, or quite wrong.

An input is a file that holds the name of a function and a seed; reading it makes the call. A call is refused in one
sentence by ``ValueError``, ``TypeError`` or ``InputError``, or it gives what brute force gives, or what it must.
"""

import contextlib
import copy
import functools
import json
import math
import random as randoms
import traceback
import warnings
from decimal import Decimal

import numpy as np
import torch

import attnprobe
from attnprobe import identifiability
from attnprobe.base.errors import InputError
from attnprobe.identifiability import Alternatives, SolverError
from tests.fixtures.public_functions import EXACT, WHOLE, examples
from tests.reference import erasure as brute

NUMBERS = [
    math.nan,
    math.inf,
    -math.inf,
    -1.0,
    -0.0,
    0.0,
    1.0,
    1e308,
    1e300,
    1e-308,
    5e-324,
    65504.0,
    2.0**53 + 1,
    1e-9,
]
THINGS = [
    *("", "weights", "nan", b"\0", None, True, 0, -1, 3, 10**400, 1.5, math.nan, 1j, Decimal(1), object(), len),
    *([], [[]], [[1.0], [1.0, 2.0]], ["a"], [None], {}, {"a": 1}, set(), range(3), [torch.ones(2)] * 2, ((),)),
    *(np.zeros(0), np.zeros((0, 4)), np.array(1.0), np.array("a"), np.array([None]), np.zeros((2, 4), complex)),
    *(np.zeros((2, 4), "M8[s]"), np.zeros(2, [("a", float)]), np.ma.masked_array([1.0, 2.0], [True, False])),
    *(torch.zeros(()), torch.zeros(0), torch.zeros(2, 4).to_sparse(), torch.zeros(2, 4, device="meta")),
    *(
        torch.zeros(1, 1, 1, 1, 1),
        torch.nn.Linear(3, 3),
        torch.nn.Linear(2, 1),
        (torch.zeros(3, 3), None),
        (None, None),
    ),
]
"""What may stand in an argument's place."""

COUNTS = {
    "dk_star": 2,
    "local_dimension": 3,
    "joint_local_dimension": 4,
    "realisable_dimension": 2,
}
"""Functions of whole numbers, and how many."""

OF_ALTERNATIVES = ("range_of", "top_items", "order_flips", "farthest_alternative", "sample_alternatives")
MAY_BE_NAN = {
    *("first_flip", "first_flip_range", "first_flips_of", "top_items"),
    *("nullity", "joint_nullity", "published_rank", "logit_rank", "tangent_dimension", "fixed_key_dimension"),
}
"""Functions in whose results NaN says that there is no such number."""


@functools.cache
def calls():
    """Function name → (function, two sets of valid arguments)."""
    exact, whole = examples(EXACT), examples(WHOLE)
    found = {function.__name__: (function, (exact[function], whole[function])) for function in exact}
    for name, count in COUNTS.items():
        arguments = dict(zip("abcd", (9, 3, 4, 2), strict=True))
        found[name] = (getattr(identifiability, name), ({k: arguments[k] for k in "abcd"[:count]},) * 2)
    alternatives = exact[identifiability.mass_range]["alternatives"]
    for name in OF_ALTERNATIVES:
        given = {"alternatives": alternatives} | ({"count": 5, "seed": 1} if name == "sample_alternatives" else {})
        found[name] = (getattr(identifiability, name), (given, given))
    return found


def make(random, folder):
    path = folder / "call.json"
    path.write_text(json.dumps({"function": random.choice(sorted(calls())), "seed": random.randrange(2**32)}))
    return path


def read(path):
    """Make the call; a refusal becomes one that names the file."""
    said = json.loads(path.read_text())
    random = randoms.Random(said["seed"])
    function, (exact, whole) = calls()[said["function"]]
    arguments = dict(exact if random.random() < 0.6 else whole)
    for _ in range(random.choice((1, 1, 2, 3))):
        name = random.choice(list(arguments))
        if random.random() < 0.04 and len(arguments) > 1:
            del arguments[name]
            continue
        other = spoilt(random, arguments[name])
        if name != "starts" or not isinstance(other, int) or not 1 < other < 10**9:  # each start takes a second
            arguments[name] = other
    result = answered(path, function, arguments)
    check_result(said["function"], result, arguments)


def answered(path, function, arguments):
    """What a function answers; raises an InputError that names the file where it refuses in one sentence."""
    before = copy.deepcopy({k: v for k, v in arguments.items() if isinstance(v, np.ndarray | torch.Tensor)})
    positional = function.__name__ in COUNTS
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            result = function(*arguments.values()) if positional else function(**arguments)
    except (InputError, ValueError, SolverError) as error:
        raise InputError(f"{path}: {refusal(error)}") from None
    except (RuntimeError, TypeError) as error:
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if "public_functions" in frame.filename]
        if own or isinstance(arguments.get("logits_of"), torch.nn.Module):
            raise InputError(f"{path}: the caller's own function failed.") from None
        if isinstance(error, RuntimeError):
            raise
        raise InputError(f"{path}: {refusal(error)}") from None
    assert not warned, f"{function.__name__} warns: {warned[0].message}"
    for name, value in before.items():
        assert unchanged(value, arguments[name]), f"{function.__name__} changed its argument {name}"
    return result


def refusal(error):
    """The sentence of an error of our own; any other was raised by accident."""
    sentence = str(error)
    frame = error.__traceback__
    while frame.tb_next is not None:
        frame = frame.tb_next
    where = frame.tb_frame.f_code.co_filename
    ours = "/attnprobe/" in where or "inspect.py" in where or "library_calls" in where
    assert ours, f"{type(error).__name__} is not attnprobe's own: {sentence!r} in {where}"
    assert sentence.strip(), f"{type(error).__name__} says nothing"
    assert len(sentence.splitlines()) == 1, f"no sentence: {sentence!r}"
    assert len(sentence) < 400, f"long: {sentence!r}"
    return sentence.rstrip(".") + "."


PLAIN = [np.dtype(kind) for kind in ("f2", "f4", "f8", "i1", "u1", "i4", "i8", "?")]
"""What torch computes with."""


def unchanged(before, after):
    if isinstance(before, torch.Tensor):
        if before.layout != torch.strided or before.is_meta:
            return True
        return torch.equal(torch.nan_to_num(before.detach()), torch.nan_to_num(after.detach()))
    return before.dtype.kind not in "fiub" or np.array_equal(np.nan_to_num(before), np.nan_to_num(after))


def spoilt(random, value):
    """Another value for an argument: a thing in its place, or an array that is almost the same."""
    if isinstance(value, tuple) and value and random.random() < 0.7:
        place = random.randrange(len(value))
        return (*value[:place], spoilt(random, value[place]), *value[place + 1 :])
    fuzzed = isinstance(value, torch.Tensor) or (isinstance(value, np.ndarray) and value.dtype in PLAIN)
    if not fuzzed or random.random() < 0.25:
        return random.choice(THINGS)
    array = value.detach() if isinstance(value, torch.Tensor) else torch.from_numpy(np.array(value))
    if not array.dim() or not array.numel() or array.is_meta or array.layout != torch.strided:
        return random.choice(THINGS)
    match random.randrange(4):
        case 0:
            return reshaped(random, array)
        case 1:
            return retyped(random, array)
        case 2:
            return laid_out(random, array)
        case _:
            return revalued(random, array)


def reshaped(random, array):
    match random.randrange(8):
        case 0:
            return array[..., None]
        case 1:
            return array[None]
        case 2:
            return array[:0]
        case 3:
            return array[..., :0]
        case 4:
            return array[..., :-1]
        case 5:
            return array.transpose(0, -1)
        case 6:
            return (
                torch.cat([array, array], random.randrange(array.dim()) if array.dim() else 0) if array.dim() else array
            )
        case _:
            return array.reshape(-1)


def retyped(random, array):
    if array.dtype == torch.bfloat16:
        return array.float()
    kind = random.choice(
        ("f2", "f4", "f8", ">f8", "g", "i1", "u1", "u2", "u8", "i8", "?", "c16", "O", "U", "bf16", "half")
    )
    if kind == "bf16":
        return array.bfloat16()
    if kind == "half":
        return array.half()
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        return array.numpy().astype(kind)


def laid_out(random, array):
    if array.dtype == torch.bfloat16:
        return array.clone()
    match random.randrange(7):
        case 0:
            return array.clone().requires_grad_(array.is_floating_point())
        case 1:
            return array.transpose(0, -1).contiguous().transpose(0, -1)
        case 2:
            spread = np.repeat(array.numpy(), 2, axis=-1)
            return spread[..., ::2]
        case 3:
            return np.asfortranarray(array.numpy())
        case 4:
            fixed = array.numpy().copy()
            fixed.flags.writeable = False
            return fixed
        case 5:
            return array.tolist()
        case _:
            return array.flip(-1).numpy()[..., ::-1]


def revalued(random, array):
    array = array.clone()
    if array.dtype == torch.bool:
        return torch.full_like(array, random.random() < 0.5) if random.random() < 0.5 else ~array
    if not array.is_floating_point():
        return array + random.choice((-1, 1, 2**62)) if random.random() < 0.7 else array.flip(-1)
    match random.randrange(3):
        case 0:
            array = array.double()
            array.reshape(-1)[random.randrange(array.numel())] = random.choice(NUMBERS)
        case 1:
            array = (array.double() * random.choice(NUMBERS[7:])).to(array.dtype)
        case _:
            array = torch.full_like(array.double(), random.choice(NUMBERS))
    return array


def leaves(result):
    if isinstance(result, Alternatives):
        with contextlib.suppress(SolverError):  # which whoever asks for them is told
            yield from leaves((result.observed, *result.extremes[:2]))
    elif isinstance(result, tuple | list):
        for part in result:
            yield from leaves(part)
    elif isinstance(result, torch.Tensor | np.ndarray | float):
        yield np.asarray(result.detach().double() if isinstance(result, torch.Tensor) else result)


def check_result(name, result, arguments):
    """What holds of every answer of a function, whatever it was asked."""
    for leaf in leaves(result):
        if leaf.dtype.kind == "f" and name not in MAY_BE_NAN:
            assert not np.isnan(leaf).any(), f"{name} gave NaN"
    if name in ("erase", "maxent_attention"):
        weights = result if isinstance(result, np.ndarray | torch.Tensor) else result[0]
        weights = np.asarray(weights.detach().double() if isinstance(weights, torch.Tensor) else weights, dtype=float)
        assert (weights >= 0).all()
        sums = weights.sum(-1)
        half = getattr(result, "dtype", None) in (torch.bfloat16, torch.float16, np.float16)
        assert ((np.abs(sums - 1) < (0.05 if half else 1e-5)) | (sums == 0)).all(), f"{name} sums to {sums}"
    if name.startswith("rank_"):
        order = np.asarray(result)
        assert (np.sort(order, -1) == np.arange(order.shape[-1])).all(), f"{name} gave no permutation"
    if name in ("js_divergence", "total_variation", "entropy", "kl_divergence"):
        assert (np.asarray(result.detach().double() if isinstance(result, torch.Tensor) else result) >= -1e-3).all()


TOLERANCE = 1e-9


def make_documents(random, folder):
    path = folder / "documents.json"
    path.write_text(json.dumps({"seed": random.randrange(2**32)}))
    return path


def read_documents(path):
    """Erasure tests of documents of any size, peakedness and scale, in any format and layout, equal brute force."""
    random = randoms.Random(json.loads(path.read_text())["seed"])
    generator = np.random.default_rng(random.randrange(2**32))
    batch, items, dim = random.choice((0, 1, 2, 3)), random.choice((0, 1, 2, 3, 5, 7)), random.choice((1, 2, 3))
    classes = random.choice((2, 2, 3, 5))
    mask = np.arange(items) < generator.integers(0, items + 1, (batch, 1))
    # Products of weights and values are no smaller than the smallest normal numbers: beyond, scores are to be given.
    power, gap = random.choice(
        ((-290, 1), (-30, 100), (-3, 300), (0, 0), (0, 1), (0, 10), (0, 100), (30, 300), (140, 10))
    )
    scale = 10.0**power
    scores = generator.uniform(-1, 1, (batch, items)) * gap
    exact = random.random() < 0.4
    if exact:
        weights = 0.5 ** generator.integers(0, 4, (batch, items)) * (generator.random((batch, items)) < 0.8)
        values = generator.integers(-2, 3, (batch, items, dim)).astype(float)
        readout = (
            generator.integers(-1, 2, (classes, dim)).astype(float),
            generator.integers(-1, 2, classes).astype(float),
        )
    else:
        weights = np.exp(scores - scores.max(-1, keepdims=True, initial=-1e9))
        values = generator.normal(size=(batch, items, dim)) * scale
        readout = generator.normal(size=(classes, dim)), generator.normal(size=classes) * scale
    spoil = random.random() < 0.25 and (~mask).any()
    weights, values = weights * mask, values.copy()
    if spoil:  # what is in the padding is nobody's
        weights[~mask], values[~mask] = random.choice(NUMBERS), random.choice(NUMBERS)
    order = np.argsort(np.where(mask, generator.random((batch, items)), 2), -1)
    layout = functools.partial(laid_out, random)
    given = [layout(torch.from_numpy(np.ascontiguousarray(array))) for array in (values, weights)]
    if not all(isinstance(each, torch.Tensor | np.ndarray) or (batch and items) for each in given):
        given = [values, weights]  # an empty list has lost its shape
    pair = tuple(map(torch.from_numpy, readout)) if random.random() < 0.5 else readout

    def ask(function, **further):
        arguments = {"values": given[0], "weights": given[1], "mask": mask, "readout": pair} | further
        return [np.asarray(leaf) for leaf in leaves(answered(path, function, arguments))]

    flip = ask(attnprobe.first_flip, order=order)
    oracle = ask(attnprobe.minimal_flip_set)
    single = ask(attnprobe.single_erasures)[0]
    gradient = ask(attnprobe.decision_gradient)[0]
    erased = generator.random((batch, items)) < 0.5
    kept = np.asarray(answered(path, attnprobe.erase, {"weights": weights, "erased": erased, "mask": mask}))
    assert flip[0].shape == (batch,)
    assert oracle[0].shape == (batch,)
    assert gradient.shape == (batch, items)
    assert np.isfinite(gradient).all()
    number = brute.as_fractions if exact else np.asarray
    weight, bias = (number(each) if each.size else each for each in readout)
    for row in range(batch):
        n = int(mask[row].sum())
        of_row, own = (number(array[row, :n]) if n else array[row, :n] for array in (values, weights))
        if n == 0:
            assert flip[0][row] == oracle[0][row] == -1
            continue
        size = 0.0 if exact else TOLERANCE * max(np.abs(of_row).max() * np.abs(weight).sum(), np.abs(bias).max())
        count, margin = brute.first_flip(of_row, own, order[row, :n].tolist(), weight, bias)
        if exact or margin > size:
            assert flip[0][row] == count, f"first flip {flip[0][row]}, not {count}"
            fraction = flip[1][row]
            assert np.isnan(fraction) if count < 0 else fraction == count / n
        least, margin = brute.minimal_flip_count(of_row, own, weight, bias)
        if exact or margin > size:
            assert oracle[0][row] == least, f"smallest set {oracle[0][row]}, not {least}"
        for item in range(n):
            expected = np.array(brute.logits_after(of_row, own, [item], weight, bias), dtype=float)
            np.testing.assert_allclose(single[row, item], expected, rtol=1e-7, atol=max(size, 1e-300))
        rest = np.where(erased[row, :n], 0, weights[row, :n])
        total = rest.sum()
        np.testing.assert_allclose(kept[row, :n], rest / total if total else rest, rtol=1e-12)
        assert not kept[row, n:].any()
