"""Every route of the API, feature by feature, in the order of its description."""

from eventhub.web import (
    auth,
    bookings,
    certificates,
    docs,
    event_settings,
    events,
    health,
    invoices,
    media,
    notifications,
    payments,
    promo_codes,
    reviews,
    security_txt,
    sessions,
    ticket_types,
    users,
    waitlist,
)
from eventhub.web.call import Route

ROUTES: list[Route] = [
    *auth.ROUTES,
    *users.ROUTES,
    *events.ROUTES,
    *event_settings.ROUTES,
    *sessions.ROUTES,
    *promo_codes.ROUTES,
    *bookings.ROUTES,
    *waitlist.ROUTES,
    *payments.ROUTES,
    *invoices.ROUTES,
    *notifications.ROUTES,
    *reviews.ROUTES,
    *certificates.ROUTES,
    *ticket_types.ROUTES,
    *media.ROUTES,
    *docs.ROUTES,
    *health.ROUTES,
    *security_txt.ROUTES,
]
