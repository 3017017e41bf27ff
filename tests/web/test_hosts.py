"""Links in answers: the host that was asked, or none."""

import asyncio

import pytest

from tests.api import Api


@pytest.mark.parametrize("host", ['evil"><script>', "a b", "evil.example.com/path", "user@evil.example.com"])
async def test_links_never_hold_an_odd_host(api: Api, host: str) -> None:
    organizer = await api.person("organizer")
    await organizer.create_event()
    await organizer.create_event()
    page = await api.anonymous.get("/api/events/?page_size=1", headers={"Host": host})
    if page.status == 200:
        assert page.headers["Link"].startswith("</api/events/?page_size=1&cursor=")
    else:
        assert page.status == 400


async def _head(api: Api, asked: bytes) -> str:
    """Return the head of the answer to these bytes."""
    reader, writer = await asyncio.open_connection(api.client.host, api.client.port)
    writer.write(asked)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.close()
    return head.decode("latin-1")


async def test_links_hold_what_was_asked_as_a_url_may(api: Api) -> None:
    organizer = await api.person("organizer")
    await organizer.create_event()
    await organizer.create_event()
    query = b'page_size=1&x=>;rel="next",<http://evil/>&y=%3E+%zz|^`{}\\&ordering=title'
    head = await _head(api, b"GET /api/events/?" + query + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    [link] = [line for line in head.split("\r\n") if line.startswith("Link: ")]
    assert link.isascii()
    assert link.startswith(
        "Link: <http://a/api/events/?page_size=1&x=%3E;rel=%22next%22,%3Chttp://evil/%3E&y=%3E+%"
    )
    assert link.count("<") == link.count(">") == 1
    assert link.endswith('>; rel="next"')
    following = link.removeprefix("Link: <http://a").removesuffix('>; rel="next"')
    assert (await api.anonymous.get(following)).status == 200
    moved = await _head(api, b'GET /api/events?x=<"> HTTP/1.1\r\nHost: a\r\n\r\n')
    assert "\r\nLocation: /api/events/?x=%3C%22%3E\r\n" in moved


async def test_a_target_that_names_another_host_is_refused_and_never_a_link(api: Api) -> None:
    organizer = await api.person("organizer")
    await organizer.create_event()
    await organizer.create_event()
    for target in (
        b"http://evil.example.com",
        b"http://a@evil.example.com",
        b"http://evil.example.com#a",
        b"http://a:81",
    ):
        asked = b"GET " + target + b"/api/events/?page_size=1 HTTP/1.1\r\nHost: a\r\n\r\n"
        head = await _head(api, asked)
        assert head.split()[1] == "400", target
        assert "evil" not in head
    same = await _head(api, b"GET http://A:8000/api/events/?page_size=1 HTTP/1.1\r\nHost: a:8000\r\n\r\n")
    assert "\r\nLink: <http://a:8000/api/events/?page_size=1&cursor=" in same


async def test_links_are_relative_where_no_host_was_said(api: Api) -> None:
    organizer = await api.person("organizer")
    await organizer.create_event()
    await organizer.create_event()
    asked = b"GET /api/events/?page_size=1 HTTP/1.0\r\n\r\n"
    reader, writer = await asyncio.open_connection(api.client.host, api.client.port)
    writer.write(asked)
    head = (await asyncio.wait_for(reader.read(), 5)).decode().partition("\r\n\r\n")[0]
    assert "\r\nLink: </api/events/?page_size=1&cursor=" in head
    writer.close()
