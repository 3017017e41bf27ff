"""People over HTTP: registration, who sees what of whom, what they change, what admins change."""

from tests.api import PASSWORD, Api
from tests.rows import insert_event, insert_review
from tests.web.test_errors import check_error


async def test_names_and_addresses_are_unique_without_regard_to_case(api: Api) -> None:
    await api.person(username="Zoë.Müller", email="Zoe@Example.com")
    body = {"username": "other", "email": "other@example.com", "password": PASSWORD}
    for changes, code in (
        ({"username": "Zoë.Müller"}, "username_taken"),
        ({"username": "ZOË.MÜLLER"}, "username_taken"),
        ({"username": "zoë.müller", "email": "zoe@example.com"}, "username_taken"),
        ({"email": "zoe@example.com"}, "email_taken"),
        ({"email": "ZOE@EXAMPLE.COM"}, "email_taken"),
    ):
        check_error(await api.anonymous.post("/api/users/", {**body, **changes}), 409, code)
    assert await api.database.fetch_value("SELECT count(*) FROM users") == 1
    assert await api.database.fetch_value("SELECT count(*) FROM profiles") == 1
    other = await api.person(username="other")
    check_error(
        await other.patch("/api/users/me/", {"email": "zoe@EXAMPLE.com", "current_password": PASSWORD}),
        409,
        "email_taken",
    )
    mine = {"email": "OTHER@example.com", "current_password": PASSWORD}
    assert (await other.patch("/api/users/me/", mine)).status == 200


async def test_registration_checks_names_addresses_and_passwords(api: Api) -> None:
    good = {"username": "newuser", "email": "newuser@example.com", "password": PASSWORD}
    for field, bad in (
        *(
            ("username", name)
            for name in ("", " ", "a b", "a@b", "a/b", "a\nb", "<b>", "x" * 151, "ab\u200b")
        ),
        *(
            ("email", address)
            for address in ("", "x", "x@", "@example.com", "a b@example.com", "x@y", "a@b\n.c")
        ),
        *(
            ("password", word)
            for word in ("", "short-1", "1234567890", "NewUser1", "password", "Qwertyuiop", "x" * 1025)
        ),
        ("password_confirm", PASSWORD + "x"),
        ("password_confirm", ""),
        ("user_type", "superuser"),
        ("user_type", ""),
        ("website", None),
    ):
        body = {**good, field: bad}
        if bad == "NewUser1":
            body["username"] = "newuser1"
        answer = await api.anonymous.post("/api/users/", body)
        if field == "website":
            assert answer.status == 201, "a key that registration does not take is ignored"
        else:
            check_error(answer, 400, "invalid", field)
    assert await api.database.fetch_value("SELECT count(*) FROM users") == 1
    for name in ("A", "a.b+c-d_e", "Łukasz", "名前", "x" * 150, "007", "me"):
        body = {**good, "username": name, "email": f"mail{len(name)}{ord(name[0])}@example.com"}
        assert (await api.anonymous.post("/api/users/", body)).status == 201, name


async def test_nobody_registers_as_an_admin(api: Api) -> None:
    body = {"username": "root", "email": "root@example.com", "password": PASSWORD, "user_type": "admin"}
    check_error(await api.anonymous.post("/api/users/", body), 403, "permission_denied")
    tricks = {
        "user_type": "organizer",
        "is_verified": True,
        "is_active": False,
        "is_superuser": True,
        "id": 77,
    }
    made = await api.anonymous.post("/api/users/", {**body, **tricks})
    assert made.status == 201
    assert (made.data["id"], made.data["is_verified"], made.data["is_active"]) == (1, False, True)
    for user_type, is_organizer in (("attendee", False), ("organizer", True), ("admin", True)):
        assert (await api.person(user_type)).user["is_organizer"] is is_organizer


async def test_addresses_and_phones_are_for_their_owner_and_admins(api: Api) -> None:
    admin, owner, other = await api.person("admin"), await api.person(), await api.person("organizer")
    await owner.patch("/api/users/me/", {"phone": "+49 30 123", "bio": "Hello"})
    await owner.patch("/api/users/update_profile/", {"github": "https://github.com/x"})
    email = owner.user["email"]
    path = f"/api/users/{owner.id}/"
    for reader, sees in ((api.anonymous, False), (other, False), (owner, True), (admin, True)):
        detail = (await reader.get(path)).data
        assert (detail["email"], detail["phone"]) == ((email, "+49 30 123") if sees else (None, None))
        assert detail["bio"] == "Hello"
        assert detail["profile"]["github"] == "https://github.com/x"
        assert ("notifications_enabled" in detail["profile"]) is sees
        assert ("total_spent" in detail["profile"]) is sees
        listed = {user["id"]: user for user in (await reader.get("/api/users/")).data}
        assert listed[owner.id]["email"] == (email if sees else None)


