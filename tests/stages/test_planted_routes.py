"""A knock-out finds the routes that are planted in a model, and nothing else (experiments/knockout)."""

import pytest

import attnprobe
from attnprobe.attention import checks
from attnprobe.attention.attachment import attach
from attnprobe.attention.examples import example_inputs
from attnprobe.attention.model_call import ModelCall
from experiments.knockout import constructed, trained
from experiments.knockout.planted import Planted, found_routes


def test_the_routes_of_written_weights_are_found_head_by_head():
    model, tokenizer = constructed.constructed_model()
    prompts = constructed.constructed_prompts(12)
    names = ("before", "after", "last", "rest"), ("after", "last")
    case = Planted("constructed", model, tokenizer, prompts, *names, constructed.PLANTED, by_head=True)
    result = case.knocked_out(screen=4)
    assert found_routes(result).keys() == constructed.PLANTED
    words = [row["prompt"][slice(*row["after"])] for row in prompts]
    assert result.prompts["decision"].tolist() == words
    # Cutting the circuit anywhere leaves another answer; cutting what is no part of it leaves the answer.
    flipped = result.map.groupby(["source", "target", "layer", "head"])["flipped"].mean()
    assert (flipped[list(constructed.PLANTED)] == 1).all()
    others = result.map[
        ~result.map[["source", "target"]].apply(tuple, axis=1).isin({r[:2] for r in constructed.PLANTED})
    ]
    assert not others["flipped"].any()
    # Both edges of each prompt are among the first that one backward pass finds.
    moving = result.screen[(result.screen["delta_log_probability"] < -1) & result.screen["top"]]
    for row, prompt in enumerate(prompts):
        last = len(prompt["prompt"].split()) - 1
        after = len(prompt["prompt"][: prompt["after"][0]].split())
        of = moving[moving["document"] == row]
        edges = set(zip(of["layer"], of["head"], of["query"], of["key"], strict=True))
        assert {(1, 0, after, after - 1), (3, 1, last, after)} <= edges


def test_a_model_whose_windows_leave_one_route_can_be_attached_to(monkeypatch):
    """The key that all rows attend to most need not be one that the decision hangs on."""
    changes, changed = checks._changes, []
    monkeypatch.setattr(checks, "_changes", lambda *given: changed.append(changes(*given)) or changed[-1])
    model = trained.untrained_model().eval()
    attachment = attach(ModelCall(model), example_inputs(model))
    assert len(attachment.sites.attention) == trained.LAYERS
    assert changed.count(True) == trained.LAYERS
    assert changed[0] is False


@pytest.mark.slow
def test_the_one_route_of_a_trained_model_is_found():
    model, tokenizer, right = trained.trained_model(400)
    assert right > 0.99
    names = (*trained.HOPS, "rest"), (*trained.HOPS[1:], "rest")
    case = Planted("trained", model, tokenizer, trained.trained_prompts(60), *names, trained.PLANTED, by_head=False)
    assert found_routes(case.knocked_out()).keys() == trained.PLANTED
    wide = attnprobe.knockout(model, tokenizer, case.prompts, ["hop1"], ["hop2"], window="0-0,0-1,1-2,2-2")
    assert {(r[2]) for r in found_routes(wide)} == {0, 1}
    assert {tuple(w) for w in wide.map.loc[wide.map["flipped"], ["first_layer", "last_layer"]].to_numpy()} == {
        (0, 1),
        (1, 2),
    }
