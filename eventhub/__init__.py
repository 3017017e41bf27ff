"""Event Hub: a REST backend for events, bookings, payments and what follows from them."""

__version__ = "0.1.0"
