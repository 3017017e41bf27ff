"""Whatever bytes come in, the server answers what is HTTP in its error format, never fails, and goes on.

Good requests to every route are broken in one of many ways and sent over sockets of their own. A failure prints the
seed and the bytes. For the variables and `make fuzz` see test_schemathesis.py.
"""

import asyncio
import os
import random
import re
import time
from collections import Counter
from collections.abc import Callable

import orjson
import pytest

from eventhub.web.openapi.document import path_of
from eventhub.web.routes import ROUTES
from tests.cluster import Cluster

SECONDS = int(os.environ.get("EVENTHUB_FUZZ_SECONDS", "30"))
SEED = int(os.environ.get("EVENTHUB_FUZZ_SEED", "1"))
AT_ONCE = 8
ANSWER_SECONDS = 10
PATIENCE_SECONDS = 0.3  # for what may be the beginning of a request whose end never comes
ERROR_KEYS = {"detail", "error", "code"}
STATUSES = {200, 201, 204, 304, 308, 400, 401, 403, 404, 405, 408, 409, 413, 415, 417, 422}

# The drawn people would sign themselves out by the one, and the other answers as long as it is listened to.
APART = {("DELETE", "/api/auth/sign_ins/{id}/"), ("GET", "/api/changes/stream/")}
DRAWN = [route for route in ROUTES if (route.method, route.path) not in APART]

Head = list[bytes]
"""The request line and the header lines."""


class Draw(random.Random):
    """Draws what is to be sent."""

    def good(self, tokens: list[str]) -> tuple[Head, bytes]:
        """Return a well-formed request to one of the routes, with the body that the document shows."""
        route = self.choice(DRAWN)
        path = re.sub(r"\{\w+\}", lambda _: str(self.randint(1, 15)), path_of(route))
        body = orjson.dumps(route.body.example) if route.body else b""
        head = [f"{route.method} {path} HTTP/1.1".encode(), b"Host: localhost", b"Connection: close"]
        if self.random() < 0.8:
            head.append(f"Authorization: Bearer {self.choice(tokens)}".encode())
        if body:
            head.append(b"Content-Type: application/json")
        return head, body

    def bytes_(self, most: int) -> bytes:
        return self.randbytes(self.randint(0, most))

    def cut(self, data: bytes) -> tuple[bytes, bytes]:
        at = self.randint(0, len(data))
        return data[:at], data[at:]


# --- ways to break a body: they get it and return another --------------------------------------------------------


def broken_json(draw: Draw, body: bytes) -> bytes:
    start, end = draw.cut(body)
    return (
        start
        + draw.choice([b"", b"}", b"]", b",", b'"', b"\\", b"\\u12", b"nul", draw.bytes_(4)])
        + end[draw.randint(0, 2) :]
    )


def cut_json(draw: Draw, body: bytes) -> bytes:
    return draw.cut(body)[0]


def wrong_encoding(draw: Draw, body: bytes) -> bytes:
    text = body.decode().replace("e", draw.choice("éßж漢\U0001f389"))
    encoding = draw.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7", "cp037", "latin-1"])
    return text.encode(encoding, errors="replace")


