import pytest

from attnprobe.papers.serrano2019.figures import PAPER, draw
from attnprobe.papers.serrano2019.figures.grid import RunGrid
from tests.fixtures.paper_grids import write_grid


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """A small grid that is only read."""
    return write_grid(tmp_path_factory.mktemp("grid"))


@pytest.fixture(scope="session")
def drawn(runs, tmp_path_factory):
    """Files of every figure and table of that grid."""
    folder = tmp_path_factory.mktemp("drawn") / "new" / "folder"
    return {name: draw(name, RunGrid.find([runs]), folder) for name in PAPER}
