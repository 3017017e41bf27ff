"""People, to others and to themselves."""

from marshmallow import fields, validate

from eventhub.models.users import UserType
from eventhub.schemas.base import (
    Base,
    EmailAddress,
    Flag,
    Moment,
    Name,
    NewPassword,
    NewUsername,
    OwnEmailAddress,
    PictureUpload,
    PictureUrl,
    Text,
    WebAddress,
)

USER_TYPES = [kind.value for kind in UserType]


class Registration(Base):
    """A new account."""

    username = NewUsername()
    email = EmailAddress(required=True)
    password = NewPassword()
    password_confirm = Text(max_length=1024)
    first_name = Name(load_default="", max_length=150)
    last_name = Name(load_default="", max_length=150)
    user_type = fields.String(load_default=UserType.ATTENDEE.value, validate=validate.OneOf(USER_TYPES))

    example = {
        "username": "newuser",
        "email": "newuser@example.com",
        "password": "secure_password",
        "password_confirm": "secure_password",
        "first_name": "John",
        "last_name": "Doe",
        "user_type": "attendee",
    }


class AccountChanges(Base):
    """What users can change in their own account."""

    email = OwnEmailAddress()
    current_password = Text(
        load_only=True,
        max_length=1024,
        metadata={"description": "The present password: required with a new `email`."},
    )
    first_name = Name(max_length=150)
    last_name = Name(max_length=150)
    bio = Text()
    phone = Text(max_length=40)
    avatar = PictureUpload()
    website = WebAddress()
    organization = Name(max_length=200)

    example = {
        "first_name": "John",
        "last_name": "Doe",
        "bio": "Software developer",
        "phone": "+1234567890",
        "website": "https://johndoe.com",
        "organization": "Tech Company",
    }


class ProfileChanges(Base):
    """What users can change in their own profile."""

    twitter = WebAddress()
    linkedin = WebAddress()
    github = WebAddress()
    facebook = WebAddress()
    newsletter_subscribed = Flag()
    notifications_enabled = Flag()

    example = {
        "twitter": "https://twitter.com/johndoe",
        "linkedin": "https://linkedin.com/in/johndoe",
        "github": "https://github.com/johndoe",
        "facebook": "https://facebook.com/johndoe",
        "newsletter_subscribed": True,
        "notifications_enabled": True,
    }


class Administration(Base):
    """What admins can change for other users."""

    user_type = fields.String(validate=validate.OneOf(USER_TYPES))
    is_active = Flag()
    is_verified = Flag()

    example = {"user_type": "organizer", "is_verified": True}


class UserListItem(Base):
    """A user in a list; `email` is null for everybody but the user and admins."""

    id = fields.Integer(required=True)
    username = fields.String(required=True)
    email = fields.Email(required=True, allow_none=True)
    full_name = fields.String(required=True)
    user_type = fields.String(required=True, validate=validate.OneOf(USER_TYPES))
    avatar = PictureUrl()
    organization = fields.String(required=True)

    example = {
        "id": 1,
        "username": "admin",
        "email": "admin@example.com",
        "full_name": "Admin User",
        "user_type": "admin",
        "avatar": None,
        "organization": "",
    }


class Profile(Base):
    """Links for everybody; settings and totals for the user and admins."""

    twitter = fields.String(required=True)
    linkedin = fields.String(required=True)
    github = fields.String(required=True)
    facebook = fields.String(required=True)
    newsletter_subscribed = fields.Boolean()
    notifications_enabled = fields.Boolean()
    total_events_attended = fields.Integer()
    total_spent = fields.String()

    example = {
        **ProfileChanges.example,
        "total_events_attended": 0,
        "total_spent": "0.00",
    }


class User(Base):
    """A user; `email` and `phone` are null for everybody but the user and admins."""

    id = fields.Integer(required=True)
    username = fields.String(required=True)
    email = fields.Email(required=True, allow_none=True)
    first_name = fields.String(required=True)
    last_name = fields.String(required=True)
    full_name = fields.String(required=True)
    user_type = fields.String(required=True, validate=validate.OneOf(USER_TYPES))
    bio = fields.String(required=True)
    phone = fields.String(required=True, allow_none=True)
    avatar = PictureUrl()
    website = fields.String(required=True)
    organization = fields.String(required=True)
    is_verified = fields.Boolean(required=True)
    is_active = fields.Boolean(required=True)
    is_organizer = fields.Boolean(required=True)
    profile = fields.Nested(Profile, required=True)
    date_joined = Moment(required=True)

    example = {
        "id": 1,
        "username": "admin",
        "email": "admin@example.com",
        "first_name": "Admin",
        "last_name": "User",
        "full_name": "Admin User",
        "user_type": "admin",
        "bio": "",
        "phone": "",
        "avatar": None,
        "website": "",
        "organization": "",
        "is_verified": False,
        "is_active": True,
        "is_organizer": True,
        "profile": Profile.example,
        "date_joined": "2025-12-20T12:00:00Z",
    }
