"""How many connections a process holds, in all and for one address, and how much they may have sent without an answer.

The newest takes the place of one whose request is half-sent, or else of an idle one.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

from eventhub.web.http.proxies import Proxies, bucket

MAX_RECEIVED_BYTES = 96 * 1024 * 1024  # of requests that have no answer yet; uploads alone may be 64 MiB


class Held(Protocol):
    """A connection, as far as its bounds go. `received` is the bytes of the request that has no answer yet."""

    who: str
    rooms: Sequence["Room"]
    heard_at: float
    received: int

    @property
    def is_idle(self) -> bool: ...

    @property
    def is_half_sent(self) -> bool: ...

    def evict(self) -> None:
        """Close at once, to make room for another."""
        ...


class Room:
    """Connections up to a number; those that were silent for longest come first."""

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self.held: dict[Held, None] = {}

    def is_full(self) -> bool:
        return len(self.held) >= self.maximum

    def find_silent(self, seconds: float) -> Held | None:
        """Return one that was silent for so long: whose request is half-sent, or else an idle one."""
        idle = None
        silent_since = asyncio.get_running_loop().time() - seconds
        for connection in self.held:
            if connection.heard_at > silent_since:
                break
            if connection.is_half_sent:
                return connection
            if idle is None and connection.is_idle:
                idle = connection
        return idle


class Bounds:
    """One per process. Trusted proxies have as many connections as they like: they carry many people."""

    max_received_bytes = MAX_RECEIVED_BYTES

    def __init__(self, proxies: Proxies, *, max_connections: int, max_per_address: int | None) -> None:
        self._proxies = proxies
        self._max_per_address = max_per_address
        self._room = Room(max_connections)
        self._room_of: dict[str, Room] = {}
        self._received: Counter[str] = Counter()
        self._received_in_all = 0

    @property
    def number(self) -> int:
        """How many connections are held."""
        return len(self._room.held)

    def who(self, address: str) -> str:
        """Return for whom connections from this address count."""
        return address if self._proxies.is_trusted(address) else bucket(address)

    def has_room(self, who: str, silent_seconds: float) -> bool:
        """Return whether one more is within the bounds, or would be without one that was silent for so long."""
        return all(
            not room.is_full() or room.find_silent(silent_seconds) is not None for room in self._rooms(who)
        )

    def let_in(self, newest: Held) -> bool:
        """Return whether there is room, which silent ones make where need be; from now on it is held."""
        for room in self._rooms(newest.who):
            if room.is_full():
                silent = room.find_silent(0)
                if silent is None:
                    return False
                self.let_out(silent)
                silent.evict()
        self._hold(newest)
        return True

    def heard_from(self, connection: Held, received: int) -> None:
        """Let others go first. Where too much has been received, whoever has sent most loses what is half-sent."""
        if connection not in self._room.held:
            return
        for room in connection.rooms:
            room.held[connection] = room.held.pop(connection)
        self.count(connection, received)
        while self._received_in_all > self.max_received_bytes:
            silent = self._find_half_sent_of_most()
            if silent is None:
                break
            self.let_out(silent)
            silent.evict()

    def _find_half_sent_of_most(self) -> Held | None:
        """Return one that was silent for longest, of the address with most of what has been received."""
        for who, _ in self._received.most_common():
            for each in self._room.held:
                if each.who == who and each.received and each.is_half_sent:
                    return each
        return None

    def count(self, connection: Held, received: int) -> None:
        connection.received += received
        self._received_in_all += received
        of_address = self._received.get(connection.who, 0) + received
        if of_address:
            self._received[connection.who] = of_address
        else:
            self._received.pop(connection.who, None)

    def let_out(self, connection: Held) -> None:
        self.count(connection, -connection.received)
        for room in connection.rooms:
            room.held.pop(connection, None)
            # One that was let out before, to make room, comes here again when it is closed: there may be another by then.
            if not room.held and self._room_of.get(connection.who) is room:
                del self._room_of[connection.who]

    def _hold(self, connection: Held) -> None:
        connection.rooms = tuple(self._rooms(connection.who))
        for room in connection.rooms:
            room.held[connection] = None

    def _rooms(self, who: str) -> Iterator[Room]:
        if self._max_per_address is not None and not self._proxies.is_trusted(who):
            yield self._room_of.get(who) or self._room_of.setdefault(who, Room(self._max_per_address))
        yield self._room
