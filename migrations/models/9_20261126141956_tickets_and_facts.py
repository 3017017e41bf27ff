from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return """
        CREATE TABLE IF NOT EXISTS "due_news" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "event_id" BIGINT NOT NULL,
    "since_seq" BIGINT NOT NULL,
    "due_at" TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS "due_news_once" ON "due_news" (event_id);
CREATE INDEX IF NOT EXISTS "due_news_next" ON "due_news" (due_at);
COMMENT ON TABLE "due_news" IS 'News that an event''s organizer is to be told at a time: of all that has happened from the fact `since_seq` on.';
        CREATE TABLE IF NOT EXISTS "facts" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "seq" BIGINT,
    "type" VARCHAR(40) NOT NULL,
    "event_id" BIGINT,
    "organizer_id" BIGINT,
    "user_id" BIGINT,
    "actor_id" BIGINT,
    "via" VARCHAR(10) NOT NULL,
    "data" JSONB NOT NULL DEFAULT '{}',
    "request_id" VARCHAR(64) NOT NULL DEFAULT '-',
    "occurred_at" TIMESTAMPTZ NOT NULL,
    CONSTRAINT "facts_via_known" CHECK (via IN ('user', 'job', 'clock', 'gateway'))
);
CREATE INDEX IF NOT EXISTS "facts_to_number" ON "facts" (id) WHERE seq IS NULL;
CREATE UNIQUE INDEX IF NOT EXISTS "facts_seq" ON "facts" (seq) WHERE seq IS NOT NULL;
CREATE INDEX IF NOT EXISTS "facts_of_user" ON "facts" (user_id, seq) WHERE seq IS NOT NULL;
CREATE INDEX IF NOT EXISTS "facts_of_event" ON "facts" (event_id, seq) WHERE seq IS NOT NULL;
CREATE INDEX IF NOT EXISTS "facts_of_organizer" ON "facts" (organizer_id, seq) WHERE seq IS NOT NULL;
COMMENT ON TABLE "facts" IS 'Something that has happened; `data` has ids under their resources'' names, states and amounts, never texts of people.';
        CREATE TABLE IF NOT EXISTS "fact_cursors" (
    "name" VARCHAR(20) NOT NULL PRIMARY KEY,
    "seq" BIGINT NOT NULL DEFAULT 0
);
COMMENT ON TABLE "fact_cursors" IS 'How far something has come with the facts: `numbered` is the last number given out, `news` what organizers were told of.';
        CREATE TABLE IF NOT EXISTS "promo_codes" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "code" VARCHAR(40) NOT NULL,
    "kind" VARCHAR(10) NOT NULL,
    "value" DECIMAL(10,2),
    "ticket_types" BIGINT[] NOT NULL DEFAULT '{}',
    "max_uses" INT,
    "max_per_booking" SMALLINT,
    "valid_from" TIMESTAMPTZ,
    "valid_until" TIMESTAMPTZ,
    "is_active" BOOL NOT NULL DEFAULT True,
    "comment" VARCHAR(200) NOT NULL DEFAULT '',
    "uses" INT NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ NOT NULL,
    "updated_at" TIMESTAMPTZ NOT NULL,
    "event_id" BIGINT NOT NULL REFERENCES "events" ("id") ON DELETE CASCADE,
    CONSTRAINT "promo_codes_kind_known" CHECK (kind IN ('percent', 'amount', 'free', 'unlock')),
    CONSTRAINT "promo_codes_code_form" CHECK (code ~ '^[A-Za-z0-9_-]{3,40}$'),
    CONSTRAINT "promo_codes_value" CHECK (CASE kind WHEN 'percent' THEN value IS NOT NULL AND value > 0 AND value <= 100 WHEN 'amount' THEN value IS NOT NULL AND value > 0 ELSE value IS NULL END),
    CONSTRAINT "promo_codes_max_uses" CHECK (max_uses BETWEEN 1 AND 1000000),
    CONSTRAINT "promo_codes_max_per_booking" CHECK (max_per_booking BETWEEN 1 AND 100),
    CONSTRAINT "promo_codes_never_overused" CHECK (uses BETWEEN 0 AND coalesce(max_uses, uses)),
    CONSTRAINT "promo_codes_valid_in_order" CHECK (isfinite(valid_from) IS NOT FALSE AND isfinite(valid_until) IS NOT FALSE AND (valid_from < valid_until) IS NOT FALSE)
);
CREATE UNIQUE INDEX IF NOT EXISTS "promo_codes_code" ON "promo_codes" (event_id, lower(code));
CREATE INDEX IF NOT EXISTS "promo_codes_newest" ON "promo_codes" (event_id, created_at DESC, id DESC);
COMMENT ON TABLE "promo_codes" IS 'A word that lowers the prices of an event''s tickets, or shows hidden types; a use is a ticket, not a booking.';
        CREATE TABLE IF NOT EXISTS "ticket_types" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "name" VARCHAR(100) NOT NULL,
    "description" TEXT NOT NULL DEFAULT '',
    "price" DECIMAL(10,2) NOT NULL,
    "is_open_price" BOOL NOT NULL DEFAULT False,
    "capacity" INT,
    "is_reserved" BOOL NOT NULL DEFAULT False,
    "sales_start" TIMESTAMPTZ,
    "sales_end" TIMESTAMPTZ,
    "min_per_booking" SMALLINT NOT NULL DEFAULT 1,
    "max_per_booking" SMALLINT NOT NULL DEFAULT 100,
    "is_hidden" BOOL NOT NULL DEFAULT False,
    "is_active" BOOL NOT NULL DEFAULT True,
    "position" SMALLINT NOT NULL DEFAULT 0,
    "seats_held" INT NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ NOT NULL,
    "updated_at" TIMESTAMPTZ NOT NULL,
    "event_id" BIGINT NOT NULL REFERENCES "events" ("id") ON DELETE CASCADE,
    CONSTRAINT "ticket_types_price" CHECK (price >= 0),
    CONSTRAINT "ticket_types_capacity" CHECK (capacity BETWEEN 1 AND 1000000),
    CONSTRAINT "ticket_types_never_oversold" CHECK (seats_held BETWEEN 0 AND coalesce(capacity, 1000000)),
    CONSTRAINT "ticket_types_reserved_have_a_capacity" CHECK (NOT is_reserved OR capacity IS NOT NULL),
    CONSTRAINT "ticket_types_per_booking" CHECK (1 <= min_per_booking AND min_per_booking <= max_per_booking AND max_per_booking <= 100),
    CONSTRAINT "ticket_types_sales_in_order" CHECK (isfinite(sales_start) IS NOT FALSE AND isfinite(sales_end) IS NOT FALSE AND (sales_start < sales_end) IS NOT FALSE),
    CONSTRAINT "ticket_types_position" CHECK (position BETWEEN 0 AND 1000)
);
CREATE INDEX IF NOT EXISTS "ticket_types_of_event" ON "ticket_types" (event_id, position, id);
CREATE UNIQUE INDEX IF NOT EXISTS "ticket_types_name" ON "ticket_types" (event_id, lower(name));
COMMENT ON TABLE "ticket_types" IS 'A kind of ticket that an event sells beside its standard ticket; each ticket is one of the event''s seats.';
        CREATE TABLE IF NOT EXISTS "booking_items" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "position" SMALLINT NOT NULL,
    "name" VARCHAR(100) NOT NULL,
    "quantity" SMALLINT NOT NULL,
    "unit_price" DECIMAL(10,2) NOT NULL,
    "discount" DECIMAL(12,2) NOT NULL DEFAULT 0,
    "total" DECIMAL(12,2) NOT NULL,
    "attendees" JSONB NOT NULL,
    "booking_id" BIGINT NOT NULL REFERENCES "bookings" ("id") ON DELETE CASCADE,
    "ticket_type_id" BIGINT REFERENCES "ticket_types" ("id") ON DELETE RESTRICT,
    CONSTRAINT "booking_items_quantity" CHECK (quantity BETWEEN 1 AND 100),
    CONSTRAINT "booking_items_total" CHECK (unit_price >= 0 AND discount >= 0 AND total = unit_price * quantity - discount AND total >= 0)
);
CREATE UNIQUE INDEX IF NOT EXISTS "booking_items_of_booking" ON "booking_items" (booking_id, position);
CREATE UNIQUE INDEX IF NOT EXISTS "booking_items_once" ON "booking_items" (booking_id, coalesce(ticket_type_id, 0));
CREATE INDEX IF NOT EXISTS "booking_items_of_type" ON "booking_items" (ticket_type_id) WHERE ticket_type_id IS NOT NULL;
COMMENT ON TABLE "booking_items" IS 'A line of a booking that was made with `items` or a promo code: tickets of one type, at one price.';
        ALTER TABLE "bookings" ADD "promo_uses" SMALLINT NOT NULL DEFAULT 0;
        ALTER TABLE "bookings" ADD "discount" DECIMAL(12,2) NOT NULL DEFAULT 0;
        ALTER TABLE "bookings" ADD "is_itemized" BOOL NOT NULL DEFAULT False;
        ALTER TABLE "bookings" ADD "promo_code_id" BIGINT REFERENCES "promo_codes" ("id") ON DELETE RESTRICT;
        ALTER TABLE "events" ADD "timezone" VARCHAR(64) NOT NULL DEFAULT 'UTC';
        ALTER TABLE "events" ADD "organizer_news" VARCHAR(10) NOT NULL DEFAULT 'daily';
        ALTER TABLE "events" ADD "is_standard_on_sale" BOOL NOT NULL DEFAULT True;
        ALTER TABLE "events" ADD "standard_ticket" VARCHAR(100) NOT NULL DEFAULT 'Standard';
        ALTER TABLE "invoices" ADD "lines" JSONB;
        CREATE INDEX IF NOT EXISTS "bookings_of_promo_code" ON "bookings" (promo_code_id) WHERE promo_code_id IS NOT NULL;
        ALTER TABLE "events" ADD CONSTRAINT "events_organizer_news_known" CHECK (organizer_news IN ('none', 'daily', 'each'));
        ALTER TABLE "bookings" ADD CONSTRAINT "bookings_discounts_have_lines" CHECK (is_itemized OR (promo_code_id IS NULL AND discount = 0));
        ALTER TABLE "bookings" ADD CONSTRAINT "bookings_promo_uses" CHECK (discount >= 0 AND promo_uses >= 0 AND (promo_uses = 0 OR promo_code_id IS NOT NULL));
        INSERT INTO "fact_cursors" ("name", "seq") VALUES ('numbered', 0), ('news', 0);"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
        ALTER TABLE "events" DROP CONSTRAINT "events_organizer_news_known";
        ALTER TABLE "bookings" DROP CONSTRAINT "bookings_discounts_have_lines";
        ALTER TABLE "bookings" DROP CONSTRAINT "bookings_promo_uses";
        DROP INDEX IF EXISTS "bookings_of_promo_code";
        ALTER TABLE "bookings" DROP COLUMN "promo_uses";
        ALTER TABLE "bookings" DROP COLUMN "discount";
        ALTER TABLE "bookings" DROP COLUMN "is_itemized";
        ALTER TABLE "bookings" DROP COLUMN "promo_code_id";
        ALTER TABLE "events" DROP COLUMN "timezone";
        ALTER TABLE "events" DROP COLUMN "organizer_news";
        ALTER TABLE "events" DROP COLUMN "is_standard_on_sale";
        ALTER TABLE "events" DROP COLUMN "standard_ticket";
        ALTER TABLE "invoices" DROP COLUMN "lines";
        DROP TABLE IF EXISTS "booking_items";
        DROP TABLE IF EXISTS "ticket_types";
        DROP TABLE IF EXISTS "facts";
        DROP TABLE IF EXISTS "fact_cursors";
        DROP TABLE IF EXISTS "promo_codes";
        DROP TABLE IF EXISTS "due_news";"""