async def test_the_email_filter_finds_only_whom_the_asker_may_see(api: Api) -> None:
    admin, owner, other = await api.person("admin"), await api.person(), await api.person()
    query = f"/api/users/?email={owner.user['email'].upper()}&count=true"
    for reader, found in ((api.anonymous, []), (other, []), (owner, [owner.id]), (admin, [owner.id])):
        answer = await reader.get(query)
        assert [user["id"] for user in answer.data] == found
        assert answer.headers["X-Total-Count"] == str(len(found))
    by_name = await api.anonymous.get(f"/api/users/?username={owner.user['username'].upper()}")
    assert [user["id"] for user in by_name.data] == [owner.id]


async def test_deactivated_users_are_there_for_admins_alone(api: Api) -> None:
    admin, gone, other = await api.person("admin"), await api.person("organizer"), await api.person()
    await admin.patch(f"/api/users/{gone.id}/", {"is_active": False})
    for reader in (api.anonymous, other):
        assert gone.id not in [user["id"] for user in (await reader.get("/api/users/")).data]
        check_error(await reader.get(f"/api/users/{gone.id}/"), 404, "not_found")
    check_error(await other.get(f"/api/users/{gone.id}/reviews/"), 404, "not_found")
    check_error(await other.get(f"/api/users/{gone.id}/events_organized/"), 404, "not_found")
    assert gone.id in [user["id"] for user in (await admin.get("/api/users/")).data]
    assert (await admin.get(f"/api/users/{gone.id}/")).data["is_active"] is False


async def test_only_admins_administer(api: Api) -> None:
    admin, other, person = await api.person("admin"), await api.person("organizer"), await api.person()
    path = f"/api/users/{person.id}/"
    for asker in (other, person):
        check_error(await asker.patch(path, {"is_verified": True}), 403, "permission_denied")
    check_error(await person.patch("/api/users/999/", {}), 404, "not_found")
    check_error(await admin.patch("/api/users/999/", {}), 404, "not_found")
    changed = await admin.patch(path, {"is_verified": True, "user_type": "organizer", "username": "hacked"})
    assert changed.status == 200
    assert (changed.data["is_verified"], changed.data["user_type"]) == (True, "organizer")
    assert changed.data["username"] == person.user["username"]
    for change in ({"is_active": False}, {"user_type": "attendee"}):
        check_error(await admin.patch(f"/api/users/{admin.id}/", change), 409, "own_account")


async def test_what_is_not_theirs_to_change_stays(api: Api) -> None:
    person = await api.person()
    tricks = {
        "id": 77,
        "username": "other",
        "user_type": "admin",
        "is_verified": True,
        "is_active": False,
        "is_organizer": True,
        "password": "another-password-2",
        "full_name": "Other",
        "avatar": "x.png",
        "profile": {"total_spent": "99.00"},
        "date_joined": "2000-01-01T00:00:00Z",
    }
    for change in (person.put, person.patch):
        assert (await change("/api/users/me/", tricks)).data == person.user
    totals = {"total_spent": "99.00", "total_events_attended": 9, "user": 1}
    profile = (await person.patch("/api/users/update_profile/", totals)).data
    assert (profile["total_spent"], profile["total_events_attended"]) == ("0.00", 0)
    assert (await api.sign_in(person.user["username"])).id == person.id


async def test_a_full_name_falls_back_to_the_username(api: Api) -> None:
    person = await api.person(first_name="", last_name="", username="nameless")
    assert person.user["full_name"] == "nameless"
    for first, last, full in (("Ada", "", "Ada"), ("", "Lovelace", "Lovelace"), ("Ada", "L", "Ada L")):
        changed = await person.patch("/api/users/me/", {"first_name": first, "last_name": last})
        assert changed.data["full_name"] == full


