"""What `make check` would need a list of all features for: no file of handlers imports another, however far around."""

import grimp
import pytest

from eventhub.web import app, routes
from eventhub.workers import actors
from tests.web.test_routes import FEATURES

assert {app, routes}.isdisjoint(FEATURES)
GRAPH = grimp.build_graph("eventhub")  # as import-linter sees it
HANDLERS = {
    "web": [module.__name__ for module in FEATURES],
    "workers": [module.__name__ for module in actors.FEATURES],
}


@pytest.mark.parametrize("way_in", HANDLERS)
def test_no_file_of_handlers_imports_another(way_in: str) -> None:
    """What two of them need is beside them: `web/pictures.py`, `workers/outgoing.py`."""
    files = HANDLERS[way_in]
    chains = [GRAPH.find_shortest_chain(one, another) for one in files for another in files if one != another]
    assert not [chain for chain in chains if chain]
