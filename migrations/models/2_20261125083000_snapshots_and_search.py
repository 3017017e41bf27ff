from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return r"""
        DROP INDEX IF EXISTS "payments_to_check";
        DROP INDEX IF EXISTS "events_line_to_close";
        ALTER TABLE "certificates" ADD "user_name" VARCHAR(400) NOT NULL DEFAULT '';
        UPDATE "certificates" c SET "user_name" = u."full_name" FROM "users" u WHERE u."id" = c."user_id";
        ALTER TABLE "certificates" ALTER COLUMN "hours_completed" TYPE DECIMAL(12,2) USING "hours_completed"::DECIMAL(12,2);
        ALTER TABLE "events" ADD "published_at" TIMESTAMPTZ;
        UPDATE "events" SET "published_at" = "created_at" WHERE "status" <> 'draft';
        ALTER TABLE "events" ADD "title_search" TSVECTOR GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, regexp_replace(lower(title), '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb-\u00bf\u00d7\u00f7\u2000-\u206f\u20a0-\u20cf\u2190-\u2bff\u3000-\u3004\u3008-\u3020\u3030\u30fb\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]+', ' ', 'g'))) STORED;
        ALTER TABLE "events" ALTER COLUMN "revenue" TYPE DECIMAL(20,2) USING "revenue"::DECIMAL(20,2);
        ALTER TABLE "invoices" ADD "seller" TEXT NOT NULL DEFAULT '';
        ALTER TABLE "invoices" ADD "user_email" VARCHAR(254) NOT NULL DEFAULT '';
        UPDATE "invoices" i SET "user_email" = u."email" FROM "payments" p, "users" u WHERE p."id" = i."payment_id" AND u."id" = p."user_id";
        ALTER TABLE "invoices" ALTER COLUMN "tax_rate" TYPE DECIMAL(6,3) USING "tax_rate"::DECIMAL(6,3);
        ALTER TABLE "payments" ADD "wait_until" TIMESTAMPTZ;
        ALTER TABLE "payments" ADD "refund_number" SMALLINT NOT NULL DEFAULT 1;
        UPDATE "payments" SET "checked_at" = "created_at" WHERE "checked_at" IS NULL;
        ALTER TABLE "payments" ALTER COLUMN "checked_at" SET NOT NULL;
        ALTER TABLE "profiles" ALTER COLUMN "total_spent" TYPE DECIMAL(20,2) USING "total_spent"::DECIMAL(20,2);
        ALTER TABLE "reviews" ADD "search" TSVECTOR GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, regexp_replace(lower(title), '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb-\u00bf\u00d7\u00f7\u2000-\u206f\u20a0-\u20cf\u2190-\u2bff\u3000-\u3004\u3008-\u3020\u3030\u30fb\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]+', ' ', 'g'))) STORED;
        CREATE INDEX "events_ends" ON "events" (end_date DESC, id DESC);
        CREATE INDEX "events_title" ON "events" (title, id);
        CREATE INDEX "events_line" ON "events" (registration_deadline) WHERE waiting_count > 0;
        CREATE INDEX "events_title_search" ON "events" USING gin (title_search) WITH (fastupdate = off);
        CREATE INDEX "payments_to_check" ON "payments" (checked_at) WHERE status = 'pending';
        CREATE INDEX "reviews_best" ON "reviews" (rating DESC, id DESC);
        CREATE INDEX "reviews_search" ON "reviews" USING gin (search) WITH (fastupdate = off);
        CREATE INDEX "reviews_most_helpful" ON "reviews" (helpful_count DESC, id DESC);
        COMMENT ON TABLE "certificates" IS 'One per confirmed attendee of a completed event.';
        COMMENT ON TABLE "invoices" IS 'What was paid, or given back; seller, buyer and title are kept as they were.';"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return r"""
        DROP INDEX IF EXISTS "payments_to_check";
        DROP INDEX IF EXISTS "reviews_most_helpful";
        DROP INDEX IF EXISTS "reviews_search";
        DROP INDEX IF EXISTS "reviews_best";
        DROP INDEX IF EXISTS "events_title_search";
        DROP INDEX IF EXISTS "events_line";
        DROP INDEX IF EXISTS "events_title";
        DROP INDEX IF EXISTS "events_ends";
        ALTER TABLE "events" DROP COLUMN "published_at";
        ALTER TABLE "events" DROP COLUMN "title_search";
        ALTER TABLE "events" ALTER COLUMN "revenue" TYPE DECIMAL(14,2) USING "revenue"::DECIMAL(14,2);
        ALTER TABLE "reviews" DROP COLUMN "search";
        ALTER TABLE "invoices" DROP COLUMN "seller";
        ALTER TABLE "invoices" DROP COLUMN "user_email";
        ALTER TABLE "invoices" ALTER COLUMN "tax_rate" TYPE DECIMAL(5,2) USING "tax_rate"::DECIMAL(5,2);
        ALTER TABLE "payments" DROP COLUMN "wait_until";
        ALTER TABLE "payments" DROP COLUMN "refund_number";
        ALTER TABLE "payments" ALTER COLUMN "checked_at" DROP NOT NULL;
        ALTER TABLE "profiles" ALTER COLUMN "total_spent" TYPE DECIMAL(14,2) USING "total_spent"::DECIMAL(14,2);
        ALTER TABLE "certificates" DROP COLUMN "user_name";
        ALTER TABLE "certificates" ALTER COLUMN "hours_completed" TYPE DECIMAL(9,2) USING "hours_completed"::DECIMAL(9,2);
        CREATE INDEX "events_line_to_close" ON "events" (registration_deadline) WHERE waiting_count > 0;
        CREATE INDEX "payments_to_check" ON "payments" (created_at) WHERE status = 'pending';
        COMMENT ON TABLE "certificates" IS 'One per confirmed attendee of a completed event; `pdf_name` is the file in the storage, once rendered.';
        COMMENT ON TABLE "invoices" IS 'What was paid, or given back; names and titles are kept as they were.';"""


MODELS_STATE = (
    "eJztXVtz2ziW/isov9ipUlzxNb3J9lQ5jrvHPYndazudmdlsSZAISRhThAagrNbM5L8vDn"
    "i/ipAoiWLjJbFIHAD8ziEInOu/DybMIrY4/sDYM3VGB+/Qvw8cPCHyj/StDjrA02l0Ay64"
    "uG+rtn2vkbqI+8LleODK60NsCyIvWUQMOJ26lDnQ+okOnokrEBsi5hA0E4SjIePqB3khjv"
    "seYe/qGAuEXTRhwlV33bH8RQVymIsG2BkQ2yYWmsqWiu4YxrfYQE7Ae5oNDvXN+eb0XOZi"
    "uzvldEB60HhIf5eNJOGAEwyPe4yuJI1jyekgHyQ0ZrYlEJWzErKRQDPHpTbqkd+nlBPRxW"
    "5PPcfMof+cka7LRsQdEy6f5n//T16mjkV+JwJ+/vtgSInsC/4+oNYB3Ja9yE6EHFoEFAFD"
    "AyZ15eN1JYPoC1FMXEzV7QNFLVkHP47UQ3ap1VHoyD9eoa9/vnm4QcLF7kyg//4TOgxhOT"
    "z43kErz2bYhSGKp+JPoIM4GVHhEk4sCRL6ePN43UHUUn+8WnMG6nGroLGpObis6wlAySRC"
    "AUnx4kd06MvYWozwREILjYxY3N6ho3AyHSkizBlSPpEiItGBUafPXTW7xFIjJylvqevdYM"
    "gPdHTruD+ptvBW97sDZs8mTtR+unDHzAkJqDflEXEIxy6BEVw+g+XHmdm2v1IFK5L3ckVN"
    "vLcqRmORIZ7ZsIgBtTeB6NpBt3t3/9R9vHnqdg8yC1xAEVuI/EsSDlgc5VSFAmAEU3j9X6"
    "enZ2dvT9+cXf5wcf727cUPb36QbdV8s7fefvcmE6HldaUwu/359u4JJsTkCuwtzXDhu6LB"
    "Lu5GkhGh77Euy4HrMeb5+EcUKR7Ih0vzIEC8jAnBhYgL0ZcjhNyXqoNN8WKCf+/axBm5Y/"
    "nz9E0JzL9dPVz/+erh6PTNqyTWd/6dU3Xru3oXA5Sd2aQv1zH5drneNykLeKG859IuF/+6"
    "oN/8G3B6cv72/Iezy/NQ8MMrZfIeyHaEcuyDnMX3IxnQCbbzMU5RptC1PNJjv4s9RLoExo"
    "8317efrz4dnZx2TpVEi3/a1CVxUT/PyLOYSigkYpz8cyY/SxPi5In0k/xqFKwhBfRbXFE2"
    "tZSUQP1081e1Pk+ExDi+ZBx9vvqrwn6y8O98ur/7OWgeW2KuP91/SLEisSfJEXuJm0snJJ"
    "8PGeK05PvUx8Efeyj78iGxde/YC//7Xsag2883j09Xn39NcOnj1dMN3DlNcCi4enSZ+g6E"
    "naCvt09/RvAT/f3+7kbBKw8YI65GjNo9/R02bgd4JreBDpt3sRXbigRXA9QSvI82hbqMT1"
    "K2kOt7wuUAk1I2h/voFRidpq2B1b5kGk5vgNPBoXoVTqdoDaebz2m5AcJCgpBhdfHxK0O4"
    "0p6pYZzd9PkrUFroaRriVG06cG1F5RCB76vw9LCPERnotaAHRdvwOVfZE6r2knz4iXFCR8"
    "5fyELx4lZOHBaZHOx9s8BN0M+eMeF7IGXB1Wgl5Hge6iYTL758evnMxDsRP8h1/+H2+ukg"
    "I+A1oPrF76aloMbe6AJMQXL7ePA8x9zqFoiww1w6pANlX8lROXzwyX/6ywOxVaNivO9iXe"
    "3fJ7MI9oRkTvGiQDejA9SvXi8tks0ESHNMXZsKtyufkVOyJlhf/d5uZGeLFokVvJzslMVe"
    "ysTrmr01OZ2kr2AHj9Qjwdgwko/ZNeH+q0gOcqzQ8dudMkv0IGpY0Rp97xBl1g2PyQi7Lp"
    "HQE7AaY3l9MoWFyiqyMet2oCzHaimEh1R24/mYTRB1EVwQHYTBPIzmnkXaJ5ezfY96U2sY"
    "UbljgobUJog66m/hyo3ASD4ikx8ZxGEKnFibMSbHcVYGZYIHYx1z8gqWysSYnk2keMRYY7"
    "/t2kNWt1RTIWbyFA7n7IyN2FhBG2kFDV9InZN4gminlovaTt7nb6ocvWWrwrO3upc8/2Vf"
    "Ri19Ry719uDemtbjsgr0l8XIX2aAH7MZF93wC6RpE82hNnbRZXbRZ2rbXReP9DwqElQtFO"
    "2LSsvKRcmycpFdVoLdkA7ScZo26k2rKU7LNKcZmKnoWmzu2AxbeUvIB8Zsgp2CTUqaNoV5"
    "XxJvSrjDK3HY808BdSwXH+7vPyVsDx9u08b7L58/3DwcnaQWk6y+NLZ/1LUBpUhbaNdtsT"
    "U/elVWsP5liI35r8nmP2OQMgapPwr0xiC1bEkzBql9M0htUhvuCXOOHjyU8mINuBKUirrv"
    "K8fTSSPsWCoiacBmjku4yGq5i5uCPvtO3uOIyX8Es613qKdCm7pj+bQ9dORGUVhBMBT0Ei"
    "nMgxiUVxBHshBoTt0xdVAPzjaBMl30Oqi/AEX3NwcCtCS1ReFBsK2iT5QLMQwhx+YvdEDE"
    "sZpET40lKSNpOA7mF86g5z2OiM3Jn3Tnm9MD85CcXle16clnYFNP625TR6Las7Fwu/C3r5"
    "7qKXU8XEXeBTSiEjvEZi7c4UROgAOas0D9j5W6/5szxdRCNhHRNcTJcCaf31I0E3ihpCAy"
    "HloA5LNz1wtXC6FCczkICppLUN6rASnouINH/eYMxtgZEcUW2A6KDpraeEAQ4/Bgz+jo8e"
    "Z/vtzcXd9AiwGWh0wLc2VxEK+OUSgQbjBTRwnBdNa3qRjLYY964d8Q1fbqm0O9uDfGR9ih"
    "/yL8UCBsM8BQyifz7BZUhd2FrmybMV94L0nXIXMiSiKdFLb5anxtU4I/JGgxR8yzCxZYLv"
    "wWHT+oqoM2MI0ohKfwyTc1dMj94tHDJsqasgkuQHymp5AoYILXoJYgP3/MMLYkf0R1u7bB"
    "5Ltawl15t148XeraJc+mbqtwwTUklmBeYmL88nh797NcZx105LV85Z3hjoZyGZ5N1dP+KB"
    "ey4bpPqTGRePtNTId11atRZf3KCRkN1uZVgkajGQTWgeXClp0Cc0ZsxahVfwLw0S0e2Ytt"
    "4cpdQ+7usAXNg2kkPuroT+iNMc021DQbLi5VdfwhQQsNKRvR8MdnlsG5OIYvRdYKtLcdvB"
    "ffD1YPAIhoWgH6pp3/bRb5eFYFOU7TgqDUJMRnlVaRs5JV5CzXTsic4IusZyOM6HZtH9z8"
    "MlKjndCDrTvjto5kJ6laJ9sbcTXYkyQZFsdDdzsw179KR6cVXdNnkrKFNu9WGT6d1Twb4n"
    "SGxY1mce7BW5ffhZ0Y5jea+QmjTZbphUqTDF2bjOy1ZThaJbfRjrMavdn+SxO67r7RcN0d"
    "gP2yK5EYaWmbUmTGqbSSyknXQ3r7vtF7fVwJze8aC3CSaHurb2Z9eNOc5TblJ6CNZoLSQA"
    "pXEoYXDUAzdAZOuJJ2PtGzVOVR7zWuW3YkBa8aMhfawpyh22vQaxNmOO3JV1zMJnpinKTb"
    "ayy3L8Dgh6Z5oohRNeRMsQbwFc4RpzrniLjXm67SI01rYjiarOqIO2Tqq7eStIbTzea05z"
    "2r+YkX+Qbk/foi1fZ1j5wqdV+WJGULFcAtDmr0vB1X4XqS0nB9n7geeckmOf5zwKFCrYlP"
    "tlzRl/We3KMPYNqX7Onxt5vrp/uHBCPjF2NcDK6mNKop72Qt3NPEBn1N9OMhC3pn1zRlm8"
    "xeu40tTUSamEjIskjItBCukZ8zXgwu9RZoJFGM1Z1rCeTJrXAqT+HqQKVSI7YRLJPxVQct"
    "X7W8Hk4PqpO2CpQIoorWwujR66WtIAVJcdcDSTcZ7t5Atcn4/1uLTKbMJY575Yi5CnjOpA"
    "LItOmUZQWgYesuVs0rZgj4quLKEVTpIsJVgfkIOygcfLB4LfdQXq5a1S9RAbtyd2UFaWnl"
    "CI6A4pLMgUByCAAnwyEZ5KTS3fhotQeSZ3HtPpOS4O4wRaxstUroZ854vt/Rsjhmk3p2l6"
    "eUDiqOb/QFpqonlN+8jYFfFxdVHM0uLoodzeBe8mA+lOMTPuU0zz7/gTqYL/JxThGmA5MW"
    "/s59zxAvk16ITuzEtCIS1g+3d1cPf8sPcAzaxzWHH/72dHNVMXbmcYJtu9h/qih+Zq8VIm"
    "enby/DxQV+lC0nj5+vPn3KmlH6zMpZMMpEOaAwMryqDBvTVbFkt9eIYdIENkWVa/LZrZPP"
    "7vrq8frq482u0tndOi8MIlDyTrH+rU7p4dVrpHNkhSMiJFPrQDYzL/saPMt7JCCrGO+g/m"
    "xBuEoNp0xfCHMiz2RTF4qvyKPhQqVQKzih1tS5KgTjkfTQGM60KqEcGspeoZyKSswGGd6I"
    "C96Nh+I96rlyvwyCq9K/Yag7M5BnQQm7l4YNmuOJymhDnYE9k9Bs6Nzrs2RpHRa/4Ro1WM"
    "KhoMwMGy6pNOPXu/LO2PL51hpxWX44P9l2TpIwc9Ru5lFbPrzWWdtv38bDdu3x+8lXXQfm"
    "LGULAT+rlnKlJONKfk1b7fRYKbIWQr2RiMV9qhC1NaQ3Ui5KgUYmmGqltUlStaMa1+nFeS"
    "WN6HmJRvQ8GxwKW84stMWJ3iKKfYVVxxmsjrRufvboLMiFG70YRZvUBrU5j/epbUOMF7Ys"
    "2LfriG8OqZHjanLssFwHpWKsQwKDcDWEKaQ2zrVNLcmZF1DtOmNevhqmFmV+7RW19NX3CU"
    "Kjvd8n7b1QXhLaHI+RmZi8JsfkeYrOHPaWRS5HRKaUqXruknxIM87B50rnEBanaeFx96yK"
    "CqdYg5NNguRp8zVlOE62thTvzwIVCPFl56x6LH5oDtBTuyfp2nQg260d18c1ywxtU+6vUU"
    "97xoiq1tykDDaqQJlvtr32aoAdFBt2gxadCvbdblBSTLVeaud9KqyxRR2EkSCcEvFeeQBz"
    "Ng/rbE3wMxE+jUAjPH095IQgqLHFofxX8AXL2n63MeByQ22hZdEbX+djHVHU86nerYFxI9"
    "atYlOiypxVZOoqz7e1i1RbDdf0ZT4Zu1nXfmH9vMUMLpeuYP9g/areKYw/+9X65Ms/mVAX"
    "TTmbUOGXukt6m5Q0Bu+RjzMi1xi5CEk5mBFLeZz0+MyBcnvKo0QSEeWlolrJO05QfLFnEy"
    "xIVy641PbaTrEQULUP1q+5HFiuThYl1is5Us9flp7JQjmeeD/B00T25o8tlzyBmGMv3kEE"
    "hz+SxEWufwvZ/4tcOxl7hmKPZCi/9cpVxfOvQF4hwmPlDaPO3n5VROJEhRQnRAhwcwHnGA"
    "mDTYbue3V3YLPBs1x8HUsgPJJCiegwqkloyzPnZjxggOXKJcV7fiUO+SEfIXbxClhQ/uvQ"
    "I12l/pUa3ZqVFb9SYlD3kEpqSirLxaQqM7QvFCuPPcTULgOaWpkhPZJD449j/HEa+N1M7F"
    "guq+xYLot3LJeZsy9U481NWVUeeBEj29725GSzYl5H2IVaOXWENSRoobTW78wkT7s2wzmr"
    "wS+P93eFSpqAJK0GowMX/QcF4ct7BnUJtABGuQkybW3sJBXv0EHaBBntUHTEO0nVvrT3J5"
    "XOkCclh8iT3BpHeere8jJSW15EDqIdbRLl2PVaAK6Ebwm8GXS9Pa+uwS+iaqF9t1UGP9cl"
    "k2meV1X5jiZOt9eZOOvYxgRldlYBMk3bJvVVHdjGTr+6i1CK1HgeNHkh8pjlsmeSc7r68u"
    "X2YxmPQ7IUj2czah0Dcat46x0EPGbF2aAeNBXOwHleGu1iX8OQwPgaVvM19BPr5FrDi7eg"
    "SaotYv06C/br+vQtVTzrL4sd6y8zfvUmR0Ax9MbLMGN7NV6Gu2Zv4be+OdbIT2x0kG+QhD"
    "udJTbJru03WmqWvHdIKvgcTHfKjAYFOS00J7atDIlYIE6GMzAV9hfK1GeTuCVuOuMjIhCz"
    "LdWhyFo1NzzWJix9AGR5orUhdYK6LSb8O+cD0AhzE3BSlwMRTZtOu1uuMmXsfBu08xnLyc"
    "4sJ2zmgouNjmjHSFoo3WeV4sHPSuLBz7Lx4Pul990PVeV+qQK2tzobrUAjVuu9OCam0syu"
    "WvMxRdpCRrdM/dMQ9cBn5dz4pMwJOTqC+O1OmaJgohp6domKXsxXSEh+2+S1PJsjRRi53H"
    "rdHSMIl4A4iLE8ngvkMCSIXNHcd16adkVDIR2e/AeStQk6cvJ8oDc3lMq/pxLG9LzbBPkZ"
    "IrwRaDCIpVQV4NfseSpbYTsvtgMaMu6ObXlpMyqIBIsgCV6QD7PA5djLAxm4w4ICBZLU3T"
    "6iuy+fPq3gf5scXzakvCTJvbpPhFGF7PwEXqwKmc64XAm1Ti4xkhbu/OrPh6edwWoHyau2"
    "B+8mMlmZvfUfZcuVeK/Cz4su15OULeT6nnC50onK37Xo8jhGZgyrDeevSa7fiKQMJrl+lX"
    "QMDU2un6homaMGSFe8LNYDZMpsVnMbCCJzXYaY/AkwHaOeChWGqQiVEGGAZ0Avj9PUQX6F"
    "WIB8SPlEDfju5FQdsLE65hPbhvT20JfsdJCTiH+rI9d+nk9A3WX+a1V6mF+5ZFxqrIq6gw"
    "6KtsiZ7PZrzmHmwOa0svpCvuSIiq6iqeHx+1Fl4fzhAyGJZhBdUToUOZ8V9SiZyahc3CWa"
    "lBcvAUwwkeB3chpGxdJIFUuc2R6aGWYU6wJyiVuoF6g/kFQ7H36bM+FvxB7vf3ezGBe76s"
    "dIWoHytj33TY3QMGi0WtRoWdhotnKJv7vIfiyX5GAOqHadg3kLhRXry8VstLbFst5erS08"
    "2SrB2RGZUec1WZ0XnZH0zhxJupWUeg3j6m5crIOjoR76cSqD/arYG1W2UWU3gQW1qbIzC0"
    "sNmN68VEvX3LAVpSqm8ZU0AaqcQExdmPpc1oDrh6indiKb3CEUYLsb40uQhDzH7hLLT15s"
    "cvFTfFe0tnxmDlmoqEkcqKTfI8gwLbdyygLiuS0KNCWOBelXGSSYnkwBLQtqBQdUWXNKfV"
    "0rr0r5II6QzwLKS2qF7pXPcoz+As3HdDBWF0ZSWOd4EZpdOJnKrTyQvUc9/6aiBksOAAxz"
    "UqdA2aSD+kRZbb45sTLJKt+s56eJbNkDP0Zfx9Qm4KUZmz906E8ZLo8lu5HKvoJ6c0xdPz"
    "FuB0lOMEiN6yoKNneUkynkqoXIVMfykzn3/EdQUPEFmKQ4cWfcy2A78dDlbOKnvf3d7UB+"
    "W04Abuyo/LVe9eYh5T7iIKGbsT4FUqfS1wKXXkrMT1lrCKQkmwl0e4eODn04DzvoMBSHw1"
    "UsROGckqJTPK9ku7WG3I1NLD68jk1qLXBZdzAmg+figdRtL4w5ye4fUchsY3FqqMXJVEQy"
    "FZH2uyKSt9jo4BtRbDEzkb8SHmwF4vo90ydyI8G0Aj8jihbKcP0A+1tXHYRjJAbiChBn94"
    "mV7f0ZSgN4BcCnnL1Qq0DRWRI1lCRrX57o04uLSpEtFyWRLReZTMZkSGDbQApLDJUF6Wdp"
    "9zVD4haM/+rEw2byyM9zorWKXVrSdG2Q7G27tUB9lhnX8iSKkeyrUG8bZV9TpZ17Pk23Rb"
    "wd5pAs5uHVZn4hjWNLMfTtdWyRG5wBEasFq6VpjYtLk11cvPVwJUanSA2fm8znSAeuvY4n"
    "KM063hS2V1nHI7OfLteTlObdbvK7nbDaZhldnlAwQ7zDAnkna7zE9aUR3KHXZ+OWRuN62H"
    "7oS1wPd+HR1TRG1ODS9SCX+Ifb66eDjJjXgOwf1K8zwrTYTS7mw+G8MDogOVbYDz7lT395"
    "IHaYUSAf6luvlxah/X2jnoScDamCI+tJ6N/qlHoSeo0q528EUTkUgdOc6EABhWehSsO7zJ"
    "VU773Eh3Pqeq56QNBRjmngJSj/z0vVWFOvyz3eCh2QmvE9NL5IB67ksatnuIqR7FS1vwkr"
    "4UUl09VFienqImu6greLWDSnCF0xyHEag3IVlEdysZr1dTCOKAzCVRAe4gGBLaEOxnEag3"
    "IVlB0yF3JHKFfYrpj1YZZ9ohvzXtiHiYDXiIBPpgEiDqChzYmiPrbIiWBXs7eMUJtSLwmT"
    "UJWNwUaTZUThxrGQfodlpuvdRZ6enL89/+Hs8jzcPIZXyvaMRVCLaW4wYamDeopyN17qm4"
    "K5gov66ZslLuoZpZROMNwyHcu9Q56Y/GfDGpadnphqi5utTx/wQF4omR/kqAP8O50ybQBX"
    "bSoqA75CaJ+f8lDghUBsKE/sXq4572wO8X3qNhzk1fX3qBcsd2F038DGdNJBfcYlCZu5Xs"
    "3GwpDD7Q1bewCdD6+Kn5OTXBI9FkQGd1CQ2HCFEK5gSLkBI6IkY2CdEWrhY1bOU1hvhFxs"
    "/B3E5wWj90vxlmschJDWNhoE3HbHxJ4OZ3bxqH4DuWLNnBofVRDMB+PCYb883t79jEbUQU"
    "dey1eewfZoiIU7m4KBG/0oX+OhKftRuJ/asVbOE1eNHW5E0CZLYX27WpNsMu5RW82ltsyn"
    "NqO14OF2p6qHeETRCoy37S1efAwu1UeUnH6NMqhMB5H4lmuszBm6Heoc3jRnRZ45qwKaQ2"
    "kghSsmrqEY6vb6w3ob+pVK8CQoDdf3ievRETDJ8Z8DDuWzPCJbvufKntT2yN85veN6evzt"
    "5vrp/iHByPjFGBeDq41I3Nm4d8q4z7Yf+hL32W2nmWwaE6raIArzTBrH2dVBrcdx9oW563"
    "rNesad35i7j9uinTjOxhArNJYFeC4zmHVDDlaxmiljUmDBGkrMvQyW0BHyT5KeHQt69du9"
    "VyYrG/s5HtVBU+TZxurtfEMWMA8vZQYjuMRwcOQ3T9rAjImgkSYCKuL2Jw0NYJJwizrA3R"
    "wFalQBhq+HntwnyMxO1BwC9gP6kkNAkbFHe78aOcnsGRuq7lgT7/7yJP7mGFC/f9fWssw/"
    "epuwvP1tcKt0cyuCTVylje0VmmLuxr2xDgWacjbieDIhx+jWFQj0tkJlWrepcroS1CJq9x"
    "kQHGEk2IBiW25FwxvgKdMnQyl1r/Kix7Y2bu3b4QBhLVcp+bJxtwuPBM47q/jtxIcVU4Kf"
    "y5yk/AZ1Dy2Y3P6XeUhlxjL7/kbu+40ry6ZdWeIzy+Bc7M+SImtBsNO2XVqiJUjXlJmkbK"
    "Epc09MlwEmpbZL4lgrMTlOZ1jcaBZzxiZdxrsQxazzrUrTtWAR3UKhb+P4U4x+e11AjOPP"
    "H5Hrxg1lhxro6GyuB3+SzhTwNb4ozfBFydVBxzRU21FDN0y0q6KafKm1/VE2qomWbLrNV0"
    "R7dzqlemjZpkur6qHvHYKA4jV13oEWly8QHkC2dBUOzMlQfvvGyGXPxEEDzDklXplQamV1"
    "y2v0BfVMbyCwBeKKbTZ6zWZuB2G/xKgFtUHFnHELqdqpFlH1NEEmYQTwwHiX7F8gi6oypk"
    "yKeMefxjfHv4cFAoUq/I+Rnx0eEqqNGXdf2/RFdjtg0wVoyd0xFYizOeIzSShntSHVts+0"
    "ylG4Qd1I4uc7R7ePsfrHq40t21C+KFGqw30CKTiMfnm3e5pi/bI5TBYzqMXHivDN1NbKJS"
    "hbyPU94XJV1etKr3acziTObzKHjZNUU06nxpdnj315FOo556eAG8WnJ3igqi48TnD4OEbQ"
    "MYzlHXXIBFNb/skJ8hiqUjFD1iRORvLh5BlFHoAEeZ86yyg39AF2HOaqgxSiTo4Hz9aGrf"
    "2Uo8BV5xu40vWFvfC8YbM54UdB81erONB4IypgKg6n2q4x1rLUUfCd7f6DUYdYmZRC5kzV"
    "yDNVIIE6ptA4TQs9d04uKtWIvSipEXuRMYSqV08H5JCghQifXpxX8Y26OC8peHyeqS7tq9"
    "G6Yyxyws9L6kunCVuJ+AZKTA8pF25Xd/VIUrXOjWIjqwdE5GkDnSAyOFfBeSgHLsB5SfqK"
    "BOUqGSyatn4s87DMCYBSz6u5jwiJtiigfqKxnPLQm3EEruQHrFEluk9ZFuZi71+/eQtWgG"
    "17/U7HfrnwyluJgKAFYCel+LyKFJ8XS/F5RoqxPKBjreo+EcVK8DZMtbuFcIE56Qvqaklw"
    "jKR1MryRmiiMj7BD/4XzYzKKgU7TtQ7tjUg0Fd0XwqnsUTe7aIrSJBjVyC4gsVMa1ZyVZB"
    "nmEZ2pKlMd8JgiNQt5uT00RdpCq3fLfB0ydrpis1KmVPCauaLaVyY4GXxCuF/hat2kWtdR"
    "T20FyytBtR5MbfNWTp5XHDH37aerI3RrkcmUuRKmK9VdW8EC4wWRECmf1PUg+6y6eoKe2o"
    "pWohLfemjdxbpqK1xTvJisv1j96vXSVpBiBbxWx6h1SZASEJlsmxVAcrH9vCZIsRRD+6Wi"
    "qwRQPCZlDYzC6Jc2CtEcU9emIse5Vwejr34vN47rhXK0BSotd8HYd5CzIc3LuBOAGlTerP"
    "AxjLpqySuq6VWZlK0c98qM8BX7WQbS3pXbCwgEU62rZE2z8YAg6iCbOuQY9eC/rjOb9AlX"
    "tSpHVJ6vVIHKWGYySFkGMVzYRaD1kVh1kGDIYWhgs8Ezguq2ciTVnnGL8Ny8adsbuXbHyx"
    "BtSCLMpt4poSDIK1NH0480Ey52ZwLd3qGjQ+hPPsthBx2y4ZBwYh2u4jEZTiuGZZWZxZqv"
    "PazueEk0fkQhFutMpHrtTU9rWUvpzfjo/UjLlT8Bv0FMHqIrKvbw/smPPzROrI10YvUEVs"
    "f6FlFs0e7mv03bMr/V7XaSWsiqC3uK0MTxrJzlI1whda1CCUJjE2q6TSirHFyJ6ylSEx7Z"
    "5PBIEwDbdg5Hu0q972eSzuRoWvXraRKU7RB8E/3dlOhvk5ssX2XYMXXyNg/q8jp5OV/MGm"
    "Ct7urUsE9lVWCTm4RG5Xz7SvpjOTtvvchTrcfvd0o1617LbuSsVCmVgWqu6oJARrQXahGO"
    "3DF20RwL5OJn4kDaAEEkyBaSg1KV3022py5ov5/lhs6B5G1FyeE2M0T9mvIEel3mvzD5St"
    "GRfEPmeNFBwTK4kho2OaIUj+IBORkQSE9nUrDtfNdWrGn1pUJH1RojaWNgde1q1uJTSkmy"
    "gOIzSitA3kT0emy90VW5pEiNPrUpapgafOw3uRG6IpwOxnlbIP9O6eYHR22WbXqK+bx8U6"
    "H15f2jfHZPT87fnv9wdnkefm3DK2Uf2eUfVLkNDHzjqi72MRKz1ldb6+Gl0kDYb95CdE8q"
    "BWWelARlnuQUeWGOm6tS+uXx/i4f4RhJ+utJBy76Dwq8BfcM7RJwAYzEJzKToSCdjCD17Y"
    "MOPuSp9rb5Mfv+/8PLlk0="
)
