"""One cluster for all tests of a module: each makes its own people and events, and the books of all must balance."""

from collections.abc import Iterator

import pytest

from eventhub import embedded
from tests.cluster import Cluster


@pytest.fixture(scope="module")
def running(
    servers: embedded.Services, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """Three web processes, a worker and a clock that run already."""
    with Cluster(servers, f"cluster_{worker_id}", tmp_path_factory.mktemp("cluster")) as started:
        # At one event's row stands a third of a process's pool at most: ten here, or races would have few runners.
        started.start("web", "worker", "clock", EVENTHUB_DATABASE_POOL="30")
        yield started
