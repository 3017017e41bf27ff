"""What operations do, in words, and by which codes they refuse: for the description of the API alone."""

from collections.abc import Mapping

_UPDATE_ME = (
    "Changes the keys that are sent; PUT and PATCH do the same. A new `email` needs `current_password` beside it, of "
    "which wrong ones count as failed sign-ins do. It is unverified until the token that is mailed to it by a job comes "
    "to `/api/auth/email/verify/`; the old address is told by mail. Changes of the address are limited as resets of "
    "passwords are. A form may bring a picture (`avatar`)."
)
_UPDATE_PROFILE = "Changes the keys that are sent; PUT and PATCH do the same. Without `notifications_enabled` no notification is mailed."
_UPDATE_EVENT = (
    "For its organizer and admins, unless it is cancelled or completed. {} A published event cannot be moved into the past "
    "(`complete/` ends it), and once it has begun its `start_date` stays; values that it has already are never refused. "
    "`organizer` is ignored: see `hand_over/`. Other times, another place or link of a "
    "published event are told to its attendees and to who is in line by a job, once, a minute after the first change; more "
    "seats let the line move up by a job. Where its start or end moves by 15 minutes or more, or its place or `is_online` "
    "changes, who had booked before may cancel with a refund for 7 days, at most until it starts."
)
_UPDATE_SESSION = "For the organizer of its event and admins. {}"
_READ_SESSION = (
    "Everybody may read it, but sessions of drafts. A `room_or_link` with a link in it (`://`, `www.`, or a domain with a "
    "path) is empty but for the event's organizer, the session's speaker and confirmed attendees."
)
_UPDATE_REVIEW = "For who wrote it. {}"
_WHOLE = "Takes the whole object; keys that may be left out fall back to their defaults."
_PARTLY = "Changes the keys that are sent."
_VOTE = "One vote a user, the last one counts; nobody votes on their own review."

