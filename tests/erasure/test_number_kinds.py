"""One rule for every number that goes into a public function and comes out of it: attnprobe/erasure/arrays.py."""

import functools
import inspect
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import attnprobe
from attnprobe import identifiability
from attnprobe.base.errors import InputError
from attnprobe.erasure.arrays import Holds, holdings
from attnprobe.identifiability import Alternatives
from tests.fixtures.public_functions import EXACT, IN_FLOAT64, MASK, WHOLE, examples
from tests.fixtures.strategies import tied_cases
from tests.reference import erasure as brute

EXAMPLES, OF_WHOLE = examples(EXACT), examples(WHOLE)
BY_NAME = {function.__name__: function for function in EXAMPLES}
ELSEWHERE = {
    "AttachedModel",
    "capturing",
    "erasing",
    "knockout",
    "load_run",
    "probe",
    "run",
    "token_positions",
    "train",
}
"""Public names that run models or read runs; their own tests are below and beside."""


def public():
    for package in (attnprobe, identifiability):
        for name in package.__all__:
            if name not in ELSEWHERE and inspect.isroutine(getattr(package, name)):
                yield getattr(package, name)


def test_no_public_function_escapes():
    for function in public():
        others = inspect.signature(function).parameters.keys() - holdings(function).keys() - {"logits_of"}
        annotations = " ".join(str(inspect.signature(function).parameters[name].annotation) for name in others)
        assert not re.search("Tensor|ndarray|Numbers|Any", annotations), function.__name__
        assert bool(holdings(function)) == (function in EXAMPLES), f"{function.__name__} has no example"


def leaves(result):
    if isinstance(result, Alternatives):
        yield from (result.observed, *result.extremes)
    elif isinstance(result, (tuple, list)):
        for part in result:
            yield from leaves(part)
    else:
        yield result


def plain(leaf):
    return leaf.double().numpy() if isinstance(leaf, torch.Tensor) else np.asarray(leaf, dtype=float)


def converted(function, arguments, of):
    """Arguments with every array turned into another kind, by what it holds."""
    kinds = holdings(function)

    def one(name, value):
        if isinstance(value, tuple):
            return tuple(of(kinds[name], part) for part in value)
        return of(kinds[name], value)

    return {name: one(name, value) if name in kinds else value for name, value in arguments.items()}


def is_number(holds):
    return holds in (Holds.NUMBERS, Holds.SEVERAL, Holds.READOUT)


def torch_kind(dtype):
    return lambda holds, tensor: tensor.to(dtype) if is_number(holds) else tensor


def numpy_kind(dtype):
    return lambda holds, tensor: tensor.numpy().astype(dtype) if is_number(holds) else tensor.numpy()


def read_only(holds, tensor):
    array = tensor.numpy().copy()
    array.flags.writeable = False
    return array


KINDS = {
    "torch float32": (torch_kind(torch.float32), torch.float32),
    "torch float16": (torch_kind(torch.float16), torch.float16),
    "torch bfloat16": (torch_kind(torch.bfloat16), torch.bfloat16),
    "numpy float64": (numpy_kind(np.float64), np.float64),
    "numpy float32": (numpy_kind(np.float32), np.float32),
    "numpy float16": (numpy_kind(np.float16), np.float16),
    "big-endian": (numpy_kind(">f8"), np.float64),
    "read-only": (read_only, np.float64),
    "strided": (lambda holds, tensor: np.asfortranarray(tensor.numpy())[..., ::-1][..., ::-1], np.float64),
    "lists": (lambda holds, tensor: tensor.tolist(), np.float64),
    "masked arrays that hide nothing": (lambda holds, tensor: np.ma.masked_array(tensor.numpy()), np.float64),
    "masks and orders of int32": (lambda h, t: t if is_number(h) else t.to(torch.int32), torch.float64),
    "masks of 0.0 and 1.0": (lambda h, t: t.float() if h is Holds.TRUTHS else t, torch.float64),
}
WHOLE_KINDS = {
    "torch int64": (torch_kind(torch.int64), torch.float64),
    "torch int8": (torch_kind(torch.int8), torch.float64),
    "torch bool": (torch_kind(torch.bool), torch.float64),
    "numpy int32": (numpy_kind(np.int32), np.float64),
    "numpy uint8": (numpy_kind(np.uint8), np.float64),
    "numpy uint16": (numpy_kind(np.uint16), np.float64),
    "numpy uint64": (numpy_kind(np.uint64), np.float64),
    "numpy bool": (numpy_kind(np.bool_), np.float64),
    "lists of int": (lambda h, t: t.long().tolist() if is_number(h) else t.tolist(), np.float64),
}


