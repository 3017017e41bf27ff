"""What is known about mail to an address: how much was sent lately, and whether its reader wants none."""

from tortoise import Model, fields

from eventhub.models.base import SqlIndex


class MailedNotice(Model):
    """A mail that counts in the budget of its address; the clock purges rows when they count no more.

    `address` is in lower case. `key` names the mail, so that a second try does not count again.
    """

    id = fields.BigIntField(primary_key=True)
    address = fields.CharField(max_length=254)
    key = fields.CharField(max_length=100)
    sent_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "mailed_notices"
        indexes = (
            SqlIndex("mailed_notices_once", "(address, key)", unique=True),
            SqlIndex("mailed_notices_of_address", "(address, sent_at)"),
            SqlIndex("mailed_notices_age", "(sent_at)"),
        )


class MailSuppression(Model):
    """An address, in lower case, whose reader ended its mails by a link: nothing but tokens is sent to it."""

    address = fields.CharField(max_length=254, primary_key=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "mail_suppressions"