MODELS_STATE = (
    "eJztfWtz28aS6F+ZUtUtSbW0Vk8na53kliwriU4cOdeSj89ulCJBYCgiAjEMBhTDZPPfb/"
    "fM4P0gQAIkCOODZQmYnhl0Nwb97r/2JsygFj+6MiamfaW7JrP33pC/9mxtQuGXtNs9sqdN"
    "p8FNvOBqQ0uM13BgXxMjxR1tyF0H/oabI83iFC4ZlOuOOVVr7d2zCXXHpv1E3LHmEo1Mqc"
    "OZTQzTIMMFGWu2QVxGfmNDTphDHDbnPQL33TElbMrJVHuieAPGakRnkwkAXBKbvlCH6AD9"
    "RA28DVulLjWOcFMG02FXsOQW1n+0H+0BIIQ5A2JyMh+zN2IqxDhhI6LZRNN1NrPdHoLBFb"
    "w749T/faLpsF16RAZ8NvyN6q6aCDZvumSucWIwm8KeewR+N3E92Dw5/+rkZCAef2abv89o"
    "32VP8ODUAST88itcNm2D/kE5/vnX3sikliF+3zONPbxN/5g6lHNBWAXhcUmE6n2bzil3BV"
    "sspuL+ngAHPsA/DmAcNfqw23c399c9AmjGXw73/sYpp899sXSEC2EHcEtc73tzvjWfbm33"
    "OzEWSTrs68yaTexg/HThjpntA5i22NMTtamjwQ7gmuvMkCHtmWUpBvZ4VKIoGCJxE4Ix6E"
    "ibWcjWCC03EFzb6/fvPjz0728e+v29BMt7ECEuVJd0wB+gCbbKBQKecAuv/uv09Ozsq9Pj"
    "s9dfX5x/9dXF18dfw1ix3+Str/6WmwmwJacSOLv9/vbuATfE4J2Ubyxe+FvAaK7WD8geYF"
    "8wa5IA12PNSUe/DxCjADxanAIevvNI4F0IaBCcJJsgwkT7o29R+8kdw59nx8c5CP7X1cfr"
    "H64+HsCowyia79StU3kPMR7BsDpZS6BYQbQQx+dFUHyejeHzBILVQVkGwyGQFqL4tBAbn+"
    "aw8WmSjQ3qaqYUCKJY/uf9h7t0LIdAYlg2TN0l/0sskyeO7aqwvfeP0cwWLxIZzkzLNW1+"
    "hMt+u1cTDXJQjijCmSec/26FMX3w09W/40S4fv/hrUAZ4+6TI2YRE7yNEcShgAzu9tO+n9"
    "mcH4XaHPPvvUri/VVlHP/6vADDvz7P5He8lTi1hRyTxO07wIxrTmjm2e3DxZleAR55v+zi"
    "QeNQzfhgWwslLOWg/eH2p5v7h6uffo5w/rurhxu8cyquLmJXD17HSORPQj7fPvxA8E/yPx"
    "/ubuIviD/u4X/2cE/azGV9m837mhGS67yrHtYiFEcpPPVlyhNGQ0DLJdIU+qqNNYa8G5NJ"
    "UR0YPaeKpIjTJBW+Yw41n+wf6UJQ4hb2rdk6TcG8Ums/qWl2iwJ/exzmXQ226GhzX30KMx"
    "48utQ/8fpHeA0+3l4/SIVrqOnPc80x+hFU4x12ymJX/LHJW5PTSfyKZoNmbKjHwE0rrL9l"
    "7Fk+X8LO4N3q5dkYhnJQQfPCg6k/U5ej8oxasVCkR6hYwx+go9vuJajt4uoYtGXQSidwZo"
    "i7whwAmrXNXKIjI1kWqPJTGCngkpaE+pYSRgOXuZrVnzqmToXGPzKB+XAaHU5cfFzQ922D"
    "cIY3TdjHQJ85DrX1xeCIXMFstoFWDoU+MmZALDGOAzgnM9s1LTIANd+EExO+TwNY9oON9g"
    "aDkrnpjmEwnQgjiEamDpswogN1yMDkfbxj/kmNgdgCPp5l2pSTg4Ei6S0MGBxeksRTaCMX"
    "HnNgmFwYPQbiIeBpxQJ9wBYfIEJxn67C75w6lFgM/xMmGjSKBPupx8ThMV0fyCUsHS8028"
    "IhiAavXo+od/CQfP7h5uMNgQPJnXHyj2/Jvk/m/T3xjVlxN6O+dxamb0VtoEcc+gSiNKIs"
    "zfSy1g7E4xbBRl17gE+2ZNucTfhsHaPFN2RfvRlrEWJmTzV51ubSIXtxcnX3joReDvItOV"
    "5nQ5JHS5Ensb3bO3Lgb7AHPMvskelMgGfXZRn5duPrmr2xYEwIcZGL5PaewBeV3H16/74z"
    "HzbUfCh5qZTpxYfYoPKp2Lwu1T9ufilkfckxvsSVUXs2GcIJA6+W+komEZ7J76mwK+kqjd"
    "NF5RtwenL+1fnXZ6/Pfcb3r+Txu8fbAZZD53OK1k91c6JZ6TiOQcb1fgl6pKbYQUznoPHd"
    "zfXtT1fvD05Oe6eCo0GjN6UqEjbmRjHtia5lzo0wzAZPjk/375KnhnexEp9DEY9Dtr8hYQ"
    "yfApcBM6KdD2SiCbXTTosH+BBnHM8Z8BtE+RYMtA83/37IN9D6pqr3H+6+94bHrbZxA21I"
    "IC5rR0wAd8bEXTImBhpJWcJHIVtI9R2hsoeTXDL7OtMKhI7DVkDqZtoy20Fpz6KzCqVjsB"
    "2lm09pEIA0Xi5sIwG4kszUMMrWrdqGzMspdhzGLKrZGYacKGQM2UMArevj6F8J4zvdQ1HF"
    "G/T2w4f3kZfn7W1c+vz009ubjwcnMQUsqeIGdvcksu9BN7UyzQhRyM3ZD47jeD5eg5elwe"
    "Ds9KvXvq0A/8gzE9yDcvs+iUjPo1HSUBAG246VoEp8Vm0W8IzV5Qy6Yag22bU2YtmNHw3K"
    "9l6OAgnQLhRiVSpsJQjly30BcqJQfMfammEoN948O0aEooEo4eM3IxIlzuAVYLVgcM+uIn"
    "V5dE/60V0BZn/Gya7VXLt1ZBfFbuJ7VTqCKqS/YNRMynGtwL778SO1tIxw/mhcFAbRtIil"
    "ow5M5pojU9f8zLHVsXUXmqo9LBp9n7VFht+mDKJ+lrO0laXmmuli/kAfntEx0xTaMsj6rG"
    "a7gckWLWKrDYR6inMrO9zTO9aWhnz2/aN0edznlYhAFBmVfsijCLPEBMkgpHEgphzEgxrf"
    "+MGGKpgTmaGHwZb4h3DjJ+M/618S40DvMFEUoyxlmJjmUJn76Y7pQoZGwm/2JbEZGcgZBS"
    "eLYEuMlMSvuwGUVcsdhWIvxbQyQnMgJpYZp4/2fMwsKp4OhmuuS4GHMTBTLs4mYmJv+3hx"
    "xByRfTrSHPwv2BtygFFriKZkEoxmGQbRxOkRZj6E0SNTxk3knTUi27yVlfC0fE2daRZwLT"
    "0I0UncOD6sYBsjeYJl7iS6qBdgF73aRdg1RA3tkewIO491SxtsQ3BtsgpUYb0V/yfwme3Z"
    "8ca3MFf0pFCu6ElOruhJMlf095lmu6abEt+Vz7NhuI5nY5ZB23RXCk6MAn6RsYnHJZwQnW"
    "enBs+OkDpLYtSH+SJZtgx2fZk9ieHs5PwIUDPS83G91qTnB6pAOek5Ctemr+CGXWlRXacc"
    "EZKwnUuzIr9aSG9f01MRyifesReiqKMiehZEvBTXV/fXV+9u9rJYvgL8yoznBzXZbrF6UQ"
    "wnX/RGZdNfU0d5O+heiok1fLuXZ2LVg4EFLayYG44p6n6UMvEEBmkC1dlkKmreZeXLl51A"
    "ZMELvyc+pFc+b4JV7/ACl/XupLkV0+IlOMoPaGp1yQC4m/OZCLIdXJLB1BgFM6EFc2RalJ"
    "i2MpPCifVEsdSfTh9tB/fl1GW6DCNfZJhTTR9nW+6S+eUrWAsja8oUwOwVQ4PV2LWXLJ66"
    "roiGsc/rJ41H9uCyviRs9i5CqceKXYRNtLOHbluMy7aH+kdEGQNeBGirqWyVGe7OCxnuzn"
    "MMd+dJw13yJCiD5XToFhpNXxdB/etszL9OIH7MZg7v+9/EkqaSFOjOaLLEaMKfTcvqu9pT"
    "ueoFEagWsvZFoWPlIudYuUgeK97HtQymwzBtTKSpoUSnyfsGm9sW04xVsmmisF0+TYF8mp"
    "DwmnJk5yYFxkBbmOjb4vTu4FVZIR00AdzlgzY5HzRkVyhL6RhoR+cm07nLPuvynr4U1Hd5"
    "T8uOtC7vqZl5T9vxw7yb0Ts6l29WzAfj3erl+V+MGcXOOQV9Lzif6ldkS+/IPhbmfdJs80"
    "/qCH8GI0NsAmSJEsEaQenhjfCrWJaExCq9Y9gQ8IlBRo6K4h7BumTATeCxPqe/Dwizk56b"
    "zS9fucvFw/eScG3vHV7F1eAvYcN82UvgMM3t+h9tV9DIdid0Ut8WpT7/JCiH/QhYh/6V0S"
    "/PptLmCx+qhTarXVdoE4L9duQlKfynSEu+VpAtK4mztWgeoBJQRG4bdhEQMdjU4Sn5e5lD"
    "Rd6d6OjIXrA7pGW8ASEF2yb0x/C0A3IQyt3zGi3gLEFoi1f9/BAT8BZcpAKaNhmgzT/IqO"
    "upfgaPNib9AbQhMnQ0S5RkF7VWcQlY23kxdcqPxCZk4h5ABqx65O3P38FAPg4P7Ultuvdo"
    "DzBXFuPIVCLglLKpRb02l14ibY8MLI27fUwEVO7bgRiAV4m8QJ5MwCFhM5GR6GDCoINYnd"
    "GgTeVc44+iXj6xQHTyrxGHjmaAB0PATPD9BoZUjTJV6qLjKrnTQ5lMK/SGA3IuxYImSmTe"
    "Iz/ashGnIA8eO7xHppami76d8DDP5OD+5v99urm7vsERumZRTJEU8UBcNq1AIgddNrmHoG"
    "d4s1SW5KQHdzGASFNtPx9txFtEFGZCNh5SkRmKFw4CSkqmPlI7HRwCEtichpYVHUjH2gvi"
    "wUQpmhGDiQYjpksOPsDYw0tsE0KdCZBddh7FSCc5AdBE9tCYiKeWjy/o5jUp5YxMZvpYpa"
    "yOGawl2Ra5l8I62ApkIXcAz2s6ZAJMuni08UC4FG1AOLUAnU+yPQm+jwoluHJEPTCo6E+A"
    "p/4R8d87P1lWdk+dzobAdWOKaPJ/xyc6fLRVixN/UtA/NAu204P/4EFQqEe0wDC/tCK+Ei"
    "r3VRU6D3Ab5K+K1ytoTwK8YInn56YBFFVjxLHfw/zaCf0TVoUD4Pbq7upQzPNn0NFFIVzm"
    "xMKkNgazmfYR+Vl7UleBx3ABIOZXx+T/kAONTMwnR+SiE44HBWeHbxA/zsI7Q4Cd5ZuM75"
    "ds+qJhX1q5qDxemCS3aE7Lp7AQF5qXaiGr1CZ4LIvN69GvJDsvbQYrXumKQrvUkhhc8sRk"
    "jn5GNJsa0VONLnqkhm0EXQwyn7yupf23Int1f4iIsKuDCtiUiOZ0RFEDKukEo9b0U9jSV5"
    "QJ81UtBp+IHOrC3Wrx6cInOOfZDmzmTDQLKHrgUHG4J/6HoTa3YE9w5QkW7Hs3RCul0ARi"
    "qR65++7Hd4eHPbL/y+Pj7Pjs+PiV+P/16Nf/wGYw+O9pH+/D1ePR1/Dz5PwUf56c4M8z/H"
    "mmn+I4+NSZ4q8zH8AY4Q3O/Qv0NV7QqHfh5OJMgIoLd99d41ZWs8N4LyTVnJyo2k/3t3ff"
    "g/RikwM58lAK4Acj+EjOpoKY38ABOlqXiCU2Eh5fx3ZYX7z5RY7nlM5F3id5lcZJwQ68mL"
    "Tl71JyC8x+Yit2blIbQFE2e2VZYl9+jUGT1Awc7m0jIjKv2K4pQIMLMkr2RkL1GVBsjFRl"
    "WPkrMc8tjhEsiWKo6Fn2199rYNpmricfFlkUny+QKDvjaEONo/5nqWjQng/QwsjImrpqBz"
    "tL4Dm7S0sMrBXYzjO91dGeJaxJFI5wD8G0Aul1l3e3WFCpryiSwzAtaDsUa/dU6BQ5yzlF"
    "zlIDf5ntCTvlgn4DuG0H/NZ/jFQY+CvR1p85KVUtsjk7CtU63q4ld2BHOkwajjZyN4Pm6k"
    "/pQBEs6wyMQnYOwcY5BCMRrvZqqQphuI7EjSZxqk2jLL0zJ+mI32jiR7zNSaJnGk0ScG2K"
    "qamsPfAqtfe2XHYvURKuoTX3un7AtfUD1jGmpQ9M9lTKkBcD6xJwC1nzymaTbz6PfKc1QT"
    "8kq8S3LQq0033rKvuSxWLHSmMzAtmhFK9E3IUlEJqA69CJV+KBiOWcgGnQO43XDceFY4Ql"
    "ZraUZeYE3E4jvTJmRkUaXnE+m5Rj4yjcTuNy8wyMMckllbUQVEPUtXoreJ+WUdHCIbpl7U"
    "lx2K4OQpOtSOHg/PKWwyhsR+lmU1pmUpT8xPN03/xufZEq+7pjyF4Sgdl1973xa5Xc352X"
    "opba+hizmMT5leNoiwzH+zxVWW1Ig4P736138q+Dxz2Mw3zcO6zpiLr598Mvv8Y5OJZTVP"
    "bQT4PvDv4mH/yh0NsErZcFDIUANxgx5MXehgnrx+M2OE7IyyErZRUOwWzSs/FwneLZUBcr"
    "qZp7XsAm/Po8u2rueUrcSjjjrwySU0A3iOt7tXrKtyB8p7EN3kyRAScRCCjjWlqY+NKTJG"
    "WG7khZHnroJ/d5FYUKhx8mIDcZIKeZ1iLJ78Hlapi9EK/nsHrCf+onMpYVi6KQLQydaXF9"
    "V5mCtwrVo5Ad1XeJ6kHqZpTi33sUynSKKrDlx2ky72yH1Jx4Fs7D/b9urh8+fIwQMnwxRE"
    "Xvalw8jqbMlsJ7HLjDfknsh8sElHNNxSHbFDC43fKrkeoOUYJ0xUKjxULjTFi6YmiiKWGK"
    "NP1WQX7340dqZaWltbYhYVQUjjWRWx1Rsb51bUSWzdQTiqT5tbB1F5pqZ+2m+diaOmyCxS"
    "KMdTnrZ5zoGn5vK1+pGJv1sPRRTNJWFHGvVMVaOLqXs7QVSaHGp2siqlSb2J3ElVchcT08"
    "fVaz3NiuLCDQFlShgFVXIdHvZPnPRB1Rcb2XV0YUa40XrCJ6zyYU63U+JWuXX5IBVkcZiI"
    "umwQmWsHRUhUSHcjZzdMr3vRa1oo4nl0X7JqKMX0+VO3TpH14BUawtmaxPuo1NiJ67ohC7"
    "qrgoC0eqJrkjSg1JEFjQNS1xUWeTiSy9yCm1e3jNFuVOsSbokzbF9Zmq4knQVATLynKTWJ"
    "t0gqUyifZoq3KieHVick4NAgKTeHpRtRA2c0QGqhuA1wuYe0UfD3BCWbuyJyYXpTgPe2QA"
    "ZGYSBC8bpiEmunWx+Ch1+KMNqztszlUhVkAfolPUlnyDk6vqrfhMcHshajhKnaKm3sCCS7"
    "FC1LIevUHtJKBX0KS2dL0muaCqnZ2+FNyMr7V6OSq5XvF2wPUs7jc1SV89aLlcz/LlSzbm"
    "bKOrldXIWlnlq9ivUb++YTredqK8XSVyFo6rUONbWLjpvFgv6JxW0HG/55b6YnSMvX27fE"
    "eDN1tqSNdhHq54Mnw51IehOtyvivsXUyvzRVXDW/hBrT6QCAXHJG6z8wS88WvlCVQWuY7L"
    "pkSu//V3Pc7uWrIGHAo44OlCTTaPR6E2GDD3KonuV5Xxd/WxuEwXFVlWiZmKgXZBU00Pmk"
    "rEL2T72Os2Dl/PHM6cvQwTsbrbW2Yo7utiYEF78Q9sDrccwn2TrW/dREuo3+qSvyEDaddT"
    "nX4yuyn1YCCd84HsV+NL8ar/kewuNErajLe5keWm0ExDlfi/xBHsja/m8N2uraqWSp4NsU"
    "qtdOruZrWBhpyAtwadTJlLbffK5nOaeg4mxuSehqY/uq+J4QXPxM+ex0dIS/L40WziL64v"
    "Xv1IF6L/l5yXis5EzBE9s2SLLmxho0nBk42EP4qORlR3kwdf7atV7uhJ4rX/THO6WPkOER"
    "i1ShOYlPVULbf09YJsha5X8TYPlrzDXDFM0c+mGt5C7fz04qLIh/PiIvvLifeiCswI1qeO"
    "6OOXxuS25mQkl8cA4ylsCxUuuWMYz+NepXD72gmg9e3t3dXH/07vx/E2RUF/+98PN1cFS7"
    "3fTzTLypZYssq973QU+tnpV6/9wwX/yDtO7n+6ev8+ac0bMiPlwMhjZQ+i4+FVebjLF8zm"
    "7HYZQbbuLWocfZuQP+OFGXWpM3mpMyHWi2TNXF/dX1+9u8lLmqlVnbVfGBZMT9Ni1a1erv"
    "IqB5VRWVFFxGblPeybLc1gsuM11jmhTo8MZwvqiGBKkW8oQgKf6RTUTy5jBFG7zNBQK5pc"
    "hWkiiIwB1bCvORXdwammj73Gz5y6WDFyn2NTc5CXkXGFuU8jU+rooAtiw2jXa4ktg0NBH9"
    "atGaDmCNvVm1bf60v+aM/HQvlVUZd+X/Ihtgo3LRGXKgrC2KFe26p1OtcWUquGzQ9ws9jG"
    "Hi2IIowT7mhev2upvJsunfCeF68qHh9000sZfTofC+PjGFvWU+/RLQvjOEcOm4g7cJbXpb"
    "krploeoikHqnErKe3eUvCcImxRy+kkezDVFhMvbhEwuVL33ODhlrTyNjmfVdTP2V8TPqjI"
    "SDmL+kGvPmd2xommGifg4UtZJ9T4NponKm/QFT1ayqA5CdlChJ8V66mY01IxPfyxdP/bGF"
    "gLUV1L3wwhjpb1CkaAWojp80KYPs/B9HkGpqn31S2Fah9qq91KKrQhFwmBgVE5NuRkQToh"
    "pCdRm93JOYDYVbTmmXHq6NssM1fL9DcLQbTJ0FJZCeOhKUp6or0LZfYy7JsC2vFxMT62WW"
    "odjWxc+wAdhothWBknUrTCpTVu0115m26JnW64qsT9UV09St8yUNbhEQHs/B275O/gIq6k"
    "NMVDYF2B8CYXCJd22BTy5vXPCYC20z5nO7T1G56etrLh6eZsOEVMOMX7nnr+j5I8HAZbm4"
    "t354DymPh176wwDwcm+XLyVQSuk7AKSFjCf5bEcnbumA/QNZlZPV0scK+VcytF4dpkcNhu"
    "ZIfCa5IYpYM7fg5m2jFCFI3viPJg6cKoG4jxuEZZMSNhITqiVyDiQ7YcLZys8JCV/oTJAR"
    "rh1DEpvxQ5AQ4Wo1KxDRPtmXIFw7HY1auRQ6mqxgU08SS0ZDTIJhZcIyFLrl9GGA0guqSs"
    "DO9ttqtc9CfOcuXmdzXeRkPjhluyG5KK9U82TDvM8HLuCfYbGxaNV2POs1dZT5Xhw7q5Jl"
    "fF6aLxZzmDMZ7s3YzKOnfABzNqiBi0gTOz+5o78LNIRdyaGAV3bAzWEsNAtue0L2oCyrFT"
    "TZTwO8Dzaw4Lw+lkmNQ4xOAvdSw904UIEpN/YqAXzKbWFhX5mG0t3mBOl1oJ8ALn3wLmf4"
    "GzUxT7I0M6YioSTMYrEdl17kjExwnbkopEkwX85Jk7oZxj4BuGywEaLDpyL2UtQ4vpz3D4"
    "2lgD8AmYkpgjiTMM3LNAPjwiA8CaDhN4dQgRTl16tMVY2DAWT+yRAdKPDrzsMl3EuYlzXN"
    "dmiB9Y/EDcmGpwbAPE57Prw3qC1pCrRBSZRLHguPQ8M588fsE5LB9JviH7EnR/hQgvsbox"
    "y0k3k5xW9ZKCMXn2qiHGTSyt+G7ltUciJDJ77VABR29JCbLfhbR1IW0N/DRH64UUEYpeZw"
    "tFrxPmoxcQaVN7D+dne4XANicBndTL5lXkeomTswyz+gAt5Nbq4wFBobaYVqrRcwhk8zWc"
    "WmSHCySUMuwdhVqJxxtm/4wVKCukpp7k6KknyTBjIZmUMgO46b6SOkNSAok2iuXQ9WZWgJ"
    "Myb1mfeQDVwhCJVvnMXZdOpmmBifkSTRhup8vuVCHG4Cu4KiLjsG2ykFWB25D2W/YQioF2"
    "wTtNPogksVz2TFO0q0+fbt/l0dgHi9F4NjONIwRuFW2lIiCJFSaDeNCYBuDbAcsgNQrV4T"
    "SWZeU4rFS2hA/QhUAXC4Huat7WWfNWGPPLINYHaJ9CWqgkV05FrmRBrq6UTjbqu9DyREBC"
    "F1q+bfJmSqfNcdG/Z0976V56vNNb4qjvW2rQUl/9h6BQiarRgv5s4S+mwEMGmVPLEt51jW"
    "NzOuEfHi6E/9uiYff0dOY8UU6w8rII60y6+mteqw7fNCIyvx7pyLRNPvYKkq7ikhVrDIOW"
    "3OnrHCgz/atvv91Xg0Hs2T/0nLXqNvm/JHx7jR2FwhiX7yiI40vdUej2GjuyY/2ll28rDJ"
    "G1t/iYNTb4m4yhSd8XDjJXqn3jTa+k3ewlAnHYe87gCvnHt2T/VefDT5FRGuHDl+xRjgIB"
    "TJtMiBtuJdQFT9QYPNG5o7fmjmYzF0Mjy7B2CKSF3H1WqE7NWU6dmrNknZrdcqbthv9nt2"
    "yBmzudKzcLdoarVU7rnbBkxBoGeCpqWTrHQFtI6JZZKBtiwfpJM6372dRTafdSTFnxIb08"
    "m5bIxebB6IKZKFc2UQWfepjAZrE55qNpOHQuCvwi8eGSND9hVgguxKXRyTLtZ3gwJhuWDW"
    "cuET5nLmoMUxv/xLrBCTPXphZdI48us4BW9ue18sJZTcqkq67EXraC331suzN442cwNe6Y"
    "m1GpPnJ/6ekL/GeLoUWPXnGqSeu+Loulq4Zmw5kBJ5bXy0ydKynWfZFt52XILeQkcDKSCU"
    "urY1/zeqK0vYIV+XWRk/2IDETeIGJYpt7hZnqEMy+1kVPgeQNYZkEMhrnSTG1TJvTV48CI"
    "0q3PVLGBdOOx/81asZFbfLFRuNbikiWVU7SCZXN9NcEynRG8kUbwJsgl2/4W1l/8t2vP56"
    "dOFMudyEueSOamNCEupHF47yS82iS8BxEJnSngPXiB0kvlO6lpFhXvONDboq9mnEoVNShI"
    "IKc7IlhMBqvEjBk8DEpSIAQ51H0jCw8IGFGoAKUpbHtrPtlpFSLqW0oIdaJcvF8yQX1O5A"
    "qmt4ghYlaw6oOs42D442TlGxzIHHdswaVaRTlJIhSuvP5hGdUSZN8sLwwAI2mwJc7tPbn7"
    "9P796mKWWh8Gmk5OU2BxH6WxTtZqrKwFWg+chKX8gyGQFkoD1XfDKd2/YgutK3ZblO2Mal"
    "+KyBV5r/zPS1mqRyFbSPUdoXIhv6WSWsrSOATWRdg3nL5dM+JGlKztmhEXKVbb0GbEd+Gw"
    "+BQzwF0sbD7bDhAOhS9oB8CcDq9uoctE31tEU9Qhgn4XUVqwhw1zTdtrqYsoH5nORCz45u"
    "RUKNiaUPOpZWE7YJyLoN8iPZtkIysLK0Gk4zBZ1nC4HhtAhDxLvDmKV1f25sTWKmhv6JFA"
    "rF6//250DzMbBdrCJg84GIA2fQGz7tKr9f9dH+dLk4KCTB9v/eCKMPYAElY0+CQ2I1qG5p"
    "h8XmSCj7cR7+/oNjpbUCNtQZEcKIHNBDGyjRapwC00YFRfrK902942N+ytJTxfCQhJHGeX"
    "7giBtALLeRpjHZU8Ou9ynd5lT6RJfiyXtIr0oLbdyKh+rq6woVFnXs7m9faal/HJVimAGY"
    "B1dscm2x27hnCbOj8DbbScdheFW8nO27D3Zzu57Z4SXg77YagO96vivvNudN6NJpCgMu9G"
    "4mCpAKc3L8X6GzbsRCmK0/BJGkEqbCBkmI19LivA69tgpnZiNiohZOB2O/44r2tniisu1N"
    "Az2wunimUVdMD9xGy6EBXVNM/4f0mwJSMIzcIpJiNZOZlS28CcUoYdGSdTxJYBFx0PKulh"
    "q25q4UKDB7E5PIuss+VH3D7DGsMFmY9NfSwuPAGzzrWF74lz6BSUJgS7JAN1U6ZguVy4+X"
    "BPQt+GIT0ypMKRh03PKOHUdXFn2KBNhu4SC2ZwjsjnsWlR5cDz9o8Tqi3j5TGQm4ha4mQw"
    "10xXdZLrEaAEw15yroBgc1vEHWNztxdmGn1u2theDT2D+JvMKdNEsTt8ZgxOpjKPV2JQ5J"
    "ghqnXNFu3svA5wmr0Q2Wc9wWI4j0NhNGAem9m5DFfEOnm2ofotDhTSBHGcBS7iUHfmyEQ4"
    "ucjIYRPVme4Pt6cmBQJr9rPKMIZ7I9NRNMZ3oh53psfnov0b8sVLjj8z6enClh4zTm7vyM"
    "G+IuB+j+z7DLi/isvR31OUWbP3FR231pLbcbKGly/jb1wLuayvj6n+nL2QuC2LKkbJ/Q3x"
    "ib3mDvBVLcNvwau9pmc1vAn5dhZxLKv33O/Jh3aItVAwXPThQCzUCDC+tgJda3nD5NOZm9"
    "eIMMkDCkY8PnBBV8xwu7puTh7nBFObUwyoVDcnmpWRyekDxc2nEupIQe+uDpaG4Hc317c/"
    "Xb0/ODntncbsaZ6L6DzhBfL6aZdxtIVhWuhtOyviPM52Had1GJuV6zTuQ2ywD4H6Fu5tBM"
    "XVJ8hMQJRkpaq8BRAt5OHqEazUpTIYDoF0KC6A4qSmUDiaJwHZIbwAwqcOezGNDON6TvJi"
    "FKx9jU1OC3U2Oc1pbXKa7G0Coj9FsYEqC0MZjKfB7mo/pA2E9gh9h83c/sxJSRrNDliLw7"
    "WBszcdtIYd7mdOqTjBEMiuMvWmsTw0LQuNKpllfrKxnQLaYb1oa7XAelPy+I7AbRDfaONO"
    "4ty/2ky5pAsWzEZ9e4MFVePMlegeh+3CBpscNijPw5UIHQPt6NxkOgd+h9LneASyO8ebQv"
    "Yi53jg4C9L9Shk9243+d0OnLhlqRyF7KjcZCpHYmKShM7vzJMA3lwg7kmctidrHNXV9eNR"
    "bvcyumMIpF1q40kxw1+O3S+uNm4xR6Jx4kUXqN9+1OcE6m8j/rlphKggAPojfEA/3l4/7C"
    "XYvALMfqFZEAFOs4PKQ9FnNoiLqlVG7ExRkN/9+JFafkmmdFTfyllahO2/a427l9a0vbS4"
    "e3Wrlxt3r6xxhStgKwAZxO3MbN7DCHhHs1XQOAaHj6nmuEMKA7jLptP0+tarTYRB9bfwp7"
    "bg2GgEBlFr1MPCOxj5PWeq5whMpmHnEVWoWvQ5IRoG2Iu4dFM0X+dHZACcM6Nc1bcSTUvm"
    "zHmmjmhYsm7HqbTv66dPt+9KRGPOZqZxhDCrvBDLgzL3/gFyvwjGIGIl/HH+bVKcrF3dkq"
    "FqUn8Ka0bi0fPjLrtexjUK6mPGUyyC2cj1xrcQubWEmkzTzohMAXzaPuH79OT8q/Ovz16f"
    "+zK3fyVP1E5qNPAF8FoqFmXWEEgL+bWWeB35vUwiObu1eQCx+c7moc/bcGZarmnzI1xvG1"
    "+4Wvqdg+LirOZ+j0J2bpum2HqLuG04pfZK3ZZ8sI7eTad3wmK0pbxuh41M8cBp+qW41Vui"
    "X+KgwuolmiL2uZfCDGoc9gbmUpljLkBdys5Ec9OVidMI0BNJu5g/DP+n6ZoVzbqGKtgMe2"
    "uXpbfnAo3dciHdIZCthl/WISReFBISL3KExIukkIhvFzXMUrJ4GKbDchEsP8FhNRuWwXEA"
    "0WG4CIZHmk7R5VAGx2GYDstFsGzTObconrB9PhviLoelqxRmzrHtioU7Vfk1Wv6e2oiN0p"
    "TImmODlPCkmp0lhBBKZfMBbNvlUoyjLWEnzITfnOXwuF4psjKzoUQVn6aWdsst3RCD3E79"
    "hrrQXKB4w+nxkuINa6mwy3z4H2z6wOBHzR78rWpM6/rv03s0rWsPmLBr+H0v3SKgbvaW2A"
    "QmDJ7KKG4WmDPHkJ5ii82pI4uoTR0MNyBsBIq8bL0COr5r6s/Ulc5kPmZzTsamYWD7ZGTi"
    "S9nkCN29mhraI/DJCoq9pZkPNri6KBr3olkzWUtNw4pyOsyNDZ+wJp1NZMUYWHdEqIbV48"
    "Q8R2Qgf5Ev64BoDhXbNI2grzNMOGJOj9w/XN29u/r4Dueyn3DY5NFGQ4eoHgdvkqHhA4v5"
    "LkXttTdpt4T9RLMs8mJyE2grHxJ2As8IO9Bxnz5KEFHqIdWGYIePNj69jq+uVVsHqRC7iZ"
    "+CFxdpxZe8ypU9SecDHH24UtGv0JIgmlJeoIdQboWzruRTI41JHjsVVQ698S30Np4X0QzP"
    "sxXDZL2nLq6jxrgO8YkpKfD6MGuLuruTBuJXKlsm7EZbXAVf4iSOrxxHW2SoFDHAGKIb4i"
    "q//916J/86eNzb/+vv/ce9w5pUanEq//JrvIIWvBsznobbzO9eGKRF5f0rU4MRPyBq9jOj"
    "0fPzh1LAW4TlKvKJ4PA0QekFwTDl1M1PwotAdkl4TU7Ck7RaKaM2BtrRucl0NnmoeHcJ63"
    "gEbssWcV9da7AhXGeTSaplNk/H8kF2tVhSvGhPsao9eWV7EiJqSfFpLdGpGsP2cXOEpa7o"
    "UTaq2xWFF3llpsaKVI9CdlTfJapvqZtc4yjchFTpTTfgahoRivoDMztwpTsE8xPT18znbV"
    "1TrlrTeT/SF5PO91J8q+pOL8+x6ogxBZ2qn2W6K/qOZTptyJMpQ5+xmZW4jX4+cf2SDLxo"
    "Er+VlW5p5qRHhswBEDZzsa9Vjjd1c8tW7khU6BWtm9DYld+4KPDrKff8Ko5Eb8llTsQqmy"
    "P5jznq+wfuGq7LddbfQmsob/VhLr7hGMN+aZWtht3l+mNqTUczK3tVNaAvPOvVLc6p5ujj"
    "zGU/3d/efU+eTJscyJGHUuo6GGnclaIt+QbjETo/9Tblpl6On1qyawl9PwBok/RaXdCg6V"
    "qlHP8+QAud07XYpxxf3ImiOLtYegDRChznqdB1FEzPjjLONWjnBBd3sfZ5lu3It7zEyZyA"
    "60yyeGVmr4rQFMgOpXudlfsLtXd2Vu4vkeqBChil+PcehdJJHoAtl7mSmlozDX6FJK6H+3"
    "/dXD98+BghZPhiiIre1ejp2vkVNq4fN60awxeD+s6ls+zQWd2l09W9XR2p1dS9fWHuukVv"
    "pXPnX8zdRbFoi44ygbFMZ5mHz2UOs75PwSJeM+FM8jxYI8A5ZunJiYjSJKUfC2dV4y6Fy8"
    "rSuCvuyMy4NN9YtZPX5AGT+BJuMMxAzPGSyOFRH1jnImiki8DkYf9TuZDWEOAGbYDbUQUq"
    "NAH6r0c5vo+AdZJopwTsBupzlIAsZ09peTUIktkxMhSVWCPvfnpoV6cG1Fs+Y2OlN++lEJ"
    "Ym33q3coVb7glxhQTbKzLVHDdWzmLqsCdHm0zoEbkVpRwmlJOJtiCWKYKuuGnIKhMewIFG"
    "ONNNzQJR1L+BkTJDOgKuO0xtBLGpdSsXhz0MlwqVEoWX+/hIGLyzStxOeFk+pdpzXpCUGl"
    "D10pyB+J8XIZVYq5P7Gyn3d6EsdYeyhHeWwHN2PEsMrAW1JDcd0hIcQWVdmVHIFroyd8R1"
    "6eEkP0PHNlYichiuI3GjSewwNukzp49Fost8q+JwLThEox+ss0IfrLOcD9ZZ8oPVBf5kY7"
    "+9ISBd4M+XSPUuDGWLFuhANy+H/ihciwotdbEoDZAYK0gvTmHyzZmhG8baRbEafalLx6PU"
    "aokGMt2mG6LlnV6uHRrG9M2idugPNiUI8cq036i2vpouGgVjOrBDR/DtGxOXPVOb6JrjmK"
    "rBr5nSZHiNubAO8w0mtmBescWeXrGZ28Pf8b7sDqURfazZgDAy1TgXNaKxQjMxqCjxhAyK"
    "y2E4xpvoYpwYJiUaxmvogAK5p0db3dOwszGz8X/N65KMzavGzHFfWeYLTKuz6QJN5u7YlK"
    "2NsX8yGsaPyMCmLrYwVi2NqUOx8vMcJmNTeG8MgoXksDvyow1SAtp5iT5zYV/kP0/PycHt"
    "zy/nh/gc/3n+tfjr9eElGWBwCSbjooznTWxjDWuBOtgILCECUHAd9ajU6Ak+UiZ4YZUfmQ"
    "534UFRHqzHIq94rXDy8CH5/MPNxxsikpgwgfj2ntx9ev9+Fdt4aG1FhKXLA4rkyJWM8d6C"
    "MMZ0FjnOB7xPsRNEZ4ffruyXU0q6U7q/QPUrfLCWpXsctqsY2WQTZnAGl7ZTRyBb+H63is"
    "xKjljBGdG9yDtB4ZBoV9QNEQJpR0nSi2JtAHO6AKbUI3X6oH2Wq/UahWoHbmtx6XSxrk0x"
    "MnYhmTsckvkg+nM8SFIkjGGhu708g1i8y0eR4ExsbiMsPrLzlmygpQImCaeWxcmQirBINF"
    "AleniFOoWh+QbzhIT5KIig5KBEpqQkbWxl0fhM/IrpJIbfPswMtRAzbTIFQQnjOtGAB1w0"
    "Mp0J2uhUqcojckXgU08dNJIhfsmYAV3FJHP4lZKBrk013XQXA7WNRzuyD2EeE9sb0ifTxh"
    "jSnlhMPql316GXZGDyvrfYgOA0jrIIwj4eRMiq1+dMGsJUSzZ/xTdyOtzcdDa0VNNUNMXh"
    "JQfWR74Q1wzQgC2zcBv6koakMEOWimUF2crE/a0aThpZWFwssKjszYajDztz1ja/cr0cc5"
    "ZHzMIispYaiNWGoNKTQgLdSY5Ad9LKoNKa9Mk6IklFr88UlT6vW5oP88U1Bi7VKw0+ouiY"
    "6megeFnqaRR22xXo0sW3hqWdehJQEtmZ38YwSIvCTSorlRaSBMuzcBiyY+ACDMw1C8RFEa"
    "Nf1swaA+0srU22tEpi0bQusEWoTFPbwXY0bhSNJ6a9Vt/JJPjmTJUncfqerP1FqqLTZENa"
    "ea6G0uOE3KoubR2tWOfENAyaom8trY/iw3Xf9wLf96654mbw7Fnvyp4QYbidLpVcxbEQmK"
    "xL6FNRoJ3GYVduuguA67LOOqp3WWdNdtV0WU/LZK0NNVUEYWxSTUfFW5hpZ20Xmy0WK4Jl"
    "UgI2vCCa7FANjEMpGqNhe9k+RwQnxrVkohGdaKbFhftfkoHMTSDszEUfv4iVYETXOL2MJQ"
    "+JIrC6ZtvMFWlMxLRTAjQ2tmzlYQcCuSJNB6/0FYv2siIApN/fG364SryBXFEgpuByYuwa"
    "a3nbzV7nwGYOqFvmn/TAoVNL05P/w1Cbw7GAV55gyb53Q4VC+BN4q/XI3Xc/vjs87JH9Xx"
    "4fZ8dnx8evxP+vR7/+xz5cxX9P+3gfrh6PvoafJ+en+PPkBH+e4c8z/RTHMcswxV9nPoAx"
    "whuc+xfoa7ygUe/CycWZABUX7r67xq2sFiIi0bis/yWKef3fmIkJbmv3RZRLmnZgTEhfNM"
    "geg5ORBNaHLialmTEp4XexTIRxm2NTCkVyn+SEcp8kY7nFmVkGyT5ACzF8enFeAMMwKruk"
    "HN6LWe5UwnF/rPGUrj3ZmE4AthLjF4UwfpGD8Ys4xkXmcr/s6RGFal31qVpOD5HWWBbREa"
    "AOz0XwPIKFM/C8pOtXBHKVxl9NOz+WhROm5NK4Ksq/VKaSB7RBBlX9WelmGPW0WPnUnOqp"
    "cS4dmiyJ5uz4VjW8BSfAxkNcAWGlONoHaAGyo1x8XoSLz7O5OBnkqr2ATpKS9pWN3QBiJf"
    "Q2zOq3gSrLczrkpluKg0MgrePhi0I4vsjB8UUSx8x50mzzTy09aCAb0XG41mG7Fo42ef+F"
    "OibMuEJQcRhy20FHO9WUqQ3BRzuF8JDpNony/BCAGGgXA9D0GICEG7qIy1QzMMoXXy7VzG"
    "Z11+kVTnWle4N2S4jKdJ1G9CWVCb0ent4Gsb879sIUQpJOHRe+jrq2duPW62CmtiJLxD2s"
    "iaa2xYZElTubz1WUwOoYujXoZMpcQNOVmK6tyEJPDwUUiVKn66HsJzHVA87UVmzZTJ0u63"
    "/67kJTtRVdU20xWf+w+lnO0lYkyRaSlTQsbyuKuo7uBZDkatbzmkgKtbFsoSgernu+Bo78"
    "CuttZKK5ZrqWyVPij8vg6LOa5cZ2ZRnstqCqVFBsuFwJG4FslI3UDzZ9YPCjwMcwmKolr2"
    "jJ2OEob6UEESeYLzua2OP2PogX2GxAjC7SmReDPbH6mSgBRgb4X9+eTYbUEdX4n8wXLMM/"
    "c8Pdb7GkGbYG0FyCJjJRyIwzYjOiW0x/JliHxhA1yihhjkGd1N68m1u58vBiH9sM9ox1Yg"
    "QtUiM5g+JisbYA3NXcGSe3d+RgH+eDZxFxraMRdaixv0p0qb+tEC6L7Cw0fO1ly64XxcY3"
    "xMfFOhsp2qKhR6SJF7szrB3bG149lOGevgE1IMQPwRXRKOLDg2oW0UX8NjLiVzJsGVdlAL"
    "FBJ6V6mzblq6w6Rid2kBVn9hhgl9NXkvEDEvgnZFkXWgSwc6A13YGWNA6uRPUYaFciqckl"
    "krqWEm2ncCBVlvt+RuFaVJhxw1/PrhzBFpHftaboKkE0gwhrV4II+rTGGbwCrH6hHT/ScZ"
    "pZ27A0WouHOjXsU1kUsVEhoVF9hT/T4Rh2J8+LNNN6+H4v17IuR/aDYKVCBTtkExM2ko12"
    "X0yDOrJnB/axdbVnamNxDE4ByQaBRU3RQ1j2uzU5eQaBzvaaAqc1IK5+CWyT8sl2TQuAfm"
    "NDMoZZLHhy7DXsikE2nfMeGahYCCC7atjLOCUTZlOYHO3rnEy0BYC/4NUXbNbLHDJwKBq2"
    "4YUZAITmChO9t+1HW9ewBwq2ExZ9hRmo1UTjyF3EFe1RxCo1WfMjFO4z9VKnG26f4C2ea4"
    "se8Y7qlUzF0RWBhbMXdKhOsTOzbLG77lKgKoyYZbF59oIBeT3TdHAlapquYDNAfWC5UU6H"
    "YR/hPgN52/IvdAbzhkiAvRyDuaJjGYt5CKSNxQQqt5ZnK5s5BTKyVc1WILmOig2hI7ms5S"
    "wG2pnFm2JNK2IWD76D5T4kUbjOmLaqPcf/4Jc54CJALcx4ruqAK5FAVafidkUdUx/vpahs"
    "6k6usqYFY5Ypadn4Xq5glBIxvxT5cs1y3dmSI6itXixv0Zc+BNIJNcWEGnypSmBYDW8hdm"
    "tpqggruqkm8H/ef7hLx3AIJC4mmrpL/pd40c07hu0c5CIyIrJgovxMvNJMTMjDCd5u+2P2"
    "9/8HTiOJ5w=="
)
