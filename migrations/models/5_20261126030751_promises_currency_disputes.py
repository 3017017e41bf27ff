import os
import re

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    # What is on sale was priced in the currency that the settings name now. It stays the columns' default, for processes
    # of the version before that still run and know of no currency.
    currency = os.environ.get("EVENTHUB_CURRENCY", "").strip().upper() or "USD"
    if not re.fullmatch("[A-Z]{3}", currency):
        raise ValueError(f"EVENTHUB_CURRENCY must be a currency's three letters (ISO 4217), got {currency}")
    return f"""
        -- In the order in which transactions lock rows of these.
        LOCK TABLE "users", "events", "bookings", "payments" IN ACCESS EXCLUSIVE MODE;
        ALTER TABLE "events" ADD "currency" VARCHAR(3) NOT NULL DEFAULT '{currency}';
        ALTER TABLE "bookings" ADD "currency" VARCHAR(3) NOT NULL DEFAULT '{currency}';
        UPDATE "bookings" b SET currency = p.currency FROM "payments" p
        WHERE p.booking_id = b.id AND p.status IN ('pending', 'completed') AND p.currency <> b.currency;
        ALTER TABLE "certificates" ADD "reissued_at" TIMESTAMPTZ;
        ALTER TABLE "events" ADD "is_selling" BOOL NOT NULL DEFAULT True;
        ALTER TABLE "events" ADD "terms_changed_at" TIMESTAMPTZ;
        ALTER TABLE "events" ADD "owed" TEXT[] NOT NULL DEFAULT '{{}}';
        ALTER TABLE "invoices" ADD "mail_owed" BOOL NOT NULL DEFAULT False;
        ALTER TABLE "notifications" ADD "mail_owed" BOOL NOT NULL DEFAULT False;
        ALTER TABLE "payments" ADD "void_since" TIMESTAMPTZ;
        ALTER TABLE "payments" ADD "dispute" VARCHAR(10) NOT NULL DEFAULT 'none';
        ALTER TABLE "payments" ADD CONSTRAINT "payments_dispute_known"
            CHECK (dispute IN ('none', 'open', 'won', 'lost'));
        -- A start cannot be the end of time, nor an end its beginning: they were in order.
        UPDATE "events" SET start_date = least('2000-01-01 00:00Z', end_date - interval '1 hour')
        WHERE start_date = '-infinity' AND isfinite(end_date);
        UPDATE "events" SET start_date = '2000-01-01 00:00Z' WHERE start_date = '-infinity';
        UPDATE "events" SET end_date = greatest('2200-12-31 23:59:59Z', start_date + interval '1 hour')
        WHERE end_date = 'infinity';
        UPDATE "events" SET registration_deadline = least('2000-01-01 00:00Z', start_date)
        WHERE registration_deadline = '-infinity';
        UPDATE "sessions" SET start_time = least('2000-01-01 00:00Z', end_time - interval '1 hour')
        WHERE start_time = '-infinity' AND isfinite(end_time);
        UPDATE "sessions" SET start_time = '2000-01-01 00:00Z' WHERE start_time = '-infinity';
        UPDATE "sessions" SET end_time = greatest('2200-12-31 23:59:59Z', start_time + interval '1 hour')
        WHERE end_time = 'infinity';
        ALTER TABLE "events" ADD CONSTRAINT "events_dates_finite"
            CHECK (isfinite(registration_deadline) AND isfinite(start_date) AND isfinite(end_date));
        ALTER TABLE "sessions" ADD CONSTRAINT "sessions_times_finite"
            CHECK (isfinite(start_time) AND isfinite(end_time));
        -- What a job that failed for good has left undone.
        UPDATE "events" e SET owed = '{{cancellations}}' WHERE status = 'cancelled' AND EXISTS (
            SELECT FROM bookings b WHERE b.event_id = e.id AND (b.status IN ('pending', 'confirmed') OR EXISTS (
                SELECT FROM payments p WHERE p.booking_id = b.id AND p.status = 'completed')));
        UPDATE "events" e SET owed = '{{certificates}}' WHERE status = 'completed' AND EXISTS (
            SELECT FROM bookings b WHERE b.event_id = e.id AND b.status = 'confirmed' AND NOT EXISTS (
                SELECT FROM certificates c WHERE c.event_id = b.event_id AND c.user_id = b.user_id));
        UPDATE "payments" SET void_since = now() WHERE status <> 'refunded' AND status <> 'completed' AND id IN (
            SELECT (payload->>'payment_id')::bigint FROM jobs WHERE kind = 'void_payment');
        -- Where a person has dropped the job that returns the money, it has gone another way.
        UPDATE "payments" p SET refund_state = 'by_hand' WHERE status = 'refunded' AND refund_state = 'owed'
            AND NOT EXISTS (SELECT FROM jobs j WHERE j.kind = 'refund_payment' AND (j.payload->>'payment_id')::bigint = p.id);
        CREATE INDEX "certificates_to_render" ON "certificates" (id) WHERE pdf_name IS NULL;
        CREATE INDEX "events_not_selling" ON "events" (id) WHERE NOT is_selling;
        CREATE INDEX "events_owing" ON "events" (id) WHERE owed <> '{{}}';
        CREATE INDEX "invoices_to_mail" ON "invoices" (id) WHERE mail_owed;
        CREATE INDEX "notifications_to_mail" ON "notifications" (id) WHERE mail_owed;
        CREATE INDEX "payments_to_return" ON "payments" (id) WHERE refund_state = 'owed';
        CREATE INDEX "payments_to_void" ON "payments" (booking_id) WHERE void_since IS NOT NULL;
        CREATE INDEX "users_inactive" ON "users" (id) WHERE NOT is_active;"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
        ALTER TABLE "events" DROP CONSTRAINT "events_dates_finite";
        ALTER TABLE "sessions" DROP CONSTRAINT "sessions_times_finite";
        DROP INDEX IF EXISTS "users_inactive";
        DROP INDEX IF EXISTS "payments_to_void";
        DROP INDEX IF EXISTS "payments_to_return";
        DROP INDEX IF EXISTS "notifications_to_mail";
        DROP INDEX IF EXISTS "invoices_to_mail";
        DROP INDEX IF EXISTS "events_owing";
        DROP INDEX IF EXISTS "events_not_selling";
        DROP INDEX IF EXISTS "certificates_to_render";
        ALTER TABLE "bookings" DROP COLUMN "currency";
        ALTER TABLE "certificates" DROP COLUMN "reissued_at";
        ALTER TABLE "events" DROP COLUMN "is_selling";
        ALTER TABLE "events" DROP COLUMN "terms_changed_at";
        ALTER TABLE "events" DROP COLUMN "owed";
        ALTER TABLE "events" DROP COLUMN "currency";
        ALTER TABLE "invoices" DROP COLUMN "mail_owed";
        ALTER TABLE "notifications" DROP COLUMN "mail_owed";
        ALTER TABLE "payments" DROP COLUMN "void_since";
        ALTER TABLE "payments" DROP COLUMN "dispute";"""


