"""How often a client may ask: what each request counts as, and for whom."""

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager

from aiohttp import web

from eventhub.errors import Unauthenticated, WrongGuess
from eventhub.web.http.proxies import PROXIES, bucket, network
from eventhub.web.rate_limits.limiter import Limiter, State, Throttled

STATE = web.RequestKey("rate_limit", State)
# None where limits are off.
LIMITER = web.AppKey[Limiter | None]("limiter")


def count_read(request: web.Request) -> None:
    """Count a read of this address. Raises Throttled."""
    if (limiter := request.app[LIMITER]) is not None:
        request[STATE] = limiter.count(limiter.reads, _address(request))


def count_write(request: web.Request, user_id: int) -> None:
    """Count a write of this user, or of the address where nobody is signed in. Raises Throttled."""
    if (limiter := request.app[LIMITER]) is not None:
        request[STATE] = limiter.count(limiter.writes, f"user {user_id}" if user_id else _address(request))


def counting_refusals(request: web.Request, *, is_on: bool) -> AbstractContextManager[None]:
    """Let the block find out who writes, unless too many from this address had no good token. Raises Throttled."""
    limiter = request.app[LIMITER] if is_on else None
    return _NOT_COUNTED if limiter is None else _counting_refusals(limiter, _address(request))


_NOT_COUNTED = contextlib.nullcontext()


@contextlib.contextmanager
def _counting_refusals(limiter: Limiter, key: str) -> Iterator[None]:
    limiter.check_counted(limiter.refused, key)
    try:
        yield
    except Unauthenticated:
        limiter.count(limiter.refused, key)
        raise


async def count_registration(request: web.Request) -> None:
    """Count a registration from this address. Raises Throttled."""
    if (limiter := request.app[LIMITER]) is not None:
        request[STATE], _ = await limiter.check((limiter.register, _address(request)))


async def count_reset(request: web.Request, name: str) -> bool:
    """Count a mail that was asked for, known address or not. Raises Throttled where this network asked too often.

    Returns whether all networks together did: this asker is not to know, and strangers' askings cause no more mails.
    """
    limiter = request.app[LIMITER]
    if limiter is None:
        return False
    keys = (limiter.reset, f"{name} from {network_of(request)}"), (limiter.reset_address, _address(request))
    request[STATE], over = await limiter.check(*keys, also=(limiter.reset_mails, name))
    return over is not None


async def count_verification(request: web.Request, user_id: int) -> None:
    """Count a mail that this user asked for to their own address. Raises Throttled."""
    if (limiter := request.app[LIMITER]) is not None:
        keys = (limiter.verification, f"user {user_id}"), (limiter.reset_address, _address(request))
        request[STATE], _ = await limiter.check(*keys)


async def count_new_email(request: web.Request, user_id: int, name: str) -> None:
    """Count a change of a user's address, which mails the new one and tells whether it is taken. Raises Throttled."""
    if (limiter := request.app[LIMITER]) is not None:
        keys = (
            (limiter.new_email, f"user {user_id}"),
            (limiter.new_email, f"to {name} from {network_of(request)}"),
            (limiter.reset_address, _address(request)),
        )
        request[STATE], _ = await limiter.check(*keys)


@contextlib.asynccontextmanager
async def guarding_code(request: web.Request, user_id: int, code: str | None) -> AsyncIterator[None]:
    """Let the block look for a promo code, unless too many were wrong; without a code it is let through. Raises Throttled."""
    limiter = request.app[LIMITER]
    if limiter is None or not code:
        yield
        return
    who = f"user {user_id}" if user_id else _address(request)
    async with limiter.guesses((limiter.code, who), WrongGuess):
        yield


@contextlib.asynccontextmanager
async def guarding_sign_in(
    request: web.Request, name: str, *, is_from_known_network: bool
) -> AsyncIterator[bool]:
    """Let the block try a password for a name, unless too many tries failed. Raises Throttled.

    Tries count for the name from this network, so that no stranger locks anybody out, and for the name everywhere. Over
    that wide limit only networks that the account knows can succeed: yields whether the right password counts. All that
    fails then is answered alike, so that nobody learns from it which names there are. Other answers do not say how many
    tries are left: those of somebody else would show.
    """
    over = None
    try:
        async with _failures(request, f"name {name}") as over:
            yield over is None or is_from_known_network
    except Unauthenticated:
        if over is not None:
            raise Throttled(over) from None
        raise


@contextlib.asynccontextmanager
async def guarding_password(
    request: web.Request, user_id: int, *, is_from_known_network: bool = False
) -> AsyncIterator[None]:
    """Let the block try the password of a user who is signed in, unless too many tries failed: as at signing in."""
    async with _failures(request, f"user {user_id}") as over:
        if over is not None and not is_from_known_network:
            raise Throttled(over)
        yield


@contextlib.asynccontextmanager
async def _failures(request: web.Request, who: str) -> AsyncIterator[State | None]:
    request.pop(STATE, None)
    limiter = request.app[LIMITER]
    if limiter is None:
        yield None
        return
    async with limiter.failures(
        (limiter.login, f"{who} from {network_of(request)}"),
        (limiter.login_address, _address(request)),
        (limiter.login_name, who),
    ) as over:
        yield over


async def forgive_password_failures(request: web.Request, user_id: int, names: Sequence[str]) -> None:
    """Let a user who has a new password sign in at once from here: others may have failed in their name."""
    if (limiter := request.app[LIMITER]) is not None:
        who = [f"user {user_id}", *(f"name {name}" for name in names)]
        here = [(limiter.login, f"{one} from {network_of(request)}") for one in who]
        await limiter.clear(*here, *((limiter.login_name, one) for one in who))


def network_of(request: web.Request) -> str:
    """Return the network that the request comes from."""
    return network(request.app[PROXIES].address(request))


def _address(request: web.Request) -> str:
    return bucket(request.app[PROXIES].address(request))