async def test_events_and_reviews_of_a_user_are_those_the_asker_may_see(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    public = await insert_event(api.database, organizer.id)
    draft = await insert_event(api.database, organizer.id, status="draft")
    await insert_event(api.database, person.id)
    review = await insert_review(api.database, public, person.id)
    await insert_review(api.database, draft, person.id)
    path = f"/api/users/{organizer.id}/events_organized/?ordering=id"
    assert [event["id"] for event in (await person.get(path)).data] == [public]
    assert [event["id"] for event in (await organizer.get(path)).data] == [public, draft]
    reviews = await person.get(f"/api/users/{person.id}/reviews/")
    assert [found["id"] for found in reviews.data] == [review]
    assert (await person.get(f"/api/users/{organizer.id}/reviews/")).data == []
    for path in ("events_organized", "reviews"):
        check_error(await person.get(f"/api/users/999/{path}/"), 404, "not_found")


async def test_an_address_is_refused_by_name_or_stored_in_its_one_form(api: Api) -> None:
    good = {"username": "newuser", "email": "newuser@example.com", "password": PASSWORD}
    person = await api.person()
    for bad in ('"a,b"@x.org', "a@[127.0.0.1]", "x" * 65 + "@x.org"):
        for answer in (
            await api.anonymous.post("/api/users/", {**good, "email": bad}),
            await person.patch("/api/users/me/", {"email": bad}),
            await api.anonymous.post("/api/auth/password/reset/", {"email": bad}),
        ):
            check_error(answer, 400, "invalid", "email")
    made = await api.anonymous.post(
        "/api/users/", {**good, "username": " newuser ", "email": " A@B\u00dcCHER.test "}
    )
    assert (made.status, made.data["username"], made.data["email"]) == (201, "newuser", "A@b\u00fccher.test")
    taken = {**good, "username": "other", "email": "a@xn--bcher-kva.test"}
    check_error(await api.anonymous.post("/api/users/", taken), 409, "email_taken")
    check_error(
        await person.patch("/api/users/me/", {"email": taken["email"], "current_password": PASSWORD}),
        409,
        "email_taken",
    )
    for spelled in ("a@xn--bcher-kva.test", "A@B\u00fccher.TEST"):
        newuser = await api.sign_in(spelled)
        found = await newuser.get("/api/users/", params={"email": spelled})
        assert [user["username"] for user in found.data] == ["newuser"]


async def test_white_space_around_names_is_stripped_at_every_door(api: Api) -> None:
    email = "\u00a0ann@example.com\n"
    body = {
        "username": "\tann\u3000",
        "email": email,
        "password": PASSWORD,
        "first_name": " Ann ",
        "last_name": " ",
    }
    made = await api.anonymous.post("/api/users/", body)
    assert made.status == 201, made.data
    said = {name: made.data[name] for name in ("username", "email", "first_name", "last_name", "full_name")}
    assert said == {
        "username": "ann",
        "email": "ann@example.com",
        "first_name": "Ann",
        "last_name": "",
        "full_name": "Ann",
    }
    check_error(
        await api.anonymous.post("/api/users/", {**body, "email": "b@example.com"}), 409, "username_taken"
    )
    for login in (" ann ", "\u2003ANN", email, " Ann@Example.com "):
        ann = await api.sign_in(login)
        assert ann.id == made.data["id"]
        assert [user["id"] for user in (await ann.get("/api/users/", params={"username": " ann "})).data] == [
            ann.id
        ]
    changed = await ann.patch(
        "/api/users/me/", {"first_name": "\u2003Anna\t", "organization": " Bolt ", "email": f" {email}"}
    )
    assert [changed.data[name] for name in ("first_name", "organization", "email")] == [
        "Anna",
        "Bolt",
        "ann@example.com",
    ]
    await api.run_jobs()
    api.mailer.sent.clear()
    await api.anonymous.post("/api/auth/password/reset/", {"email": email})
    await api.run_jobs()
    assert [mail.to_address for mail in api.mailer.sent] == ["ann@example.com"]


async def test_addresses_from_before_go_on_working(api: Api) -> None:
    for number, old in enumerate(('"a,b"@x.org', "Ann@XN--BCHER-KVA.test")):
        person = await api.person(username=f"old{number}")
        await api.database.execute("UPDATE users SET email = $2 WHERE id = $1", person.id, old)
        me = (await person.get("/api/users/me/")).data
        assert me["email"] == old
        assert (await person.put("/api/users/me/", {**me, "bio": "x"})).data["email"] == old
        for spelled in (old, old.lower()):
            assert (await api.sign_in(spelled)).token
            found = await person.get("/api/users/", params={"email": spelled})
            assert [user["id"] for user in found.data] == [person.id]
    # However it is spelled, there is one account with this mailbox.
    assert (await api.sign_in("ann@b\u00fccher.test")).user["username"] == "old1"
    await api.run_jobs()
    api.mailer.sent.clear()
    await api.anonymous.post("/api/auth/password/reset/", {"email": "ann@b\u00fccher.test"})
    await api.run_jobs()
    assert [mail.to_address for mail in api.mailer.sent] == ["Ann@XN--BCHER-KVA.test"]
    body = {"username": "other", "email": "ann@b\u00fccher.test", "password": PASSWORD}
    check_error(await api.anonymous.post("/api/users/", body), 409, "email_taken")
    other = await api.person()
    change = {"email": body["email"], "current_password": PASSWORD}
    check_error(await other.patch("/api/users/me/", change), 409, "email_taken")
    own = await person.patch("/api/users/me/", change)
    assert (own.status, own.data["email"]) == (200, "ann@b\u00fccher.test")


async def test_new_usernames_are_of_one_script_and_old_ones_go_on_working(api: Api) -> None:
    body = {"username": "\u0430dmin", "email": "new@example.com", "password": PASSWORD}
    check_error(await api.anonymous.post("/api/users/", body), 400, "invalid", "username")
    person = await api.person(username="\uff21nn\u2170")
    assert person.user["username"] == "Anni"
    check_error(
        await api.anonymous.post("/api/users/", {**body, "username": "\uff41nni"}), 409, "username_taken"
    )
    too_long = {**body, "username": "\ufdfa" * 100}  # 18 letters each
    check_error(await api.anonymous.post("/api/users/", too_long), 400, "invalid", "username")
    await api.database.execute("UPDATE users SET username = $2 WHERE id = $1", person.id, "\u0430\uff44min")
    assert (await api.sign_in("\u0430\uff44min")).token
