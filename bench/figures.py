"""What a run of requests comes to: percentiles, medians over runs, and ratios between targets that took turns."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from statistics import median


@dataclass(frozen=True)
class Figures:
    """One run of a scenario on one target. CPU is in milliseconds for each request, latencies are in milliseconds."""

    requests: int
    per_second: float
    p50: float
    p99: float
    server: float
    database: float
    client: float
    errors: int

    @property
    def cpu(self) -> float:
        """What a request costs the server and the database together."""
        return self.server + self.database

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest of `values` that at least this share of them does not exceed."""
    if not values:
        raise ValueError("There are no values to take a percentile of.")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def medians(runs: Sequence[Figures]) -> Figures:
    """Return the median of each figure by itself."""
    found = {field.name: median(getattr(run, field.name) for run in runs) for field in fields(Figures)}
    return Figures(**found)  # type: ignore[arg-type]


def cpu_ratio(runs: Sequence[Figures], base: Sequence[Figures]) -> float:
    """Return the median of what the runs cost as a multiple of the runs of `base` that they took turns with."""
    return median(run.cpu / each.cpu for run, each in zip(runs, base, strict=True))
