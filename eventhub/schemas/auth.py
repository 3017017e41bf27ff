"""Signing in and out."""

from marshmallow import fields

from eventhub.schemas.base import Base, EmailAddress, Moment, NewPassword, Text


class TokenRequest(Base):
    """A username or an email address, and the password."""

    username = Text(required=True, max_length=254)
    password = Text(required=True, max_length=1024)


class RefreshRequest(Base):
    """A refresh token: to get a new access token with, or to end."""

    refresh = Text(required=True, max_length=4096)


class PasswordChange(Base):
    """The present password, and the new one."""

    old_password = Text(required=True, max_length=1024)
    new_password = NewPassword()


class PasswordResetRequest(Base):
    """The address of the account whose password was forgotten."""

    email = EmailAddress(required=True)


class PasswordReset(Base):
    """The token from the mail, and the new password."""

    token = Text(required=True, max_length=200)
    new_password = NewPassword()


class MailedToken(Base):
    """The token from the mail."""

    token = Text(required=True, max_length=200)


class Message(Base):
    """A sentence for a person."""

    detail = fields.String(required=True)


class TokenPair(Base):
    """An access token for requests, a refresh token for new access tokens."""

    access = fields.String(required=True)
    refresh = fields.String(required=True)


class AccessToken(Base):
    """A new access token."""

    access = fields.String(required=True)


class SignIn(Base):
    """An open sign-in, and where it came from: `network` is the address, cut to /24 (IPv4) or /48 (IPv6)."""

    id = fields.Integer(required=True)
    created_at = Moment(required=True)
    last_used_at = Moment(required=True, allow_none=True)
    network = fields.String(required=True)
    user_agent = fields.String(required=True)
    is_current = fields.Boolean(required=True)
