"""Mail addresses: which ones there are, and the one form in which each is stored and compared."""

from dataclasses import dataclass

import email_validator

MAX_LOCAL_BYTES = 64  # RFC 5321, 4.5.3.1.1

# Names such as .test and .local are no worse than others: an intranet has them.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


class BadAddress(ValueError):
    """Raised for what is no mail address; the text says why."""


@dataclass(frozen=True)
class Address:
    """A mailbox. `text` is its one form: composed letters (NFC), the domain in lower case and in letters of its script.

    The part before the @ keeps its case, which some server may heed; accounts are compared without regard to it.
    """

    text: str
    local: str
    ascii_domain: str  # as IDNA spells it for the wire


def parse(text: str) -> Address:
    """Return the address that `text` spells. Raises BadAddress."""
    try:
        found = email_validator.validate_email(
            text.strip(), check_deliverability=False, globally_deliverable=False
        )
    except email_validator.EmailNotValidError as error:
        raise BadAddress(str(error)) from None
    assert found.ascii_domain is not None  # noqa: S101 - every domain has an ASCII form
    if len(found.local_part.encode()) > MAX_LOCAL_BYTES:
        raise BadAddress("The email address is too long before the @-sign.")
    if found.ascii_domain.rpartition(".")[2].isdigit():
        raise BadAddress("The part after the @-sign must be a domain's name.")
    return Address(found.normalized, found.local_part, found.ascii_domain)


def of_person(text: str) -> str:
    """Return the one form of an address that somebody gives as theirs. Raises BadAddress, even where a TLD is missing."""
    address = parse(text)
    if "." not in address.ascii_domain and address.ascii_domain != "localhost":
        raise BadAddress("The part after the @-sign should have a period.")
    return address.text


def one_form(text: str) -> str:
    """Return the one form of an address, and what is none as it is."""
    try:
        return parse(text).text
    except BadAddress:
        return text


def spellings(text: str) -> list[str]:
    """Return `text` and the other spellings under which its mailbox may be stored, but for the case of letters.

    What is stored now has one form. What was stored before it had any may be as it was typed, or as IDNA spells it.
    """
    try:
        address = parse(text)
    except BadAddress:
        return [text]
    return list(dict.fromkeys([text, address.text, f"{address.local}@{address.ascii_domain}"]))
