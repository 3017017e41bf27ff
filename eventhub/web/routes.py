"""Every route, in the order of the API document: `ls eventhub/*/bookings.py` is what stands behind a line."""

from eventhub.schemas import auth as auth_schemas
from eventhub.schemas import bookings as booking_schemas
from eventhub.schemas import certificates as certificate_schemas
from eventhub.schemas import events as event_schemas
from eventhub.schemas import invoices as invoice_schemas
from eventhub.schemas import notifications as notification_schemas
from eventhub.schemas import ops as ops_schemas
from eventhub.schemas import payments as payment_schemas
from eventhub.schemas import reviews as review_schemas
from eventhub.schemas import sessions as session_schemas
from eventhub.schemas import users as user_schemas
from eventhub.schemas import waitlist as waitlist_schemas
from eventhub.services.auth import SIGN_INS
from eventhub.services.bookings import BOOKINGS
from eventhub.services.certificates import CERTIFICATES
from eventhub.services.events import EVENTS
from eventhub.services.events.reads import ATTENDEES
from eventhub.services.invoices import INVOICES
from eventhub.services.notifications import NOTIFICATIONS
from eventhub.services.payments import PAYMENTS
from eventhub.services.reviews import REVIEWS
from eventhub.services.sessions import SESSIONS
from eventhub.services.users import USERS
from eventhub.services.waitlist import WAITLIST
from eventhub.web import (
    auth,
    bookings,
    certificates,
    docs,
    events,
    invoices,
    media,
    notifications,
    ops,
    payments,
    reviews,
    sessions,
    users,
    waitlist,
)
from eventhub.web.call import BYTES, Route

PDF = ("application/pdf", BYTES)
JSON_OR_PDF = ("application/json", "application/pdf")
HTML = ("text/html",)
PLAIN = ("text/plain",)
PICTURE = ("image/jpeg", "image/png", "image/webp", BYTES)
ASSET = ("text/css", "text/javascript", "image/png")