@functools.cache
def in_float64(function, whole):
    return list(leaves(function(**(OF_WHOLE if whole else EXAMPLES)[function])))


def check(function, arguments, of, dtype):
    expected = in_float64(function, arguments is OF_WHOLE[function])
    found = list(leaves(function(**converted(function, arguments, of))))
    assert len(found) == len(expected)
    as_numpy = not isinstance(dtype, torch.dtype)
    for leaf, exact in zip(found, expected, strict=True):
        if not isinstance(exact, torch.Tensor) or function.__name__ in IN_FLOAT64:
            np.testing.assert_allclose(plain(leaf), plain(exact), atol=1e-12)
            continue
        assert isinstance(leaf, np.ndarray if as_numpy else torch.Tensor)
        wanted = exact
        if exact.is_floating_point():
            assert leaf.dtype == dtype
            wanted = exact.to(dtype) if not as_numpy else exact.to(torch.from_numpy(np.zeros(0, dtype)).dtype)
        np.testing.assert_array_equal(plain(leaf), plain(wanted))


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("kind", KINDS)
def test_computed_in_float64_and_returned_in_the_format_that_was_given(name, kind):
    check(BY_NAME[name], EXAMPLES[BY_NAME[name]], *KINDS[kind])


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("kind", WHOLE_KINDS)
def test_integers_and_booleans_are_numbers_and_give_float64(name, kind):
    check(BY_NAME[name], OF_WHOLE[BY_NAME[name]], *WHOLE_KINDS[kind])


def with_one(function, name, spoilt):
    """The function's example with one argument, or the first part of it, spoilt."""
    arguments = dict(converted(function, EXAMPLES[function], lambda holds, tensor: tensor.numpy()))
    value = arguments[name]
    arguments[name] = (spoilt(value[0]), *value[1:]) if isinstance(value, tuple) else spoilt(value)
    return arguments


def hidden(array):
    return np.ma.masked_array(array, np.arange(array.size).reshape(array.shape) == 1)


def holding(*wanted):
    pairs = [(function.__name__, name, holds) for function in EXAMPLES for name, holds in holdings(function).items()]
    return [(f, name) for f, name, holds in pairs if holds in wanted and name in EXAMPLES[BY_NAME[f]]]


@pytest.mark.parametrize(("function", "name"), holding(*Holds))
def test_what_is_no_array_is_refused_in_one_sentence(function, name):
    function = BY_NAME[function]
    refused = {
        "masked array that hides something": hidden,
        "hides something": lambda array: [*map(hidden, [array]), array],
        "complex": lambda array: array.astype(complex),
        "<U|holds str": lambda array: array.astype(str),
        "different lengths": lambda array: [[1.0, 2.0], [1.0]],
    }
    for sentence, spoilt in refused.items():
        with pytest.raises(ValueError, match=sentence) as caught:
            function(**with_one(function, name, spoilt))
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("function", "name"), holding(Holds.TRUTHS))
def test_positions_are_no_mask(function, name):
    function = BY_NAME[function]
    for spoilt in (np.array([0, 2]), np.array([[0, 1, 2, 3]]), torch.full((2, 4), 0.5)):
        with pytest.raises(ValueError, match=f"{name} is a mask .* positions are no mask"):
            function(**with_one(function, name, lambda array, spoilt=spoilt: spoilt))
    # Positions that happen to be zeros and ones do not fit the items.
    with pytest.raises(ValueError, match=f"{name} has shape"):
        function(**with_one(function, name, lambda array: np.array([1])))


@pytest.mark.parametrize(("function", "name"), holding(Holds.WHOLE_NUMBERS))
def test_orders_and_seeds_are_whole_numbers(function, name):
    function = BY_NAME[function]
    for kind in (np.float64, np.float32, bool):
        with pytest.raises(ValueError, match=f"{name} holds .* whole numbers"):
            function(**with_one(function, name, lambda array, kind=kind: array.astype(kind)))
    with pytest.raises(ValueError, match=f"{name} holds .* whole numbers"):
        function(**with_one(function, name, lambda array: torch.tensor(array).float()))


DECIDE_NOTHING = {
    attnprobe.single_erasures,
    attnprobe.shapley_values,
    attnprobe.banzhaf_values,
    attnprobe.soft_erasure,
}
"""Functions that give logits, one of which will do."""


