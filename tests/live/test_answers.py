"""What the server answers is what the model itself says, erased by hand or by the library's own functions."""

import base64
import itertools
import json

import numpy as np
import pytest
import torch
import transformers

from tests.fixtures.attention_by_hand import outputs_by_hand
from tests.fixtures.served_models import LABELS, TEXT, serving


class Library:
    """The checkpoint as its library has it, and the text."""

    def __init__(self, checkpoint):
        self.model = transformers.AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
        self.inputs = dict(transformers.AutoTokenizer.from_pretrained(checkpoint)(TEXT, return_tensors="pt"))

    def __call__(self, removed=(), layers="last"):
        """Probabilities (classes,) of the text without the tokens of some places, in the last layer or in all."""
        return outputs_by_hand(self.model, self.inputs, layers, list(removed)).double().softmax(-1).tolist()


@pytest.fixture(scope="module")
def by_hand(checkpoint):
    return Library(checkpoint)


def close(probabilities):
    return pytest.approx(probabilities, abs=1e-6)


def test_what_the_model_is(served):
    told = served.answer("model")
    assert told["classes"] == LABELS
    assert [layer["heads"] for layer in told["layers"]] == [2, 2]
    assert told["by_default"] == [1]
    assert (told["rows"], told["erase_by"][0], told["report"]) == (["read", "all"], "renormalise", False)
    assert {"attention", "random", "greedy"} <= {each["name"] for each in told["orderings"]}


def test_a_text_is_read_as_the_model_reads_it(served, by_hand):
    told = served.answer("text", text=TEXT)
    assert told["tokens"] == ["[CLS]", *TEXT.split(), "[SEP]"]
    assert told["probabilities"] == close(by_hand())
    assert told["decided"] == int(np.argmax(told["probabilities"]))
    assert [item["tokens"] for item in told["items"]] == [[place] for place in range(len(told["tokens"]))]


def test_attention_is_that_of_the_library(served, by_hand):
    by_hand.model.set_attn_implementation("eager")
    expected = by_hand.model(**by_hand.inputs, output_attentions=True).attentions
    for layer in (0, 1):
        told = served.answer("attention", text=TEXT, layer=layer)
        codes = np.frombuffer(base64.b64decode(told["codes"]), np.uint8)
        weights = (codes.reshape(told["heads"], told["rows"], told["columns"]) / 255) ** 2
        assert np.abs(weights - expected[layer][0].detach().numpy()).max() < 0.005
        assert told["row_names"] == told["column_names"] == ["[CLS]", *TEXT.split(), "[SEP]"]


def test_items_are_erased_as_by_hand(served, by_hand):
    untouched = served.answer("text", text=TEXT)
    for removed in ([], [1], [0, 3], [1, 2, 3, 4, 5, 6]):
        told = served.answer("erase", text=TEXT, removed=removed)
        assert told["probabilities"] == close(by_hand(removed))
        assert told["flipped"] == (int(np.argmax(by_hand(removed))) != untouched["decided"])
        everywhere = served.answer("erase", text=TEXT, removed=removed, layers=[0, 1], rows="all")
        assert everywhere["probabilities"] == close(by_hand(removed, "all"))
    p, q = np.array(untouched["probabilities"]), np.array(told["probabilities"])
    m = (p + q) / 2
    assert told["js"] == pytest.approx(float((p * np.log(p / m) + q * np.log(q / m)).sum() / 2), abs=1e-9)


@pytest.mark.parametrize("cut", [{"heads": {"0": [1]}}, {"layers": [1]}, {"heads": {"0": [0], "1": [0, 1]}}])
def test_what_is_cut_off_gives_nothing(served, by_hand, cut):
    """The layer's output projection is given zeros in the place of those heads."""
    layers = by_hand.model.bert.encoder.layer
    heads = {layer: [0, 1] for layer in cut.get("layers", [])} | {int(k): v for k, v in cut.get("heads", {}).items()}
    width = layers[0].attention.output.dense.in_features // 2

    def zeroed(numbers):
        def hook(module, arguments):
            states = arguments[0].clone()
            for head in numbers:
                states[..., head * width : (head + 1) * width] = 0
            return (states, *arguments[1:])

        return hook

    hooks = [layers[at].attention.output.dense.register_forward_pre_hook(zeroed(of)) for at, of in heads.items()]
    with torch.no_grad():
        expected = by_hand.model(**by_hand.inputs).logits[0].double().softmax(-1).tolist()
    for hook in hooks:
        hook.remove()
    assert served.answer("erase", text=TEXT, cut=cut)["probabilities"] == close(expected)


@pytest.mark.parametrize("ordering", ["attention", "gradient", "greedy", "random"])
def test_an_ordering_erases_one_after_another(served, ordering):
    told = served.answer("ordering", text=TEXT, ordering=ordering)
    untouched = served.answer("text", text=TEXT)
    n = len(untouched["items"])
    assert sorted(told["order"]) == list(range(n))
    for k in (0, 1, 3, n - 1):
        after = served.answer("erase", text=TEXT, removed=told["order"][:k])
        assert told["probabilities"][k] == pytest.approx(after["probabilities"][untouched["decided"]], abs=1e-6)
        assert told["decided"][k] == after["decided"]
    flips = [k for k, decided in enumerate(told["decided"]) if decided != untouched["decided"]]
    first = flips[0] if flips else None
    assert told["emptied"] or told["first_flip"] == first
    if ordering == "attention":
        scores = np.array(told["scores"])
        assert (np.diff(scores[told["order"]]) <= 1e-7).all()


