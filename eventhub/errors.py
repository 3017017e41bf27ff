"""What can go wrong, named by the fact. Knows no HTTP: `web.errors` turns each class into a status."""

from collections.abc import Mapping, Sequence

FieldErrors = Mapping[str, Sequence[str]]


class EventHubError(Exception):
    """Base of every error that the rules foresee; `detail` is for a person, `code` for a program."""

    code = "error"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code


class Invalid(EventHubError):
    """Raised when input cannot be taken as it is; `errors` names each field and what is allowed."""

    code = "invalid"

    def __init__(self, errors: FieldErrors, detail: str | None = None, *, code: str | None = None) -> None:
        super().__init__(detail or f"Invalid input: {', '.join(errors)}.", code=code)
        self.errors = errors


class WrongGuess(Invalid):
    """Raised when input names something secret that does not exist: whoever guesses is counted."""


class Unauthenticated(EventHubError):
    """Raised when credentials are missing, expired, forged or wrong."""

    code = "not_authenticated"


class Forbidden(EventHubError):
    """Raised when the caller may see a thing but not do this to it."""

    code = "permission_denied"


class NotFound(EventHubError):
    """Raised when a thing does not exist, or the caller may not know that it does."""

    code = "not_found"

    def __init__(self) -> None:
        super().__init__("Not found.")


class Conflict(EventHubError):
    """Raised when a thing's present state does not allow the request."""

    code = "conflict"


class Gone(EventHubError):
    """Raised when what was asked for was there once, and is not kept any more."""

    code = "gone"


class Busy(Exception):
    """Raised when there is no room for costly work at the moment: nobody's mistake, and worth another try."""

    retry_after_seconds = 5

    def __init__(self, detail: str = "Too much is under way at the moment.", *, code: str = "busy") -> None:
        super().__init__(detail)
        self.detail = f"{detail} Try again in {self.retry_after_seconds} seconds."
        self.code = code