@pytest.mark.parametrize(("function", "name"), holding(Holds.READOUT))
def test_a_readout_of_one_row_is_taken_where_nothing_is_decided_alone(function, name):
    function, one = BY_NAME[function], (np.ones((1, 3)), np.zeros(1))
    arguments = EXAMPLES[function] | {name: one}
    if function in DECIDE_NOTHING:
        two = function(**EXAMPLES[function] | {name: (np.array([[0.0] * 3, [1.0] * 3]), np.zeros(2))})
        torch.testing.assert_close(function(**arguments)[..., 0], two[..., 1], rtol=0, atol=1e-12)
    else:
        with pytest.raises(ValueError, match=r"one row.*two-row form, weight rows \(0, w\) and bias \(0, b\)"):
            function(**arguments)
    for misfit in ((np.ones(3), np.zeros(1)), (np.ones((2, 3)), np.zeros(1)), (np.ones((0, 3)), np.zeros(0))):
        with pytest.raises(ValueError, match="the readout has a weight of shape"):
            function(**EXAMPLES[function] | {name: misfit})
    with pytest.raises(ValueError, match="readout is ndarray"):
        function(**EXAMPLES[function] | {name: np.ones((2, 3))})


@pytest.mark.parametrize("function", sorted({function for function, name in holding(Holds.TRUTHS) if name == "mask"}))
def test_a_head_axis_is_never_taken_for_that_of_the_documents(function):
    """With as many heads as documents the shapes would fit, and the masks would be those of other documents."""
    function = BY_NAME[function]
    numbers = [name for name, holds in holdings(function).items() if holds is Holds.NUMBERS]
    beside = dict(EXAMPLES[function])
    for name in set(numbers) & beside.keys():
        beside[name] = torch.stack([beside[name]] * len(beside["mask"]), 1)
    if function is attnprobe.rank_at_random:
        beside["mask"] = MASK[:, None]
    with pytest.raises(ValueError, match=r"shape .* is needed"):
        function(**beside)


def test_a_mask_with_an_axis_for_the_heads_is_each_documents_own():
    weights = torch.rand(2, 2, 4, generator=torch.Generator().manual_seed(0))
    found = attnprobe.rank_by_attention(weights, MASK[:, None])
    for head in range(2):
        assert torch.equal(found[:, head], attnprobe.rank_by_attention(weights[:, head], MASK))
    with pytest.raises(ValueError, match=r"mask\[:, None\]"):
        attnprobe.rank_by_attention(weights, MASK)
    with pytest.raises(ValueError, match=r"erased\[:, None\]"):
        attnprobe.erase(weights, MASK)


def test_a_tensor_among_the_arguments_makes_tensors_and_the_widest_format_is_returned():
    weights, values = EXACT["weights"], EXACT["values"]
    readout = torch.nn.Linear(3, 2)
    mixed = attnprobe.decision_gradient(values.half(), weights.float().numpy(), MASK.tolist(), readout)
    assert isinstance(mixed, torch.Tensor)
    assert mixed.dtype == torch.float32
    assert attnprobe.decision_gradient(values.half(), weights.bfloat16(), MASK, readout).dtype == torch.float32
    assert attnprobe.decision_gradient(values.long(), weights, MASK, readout).dtype == torch.float64
    assert isinstance(attnprobe.decision_gradient(values.numpy(), weights.numpy(), None, readout), np.ndarray)
    assert attnprobe.erase([1, 1, 2], [0, 0, 1]).tolist() == [0.5, 0.5, 0.0]


@settings(max_examples=40)
@given(tied_cases(dtype=torch.float64), st.sampled_from([torch.int64, torch.int16, torch.float16, torch.bfloat16]))
def test_erasures_of_whole_numbers_equal_brute_force(case, dtype):
    weights = case.weights * 8  # eighths
    order = attnprobe.rank_at_random(case.mask, 2, torch.arange(len(case.mask)))
    readout = case.weight.to(dtype), case.bias.to(dtype)
    arguments = case.values.to(dtype), weights.to(dtype), case.mask
    flip = attnprobe.first_flip(*arguments, order, readout)
    oracle = attnprobe.minimal_flip_set(*arguments, readout)
    logits = attnprobe.single_erasures(*arguments, readout)
    wanted = dtype if dtype.is_floating_point else torch.float64
    assert {flip.fraction.dtype, flip.mass.dtype, logits.dtype} == {wanted}
    rounding = torch.finfo(wanted).eps
    for row, (values, of_row) in enumerate(case.documents()):
        n = len(of_row)
        assert oracle.count[row] == brute.minimal_flip_count(values, of_row, *case.readout())[0]
        for ordering in range(len(order)):
            places = order[ordering, row, :n].tolist()
            count, _ = brute.first_flip(values, of_row, places, *case.readout())
            assert flip.count[ordering, row] == count
            fraction = float("nan") if count < 0 else count / n
            assert flip.fraction[ordering, row].item() == pytest.approx(fraction, rel=rounding, nan_ok=True)
        for item in range(n):
            expected = brute.logits_after(values, of_row, [item], *case.readout()).astype(float)
            np.testing.assert_allclose(logits[row, item].double(), expected, rtol=rounding, atol=rounding)