def no_utf8(draw: Draw, body: bytes) -> bytes:
    start, end = draw.cut(body)
    return start + draw.choice([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\x80"]) + end


def odd_value(draw: Draw, body: bytes) -> bytes:
    """One value replaced: giant numbers, NUL, lone surrogates, nesting, wrong types."""
    value = draw.choice(
        [
            b"1e400", b"-1e400", b"1" * 5000, b"1e-5000", b"0." + b"9" * 5000, b"-0", b"NaN", b"Infinity",
            b"9223372036854775808", b"1.7976931348623157e308", b'"\\u0000"', b'"a\\u0000b"', b'"\\ud800"',
            b'"\\udc00\\ud800"', b'"' + b"x" * 300_000 + b'"', b"[" * 100_000, b"[" * 500 + b"]" * 500,
            b'{"a":' * 500 + b"1" + b"}" * 500, b"[]", b"{}", b"null", b"true", b'""', b'"\\u202e\\ufeff"', b"1", b'"\x01"',
        ]
    )  # fmt: skip
    values = list(re.finditer(rb':("[^"]*"|[^,}"]+)', body))
    if not values:
        return value
    found = draw.choice(values)
    return body[: found.start(1)] + value + body[found.end(1) :]


def many_keys(draw: Draw, body: bytes) -> bytes:
    key = draw.choice([b'"x%d"', b'"title"', b'""', b'"\\u0000%d"'])
    keys = b",".join((key % n if b"%d" in key else key) + b":" + b"1" for n in range(draw.randint(1, 3000)))
    return b"{" + keys + b"," + body.lstrip(b"{") if body else b"{" + keys + b"}"


def anything(draw: Draw, _: bytes) -> bytes:
    return draw.choice(
        [
            draw.bytes_(200),
            b"\0" * draw.randint(1, 50),
            b"[1]",
            b'"text"',
            b"1",
            b"null",
            b" ",
            b"\xef\xbb\xbf{}",
        ]
    )


def huge(draw: Draw, body: bytes) -> bytes:
    return body + b" " * draw.choice([1024 * 1024, 2 * 1024 * 1024])


def broken_form(draw: Draw, _: bytes) -> bytes:
    part = b"--x\r\nContent-Disposition: form-data; name=" + draw.choice(
        [b'"title"', b'"avatar"; filename="a.png"', b"", b'"', b"x" * 9000, draw.bytes_(9)]
    )
    whole = part + b"\r\n\r\n" + draw.bytes_(99) + b"\r\n--x--\r\n"
    return draw.choice(
        [whole, draw.cut(whole)[0], whole * draw.randint(2, 300), whole.replace(b"\r\n", b"\n")]
    )


BODIES = [
    broken_json,
    cut_json,
    wrong_encoding,
    no_utf8,
    odd_value,
    odd_value,
    many_keys,
    anything,
    huge,
    broken_form,
]

# --- ways to break a head: they change it in place ---------------------------------------------------------------


def odd_target(draw: Draw, head: Head) -> None:
    method, path, version = head[0].split(b" ")
    path = draw.choice(
        [
            path + b"\0", path + b"?" + draw.bytes_(60), path + b"?search=%00", path + b"?search=%ff%fe", b"*",
            path + b"?page_size=" + b"9" * 5000, path + b"?ordering=%F0%9F%8E%89", b"//evil.example/" + path, b"",
            path.replace(b"/", b"/../"), path.replace(b"/", b"%2f"), b"/media/..%2f..%2fetc%2fpasswd", draw.bytes_(30),
            b"/api/events/" + b"1" * 7000 + b"/", path + b"?" + b"&" * 5000, b"http://other.example" + path,
            b"/api/events/%d0/" % draw.randint(1, 9), b"/api/bookings/%EF%BC%91/", path + b"?a[]=1&a[]=2&event=", path + b"#x",
            path + b"?cursor=" + draw.bytes_(20).hex().encode(), path + b"?event=1&event=2", b"/" * 3000, path.upper(),
        ]
    )  # fmt: skip
    head[0] = b" ".join([method, path, version])


def odd_line(draw: Draw, head: Head) -> None:
    method, path, version = head[0].split(b" ", 2)
    head[0] = draw.choice(
        [
            b"TRACE " + path + b" " + version, b"CONNECT a:1 " + version, b"OPTIONS * " + version, method.lower() + b" " + path + b" " + version,
            method + b"  " + path + b" " + version, method + b" " + path, method + b" " + path + b" HTTP/9.9", b"PRI * HTTP/2.0",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", draw.bytes_(40), b"", b"X" * 9000 + b" / HTTP/1.1", method + b"\t" + path + b"\t" + version,
        ]
    )  # fmt: skip


def odd_header(draw: Draw, head: Head) -> None:
    header = draw.choice(
        [
            b"X-Odd: " + draw.bytes_(40), draw.bytes_(20), b": empty", b"X Odd: a", b" folded", b"X: " + b"y" * 9000,
            b"Content-Length: -1", b"Content-Length: 1, 2", b"Content-Length: " + b"9" * 30, b"Content-Length: 1e3", b"Content-Length: +5",
            b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: nonsense", b"Content-Encoding: gzip",
            b"Content-Encoding: br", b"Expect: 100-continue", b"Expect: nonsense", b"Upgrade: websocket\r\nConnection: Upgrade",
            b"Authorization: Bearer " + draw.bytes_(50), b"Authorization: " + draw.bytes_(9), b"Authorization: Basic YTpi", b"Authorization: Bearer a.b.c",
            b"Content-Type: multipart/form-data", b"Content-Type: multipart/form-data; boundary=x", b"Content-Type: application/json; charset=utf-16",
            b"Content-Type: \xff\xfe", b"Accept: \xff", b"If-None-Match: " + draw.bytes_(30), b"Idempotency-Key: " + draw.bytes_(9), b"Idempotency-Key: a\nb",
            b"X-Request-ID: " + draw.bytes_(30), b"Host: \xff\0", b"Host: a\r\nHost: b", b"X-Forwarded-For: " + draw.bytes_(20), b"Cookie: " + b"a=b;" * 1500,
            b"Range: bytes=0-1", b"Origin: " + draw.bytes_(20),
        ]
    )  # fmt: skip
    head.insert(draw.randint(1, len(head)), header)


def many_headers(draw: Draw, head: Head) -> None:
    head += [b"X-%d: y" % number for number in range(draw.choice([90, 150, 2000]))]


def no_host(_: Draw, head: Head) -> None:
    head.remove(b"Host: localhost")


HEADS: list[Callable[[Draw, Head], None]] = [
    odd_target,
    odd_target,
    odd_line,
    odd_header,
    odd_header,
    odd_header,
    many_headers,
    no_host,
]

# --- sending ------------------------------------------------------------------------------------------------------


def compose(draw: Draw, tokens: list[str]) -> tuple[str, bytes, bool]:
    """Return (how it is broken, the bytes, whether they are a whole request, which has to be answered)."""
    head, body = draw.good(tokens)
    broken = []
    if draw.random() < 0.6:
        change = draw.choice(BODIES)
        body = change(draw, body)
        broken.append(change.__name__)
        if change is broken_form:
            head = [line for line in head if b"Content-Type" not in line] + [
                b"Content-Type: multipart/form-data; boundary=x"
            ]
    framing = draw.random()
    is_whole = framing < 0.8
    if is_whole:
        head.append(b"Content-Length: %d" % len(body))
    elif framing < 0.9:
        head.append(b"Transfer-Encoding: chunked")
        body = draw.choice(
            [
                b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body),
                b"%x\r\n%s\r\n" % (len(body) + 9, body),
                b"-1\r\n" + body,
                b"zz\r\n\r\n",
            ]
        )
        broken.append("chunks")
    else:
        head.append(b"Content-Length: %d" % (len(body) + draw.choice([-1, 1, 50])))
        broken.append("length")
    if not broken or draw.random() < 0.4:
        breaking = draw.choice(HEADS)
        breaking(draw, head)
        broken.append(breaking.__name__)
        is_whole = False
    data = b"\r\n".join(head) + b"\r\n\r\n" + body
    if draw.random() < 0.1:
        data = draw.cut(data)[0]
        broken.append("cut")
        is_whole = False
    return "+".join(broken), data, is_whole


async def ask(port: int, data: bytes, *, is_whole: bool) -> bytes:
    """Return all that is answered to these bytes; nothing where the client, having waited in vain, goes away."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        await writer.drain()
        return await asyncio.wait_for(reader.read(), ANSWER_SECONDS if is_whole else PATIENCE_SECONDS)
    except ConnectionError:  # the server has said what it has to say before all was sent
        return b""
    except TimeoutError:
        assert not is_whole, "no answer"
        return b""
    finally:
        writer.close()


def status_of(answer: bytes) -> int:
    """Return the status of the first answer. Raises AssertionError where it is not as promised."""
    answer = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    head, separator, body = answer.partition(b"\r\n\r\n")
    assert separator, "no whole answer"
    status = int(head.split(b" ", 2)[1])
    assert status in STATUSES, status
    assert b"x-request-id:" in head.lower()
    if status >= 400 and body:
        error = orjson.loads(body[: int(re.findall(rb"(?i)content-length: (\d+)", head)[0])])
        assert error.keys() - {"errors"} == ERROR_KEYS, error
        assert ("errors" in error) <= (status == 400)
        assert "Traceback" not in error["detail"]
    return status


@pytest.mark.long
@pytest.mark.timeout(SECONDS + 120)
async def test_no_bytes_break_the_server(cluster: Cluster) -> None:
    cluster.run("demo")
    cluster.start("web", WEB_CONCURRENCY="1")
    tokens = [*await cluster.people(1, "organizer"), *await cluster.people(1), "x.y.z"]
    draw, until = Draw(SEED), time.monotonic() + SECONDS
    counts: Counter[int] = Counter()

    async def keep_asking() -> None:
        while time.monotonic() < until:
            name, data, is_whole = compose(draw, tokens)
            try:
                answer = await ask(cluster.port, data, is_whole=is_whole)
                counts[status_of(answer) if answer else 0] += 1
            except (AssertionError, ValueError, IndexError) as error:
                raise AssertionError(f"seed {SEED}, {name}: {error!r} to {data[:2000]!r}") from error

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(keep_asking())
    print(f"{counts.total()} requests: {dict(counts.most_common())}")
    assert counts.total() > 1000
    assert counts[0] < counts.total() / 4  # nearly all are answered
    assert counts[400] > counts.total() / 5  # what is broken is seen to be
    async with cluster.http() as http:
        assert (await http.request("GET", "/api/events/", tokens[0]))[0] == 200
    log = cluster.log("web")
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]
    assert " ERROR " not in log
