"""Keys: what former ones still verify, and what each kind of proof is signed with."""

from eventhub.services import accounts, notifications
from eventhub.services.keys import Purpose, signing_key
from tests.api import Api
from tests.conftest import MakeApi


async def test_former_keys_verify_and_do_not_sign(make_api: MakeApi) -> None:
    before = await make_api()
    person = await before.person()
    old_key = before.resources.settings.secret_key
    after = await make_api(secret_key="k" * 32, secret_key_fallbacks=(old_key,))
    assert (await after.anonymous.get("/api/users/me/", headers=_bearer(person.token))).status == 200
    renewed = await after.anonymous.post("/api/auth/token/refresh/", {"refresh": person.refresh})
    assert (
        await after.anonymous.get("/api/users/me/", headers=_bearer(renewed.data["access"]))
    ).status == 200
    assert (
        await before.anonymous.get("/api/users/me/", headers=_bearer(renewed.data["access"]))
    ).status == 401
    gone = await make_api(secret_key="k" * 32)
    assert (await gone.anonymous.get("/api/users/me/", headers=_bearer(person.token))).status == 401


def _bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_mailed_tokens_and_unsubscribe_links_outlive_their_key(make_api: MakeApi) -> None:
    before = await make_api()
    person = await before.person()
    old = before.resources.settings
    token = await before.database.fetch_one("SELECT * FROM mailed_tokens WHERE user_id = $1", person.id)
    assert token is not None
    body = {"token": accounts._token(signing_key(old.secret_keys, Purpose.MAILED_TOKEN), token)}
    link = before.unsubscribe_path(person.id)
    gone = await make_api(secret_key="k" * 32)
    assert (await gone.anonymous.post("/api/auth/email/verify/", body)).status == 400
    assert (await gone.anonymous.post(link)).status == 404
    after = await make_api(secret_key="k" * 32, secret_key_fallbacks=(old.secret_key,))
    assert (await after.anonymous.post("/api/auth/email/verify/", body)).status == 200
    assert (await after.anonymous.post(link)).status == 200


async def test_each_kind_of_proof_has_a_key_of_its_own_and_the_secret_only_what_it_signed_before(
    api: Api,
) -> None:
    person = await api.person()
    settings = api.resources.settings
    row = await api.database.fetch_one("SELECT * FROM mailed_tokens WHERE user_id = $1", person.id)
    assert row is not None
    verify, secret = "/api/auth/email/verify/", settings.secret_key.encode()

    def link(key: bytes) -> str:
        return f"/api/notifications/unsubscribe/{person.id}.{notifications._proof(key, person.id)}/"

    for purpose in Purpose:
        key = signing_key(settings.secret_keys, purpose)
        if purpose != Purpose.MAILED_TOKEN:
            forged = {"token": accounts._token(key, row)}
            assert (await api.anonymous.post(verify, forged)).status == 400, purpose
        if purpose != Purpose.UNSUBSCRIBE_LINK:
            assert (await api.anonymous.get(link(key))).status == 404, purpose
    assert (await api.anonymous.get(link(secret))).status == 200
    assert api.unsubscribe_path(person.id) == link(
        signing_key(settings.secret_keys, Purpose.UNSUBSCRIBE_LINK)
    )
    assert (await api.anonymous.post(verify, {"token": accounts._token(secret, row)})).status == 200