WORDS: Mapping[str, str] = {
    "POST /api/auth/token/": (
        "Takes a username or an email, and opens a sign-in: an access token for minutes and a refresh token for days. "
        "Too many failures for a name from one network, or from an address, are refused for a while (429); so are all "
        "for a name that too many networks fail with, but where the account was signed in to before."
    ),
    "POST /api/auth/token/refresh/": "Answers a new access token for as long as the sign-in is open; the refresh token stays.",
    "POST /api/auth/logout/": (
        "Ends the sign-in of the refresh token; ending it again is no error. Its access tokens die within 30 seconds."
    ),
    "GET /api/auth/sign_ins/": (
        "One's own that are open. `last_used_at` is when a token of it was last refreshed, null before the first time; "
        "`is_current` is the one that asks."
    ),
    "DELETE /api/auth/sign_ins/": (
        "Ends all of one's own but the one that asks. Refresh tokens die at once, access tokens within 30 seconds."
    ),
    "DELETE /api/auth/sign_ins/{id}/": (
        "Ends one of one's own, also the one that asks; ending it again is no error. Its refresh token dies at once, "
        "access tokens within 30 seconds."
    ),
    "POST /api/auth/email/verify/": "Takes the token that was mailed to an address: `is_verified` becomes true. It works once.",
    "GET /api/users/": "Everybody may read it. `email` is null but for oneself and for admins, who see deactivated users too.",
    "POST /api/users/": (
        "For everybody, as `attendee` (the default) or `organizer`; nobody registers as `admin` (403). A job mails a token "
        "that verifies the address. A username is of letters of one script; username and address are answered in the one "
        "form in which they are kept (NFKC; the domain in lower case and its own script)."
    ),
    "GET /api/users/me/": "The account of who asks, with their settings and totals.",
    "PUT /api/users/me/": _UPDATE_ME,
    "PATCH /api/users/me/": _UPDATE_ME,
    "GET /api/users/update_profile/": "The profile of who asks: links, settings, and totals that bookings and payments change.",
    "PUT /api/users/update_profile/": _UPDATE_PROFILE,
    "PATCH /api/users/update_profile/": _UPDATE_PROFILE,
    "GET /api/users/{id}/": "Everybody may read it; contact, settings and totals are for the user and admins.",
    "PATCH /api/users/{id}/": (
        "For admins. Deactivating a user ends their sign-ins: access tokens die within 30 seconds. Nobody changes their "
        "own `user_type` or `is_active`, and the last active admin stays one. A job mails the user of a new role. Who is no "
        "organizer any more manages no events; those of who is deactivated take no bookings until they are active again, or "
        "the events are handed over."
    ),
    "GET /api/users/{id}/events_organized/": "For who is signed in; drafts are listed to their organizer and admins alone.",
    "GET /api/users/{id}/reviews/": "For who is signed in: what the user wrote, on events that the asker may see.",
    "GET /api/events/": (
        "Everybody may read it; drafts are listed to their organizer and admins alone. Without a sign-in the answer may "
        "be a second old."
    ),
    "POST /api/events/": (
        "For organizers and admins. It begins as a draft that only its organizer sees; publish it to open registration. "
        "Without a `registration_deadline` one may book until it starts. A form may bring a picture (`cover_image`). The "
        "`price` is in the `currency` that the installation has on that day, which the event keeps, and one that a payment "
        "method takes."
    ),
    "GET /api/events/{id}/": (
        "Everybody may read it, but drafts. `online_url` is empty but for its organizer and confirmed attendees, and so is a "
        "session's `room_or_link` with a link in it, which its speaker sees too."
    ),
    "PUT /api/events/{id}/": _UPDATE_EVENT.format(_WHOLE),
    "PATCH /api/events/{id}/": _UPDATE_EVENT.format(_PARTLY),
    "DELETE /api/events/{id}/": "For its organizer and admins, while nobody has booked or reviewed it; cancel it otherwise.",
    "POST /api/events/{id}/publish/": "For its organizer and admins: a draft becomes visible and may be booked.",
    "POST /api/events/{id}/cancel/": (
        "For its organizer and admins. Jobs cancel its bookings, refund what was paid, and tell attendees and the line."
    ),
    "POST /api/events/{id}/complete/": (
        "For its organizer and admins, once it has started; at its end it happens by itself. Jobs issue a certificate to "
        "each confirmed attendee."
    ),
    "POST /api/events/{id}/hand_over/": (
        "For admins: another active organizer or admin becomes its organizer, and both are told. An event whose organizer "
        "was deactivated takes bookings again. Handing it to who has it already is no error."
    ),
    "GET /api/events/{id}/attendees/": (
        "Everybody may read it: the confirmed bookings. Requirements and prices are null but for the event's organizer, to "
        "others a deactivated person is a `Former user`."
    ),
    "GET /api/events/{id}/statistics/": "Everybody may read it. `total_revenue` is what was paid less what was refunded.",
    "GET /api/sessions/": _READ_SESSION,
    "POST /api/sessions/": "For the organizer of the event and admins. Its times may lie outside its event's.",
    "GET /api/sessions/{id}/": _READ_SESSION,
    "PUT /api/sessions/{id}/": _UPDATE_SESSION.format(_WHOLE),
    "PATCH /api/sessions/{id}/": _UPDATE_SESSION.format(_PARTLY),
    "DELETE /api/sessions/{id}/": "For the organizer of its event and admins.",
    "GET /api/bookings/": "One's own bookings; with `event`, those of an event that one organizes.",
    "POST /api/bookings/": (
        "Takes the seats at once and answers a pending booking. With nothing to pay a job confirms it; otherwise its payment "
        "does, and without one it is cancelled when its hold ends. One active booking a user and event, and at most 100 "
        "tickets over all events that are to be paid."
    ),
    "GET /api/bookings/{id}/": "For who booked and the event's organizer.",
    "PATCH /api/bookings/{id}/": "For who booked: `special_requirements` is the one thing that may change.",
    "POST /api/bookings/{id}/confirm/": (
        "For who booked, where nothing is to pay, and for the event's organizer, who so confirms a bank transfer too. "
        "Confirming again is no error. A job tells who booked."
    ),
    "POST /api/bookings/{id}/cancel/": (
        "For who booked, until the event starts, and for its organizer. The seats are free at once and go to the line by a "
        "job; another returns the money, for one's own cancellation until the registration deadline, or where the event has "
        "changed since it was booked (for 7 days). A job tells who booked. Cancelling again is no error."
    ),
    "POST /api/bookings/{id}/no_show/": "For the event's organizer, once it has started: no certificate for who did not come.",
    "POST /api/bookings/{id}/attended/": (
        "For the event's organizer: who was recorded as a no-show was there after all, and has their seats and certificate "
        "again."
    ),
    "GET /api/waitlist/": (
        "One's own entries that are waiting or offered; with `event`, the line of an event that one organizes. Those that "
        "have ended are listed by their `status`."
    ),
    "POST /api/waitlist/": (
        "First come, first served. When seats come free a job books one for the first in line: confirmed where nothing is "
        "to pay, otherwise an offer for some hours, of which a notification tells. Where nobody waits and seats are free, "
        "joining is booking one at once: the entry is `offered`, and the booking is held as any other."
    ),
    "GET /api/waitlist/{id}/": "For who waits and the event's organizer. `position` 1 is next, null once one no longer waits.",
    "POST /api/waitlist/{id}/leave/": "For who waits; leaving an offer declines it, and it goes to the next by a job.",
    "GET /api/payments/": "One's own payments; with `event`, those for an event that one organizes.",
    "POST /api/payments/": (
        "Answers a pending payment; a job charges it, and then the booking is confirmed and an invoice written, or the "
        "payment has failed. `amount`, where given, must be the booking's price. Where the payer has to go somewhere, "
        "`checkout_url` says so after a moment; a bank transfer quotes `reference_number`. A transfer needs a verified "
        "address (403 with `code`: `email_not_verified`); it holds the booking for days, at most to the registration "
        "deadline, and an offer from the line no longer than that lasts; a mail says where to."
    ),
    "GET /api/payments/{id}/": (
        "For who paid and the event's organizer. `checkout_url` is where the payer has to go, once a job has found out."
    ),
    "POST /api/payments/{id}/refund/": (
        "For the event's organizer, and for who paid until the registration deadline, or for 7 days after the event has "
        "changed since it was booked, until it starts. The booking is cancelled and the "
        "answer says `refunded` at once; a job returns the money and tries until it is done. A credit note is written. "
        "While the payer's bank decides on a dispute about it, the money waits: the bank returns it, or the job afterwards."
    ),
    "POST /api/payments/{id}/cancel/": (
        "For who pays, while the payment is pending: it is cancelled at once, so that another method may be tried. A job "
        "voids it at its gateway before another is charged; where it was paid meanwhile, it is completed after all and the "
        "other one is cancelled."
    ),
    "POST /api/payments/{id}/complete/": (
        "For the event's organizer: a bank transfer has arrived. It is completed and confirms its booking. One that was no "
        "longer expected buys its seats again where they are free; else the answer says `refunded`, and the money is the "
        "organizer's to return."
    ),
    "POST /api/payments/{id}/mark_returned/": (
        "For the event's organizer: the money of a refunded bank transfer has been sent back. The payer is told."
    ),
    "GET /api/invoices/": "One's own invoices and credit notes; with `event`, those for an event that one organizes.",
    "POST /api/invoices/{id}/mark_as_sent/": "For who paid and the event's organizer.",
    "GET /api/notifications/": "One's own notifications.",
    "GET /api/notifications/unread_count/": "How many of one's own are unread.",
    "POST /api/notifications/mark_all_as_read/": "Marks one's own unread ones and answers how many there were.",
    "GET /api/notifications/unsubscribe/{token}/": "Opened by the link in a mail. It changes nothing: mail scanners follow links.",
    "POST /api/notifications/unsubscribe/{token}/": (
        "Turns off `notifications_enabled` for whom the mail was for. A link from a mail to an address that nobody has "
        "verified ends the mails to that address instead, whatever the profile says, until it is verified."
    ),
    "GET /api/notifications/{id}/": "For whom it is.",
    "POST /api/notifications/{id}/mark_as_read/": "For whom it is; marking it again is no error.",
    "GET /api/reviews/": "Everybody may read it, but reviews of drafts.",
    "POST /api/reviews/": (
        "For who is signed in but the event's organizer, one an event. `attended` is what is claimed and a confirmed "
        "booking bears out."
    ),
    "GET /api/reviews/{id}/": "Everybody may read it. `helpful_percentage` is 0 to 100 with one decimal, 0 without votes.",
    "PUT /api/reviews/{id}/": _UPDATE_REVIEW.format(_WHOLE),
    "PATCH /api/reviews/{id}/": _UPDATE_REVIEW.format(_PARTLY),
    "DELETE /api/reviews/{id}/": "For who wrote it and admins.",
    "POST /api/reviews/{id}/mark_helpful/": _VOTE,
    "POST /api/reviews/{id}/mark_unhelpful/": _VOTE,
    "GET /api/certificates/": "One's own certificates; with `event`, those for an event that one organizes.",
    "GET /api/certificates/verify/{number}/": "Everybody may ask: 404 for a number that was never issued.",
    "GET /api/certificates/{id}/": "For its owner and the event's organizer. `pdf_file` is null until a job has drawn it.",
    "GET /api/certificates/{id}/download/": "For its owner and the event's organizer: the PDF, once a job has drawn it.",
    "POST /api/certificates/{id}/mark_as_downloaded/": "Records that its owner has it; marking it again is no error.",
    "POST /api/certificates/{id}/reissue/": (
        "For its owner, whose name has changed: the same number with the present name. A job draws the PDF anew (until then "
        "`pdf_file` is null, and there is nothing to download) and tells the owner. Whoever verifies the number reads "
        "`reissued_at`. Where it bears this name already, nothing happens."
    ),
}