@given(st.integers(0, 2**32), st.sampled_from([torch.float16, torch.bfloat16]))
def test_half_precision_keeps_the_order_of_products(seed, dtype):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(3, 60, generator=generator).mul(4).softmax(-1).to(dtype)
    gradients = torch.randn(3, 60, generator=generator).mul(1e-4).to(dtype)
    products = weights.double() * gradients.double()
    expected = np.argsort(-products.numpy(), axis=-1, kind="stable")
    assert attnprobe.rank_by_gradient_attention(weights, gradients).tolist() == expected.tolist()


def spoilt_orders():
    order = torch.tensor([[[0, 1, 2, 3], [2, 1, 0, 3]]] * 2)
    for message, where, place, item in (
        (r"order 1 of document 1 names item 4, which is none of its 4 items \(0 to 3\)", (1, 1), 0, 4),
        ("order 1 of document 0 names item -1", (1, 0), 3, -1),
        ("order 0 of document 0 is no permutation: it leaves out item 1 and names another twice", (0, 0), 1, 3),
    ):
        spoilt = order.clone()
        spoilt[where][place] = item
        yield message, spoilt
    early = order.clone()
    early[0, 1] = torch.tensor([2, 3, 0, 1])
    yield "order 0 of document 1 puts padding, item 3, before a real item", early
    yield "order of document 0 names item 9", torch.tensor([[9, 1, 2, 3], [0, 1, 2, 3]])
    yield r"order has shape \(2, 2, 3\)", order[..., :3]
    yield r"order has shape \(4,\)", order[0, 0]


@pytest.mark.parametrize(("message", "order"), [*spoilt_orders()])
@pytest.mark.parametrize("function", [attnprobe.first_flip, attnprobe.first_flip_range])
def test_an_ordering_that_is_no_permutation_of_the_real_items_is_refused_and_named(function, message, order):
    with pytest.raises(ValueError, match=message):
        function(**EXAMPLES[function] | {"order": order})


def test_random_orderings_refuse_what_they_cannot_be_made_of():
    mask = torch.ones(2, 4, dtype=torch.bool)
    too_long = torch.ones(1, 1, dtype=torch.bool).expand(1, 2**24 + 1)
    for message, arguments in (
        ("16777217 items a document", (too_long, 1, 0)),
        ("seeds holds float64, but whole numbers", (mask, 1, 1.5)),
        ("seeds holds float64, but whole numbers", (mask, 1, 3.0)),
        ("seeds holds torch.float32", (mask, 1, torch.zeros(2))),
        ("seeds holds bool", (mask, 1, True)),
        ("seeds holds object", (mask, 1, 2**64)),
        ("draws is 1.0, but a whole number of at least 0", (mask, 1.0, 0)),
        ("draws is -1, but a whole number", (mask, -1, 0)),
        (r"mask has shape \(4,\), but \(batch, items\)", (mask[0], 1, 0)),
        ("mask has shape None", (None, 1, 0)),
    ):
        with pytest.raises(ValueError, match=message):
            attnprobe.rank_at_random(*arguments)
    bits = attnprobe.rank_at_random(mask, 2, 2**64 - 1)
    assert torch.equal(bits, attnprobe.rank_at_random(mask, 2, -1))


PAIRS = ["js_divergence", "kl_divergence", "total_variation"]