ROUTES: list[Route] = [
    # Authentication
    Route("POST", "/api/auth/token/", auth.log_in, "Obtain JWT token", is_public=True,
          body=auth_schemas.TokenRequest, returns=auth_schemas.TokenPair),
    Route("POST", "/api/auth/token/refresh/", auth.refresh, "Refresh token", is_public=True,
          body=auth_schemas.RefreshRequest, returns=auth_schemas.AccessToken),
    Route("POST", "/api/auth/logout/", auth.log_out, "Log out", is_public=True,
          body=auth_schemas.RefreshRequest, status=204),
    Route("GET", "/api/auth/sign_ins/", auth.sign_ins, "List one's sign-ins", listing=SIGN_INS,
          returns=auth_schemas.SignIn),
    Route("DELETE", "/api/auth/sign_ins/", auth.end_other_sign_ins, "End all other sign-ins", is_sensitive=True,
          status=204),
    Route("DELETE", "/api/auth/sign_ins/{id}/", auth.end_sign_in, "End a sign-in", is_sensitive=True, status=204),
    Route("POST", "/api/auth/password/change/", auth.change_password, "Change password",
          body=auth_schemas.PasswordChange, returns=auth_schemas.TokenPair, is_sensitive=True),
    Route("POST", "/api/auth/password/reset/", auth.ask_reset, "Ask for a password reset", is_public=True,
          body=auth_schemas.PasswordResetRequest, returns=auth_schemas.Message),
    Route("POST", "/api/auth/password/reset/confirm/", auth.reset_password, "Reset password", is_public=True,
          body=auth_schemas.PasswordReset, returns=auth_schemas.Message),
    Route("POST", "/api/auth/email/verify/", auth.verify_email, "Verify email address", is_public=True,
          body=auth_schemas.MailedToken, returns=auth_schemas.Message),
    Route("POST", "/api/auth/email/verify/resend/", auth.ask_verification, "Ask for another mail to verify an address",
          returns=auth_schemas.Message),
    # Users
    Route("GET", "/api/users/", users.index, "List users", is_public=True, listing=USERS,
          returns=user_schemas.UserListItem),
    Route("POST", "/api/users/", users.register, "Register new user", is_public=True,
          body=user_schemas.Registration, returns=user_schemas.User, status=201, refuses=(403, 409)),
    Route("GET", "/api/users/me/", users.me, "Get current user", returns=user_schemas.User),
    Route("PUT", "/api/users/me/", users.update_me, "Update current user", body=user_schemas.AccountChanges,
          is_partial=True, returns=user_schemas.User, is_sensitive=True, refuses=(409,)),
    Route("PATCH", "/api/users/me/", users.update_me, "Update current user", body=user_schemas.AccountChanges,
          is_partial=True, returns=user_schemas.User, is_sensitive=True, refuses=(409,)),
    Route("GET", "/api/users/update_profile/", users.profile, "Get profile settings", returns=user_schemas.Profile),
    Route("PUT", "/api/users/update_profile/", users.update_profile, "Update profile settings",
          body=user_schemas.ProfileChanges, is_partial=True, returns=user_schemas.Profile),
    Route("PATCH", "/api/users/update_profile/", users.update_profile, "Update profile settings",
          body=user_schemas.ProfileChanges, is_partial=True, returns=user_schemas.Profile),
    Route("GET", "/api/users/{id}/", users.detail, "Get user", is_public=True, returns=user_schemas.User),
    Route("PATCH", "/api/users/{id}/", users.administer, "Administer user", body=user_schemas.Administration,
          is_partial=True, returns=user_schemas.User, is_sensitive=True, refuses=(403, 409)),
    Route("GET", "/api/users/{id}/events_organized/", users.events_organized, "Get user's organized events",
          listing=EVENTS, returns=event_schemas.EventListItem),
    Route("GET", "/api/users/{id}/reviews/", users.reviews, "Get user's reviews", listing=REVIEWS,
          returns=review_schemas.Review),
    # Events
    Route("GET", "/api/events/", events.index, "List events", is_public=True, listing=EVENTS,
          returns=event_schemas.EventListItem),
    Route("POST", "/api/events/", events.create, "Create event", body=event_schemas.EventDetails,
          returns=event_schemas.Event, status=201, refuses=(403,)),
    Route("GET", "/api/events/{id}/", events.detail, "Get event details", is_public=True,
          returns=event_schemas.Event),
    Route("PUT", "/api/events/{id}/", events.update, "Update event", body=event_schemas.EventDetails,
          returns=event_schemas.Event, refuses=(403, 409)),
    Route("PATCH", "/api/events/{id}/", events.update, "Update event", body=event_schemas.EventDetails,
          is_partial=True, returns=event_schemas.Event, refuses=(403, 409)),
    Route("DELETE", "/api/events/{id}/", events.delete, "Delete event", status=204, refuses=(403, 409)),
    Route("POST", "/api/events/{id}/publish/", events.publish, "Publish event", returns=event_schemas.Event,
          refuses=(403, 409)),
    Route("POST", "/api/events/{id}/cancel/", events.cancel, "Cancel event", returns=event_schemas.Event,
          is_sensitive=True, refuses=(403, 409)),
    Route("POST", "/api/events/{id}/complete/", events.complete, "Complete event", returns=event_schemas.Event,
          refuses=(403, 409)),
    Route("POST", "/api/events/{id}/hand_over/", events.hand_over, "Hand event over", body=event_schemas.HandOver,
          returns=event_schemas.Event, is_sensitive=True, refuses=(403,)),
    Route("GET", "/api/events/{id}/attendees/", events.attendees, "Get event attendees", is_public=True,
          listing=ATTENDEES, returns=booking_schemas.Attendee),
    Route("GET", "/api/events/{id}/statistics/", events.statistics, "Get event statistics", is_public=True,
          returns=event_schemas.Statistics),
    # Sessions
    Route("GET", "/api/sessions/", sessions.index, "List sessions", is_public=True, listing=SESSIONS,
          returns=session_schemas.SessionListItem),
    Route("POST", "/api/sessions/", sessions.create, "Create session", body=session_schemas.SessionDetails,
          returns=session_schemas.Session, status=201, refuses=(403, 409)),
    Route("GET", "/api/sessions/{id}/", sessions.detail, "Get session", is_public=True,
          returns=session_schemas.Session),
    Route("PUT", "/api/sessions/{id}/", sessions.update, "Update session", body=session_schemas.SessionChanges,
          returns=session_schemas.Session, refuses=(403, 409)),
    Route("PATCH", "/api/sessions/{id}/", sessions.update, "Update session", body=session_schemas.SessionChanges,
          is_partial=True, returns=session_schemas.Session, refuses=(403, 409)),
    Route("DELETE", "/api/sessions/{id}/", sessions.delete, "Delete session", status=204, refuses=(403,)),
    # Bookings
    Route("GET", "/api/bookings/", bookings.index, "List user's bookings", listing=BOOKINGS,
          returns=booking_schemas.BookingListItem),
    Route("POST", "/api/bookings/", bookings.create, "Create booking", body=booking_schemas.BookingRequest,
          returns=booking_schemas.Booking, status=201, is_idempotent=True, refuses=(409,)),
    Route("GET", "/api/bookings/{id}/", bookings.detail, "Get booking", returns=booking_schemas.Booking),
    Route("PATCH", "/api/bookings/{id}/", bookings.update, "Change special requirements",
          body=booking_schemas.BookingChanges, is_partial=True, returns=booking_schemas.Booking, refuses=(403,)),
    Route("POST", "/api/bookings/{id}/confirm/", bookings.confirm, "Confirm booking",
          returns=booking_schemas.Booking, is_idempotent=True, is_sensitive=True, refuses=(409,)),
    Route("POST", "/api/bookings/{id}/cancel/", bookings.cancel, "Cancel booking",
          returns=booking_schemas.CancelledBooking, is_idempotent=True, is_sensitive=True, refuses=(409,)),
    Route("POST", "/api/bookings/{id}/no_show/", bookings.no_show, "Record a no-show",
          returns=booking_schemas.Booking, refuses=(403, 409)),
    Route("POST", "/api/bookings/{id}/attended/", bookings.attended, "Undo a no-show",
          returns=booking_schemas.Booking, refuses=(403, 409)),
    # Waitlist
    Route("GET", "/api/waitlist/", waitlist.index, "Get user's waitlist entries", listing=WAITLIST,
          returns=waitlist_schemas.WaitlistEntry),
    Route("POST", "/api/waitlist/", waitlist.join, "Join waitlist", body=waitlist_schemas.WaitlistRequest,
          returns=waitlist_schemas.WaitlistEntry, status=201, is_idempotent=True, refuses=(409,)),
    Route("GET", "/api/waitlist/{id}/", waitlist.detail, "Get waitlist entry",
          returns=waitlist_schemas.WaitlistEntry),
    Route("POST", "/api/waitlist/{id}/leave/", waitlist.leave, "Leave waitlist", status=204, is_idempotent=True,
          is_sensitive=True, refuses=(403, 409)),
    # Payments
    Route("GET", "/api/payments/", payments.index, "List user's payments", listing=PAYMENTS,
          returns=payment_schemas.PaymentListItem),
    Route("POST", "/api/payments/", payments.create, "Create payment", body=payment_schemas.PaymentRequest,
          returns=payment_schemas.Payment, status=201, is_idempotent=True, refuses=(403, 409)),
    Route("GET", "/api/payments/{id}/", payments.detail, "Get payment", returns=payment_schemas.Payment),
    Route("POST", "/api/payments/{id}/refund/", payments.refund, "Refund payment", returns=payment_schemas.Payment,
          is_idempotent=True, is_sensitive=True, refuses=(409,)),
    Route("POST", "/api/payments/{id}/cancel/", payments.cancel, "Cancel payment", returns=payment_schemas.Payment,
          is_idempotent=True, is_sensitive=True, refuses=(403, 409)),
    Route("POST", "/api/payments/{id}/complete/", payments.complete, "Record a transfer that arrived",
          returns=payment_schemas.Payment, is_idempotent=True, is_sensitive=True, refuses=(403, 409)),
    Route("POST", "/api/payments/{id}/mark_returned/", payments.mark_returned, "Record a refund made by hand",
          returns=payment_schemas.Payment, is_idempotent=True, is_sensitive=True, refuses=(403, 409)),
    Route("GET", "/api/payments/{id}/receipt/", payments.receipt, "Get payment receipt",
          returns=invoice_schemas.Invoice, produces=JSON_OR_PDF),
    Route("POST", "/api/payments/webhook/{gateway}/", payments.webhook, "Take a provider's event", is_public=True,
          is_unlimited=True, returns=payment_schemas.Received),
    # Invoices
    Route("GET", "/api/invoices/", invoices.index, "List user's invoices", listing=INVOICES,
          returns=invoice_schemas.Invoice),
    Route("GET", "/api/invoices/{id}/", invoices.detail, "Get invoice details", returns=invoice_schemas.Invoice,
          produces=JSON_OR_PDF),
    Route("POST", "/api/invoices/{id}/mark_as_sent/", invoices.mark_as_sent, "Mark invoice as sent",
          returns=invoice_schemas.Invoice),
    # Notifications
    Route("GET", "/api/notifications/", notifications.index, "List user's notifications", listing=NOTIFICATIONS,
          returns=notification_schemas.Notification),
    Route("GET", "/api/notifications/unread_count/", notifications.unread_count, "Get unread count",
          returns=notification_schemas.UnreadCount),
    Route("POST", "/api/notifications/mark_all_as_read/", notifications.mark_all_as_read,
          "Mark all notifications as read", returns=notification_schemas.Marked),
    Route("GET", "/api/notifications/unsubscribe/{token}/", notifications.ask_to_unsubscribe,
          "Page that asks whether to end notification mails", is_public=True, produces=HTML),
    Route("POST", "/api/notifications/unsubscribe/{token}/", notifications.unsubscribe,
          "End notification mails by one click", is_public=True, produces=HTML),
    Route("GET", "/api/notifications/{id}/", notifications.detail, "Get notification",
          returns=notification_schemas.Notification),
    Route("POST", "/api/notifications/{id}/mark_as_read/", notifications.mark_as_read,
          "Mark notification as read", returns=notification_schemas.Notification),
    # Reviews
    Route("GET", "/api/reviews/", reviews.index, "List event reviews", is_public=True, listing=REVIEWS,
          returns=review_schemas.Review),
    Route("POST", "/api/reviews/", reviews.create, "Create review", body=review_schemas.NewReview,
          returns=review_schemas.Review, status=201, refuses=(403, 409)),
    Route("GET", "/api/reviews/{id}/", reviews.detail, "Get review", is_public=True, returns=review_schemas.Review),
    Route("PUT", "/api/reviews/{id}/", reviews.update, "Update review", body=review_schemas.ReviewChanges,
          returns=review_schemas.Review, refuses=(403,)),
    Route("PATCH", "/api/reviews/{id}/", reviews.update, "Update review", body=review_schemas.ReviewChanges,
          is_partial=True, returns=review_schemas.Review, refuses=(403,)),
    Route("DELETE", "/api/reviews/{id}/", reviews.delete, "Delete review", status=204, refuses=(403,)),
    Route("POST", "/api/reviews/{id}/mark_helpful/", reviews.mark_helpful, "Mark review as helpful",
          returns=review_schemas.Review, refuses=(403,)),
    Route("POST", "/api/reviews/{id}/mark_unhelpful/", reviews.mark_unhelpful, "Mark review as unhelpful",
          returns=review_schemas.Review, refuses=(403,)),
    # Certificates
    Route("GET", "/api/certificates/", certificates.index, "List user's certificates", listing=CERTIFICATES,
          returns=certificate_schemas.CertificateListItem),
    Route("GET", "/api/certificates/verify/{number}/", certificates.verify, "Verify a certificate's number",
          is_public=True, returns=certificate_schemas.Verification),
    Route("GET", "/api/certificates/{id}/", certificates.detail, "Get certificate",
          returns=certificate_schemas.Certificate),
    Route("GET", "/api/certificates/{id}/download/", certificates.download, "Download a certificate's PDF",
          refuses=(409,), produces=PDF),
    Route("POST", "/api/certificates/{id}/mark_as_downloaded/", certificates.mark_as_downloaded,
          "Mark certificate as downloaded", returns=certificate_schemas.Certificate),
    Route("POST", "/api/certificates/{id}/reissue/", certificates.reissue, "Reissue certificate",
          returns=certificate_schemas.Certificate, refuses=(403,)),
    # Media
    Route("GET", "/media/{name:.+}", media.serve, "Get a picture", is_public=True, produces=PICTURE),
    # Documentation
    Route("GET", "/api/schema/", docs.schema, "Get this description of the API", is_public=True),
    Route("GET", "/api/docs/", docs.page, "Page to read and try the API", is_public=True, produces=HTML),
    Route("GET", "/api/docs/{name}", docs.asset, "Get a file of that page", is_public=True, produces=ASSET),
    # Operations
    Route("GET", "/healthz/", ops.health, "Whether this process can serve", is_public=True,
          is_unlimited=True, returns=ops_schemas.Health),
    Route("GET", "/.well-known/security.txt", ops.security_txt, "Where to report a hole in security", is_public=True,
          refuses=(404,), produces=PLAIN),
]  # fmt: skip