_BOOK = ("sold_out", "already_booked", "already_waiting", "registration_closed", "too_many_holds")
_PROGRAMME = ("too_many_sessions", "programme_too_large")
_TAKEN = ("username_taken", "email_taken")
# The `code` of each 409; other statuses have one code each, which their examples show.
CODES: Mapping[str, tuple[str, ...]] = {
    "POST /api/users/": _TAKEN,
    "PUT /api/users/me/": ("email_taken",),
    "PATCH /api/users/me/": ("email_taken",),
    "PATCH /api/users/{id}/": ("own_account", "last_admin"),
    "PUT /api/events/{id}/": ("wrong_state", "event_started", "in_the_past", "seats_taken"),
    "PATCH /api/events/{id}/": ("wrong_state", "event_started", "in_the_past", "seats_taken"),
    "DELETE /api/events/{id}/": ("has_bookings", "has_reviews"),
    "POST /api/events/{id}/publish/": ("wrong_state",),
    "POST /api/events/{id}/cancel/": ("wrong_state",),
    "POST /api/events/{id}/complete/": ("wrong_state", "event_not_started"),
    "POST /api/sessions/": _PROGRAMME,
    "PUT /api/sessions/{id}/": _PROGRAMME,
    "PATCH /api/sessions/{id}/": _PROGRAMME,
    "POST /api/bookings/": _BOOK,
    "POST /api/bookings/{id}/confirm/": ("payment_required", "wrong_state", "event_not_open"),
    "POST /api/bookings/{id}/cancel/": ("event_started", "wrong_state"),
    "POST /api/bookings/{id}/no_show/": ("event_not_started", "event_not_open", "wrong_state"),
    "POST /api/bookings/{id}/attended/": ("seats_taken", "event_not_open", "wrong_state"),
    "POST /api/waitlist/": ("already_booked", "already_waiting", "registration_closed", "too_many_holds"),
    "POST /api/waitlist/{id}/leave/": ("already_booked",),
    "POST /api/payments/": ("wrong_state", "payment_exists", "hold_expired", "event_not_open"),
    "POST /api/payments/{id}/refund/": ("registration_closed", "wrong_state"),
    "POST /api/payments/{id}/cancel/": ("wrong_state",),
    "POST /api/payments/{id}/complete/": ("wrong_state",),
    "POST /api/payments/{id}/mark_returned/": ("wrong_state",),
    "POST /api/reviews/": ("already_reviewed",),
    "GET /api/certificates/{id}/download/": ("not_ready",),
}