@pytest.mark.parametrize("name", [*PAIRS, "entropy"])
def test_what_are_no_log_probabilities_is_refused(name):
    function, p = getattr(attnprobe, name), torch.tensor([[0.5, 0.5], [0.9, 0.1]], dtype=torch.float64)
    other = (p.log(),) if name in PAIRS else ()
    nan = p.log()
    nan[1, 0] = torch.nan
    for wrong, row in ((p, 0), (p.logit(), 0), (nan, 1), (2 * p.log(), 0), (torch.full((2, 2), -torch.inf), 0)):
        with pytest.raises(ValueError, match=rf"log_p holds no log-probabilities in row \({row},\)"):
            function(wrong, *other)
        if other:
            with pytest.raises(ValueError, match="log_q holds no log-probabilities"):
                function(*other, wrong)
    with pytest.raises(ValueError, match=r"no classes along axis 2"):
        function(p.log(), *other, dim=2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_log_probabilities_in_any_format_are_let_through(dtype, classes):
    logits = 3 * torch.randn(50, classes, generator=torch.Generator().manual_seed(classes))
    log_p = logits.log_softmax(-1).to(dtype)
    assert attnprobe.entropy(log_p).dtype == dtype
    assert attnprobe.js_divergence(log_p, log_p[0]).shape == (50,)


@pytest.mark.parametrize("name", PAIRS)
def test_distributions_are_matched_by_axes_that_are_there(name):
    function = getattr(attnprobe, name)
    log_p = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(0)).log_softmax(-1)
    assert function(log_p, log_p[:, :1]).shape == (2, 2)
    assert function(log_p, log_p[0, 0]).shape == (2, 2)
    for q in (log_p[:, 0], log_p[..., :2].log_softmax(-1), log_p[..., :1] * 0, torch.cat([log_p] * 2)[:3]):
        with pytest.raises(ValueError, match="do not fit"):
            function(log_p, q)


@pytest.mark.parametrize(
    "spoil", [lambda t: t.to_sparse(), lambda t: t.to(torch.float8_e4m3fn), lambda t: t[0, 0], list]
)
def test_tensors_of_other_kinds_are_refused(spoil):
    with pytest.raises(ValueError, match=r"weights (is|holds)"):
        attnprobe.rank_by_attention(spoil(EXACT["weights"]))
    with pytest.raises(ValueError, match="weights holds"):
        attnprobe.rank_by_attention(np.ones((2, 3), dtype=np.longdouble))
    with pytest.raises(ValueError, match="weights and scores are None"):
        attnprobe.rank_by_attention(None)
    with pytest.raises(ValueError, match="values is None"):
        attnprobe.nullity(None)


def test_products_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"gradients have shape \(4,\), but \(2, 4\) is needed"):
        attnprobe.rank_by_gradient_attention(EXACT["weights"], EXACT["gradients"][0])


@pytest.mark.parametrize("function", [identifiability.dk_star, identifiability.realisable_dimension])
def test_counts_are_whole_numbers(function):
    assert function(np.int32(100_000), torch.tensor(64)) == function(100_000, 64)
    for wrong in (128.0, 0, np.array([128, 64]), "128"):
        with pytest.raises(ValueError, match=r"n is .*, but a whole number of at least 1"):
            function(wrong, 64)


def test_seeds_of_searches_and_samples_are_whole_numbers():
    alternatives = EXAMPLES[identifiability.mass_range]["alternatives"]
    for wrong in ({"count": 3.0}, {"count": 3, "seed": 1.5}, {"count": -1}):
        with pytest.raises(ValueError, match="a whole number of at least 0"):
            identifiability.sample_alternatives(alternatives, **wrong)
    searched = EXAMPLES[identifiability.realisable_alternatives]
    with pytest.raises(ValueError, match=r"seed is 0\.5, but a whole number"):
        identifiability.realisable_alternatives(**searched | {"seed": 0.5})


def test_weights_in_bfloat16_are_distributions_up_to_their_rounding():
    weights = torch.randn(200, 30, generator=torch.Generator().manual_seed(0)).softmax(-1)
    values = torch.randn(200, 30, 2, generator=torch.Generator().manual_seed(1))
    for dtype in (torch.float16, torch.bfloat16):
        assert attnprobe.effective_attention(weights.to(dtype), values).dtype == torch.float32
    large = torch.full((1, 3, 8), 60_000.0, dtype=torch.float16)  # their sum is infinite in float16
    assert attnprobe.nullity(large).nullity.tolist() == [2]


@pytest.mark.parametrize("seed", [1.5, -1, True, "0"])
def test_probe_refuses_a_seed_that_is_no_whole_number(seed):
    model = torch.nn.TransformerEncoder(torch.nn.TransformerEncoderLayer(8, 2, 8, batch_first=True), 1)
    with pytest.raises(InputError, match="seed is"):
        attnprobe.probe(model, [{"src": torch.randn(2, 4, 8)}], seed=seed)