MODELS_STATE = (
    "eJztXXtz27i1/yoYz9yxPaO48TN7k25nnMS7dZvYe2Nn00c6EiVCEmqK0BKkteo23/3iAO"
    "D7IVIiJYqLfxKLxAHA3wHBg/P87WBGTWyxk7eUPhF7cvAa/XZgGzPM/0je6qEDYz4Pb8AF"
    "1xhaou1QNhIXjSFzHWPk8utjw2KYXzIxGzlk7hJqQ+tHMnrCLkN0jKiNkcewg8bUET/wM7"
    "bdN8iQV6cGQ4aLZpS54q475b8IQzZ10ciwR9iysInmvKWgO4HxTTriE5BP0+BQX+2v9sCl"
    "rmH15w4Z4QE0HpNfeSNOOHKwAY/bQ4ZtIkbhJuHzGIw8x8H2aDk4Qde8N9vkE0UKPjSlli"
    "nbMU7OkGe7xEID/OucOJj1DXcgntCzyS8e7rt0gt0pdvhz/vNf/DKxTfwrZvDzt4Mxwbwv"
    "+PuAmAdwm/fCO2F8Usyn8Fnts6/PH7zPWUeesWDvci5uHwhqzlT4cSQev0/MnsCN/3GMvv"
    "z55tMNYq7hegz98U/oMADs8OBbD609m3EfhsifippADzl4QpiLHWxykND7m4d3PURM8cfx"
    "hjMQj1sGjabm4NK+XAAFkwgWSIIX36NDtcY2YoRnzw3efBUf8gdH13fvUeRlQX9CLzeZkF"
    "yjldiTmt7tHToKJtjja5baY+LM+Jrl7IJR5099MbvYrihhENf7/pBvyeTWdn8QbWEDGvZH"
    "1PJmdth+vnSn1A4IiJzyBNvYMVwMI7iOBzul7VmW2lT9zVO+7WET+ZpHaEw8NjwL9luglh"
    "MIrx30+3f3j/2Hm8d+/yC1F/sUkT1TXeJwwD7Op8oEABOYwov/PTs7P3919vL86rvLi1ev"
    "Lr97+R1vK+abvvXqm5xMiJbsSmB2++Pt3SNMiPKPhfyKwIVvgsZwjX64MkL0JevSHHg3NZ"
    "xs/EOKBA/4wyV54CNexAT/QsiF8CMXQK5W1UFTvJgZv/YtbE/cKf959rIA5p+vP7378/Wn"
    "o7OXx3Gs79SdM3Hrm3gXfZRtbzbkLzR/u1z5+UwDnrveM2lXL/+6oG/+DTg7vXh18d351U"
    "Ww8IMrRevdX9shypHtMI3vezwiM8PKxjhBmUDXlKQnqos9RLoAxvc3724/Xn84Oj3rnYkV"
    "zX6xiIujS/0itZ59mavKvhGl2eLO8fnhfXrX8C/WsVucl9gsznP3ivMktGzOVxlfjA7+xe"
    "MiyAzbWbvFI/8g52zPOfRbhLypXboA6Mebv4lP34zx5RtF+Ojj9d8E+LOluvPh/u5Hv3mE"
    "I+8+3L9NsCImf2bsKBw3l8xwNh9SxMlNRVGf+H/s4bbCH9Iw721rqUSnIgbdfrx5eLz++F"
    "OMS++vH2/gzlmMQ/7Vo6vEaxN0gr7cPv4ZwU/0j/u7GwEvP2ZOHDFi2O7xHyATHxgeF/lt"
    "uugbZkTK86/6qMV4Hx4AqjI+TtlBru8Jl31MCtkcHFHWYHSStgZWq5WpOd0Ap30FyjqcTt"
    "BqTref01wAMhgHoYqEmiRcS2ZqGWebPtr6+qBqSpwoVZfOslvR5oTgKzVhNewjRBr6StCD"
    "DnP8lKlHC7SmcT78QB1MJvZf8VLw4pZPHDaZDOyVcejG72fPmPDNX2X+1XAndIxFoPaNvf"
    "j86fkzY6ls+MT3/U+37x4PUgu8BlQ/q246Cmrkjc7BFFbu0Bg9LQzH7OcsYZu6ZExGwsqW"
    "oXJ4q8h/+OsnbIlG+XjfRbrav09mHuyxlTk3ljm6mSpA/SR76dDajIG0MIhrEeb2+TM6BG"
    "8I1hfV2w3vbNmhZQUvJz2jkZcy9rqmb83OZskrhm1MxCPB2DCSwuwddtSriA8yfBGit3tF"
    "/gijsGFJn4R7GwvjfnBMRobrYg49Bt8Bg1+fzWGjMvM8Dap2IPwHxFYIDym8BxZTOkPERX"
    "CB9ZABrgBoIf0SFDmfLaIOXBjwjwpjnjjlDd6gwdwchz25U4zGxMKI2OJv5nLhYMIfm/IP"
    "z1fbgXk52GzGmyAKvvAowMZoWsZE65uR17AMx8aUNqj8ESONVduNhyzvqqCYBofvzZ0EYn"
    "Pgh0zJ2PxZhEZwf7mg2wd09/nDB23ybqnJO9giqugGYkQ7taXUpgu4eFlGGcBb5WoDxL2E"
    "ZTC1E1TSwGRSbw/urelhrspAf5WP/FUK+Cn1HNYPvokZKs4iA3gGtTaCrzCCsydiWX3XmF"
    "Rzn4lRdXBpX5baVi4LtpXL9Lbif1yrIB2l6aImt5wqt0iXm4KZsL5JF7ZFDTNrC3lLqYUN"
    "O0dISdImMB9y4qYWd3AlCnv2uaSO7eLt/f2HmDXk7W3SneDzx7c3n45OE5tJWoMbEV6rWq"
    "USpB20NHfYvyB8VdawR6aItUGyzQbJiF6hKqcTpJrPbeazNoVqU+jvBXptCl21pWlT6L6Z"
    "Qpu0w8jFnGGBCVZ5vu1FLJSSVpdrW1pDRJQkxD2OqGe72GFp+0p+U7Ck3PF7DqL8H0Yt8z"
    "UaiADK/pQ/7QAduWEUqB9yCb2Epho/sOwYgsOWDC2IOyU2GsAZ1jfjsEEPDZdgTvlqQ4Ao"
    "pzYJPIhhiZAy4bwOQ/CxnWcywuxETGIgxuKU4Wo48ecXzGAgH4dF5qQm3ftqD8AwyafXF2"
    "0G/BnoXNp2LGJzVAeWwdw+/K3UkANh9IGrSF5AE8KxQ9Rz4Y6DT8B8xK94vuHJEIamryLO"
    "D1mYhdeQg8cef35T0MzgheILkTqBnYk/u+PKcNkAKrTggyC/OQfljRiQgBHDf9Sv9mhq2B"
    "Ms2ALiIOuhuWWMMBi4+MM8oaOHm//7fHP37gZajAyL9204wq7FjnmHLgXm+tOHJaGAeeIi"
    "j+h0imc9fhcMYQaSo321AUw+c4qGGEEXMBzvZIhhWYgLRyEH5WI+UTMdHHMQ6AJHhv03HT"
    "I0NZ4BB2JZ0K9JRYgxcdHRPW97/AYChbEz4+wW3QiLneyA80RMhj89TEM+vuCbagqhwzNv"
    "NJX4LqaUjyWXK6xazMfBaGYs5Qz48xIHzfjiXH61YSPgIBHWZ9jicE5kgDK8hwoSGJk6E8"
    "Mm/8ECAhOLuErYZk9Q8L65/kKwxTs294YWYVMMMAV/wxMdf7VVkHPQ6SFDhkVhifJhqTA+"
    "Aiy8WeCjeoJ+MmANGI6wWEKMNYfw1Uv0P+jIQDMycYSZHTF4LRk9fg2zcpb+G8sXkXxvYF"
    "XLYGsDOZz9YtbyZaYS5DkfB7E5HwhmZakFgpSdk4Np0UUzBlG5iPo2XmBWEKsqXqSaDINq"
    "SDBNTKh0P8ixhaoWPRUW20MNTCMMwsx98qaGDtZi/uhBE2GfbYILkAwAF8RPqwa1xI2rMY"
    "PowOwRZRR2XYPxjbmAu/xuvXi6xLUKnk3cFgHfG6xYbDgFTgufH27vfuQfVRsdyZbH8sB+"
    "NOZ7tzcXT/s932HGmz5lhYlE2zcxHdoXr0aZ/SsjEYD/pVgnD0E4A9/kt3qxpadA7QldMx"
    "GCmgBIWPkjyxA6+bniorxhQnN/GjEJbs3sByEMLv90lnHyENIMOHjcPyonj7W30YWKZ181"
    "JEhHIgXIb982QNqmri+2lBkUni8UdLQrS0tdWYJ9u6xNNCDooOG5EYtodGYpnPOjsBNknU"
    "C7SFXfRPh1VNQuH8IV0nQC9KbDtywaeumXBTlK04G0Aol0DqV2kfOCXeQ806+C2r6wU82n"
    "IqTbtT9F89tIjX4VEra+51hVVnacqnNruxHXrD3JIGU6xtjdDsz179LhQbCqA0GcsoM+Qp"
    "1yILDX8wSL0mkWt5rFmTqNqvzO7UQzv9XMjxk/00zPVZqk6LrkrFJb+r91Ev/tOOXfy+2/"
    "NEGow0ud768N+f5G4GLR54tsUkmRlyDT8Q2ltHlVg3W2H6az1yfBwEOowrctTrS9D1tq63"
    "3Zni9ZwpWpMpoxSg0pXImZCysAmqLTcMKVpH9cNSNgFvVe47plX3dw/MMLVnkxp+j2GvTa"
    "FjMcpPkrzrxZtWUcp9trLLe/gMFVtuJhLULVkuPaBsCXOKKdVTmiRT1Hq+qTkrQ6zKzNWq"
    "Soz3h1zWGcVnO63ZyWDv4VP/Es2za/X1+kGquCZJ1H//Jwf5dz5qeZR1GTjFz0XwT55zr1"
    "UgAQsfch5bqT9NJJLHToIOm6Az6LacyvHcdY5hjeF5mH1ZJor6dp+ePYs0ciFGLoEYuLcu"
    "wExvtTWgPz8Iv1Xv46+noAfphfD44b2qJu/vb4z38lV3Ai1KXqpp9Frzf+Nm/8EdfbFK9X"
    "OQxFCLfoMeT73kYZG/jjtthPKAwUqfpWxSk7aHntcPYVGcGxDtfjlJrr+8T1MPInzvEffQ"
    "7l6tQV2WozUDpsYY++kkkn7seHn2/ePd5/ijEyejHCRf9qQnJJRFxVwj1JrNGviH40DLOa"
    "ZjNJ2SV/k90mR4lFz8YZolN5xFN5JBfhBqUNotXUE29BhfzzkcLtHYE8LgonUryvD1Qiq3"
    "wXwdLFMqqgpQyPm+H0SXTS1QXF/PjdjTB6kL10FSS/nshmIFWtI7I3UMGnsKkEVrcmns2p"
    "i2332mYLkcQllcsq1aZXlNaKBK37hmheMsXVF5EYCUGBY8xckVkKGTYKBh8tX3AZSpb5EP"
    "1ikYSES1emX72Dj2AzQyp/6Vgks8HjMR5lVCFpfLTak+Okce0/4YKENUEhDd5qnXQWGeMp"
    "r9Ts8ULF2bFOLNDSxAJqwZT1k1XNuxhxfXlZxg358jLfDRnuxQ/mYz4+duYOyfLeektsw8"
    "kxkyUIk/r9pZLc9wzxotWrDI6BVoTD+vb27vrT37MzC7zNMFC+/fvjzXXJoNWHmWFZ+d61"
    "eYGre60QOT97dRVsLvCjaDt5+Hj94UPajDKkZsaGUbSUfQq9htddw9p0lb+yu2vE0Hmu26"
    "LK1QmZy2hx8xIyv7t+eHf9/mZX+Zhv7WcKoZ9Zp1h1q1d4eJWNqhxZ4YgI2YB7kJhWpg+W"
    "KWXBYwM7PTT0ltgRGVeF6UtkcH3CcxfqVvKj4VLkAM45odbUuaihKUkGaApnWpERWaTfha"
    "KTfo5Xhl3wfT9kkDWYy8uwcEU6XANKdo74WRByw4qUsdDcmIksfcQeWR6H5gTyQBOr7yf+"
    "/WovpuLwq3LZBol/h5CLl1jY9PPu2m6YKFjlJmbGUp6qGzpNK0avrIGpGm5Q/zIYCkp80v"
    "GKKp+qALE8ufPn22jEVZl0gyokm6ccDcbkHzlgbsGgQTrCYLVohUFbFQb84StpDFT7LqoM"
    "ak//E99aqsCcpuwg4OflMrYVJGxLAi5Lc1TOrpkg6yDUjUTl71NB3q0h3Uh1XgEa9r+6la"
    "AOqLpR/Pjs8qKUXveiQK97kU6AAIJzGtr8PLEhxb7CWsWlrY6ssKqISxrkXEEvQtEl5Udt"
    "AVJDIgIGQAcFMnuV5ZtBqtdxuXVs00w3q3ysAwKNcDmElcIg41S4MoIm27ymCxjnFzCubo"
    "Sou7Bp67bp7togmPD1qMzxCJkOP2xz+KFU12awtyg7R0i0m+Qcu+FtkE7xrJPpFLenwymj"
    "wimfVdG3SVRcw1GyjVfx/mxQ/iK+6p2XXsOhSr6afBWj0xJWCQkrNPRUM3DE6bp09N2t3V"
    "/hmmZGZdP/T2FPe8aIstb/+BpsVUVmZeZ/J4seH+Q7AvgteiX8Afp+DWXReqVfwGNuUWFi"
    "IwMx7BDM3giPcSjB6lu+Z8YTZoqGoYkxfzF2MEZQVNiBese+rJD2FdjGgKtN8Lk2XDl+Fb"
    "EopKhHKNqtKbcRO2K+0Vbk4cwzKhZn79xF4s6W61RTn4zd7Gt/ocOszQwuF+5gUHe73K71"
    "hTpPqjw5f/lnM+KiuUNnhGEzwzupoDF4G733sCzbzdeBh03hoTRwPFuU9AYPJE6EhVeTaM"
    "Xv2H61+QGXMhnu8w2XWLLt3GAM6mjD/rXgA/PdySTYPOYjDdS29ISXwoVI/gTPJN6bGptv"
    "eVDc2lq+hogfNRLHJSwIbsXqhINrk/ScUdXFT4T3lNByhPXIg8rxM8wYuEWpWuYWHrtvxN"
    "2RRUdPfPO1TYaMCV+UiIzDKuEWP90349sELBfORvL5xXLIDhEKsItWgYUSuIeSdJ3KpGJ0"
    "0ysqACuWQd1DilVTUF05sqpSQ6tFsfbYY+HNlj926PIUDClJDrXnk/Z8auF3MyaxXJWRWK"
    "7yJZarlJbhmcubmQkwiwN1ImTbE09Om13mdYTpiJ2zymINCDq4Wut3G+OnXYsalbKNRkg2"
    "SjjaNqgLoG0k42gooVRZ3nGq7hXROS11hjwtOESeZhajzFKsF9f73PImchBKtHGUI9drAb"
    "gUvgXwptCVMm9V02pI1UFLeqdMq66LZ/Ms/7ViiSZKt9d5vesQY/x6iOsAmaTtkvqqDmwj"
    "p9+qm1CCVPt4tHkjksxy6RPOOF19/nz7vojHAVmCx55HzBMg7hRv5UFAMivKBvGgicARx8"
    "kqypHv1RkQaK/Ocl6dKhFTpjU8XwSNU20R6xdpsF/Up28pE8NwlR/CcJWKYNA5JfKh1/6c"
    "Kdur9ufcNXtzv/XtsUZ+oJODbIMk3OmtsEn2LdVopVny3saJZAVguhNmNKicbqIFtixhSD"
    "QYcvDYA1PhcClMfRaOWuLmnjPBDFHLFB2ytFWz4bGasPQBkMWJ+cbE9qvA6cx8GR+AVpib"
    "gJNVORDSdOm0u+WaldrO16CdT1tOdlerzXPBxabK0o6QdHB1n5eKvD8viLw/T0fe75fedz"
    "9UlfulCtje7qy1Aq3YrffimJhIS7xuBekEaQcZ3TH1T0vUAx8NYj14c//cepChJ0g26RUp"
    "DER0GQtbl/RovraRSmHRg0AIiy4grsGApospZRgB8/klebYH72IYiMkTPT+2P/EHo+4U3I"
    "WHnouEeYSJTIbYhp9+dsKYDmFbg24Qj5GbEiT/81p7KpA2RWTUlzQo/4CvP7Z6D976HoxN"
    "qEKVnQ83dn/l7svXny2alt16xa4mVacieI75ZVOGnsl3LL9iitpXMlSnImrDj7RYyk74zo"
    "hmNCtbbsPjiQS6ilaEgMR29hM0EPEngLBIuysm00OM+iEyDPM1b/Ils0QmhZg7qqYpA0Oa"
    "0Q7H+danKmg1W0scfLPWLBeTHGwczR61Ykhlcaph2EJFeDiMVoK3UgneBrlk19/C5tMZ6i"
    "JAgZdvOTffIj/ftBt1G4zurcNdS3iNSXiPwmkvV8B79H36Vsp38qRZVrxjnN8WfuHxA60g"
    "DANbZXcnCJISQLaBKeUPA5IUF4Ic7L6WxfMEDQFpCaQpKK5HJnZWpHFzQwmhTiTAHcjb2B"
    "cP5QjEH8QUDgEQPSzjgc2gncygAA2p404tfqlRUU6yCIQrv0pJTmCvrM7hB52CmwIk+b99"
    "QHefP3xYX8xS4/OGxCkoPSjugzSmZa3Wylr81MN3wkr2wQhJB6WB+vP7V87IvYNk3Pstym"
    "ql2u9F5Iq9V8HnpSrX45Qd5PqecLmU3VJJLVV5HCHT7sst568uediK1Ie65GGZpIctLXkI"
    "FpwxGRlujqE9dr9XpAewIy1L6gHAYd7Pf+VSRPlPgCluEAG7y8jwgN4QlpMhpU9QX4JDPi"
    "bOTAz4+vRMHLANcczHlgVFB6EvBHaLbFf9rYwstASxuoZoVVnDZnQAMfassOaotbq2NScx"
    "Vkl9Qw+FYvXmFQXjc/BsEGhLqzz4xsB50xc0mw69XkXDzTFXizV/XH81h+OHV4Syh4Owps"
    "InNRlRBK1A5fMs88H6E/F/x6ehdUGt1AVFmS3RTDEjX2mRSdxBBUb9eaUqFyLscgnCRtzz"
    "lYCQxjg/cj9C0gmUi06MTQTya+tyk9ZlX6RJfyxXFL/yqXZdmqH5VV1jiQatXs5f691VL8"
    "OTrZOrLSTTesc26x11iZtt7Z/habTa6S5Ot5aet2Xvz25i2/1DeDX0o1Qa+3Wx19YNbd1o"
    "Awtqs26kNpYaML15Llcnq2U7SllMoztpDFQ+gYhiNvG5rAHXt2FP3UQ2LiHkYLsbe5xf/S"
    "3DFBcpDJdvhVO11Uoa4D5SGy9FuirDV/6/QVDaiwvNwigmPVkZmmPbhJhSCpW9ZnNAy+QX"
    "HZ8qbWGrr2thQuMPYjP+LKAmJmbgcfvExxgu0WJKRlNxYcIX68JYBpY4B8/5oQnI3qCBui"
    "lDsFwmzHwwJ3He5k16aIiFIe+rDX0x7LowMyj0I113kcV7cE7QlymxsDLg+fOHDtWU4fKU"
    "sxuJtLdosDCIqyoS9RDnBIWaRK6goAtb+B1DkaBnSsw+I/zdFDMUf8mYMkNkEoNnBudkLO"
    "N4JYIixgygHhm2KIvkVxIy7KWIPuuJJQb9OJi35shDUSSXwoiQhMw2Vd2ugQJNMMdZwiAO"
    "dj1HBsLJQcYOnakKR7+6PdUpZ7BhP6kIY35vTBzFY3gnmjFn+utcVCqCdfFcYM9MW7og+7"
    "zH0O0dOjpUDDzsocNgAR6uY3IM5hRfrPnzirfbaMjdGFmjw1exN24ELu2Ppnj0lD+QuC0z"
    "1sXZ/T0KmL3hDOBVrbLewld7Q8tqdBLy7SxjWFbveVA+CvQQunjUbg97BYGMutK6rrS+15"
    "XW5X5bBd+QYot5uNXH4GArENcfITLjshStlOYspOjgGq4fYHVeqIJwhERDXALitKhc2p0l"
    "RakBLwH43KHPxMzRLhdE78XJulcV7ezyslSE2WVBhNllqm4XHmMQG3BuQe2ilJRp2n2tB7"
    "IF3xZx6KOe2/ecjKjJfI+tJF0XVva2vbagGrHnVHKUi5Ds66LeNspDYlmgVcjNc5OPdgap"
    "Rr1saaFQdVJx+47RbRFvUPKmMQ+utlMu0d5y+dB311uOi5UjviGtxfckrfaba7PfnNwP12"
    "J0glTzuc18Do0vlffxGKXex9vC9jL7eGjhrsr1OKV+t9v8bodWzKpcjlNqLreZyzGnkDSj"
    "i0vTpIi354l6muTt6QZbdX0FaUzC5l61s2OEpFvHxtNyir8CvV/y2LjDIIHWiRfaU7370B"
    "d4qu/CAbhtjKjBA/gT/4B+un33eJBa5jUg+zsNAwgxzfeqjnif2VxcVLUiEnuKovzhr5+w"
    "FeQkyob6VvbSIbS/Nep47tAxEXCkHc/VrV6h47lsVDoDNCyVQ+b7WLOeKF7EkAF1LqjLqd"
    "7I1MkL4krPbiDoCa9icHDm/2cle66p1w2qI7Xje6i9KA9czmO3msk9QrJT81gT/g2XpYzu"
    "lwVG98u00R3eLmwSuwrIURqNchmUJ3yz8oZVMA4pNMJlEB4bIwwiYRWMozQa5TIo23jBuE"
    "TId9g+84Ywy2HlNAq5few6pcJepaaJ5+fDNqBRmRN5fWyRE75Us7eMEEKpzI4IecVdUdYz"
    "zYhcwTGXfntqlZfNSpFnpxevLr47v7oIhMfgSpHMmAc1m2fGnheG1iQodxNf0xTMJYJrzl"
    "6uCK5JKaWqxE6v0rHc2/iR8n8a1rDs9MRUW5qF+vQBn/AzwYuDDHWAutMr0gY4ok1JZcAX"
    "WeVSJE1mxpJBtU3Dlklg5dkcwsHFbTjIi+tv0MDf7oJg8JFlkFkPDanDSajnyqLIuRHq2x"
    "u29uhnBa8IfuaTXBH66yeS6CE/zfEagaf+kFwAw6wglW+d4cXBY5ZOIFxveHNk/B0EV/uj"
    "Dwvx5nscZByobTTIz9CfYms+9gpyVqsGfVmFtrbBGTac0TR32M8Pt3c/ogmx0ZFseSzN4U"
    "djg7ne3JTRzXQ81oXDcuWpHWvl5HKtIOGGBF2yFNYn1eos0FGv9HJu6UV+6SmthROIO2Wj"
    "LUKKTmC87YiL/GNwoT6i4PSrlUFFOojYt7zCzpyi26HO4WV7dmTPXhfQDEoNKVzRsUH5UH"
    "fXp1wK9GsV8YtRaq7vE9fDI2Cc4z/6HMpmeUi2WuZKn9T2yJs8KXE9Pvx88+7x/lOMkdGL"
    "ES76V1uR57l175R2n+0+9AXus9vOStw2JpS1QeSmJdaOs+uDWo/j7DN1N/Walcadn6m7j2"
    "LRThxnI4jlGst8PFcZzPoBB8tYzWQZUWXBGnPMZcJj6Aipk6S0Y0Gvqt0bYbKyDJWgVxw0"
    "WZZtrN7OG7KASbyEGQwbBYaDI9U8bgPTJoJWmggIi9qfKmgA44Rb1AHu5ihQowoweD2qrf"
    "sYmZZE9SFgP6AvOATkGXsqy6uhk8yesaGsxBp791fXfNHHgPr9u7ZWlORBCmFZ8q1/q1C4"
    "Zb4QV0qwvUZzw3Gj3liHDM0dOnGM2QyfoFuXIdDbMlGYwyLC6YoREwvp0yc4MhCjI2JYXB"
    "QNboCnzBCP+ao7zooe29q4tYvDPsKVXKX4y+a4fXgkcN5Zx28nOiybY+OpyElKNah7aEa5"
    "+F/kIZUaS8v9rZT7tStL064s0ZmlcM73Z0mQdSDYadsuLeEWVNWUGafsoClzT0yXPiaFtk"
    "tsm2sxOUqnWdxqFjuUzvrU6UMUc5VvVZKuA5toooJMqQ/WecEH6zwjqbt2/PkduoBox5/f"
    "I9e1G8oONdDh2bwa/HE6Xe9d+6K0wxclUwcd0VBtRw3dsqVdFtX4S13ZH6VRTTRn0222Il"
    "re6RXqoXmbPimrh763MQKKF8R+DVpcZ4mMEVQcEOHADh7zb98UufQJ22hkOA7Bsqo0MdO6"
    "5Q36gvLXNxDYAnHFFp28oJ7bg7/hvkxfZqjy1CbUlWYL6phI1N02saiMDAsUhgN3jNfxwR"
    "gyiSiBTfl676k5fbXVPYMh0K7C/wZS5RYgu9qUOu4Lizzzbkd0vgSVuTslDDl0gRyPE/Ip"
    "nqCBjV0+lycRKC0rRRMXLXhndM7fG1MUk+Zj8udTdWnQyHOh7PQfzi7Q0e1PzxfH8Bx/uP"
    "hO/Lo6foMG4FwCwbgg4/kdQ31sCR2fCB9COKDAOOpRsalqYEsVfFijmj8oyIPNaOTVWisd"
    "POzX6sWq1IEoFLxekeDo2IoJK4fnEMmWaynj/QF5G+IsC4wPcB9DqhKth9+t7Jevh9eH7n"
    "wGdff4Fd1Yq/I9Savz+7dZhRnuwZX11DHKDr7fnWLzmtWWonT6RW4zhyOiXVkzRIRkXwtA"
    "JhNVlrA6XBalqUzaHIQ8zE+fWQqYfGDjVN3AthGTjvZ1bYuSUbtk7rFLpkA9Qw3mcyNfCQ"
    "YPVNYT0/bVRicIOoaxpMYKzwxi8T8djCRDRUZ9SH7n4Al/ONDijAyG3yS0UCKaaGTYNnWF"
    "PgwRO8MRc2vD1q71EeAKfQ9c6avF3stTh1h0gZ0jv/nxOqoXOaIApuRwou0GY63KAAjCYf"
    "/flICKb+PMcHJIYgteFjxaqD/jmwMi/IwiCbSSqZ1KJn/NV5WxfJoOunyelpJlTwuE2dO0"
    "NCte9iogBwQdRPjs8qKMU+3lRb5TLdyLI+ybXPpTg2XkLclHOkXYScQvSyF+WYD4ZapaA9"
    "hu+lV3jzhV5/zvGtk9hGK3KtAxIo1zGZzHfOAcnFfkPYpRrpP6qG37xyrX/AxtgnjeinJE"
    "QLTFBaoyVGYUWW0mgqRUAElB/Eiq1iqhaZjzw0ZU8w7sANsOF5lPVdHd0qKET9ABsOOr+K"
    "LMKr7IX8UXqVVsPPMzSaWycCHFWvC2zAKyhTizBR4yUq3kdYSkc2u4kWJa1JkYNvlPkM6p"
    "LNBJus6h3ciKJqz/jB3Ce6yaljpBqTNTV0hLE6rxKmMe0ulyZOUBj6hu05AXuw0kSDvoHN"
    "Ix56+UZTDfkJWqMb9hksHu1ZePRy1iR5VG3DQb47uwp66CJWsXbgZT18Jc4ucVmy2UxXZ9"
    "hG5NPJtTl8N0LbrrKlhgvMAcIhG/sBlkH0VXj9BTV9GKlXDdDK27SFddhWtuLGebb1Y/yV"
    "66ClKk8uP6GHUue14MIp2muQRIrmE9bQhSJDfdfqnoSgEUDWbcAKMgbLKLi2hhENciLMOT"
    "twpGX1QvN7YrY9u6AlUlB8XId9ChY5KVqs0H1S/ZXOJjGHbVkVe0oh9nfG1lOHSmFl++Z6"
    "e/2vtcvIAIYtG6TLpNyxhhRGxkERufoAH817e92RA7IsR2Qp4httZzoyktIdclxPsaLgKt"
    "D8eqhxhFNkUji46eEJRF5yOJ9tQxsZOZcHN7I9fu6hmgDdnnIaJZ8CI76jVVgFn5KjLXcD"
    "2Gbu/Q0SH0x5/lsIcO6XiMHWweruMwGUwrgmWZmUWabzxs1fHiaHyPAiw2mUj5os1Sa1lL"
    "zebo6MNQy5U9AdUgsh7CKyL6+/5RRYBrJ9ZWOrHKBVvF+hZSbNHupt6mbZnf6nY7SWxk5R"
    "d7glBHDlVc+CELgh2yqlUoRqhtQm23CaWVg2txPUGqo4jbHEWs48S7zuFQqqz2/YzT6eR+"
    "6349dWbLHYKv483bEm+uk1pmqwx7usBq86CuLrCa8cWsAdbyrk4t+1SWBTYuJLQqWegXPJ"
    "zy2cn9Iku1Hr3fK9Ssy5b90FmpVPIE0VwUlILsmc/ExA5yp4ZMTukaT9iGRAUMc5BNxAcl"
    "IjGoTGJJGHriAp3tZ/rMyirazBD1a8pj6PWpemGylaIT/oYsjGUP+dvgWmrY+Ih8eeQP6O"
    "ARhlSmOiflzqW2fE2rWhVVVK0Rki4GVteuZs0/pRQkC8g/o3QC5Cai1yP7TVWVS4JU61Pb"
    "ooapwce+SUHoGjtkNM0SgdSdQuHHCNusEnry+bxaqKj05f29fHbPTi9eXXx3fnURfG2DK0"
    "Uf2dUfVC4G+r5xZTf7CIne68vt9fBSVUBYNe8guqelgjJPC4IyTzOqg1HbzVQp/eXh/i4b"
    "4QhJ8utJRi76L/K9BfcM7QJwAYzYJzKVoSCZjCDx7YMO3map9rb5Mfv2/xJR1gM="
)
