"""People: an account, its profile, and the sign-ins that are open."""

from enum import StrEnum
from typing import Any

from tortoise import Model, fields

from eventhub.models.base import CheckConstraint, GeneratedField, SqlIndex, one_of
from eventhub.models.words import folded


class UserType(StrEnum):
    """What a user may do at all; organizers create events, admins may do what any organizer may."""

    ATTENDEE = "attendee"
    ORGANIZER = "organizer"
    ADMIN = "admin"


class User(Model):
    """An account. Usernames and emails are unique without regard to case; a deactivated user cannot sign in."""

    id = fields.BigIntField(primary_key=True)
    username = fields.CharField(max_length=150)
    email = fields.CharField(max_length=254)
    password_hash = fields.CharField(max_length=255)
    first_name = fields.CharField(max_length=150, default="")
    last_name = fields.CharField(max_length=150, default="")
    full_name = GeneratedField("COALESCE(NULLIF(BTRIM(first_name || ' ' || last_name), ''), username)")
    user_type = fields.CharField(max_length=20, default=UserType.ATTENDEE.value)
    bio = fields.TextField(default="")
    phone = fields.CharField(max_length=40, default="")
    avatar = fields.CharField(max_length=200, null=True)
    website = fields.CharField(max_length=500, default="")
    organization = fields.CharField(max_length=200, default="")
    is_verified = fields.BooleanField(default=False)
    is_active = fields.BooleanField(default=True)
    date_joined = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "users"
        indexes = (
            SqlIndex("users_username_unique", "(lower(username))", unique=True),
            SqlIndex("users_email_unique", "(lower(email))", unique=True),
            SqlIndex("users_username", f"(({folded('username')}), id)"),
            SqlIndex("users_newest", "(date_joined DESC, id DESC)"),
            SqlIndex("users_inactive", "(id) WHERE NOT is_active"),
        )
        constraints = (one_of("user_type", UserType, "users_user_type"),)


class Profile(Model):
    """A user's settings, links and totals; made with the user, one for one."""

    user: fields.OneToOneRelation[Any] = fields.OneToOneField(
        "models.User", related_name="profile", primary_key=True
    )
    twitter = fields.CharField(max_length=500, default="")
    linkedin = fields.CharField(max_length=500, default="")
    github = fields.CharField(max_length=500, default="")
    facebook = fields.CharField(max_length=500, default="")
    newsletter_subscribed = fields.BooleanField(default=False)
    notifications_enabled = fields.BooleanField(default=True)
    total_events_attended = fields.IntField(default=0)
    total_spent = fields.DecimalField(max_digits=20, decimal_places=2, default=0)

    class Meta:
        table = "profiles"
        constraints = (
            CheckConstraint(check="total_events_attended >= 0 AND total_spent >= 0", name="profiles_totals"),
        )


class SignIn(Model):
    """One sign-in: every access and refresh token carries its id.

    Ended by log-out, by its user, a changed password or a deactivated account: refresh tokens die at once, access
    tokens as soon as a process's short-lived copy of this row runs out. `network` is where it was opened from, an
    address cut to /24 (IPv4) or /48 (IPv6); `last_used_at` is when a token of it last was refreshed, null before the first
    time.
    """

    id = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.User", related_name="sign_ins")
    created_at = fields.DatetimeField(auto_now_add=True)
    last_used_at = fields.DatetimeField(null=True)
    expires_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    network = fields.CharField(max_length=50, default="", db_default="")
    user_agent = fields.CharField(max_length=300, default="", db_default="")

    class Meta:
        table = "sign_ins"
        indexes = (
            SqlIndex("sign_ins_of_user", "(user_id) WHERE ended_at IS NULL"),
            SqlIndex("sign_ins_of_network", "(user_id, network)"),
            SqlIndex("sign_ins_expiry", "(expires_at)"),
        )


class TokenPurpose(StrEnum):
    """What a mailed token is good for."""

    PASSWORD_RESET = "password_reset"  # noqa: S105 - the name of a purpose
    EMAIL_VERIFICATION = "email_verification"


class MailedToken(Model):
    """A single-use token that was mailed. The row holds no secret: the token is this id, signed.

    `email` is the address that it was made for: a changed address makes it worthless.
    """

    id = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.User", related_name="mailed_tokens")
    purpose = fields.CharField(max_length=20)
    email = fields.CharField(max_length=254)
    created_at = fields.DatetimeField(auto_now_add=True)
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "mailed_tokens"
        indexes = (
            SqlIndex("mailed_tokens_of_user", "(user_id) WHERE used_at IS NULL"),
            SqlIndex("mailed_tokens_expiry", "(expires_at)"),
        )
        constraints = (one_of("purpose", TokenPurpose, "mailed_tokens_purpose_known"),)