def test_the_smallest_set_is_that_of_all_sets(served, by_hand):
    untouched = served.answer("text", text=TEXT)
    n = len(untouched["items"])
    for edit in ({}, {"layers": [0, 1], "rows": "all"}):
        told = served.answer("search", text=TEXT, **edit)
        layers = "all" if edit else "last"
        sets = [each for size in range(1, n + 1) for each in itertools.combinations(range(n), size)]
        smallest = next((each for each in sets if np.argmax(by_hand(each, layers)) != untouched["decided"]), None)
        assert told["status"] == "exact"
        if smallest is None:
            assert (told["removed"], told["at_least"]) == (None, n + 1)
        else:
            assert told["size"] == told["at_least"] == len(smallest)
            after = served.answer("erase", text=TEXT, removed=told["removed"], **edit)
            assert after["flipped"]
            assert after["decided"] == told["decided"]


def test_orderings_and_ways_are_compared_as_each_is_alone(served):
    ways, orderings = served.answer("model")["erase_by"], ["attention", "gradient"]
    told = served.answer("compare", text=TEXT, orderings=orderings, ways=ways)
    assert [(row["ordering"], row["erase_by"]) for row in told["rows"]] == [
        (name, way) for way in ways for name in orderings
    ]
    for row in told["rows"]:
        alone = served.answer("ordering", text=TEXT, ordering=row["ordering"], erase_by=row["erase_by"])
        assert (row["first_flip"], row["emptied"]) == (alone["first_flip"], alone["emptied"])


def test_a_second_text_is_read_with_the_first(served, checkpoint):
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    told = served.answer("text", text="word0 .", second="naïve words")
    assert told["tokens"] == tokenizer.convert_ids_to_tokens(tokenizer("word0 .", "naïve words")["input_ids"])


@pytest.fixture(scope="module")
def of_run(tmp_path_factory):
    """A served run of a model that pools, and its folder."""
    from attnprobe.cli import main
    from attnprobe.live.opened import open_run
    from tests.fixtures.commands import planted_folder

    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        data = planted_folder(folder / "planted", test=8)
        options = ["--model", "flan-none", "--epochs", "2", "--learning-rate", "0.05", "--out", str(folder / "runs")]
        assert main(["run", "--dataset", str(data), *options]) == 0
        (config,) = (folder / "runs").rglob("config.json")
        with serving(open_run(config.parent, "cpu", 60.0, lambda line: None)) as served:
            yield served, config.parent


def test_a_run_answers_of_its_documents_what_its_files_say(of_run):
    import pandas as pd

    served, run = of_run
    items = pd.read_parquet(run / "items.parquet")
    decided = pd.read_parquet(run / "documents.parquet").set_index("document")
    for number in range(3):
        rows = items[items.document == number]
        seen = served.answer("seen_document", document=number)
        assert seen["source"] == rows.sort_values("position").token.tolist()
        weights = (np.frombuffer(base64.b64decode(seen["codes"]), np.uint8) / 255) ** 2
        assert np.abs(weights - rows.sort_values("position").weight.to_numpy()).max() < 0.005
        nothing = served.answer("erased_document", document=number, erased=[])
        assert nothing["probability"] == pytest.approx(decided.loc[number, "p_decision"], abs=1e-6)


def test_a_run_s_text_is_the_same_as_typed(of_run):
    served, _ = of_run
    first = served.answer("model")["examples"][0]
    typed = served.answer("text", text=first)
    assert typed["tokens"] == served.answer("seen_document", document=0)["source"]
    one = served.answer("erase", text=first, removed=[0])
    as_document = served.answer("erased_document", document=0, erased=[0])
    assert one["probabilities"][typed["decided"]] == pytest.approx(as_document["probability"], abs=1e-6)
    smallest = served.answer("search", text=first)
    assert smallest["status"] == "exact"


def test_the_run_s_own_page_is_served_with_what_answers_it(of_run):
    served, _ = of_run
    status, headers, body = served.send("GET", f"/{served.gate.token}/report")
    assert status == 200
    assert b"attnprobe:ask" in body
    assert "connect-src 'self'" in headers["content-security-policy"]


def test_a_checkpoint_has_no_page_of_a_run(served):
    assert served.send("GET", f"/{served.gate.token}/report")[0] == 404


def test_answers_are_json_that_any_parser_reads(served):
    status, _, body = served.send(
        "POST", f"/{served.gate.token}/api/text", json.dumps({"text": TEXT}).encode(), Content_Type="application/json"
    )
    assert status == 200
    json.loads(body, parse_constant=lambda name: pytest.fail(name))
