"""Signing in and out."""

from marshmallow import fields

from eventhub.schemas.base import Base, EmailAddress, Moment, NewPassword, Text

_TOKEN = "12-6f0c1e7a9d35b2480b6a7fd1c4e83952760dcb1e5fa94837d2c6b0518e9f43a7"  # noqa: S105 - shows its form


class TokenRequest(Base):
    """A username or an email address, and the password."""

    username = Text(required=True, max_length=254)
    password = Text(required=True, max_length=1024)

    example = {"username": "admin", "password": "admin123"}


class RefreshRequest(Base):
    """A refresh token: to get a new access token with, or to end."""

    refresh = Text(required=True, max_length=4096)

    example = {"refresh": "eyJ0eXAiOiJKV1QiLCJhbGc..."}


class PasswordChange(Base):
    """The present password, and the new one."""

    old_password = Text(required=True, max_length=1024)
    new_password = NewPassword()

    example = {"old_password": "secure_password", "new_password": "a better password"}


class PasswordResetRequest(Base):
    """The address of the account whose password was forgotten."""

    email = EmailAddress(required=True)

    example = {"email": "newuser@example.com"}


class PasswordReset(Base):
    """The token from the mail, and the new password."""

    token = Text(required=True, max_length=200)
    new_password = NewPassword()

    example = {"token": _TOKEN, "new_password": "a better password"}


class MailedToken(Base):
    """The token from the mail."""

    token = Text(required=True, max_length=200)

    example = {"token": _TOKEN}


class Message(Base):
    """A sentence for a person."""

    detail = fields.String(required=True)

    example = {"detail": "The email address is verified."}


class TokenPair(Base):
    """An access token for requests, a refresh token for new access tokens."""

    access = fields.String(required=True)
    refresh = fields.String(required=True)

    example = {"access": "eyJ0eXAiOiJKV1QiLCJhbGc...", "refresh": "eyJ0eXAiOiJKV1QiLCJhbGc..."}


class AccessToken(Base):
    """A new access token."""

    access = fields.String(required=True)

    example = {"access": "eyJ0eXAiOiJKV1QiLCJhbGc..."}


class SignIn(Base):
    """An open sign-in, and where it came from: `network` is the address, cut to /24 (IPv4) or /48 (IPv6)."""

    id = fields.Integer(required=True)
    created_at = Moment(required=True)
    last_used_at = Moment(required=True, allow_none=True)
    network = fields.String(required=True)
    user_agent = fields.String(required=True)
    is_current = fields.Boolean(required=True)

    example = {
        "id": 1,
        "created_at": "2025-12-20T12:00:00Z",
        "last_used_at": None,
        "network": "192.0.2.0/24",
        "user_agent": "Mozilla/5.0",
        "is_current": True,
    }
