import pytest

pytest.importorskip("uvicorn", reason="the extra [live] is not installed")
pytest.importorskip("transformers")

from tests.fixtures.served_models import opened_classifier, saved_classifier, serving


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    return saved_classifier(tmp_path_factory.mktemp("live") / "checkpoint")


@pytest.fixture(scope="session")
def live_model(checkpoint):
    return opened_classifier(checkpoint)


@pytest.fixture(scope="session")
def served(live_model):
    with serving(live_model) as served:
        yield served
        assert served.faults == []
