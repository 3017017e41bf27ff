from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return """
        CREATE TABLE IF NOT EXISTS "processes" (
    "id" UUID NOT NULL PRIMARY KEY,
    "kind" VARCHAR(10) NOT NULL,
    "host" VARCHAR(255) NOT NULL,
    "pid" INT NOT NULL,
    "version" VARCHAR(100) NOT NULL,
    "queues" JSONB NOT NULL,
    "started_at" TIMESTAMPTZ NOT NULL,
    "seen_at" TIMESTAMPTZ NOT NULL,
    CONSTRAINT "processes_kind_known" CHECK (kind IN ('web', 'worker', 'clock'))
);
COMMENT ON TABLE "processes" IS 'A process that runs, or ran until its heartbeat stopped.';
        CREATE TABLE IF NOT EXISTS "admin_actions" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "actor" VARCHAR(300) NOT NULL,
    "action" VARCHAR(40) NOT NULL,
    "subject" VARCHAR(200) NOT NULL,
    "details" JSONB NOT NULL,
    "request_id" VARCHAR(64) NOT NULL DEFAULT '-',
    "acted_at" TIMESTAMPTZ NOT NULL,
    "user_id" BIGINT REFERENCES "users" ("id") ON DELETE RESTRICT
);
CREATE INDEX IF NOT EXISTS "admin_actions_newest" ON "admin_actions" (acted_at DESC, id DESC);
COMMENT ON TABLE "admin_actions" IS 'Something that a person did by hand to jobs or rows, on the ops page or by a command; never changed or deleted.';
        ALTER TABLE "jobs" ADD "process_id" UUID;
        ALTER TABLE "jobs" ADD "trace" VARCHAR(55);
        CREATE INDEX IF NOT EXISTS "job_log_notification" ON "job_log" ((payload->>'notification_id')) WHERE payload ? 'notification_id';
        CREATE INDEX IF NOT EXISTS "job_log_request" ON "job_log" (request_id) WHERE request_id <> '-';
        CREATE INDEX IF NOT EXISTS "job_log_booking" ON "job_log" ((payload->>'booking_id')) WHERE payload ? 'booking_id';
        CREATE INDEX IF NOT EXISTS "job_log_payment" ON "job_log" ((payload->>'payment_id')) WHERE payload ? 'payment_id';
        CREATE INDEX IF NOT EXISTS "job_log_job" ON "job_log" (job_id);
        CREATE INDEX IF NOT EXISTS "payments_by_hand" ON "payments" (id) WHERE refund_state = 'by_hand';"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
        DROP INDEX IF EXISTS "payments_by_hand";
        DROP INDEX IF EXISTS "job_log_job";
        DROP INDEX IF EXISTS "job_log_payment";
        DROP INDEX IF EXISTS "job_log_booking";
        DROP INDEX IF EXISTS "job_log_request";
        DROP INDEX IF EXISTS "job_log_notification";
        ALTER TABLE "jobs" DROP COLUMN "process_id";
        ALTER TABLE "jobs" DROP COLUMN "trace";
        DROP TABLE IF EXISTS "admin_actions";
        DROP TABLE IF EXISTS "processes";"""


MODELS_STATE = (
    "eJztfXtz2ziW71dBueqW7VrF64fsZJOZvuU47h5PJ3bf2JnM7nhKokRIYpsiNARljWa2v/"
    "s9Bw++SZF6Umz+EccmcQDwdw5B4Dz/fTBmJrX5ybU5tpzrvmcx5+A9+feBY4wp/JJ2u0UO"
    "jMkkuIkXPKNni/YGNuwYoqW4Y/S458LfcHNg2JzCJZPyvmtN1FgHj2xMvZHlDIk3MjxikA"
    "l1OXOIaZmkNycjwzGJx8ivrMcJc4nLZrxF4L43ooRNOJkYQ4o3oK1B+mw8BoIPxKGv1CV9"
    "oB5SE2/DVKlHzROclMn6MCsYcgfjPzvPThcAYW6XWJzMRuy96AoRJ2xADIcY/T6bOl4Lye"
    "AK3p1y6v8+NvowXXpCunza+5X2PdURTN7yyMzgxGQOhTm3CPxu4XgwedJ+e3bWFY8/dax/"
    "TGnHY0N4cOoCCH/7O1y2HJP+k3L8898HA4vapvj9wDIP8Db958SlnAvGKgotJRGudxw6o9"
    "wTYjGfiPsHghzkAP84gnbU7MBsP90+3rQIwIy/HB/8hl1OXjpi6IgUwgzglrje0X1+tIZ3"
    "jvejaIss7XX6zJ6OnaD9ZO6NmOMTWI6Y05A61DVgBnDNc6cokM7UtpUAaxmVEAVNJDYhGp"
    "MOjKmNYo3UcgLBtYNO5/7hqfN4+9TpHCREXlOEpFBd6gN+ABNMlQsAhjiFN/91fn5x8fb8"
    "9OLq3WX77dvLd6fvoK2Yb/LW29/kZAK0ZFcCs7uf7u6fcEIM3kn5xuKF3wSN4RmdgO0B+k"
    "JYkwy4GRluOvw+QYwD8GhxDmi881igLwQ8CFaSbTBhbPyzY1Nn6I3gz4vT0xyA/3L99eZP"
    "11+PoNVxFOZ7detc3kPEIwirlbUExIqihhi3i0Dczka4nQBYLZRlEA6R1BDi80JifJ4jxu"
    "dJMTapZ1hyQxBF+c+PD/fpKIdIYiibVt8j/0tsiyeW7XWhffCHwdQRLxLpTS3bsxx+gsP+"
    "cLAhHuRAjhBhz2PO/2GHkT76cv3XOBNuPj98FJAx7g1d0Yvo4GOMIS4FMLjXSft+Zkt+lG"
    "p7wn/wJon7m7VJ/FW7gMBftTPlHW8lVm2xj0li+wmQ8awxzVy7fbq40CvCE/3LPi40LjXM"
    "B8eeq81SDuxPd19uH5+uv/wSkfxP10+3eOdcXJ3Hrh5dxVjkd0K+3z39ieCf5H8e7m/jL4"
    "jf7ul/DnBOxtRjHYfNOoYZ2tfpqxq1CMdxF576MuVtRkNEi3ekKfxVE6sMe7e2J8XjwOAl"
    "dUuKmCa58CNzqTV0fqZzwYk7mLfh9GkK8upY+011s18c+E1LmL4aTNE1Zv7xKSx48Ojy/I"
    "nXv8Jr8PXu5kkeuHpG/2VmuGYnAjXeYecsdsVvm7w1Ph/HrxgOnIxN9Rg4aYX6R8Ze5PMl"
    "9Az6VitPx9CTjQqqF56s/gv1OB6e8VQsDtIDPFjDH3BGd7wPcGwXV0dwWoZT6RjWDHFXqA"
    "PgZO0wj/RRkGwbjvITaCnokpqEzQ0llAYe8wy7M3GtPhUn/oEFwofd9GHFxceF875jEs7w"
    "pgXz6Panrkud/rx7Qq6hN8dELYeCj4wYMEu040DOydTxLJt04ZhvwYoJ36cNKQs0+zrw4E"
    "Jn8EqzdQXi8UGIW0RJ8zH5/qfbr7cEXm1vyskffiCHPmCHB2K1XnI2g45eVdKnoibQIi4d"
    "wqaUuulKjJVmIB63CBqbmgN8/KQA5EzCF5AYL/5IDpWMrcSIqTMx5KqVy4fswcn1/ScSel"
    "nID+R0lQlJGS3FnsT07u7JkT/BFsgscwaWOwaZbfReu9xjtHL0XpJ1pXQGPsUWT01KqjZ1"
    "Zo3rDQqpDXK0BvFTlDMd9+CFhrfLk5/PJOCZ8p5Ku9Qmu3KHKPkGnJ+137bfXVy1fcH3r+"
    "TJu5btAOXQcphyXKV9a2zY6RjHKOMHVkl6orrYQ6RzYPx0e3P35frz0dl561xINBxFLbmH"
    "Dmsho0jrPVeZdSNMs8WV49vjp+SqoS+uRVleRFWerShPaHEnIGUgjKiggi3ImDppq8UTfJ"
    "AzlucM+i1CvgPN4tPtX5/yNYu+juXzw/1Punlc3RjXLIb2n2UVYAniRgu2T1qw4ABQlvFR"
    "yhpyfU+4rDHJZbN/RFmC0XHaNbC6mkq4enBaK1CW4XSMtuF09TkNGyCDl/M3SBAutWeqGG"
    "c3fbTV+qBySpwwVZ3OslvR5uzYVvf7hT7HWOdrTVe01t3qfvaMCUXtdeEXP8NgFxfw7dlA"
    "9xXUVYygISUl86yB1Td8t+bYkqLIf/z5K7WNDM88hfd9qKv9+2RmwR6RzIkxz9DNlAHqF9"
    "lLjWQzAtLMsDx0buvAM7oWXRGs76q3W+hsXiOx2qQfwg111atID1J8EcK3W3n+CP2gYUGf"
    "hAeHCuO+f0wmhudRgF5GAGAUwUREC2R5GpTtQPgPiKUQH1IHHowxXgAvcBkpIIMH0KFAkq"
    "NjJHPxQhc+KpxPxSmv+4F0J+Yg6AljEgaWTYklgyK4B5uDIcUgiT59dlycl6siL9buTRAG"
    "X3gUUKM/KmKi1WbkJSzDkTGlDSp7xFBj1XblIYu7Kiim4eF7dSeByBzgkCkZmz2LwAiuxY"
    "XcPZL7b58/Nybvipq8/SWijG4gQrRTW8radAHtQu7x7Rz3+HbSPT65EpTSwKRS1zA04aoI"
    "9FfZyF8lgB+xqcs7/jcxRcWZZwBPoW6M4AuM4PzFsu2OZwzLuc9EqGoo2peFlpXLnGXlMr"
    "ms6I9rGaTDNHXU5G4guMniHZPNHJsZZtoS8pExmxpOxiYlThvDvAfEmxJu/0oY9vRzyTqW"
    "i48PD58j1pCPd3F3gm9fPt5+PTqLLSZJDW5o81rWKhUjraGlucb+BcGrsoQ9MkHcGCSrbJ"
    "AM6RXKcjpG2vC5ynxuTKGNKfT3An1jCl20pDWm0H0zhW7SDiOFOcUC40t5tu1FCEpBq8u1"
    "I60hIkoS4x5FliXq8qR9JbspWlLuRW4n9op5omzzPemKAMrOCJ62S468IApUh1xiL4GpRg"
    "eWHWNw2JyTmYXpp0gXz7DajMO7LUwo5Y3os4MBokBtWvgghi1CyoTzOg4BY7uvVp/yEzGJ"
    "rhgLKANpONHz82fQlY/DQ3NSk249O100TML0OqJNF56BTWyqE15pq2WLdG2Dex3bcrQ6si"
    "sa4FUiL5ChBRgSNvXwjosJq1xEdUqDhFUzgz+LeD9iUx5cIy4dTAEHU9CM8cUCgVQps6SN"
    "yXA9lbBLQ0ZmMAjRzQGcD2JAC40Z+pGfHZmSS7AHt4W8RSa20RcZvOBhXsjR4+3/+3Z7f3"
    "OLLfqGDX0brrBv8WPo0GPI5CDfFtcAvcDWR2XoGrfgLhrEDJUA7NlB3DimEethYi5bZASD"
    "TnpU5B3DC0cBJ6VQn6iZdo8BBDajoWFFLrKR8Yo4WLaN/ZpMhBpbHjl6gLbHHzBgmLpjYL"
    "vMQYaWO9kB8ERMxhqLp5aPL/im05VxRsbT/kjiOxsxGEuKLUovhXEwCdlczgCe13LJGIR0"
    "/uzgggAgWbzDqQ1wDmWgMr6PChIcmblDw7H+RQUEJhXxlbjcnhD/vfO0IMg8apNpD6RuRB"
    "Em/3d8ouNnRwU7+50ecmLYMJ0W/AcPgkZIhAWa+b6qJ+QXA2XAcIXlEmOtAcK3p+T/kCOD"
    "jK2hK8zthOPrydnxe5yVO9dvLgiRfH9QqmXQtYF54eSs5UvNJMgiORyfwEA4K1uncFP2Tg"
    "DTZrPNGEalEC1MxiZepDUZCNWQaKIYMumGkGETVS1aKjy2RTYwjSAYM/PJNzW0L4vZo/tN"
    "hJ12E1zApAA0J45aNVhL/Lga048STB9RRmOvazBYmHO4C3fXi6cHH76cZztymDs2bODokU"
    "vFkpr4H5o63IY5wZUhDNjRN2ANoG6oAzFUi9z/+POn4+MWOfzb8/P09OL09I34/2rw9//A"
    "EHL8NzzE+3D1dPAOfp61z/Hn2Rn+vMCfF/1zbAcfGEv8deETmAO8wbl/gV7hBYPqC2eXF4"
    "JUXLj/8Qanspy/hH4hqeHm+GZ8e7y7/wn2DA45ki2PpV7iaACfpulEMPOPsIAOVmViiYmE"
    "229iOqwj3vwiy3NKvgP9IVwm3UIwA23ZXPwuJafAnCFbMt+DmgBuILNHlpGC8msMJxbDxO"
    "Z6GpGN6pJJHgIYPNgZFPFlEZs19GN5eFK+LEt/JWYqbH/RkLj5E5lO/v3bCkg7zNO7siKD"
    "4vMF+7jGY6eiHjv+Z6mo6dcnqKF9fUNZLYOZJXDODjaPkdUC7TyLxCaizMMnieKRagFNLU"
    "DfdJSazYJghKIgh2lqkD1hCymeLfRO1pudcq4jAd2u3UY2v4ys0X1EwtaZunYZyY5S1U62"
    "N+KBtieJskzXGHjbgXn9q3RwECzrJxGlrKErVK38JJzlHN7CdA2LK83iVJ1GWX5ndtIwv9"
    "LMj9h4k0zPVJok6Orkk7O2LIfL5DfccWbD0+2/NH5Ex2mT1rAKaQ376EnSASEbllLkxcia"
    "MI5C2ryyMUnbj0ba65Og7whV4tsWJdrehy2x9J5W50sW89gqjWaEsoEUr0TMhSUATdA1cO"
    "KVuPtfOSNgGvVe47pll370a6QzXlqYE3R7DfrahBkP0vCK8+m4nBhH6fYay+0LMHoClzys"
    "hagqclxbAfgCR7TzMke0sGNsWX1SnLaJpquyFinsEl9ecxilbThdbU7L+IWSn3iebpvfry"
    "/SGoufpJ1Hs4vS6vYrVaTdn5diI6Vn0Wcxifm16xrzDMP7LPWwuu36vzheSv3fx3/Yn+Rf"
    "R88H6If5fHC8oSXq9q9Pf/t7XIJjkTxlF/00+mbhr/LCH3K9TfB6kcNQiHCLHkPa9zbMWN"
    "8ft8J+QkEcTNm3KkpZQ8trjZPMyAiOZbgepWy4vk9cDyJ/ohz/SXMoU6euyBabgZJhC3v0"
    "lYw7cT89/uX25unha4SR4YshLuqrsZ1LLOKqFO5x4gb9kuiHo0zLaTbjlHXyN9ltDphIcH"
    "CUIU3GkmjGkrgQrlDBIVw0PvYWlEizH6pPXxPIo1vhWCb75YGKJc+vI1hNTZAyaCnD42o4"
    "fRWd1FWguI7fXQmjR9lLXUHSCYhWA6lsuZS9gQo/hZvK03Vn0vGEedTxrh0+EzlqEim7Em"
    "1aedm7LL91xxDNC2by+i7yPhGs40y5JxJoEcMh/uD9+RvYQ8lqJqJfKnKswO7K1EVKRDIO"
    "Qyp/2UDk6qGDAe2nFFvZ+Ghrz/2TxLXzQnPy8fj1QqDVMuksUsZTXqnp4wWKs+MmsUBFEw"
    "sogSnqJ6ua1zHi+vKyiBvy5WW2GzLeix7MBzA+dSeulea99dFyDDfDTBYjjOv352rnvmeI"
    "50mvMjj6WhGA9ePd/fXX/07PLPAxxUD58b+fbq8LBq0+jg3bzvauzQpc3WuFyMX52yt/cc"
    "E/8paTxy/Xnz8nzSg9ZqYsGHmirCkaGV5WhhvTVbZk19eI0aTzrooqt8k7XUSLm5V3+ub6"
    "8eb60+2u0k7fOa8MQz/TTrHqViv38CoblTmy4hERkx23MO+uzI4sM+aixwZ1W6Q3nVNXJJ"
    "QVpi+RoPaFTjwszwlHw7lIcZxxQl1T56JUqCTpkhGeaTEvMhXZhbG2pk5hy6mHvu+HHJMi"
    "w34ZBVdk+zWwMmkfzoKY+lZkxMXmxlhk6bOcvj0FaE4w3bVld3Re42dnNhKHX5Wq189r3M"
    "NUw5ZNTZ1W2PGCPMgq9TI35vJUvaHTtGL0wlKfquEKZT79obCSKRssKGaq6izLkzs830oj"
    "LkoU7BdbWT2jqj8mfOSQuTmD+ukIfWlpFAZVVRjAw5fSGKj2dVQZrD39T3RpKQNzkrKGgF"
    "8Uy9iWk7AtDrisQFI6u2aMrIZQbyQqf5/qDm8N6Y0UIRagUf3VLQW1T1WPGs/nl+1Cet12"
    "jl63nUyAgBvnJLTZeWIDin2FtYxL2zqywqpaNUmQMzd6IYo6KT/WFiDVs0TAAOqgcM9eRn"
    "xTSBs5LibHDkt1s8rG2idoEC6GsFIYpJwKF0bQpJvXmjrN2XWayxsh1l2/tXLLdH1tEFz4"
    "epTmeIisCT+scvihVNemsDcvO0dAtJvkHLvhrZ9O8byW6RS3p8MposIpnlVR2yRKynCYbG"
    "Up3p8FSgvxVeuisAwHKvly+6sIXbPDKrDDCgw95QwcUbo6HX13a/dXuCaZUdr0/0vQ054x"
    "oqj1PyqDlSo8rcz8N7K280G2I4Bu0SrgD9DRpaJF64V+AU+ZNZMthxiEU9ei/IPwGMcKs9"
    "ryPTZeKFc0nAyNyZuBSynBmskulnXWe4Wkr8A2Blxsgs+04crxy2yLAor1bIp2a8rdiB0x"
    "22gr8nBmGRXzs3fuInFnxXWqiU/Gbta1P7Ne2mKGl3NXMCwrXmzV+s7cF1V9HV7+8djyyM"
    "RlY4tTM8U7Kacxeht9mlJZlRzkYEpN4aHUdaeOqFiOHkhARIVXk2gFdxysmi6awS6T0w4s"
    "uJYt204MzrFMOK5fMxgYVifTouYxjNRVy9ILnQsXIvkneiZBb2psWPKwdrc9f48RP2okwC"
    "Wod25HyqCja5P0nFHF00+E95TQcgTl1j295o4p5+gWpUq123TgfRB3+zbrv8Di65icGEMQ"
    "SmINgiLoNpzuT0gXUOtDB/ApFV0jnbr07Ii2MGEsht4iXeQf7erYIyxvP5DreN+YIj5YJ1"
    "7cwNLkDlB8v7g53oz7FEqV8GeSEAuJS49C8tkTLjSLVXYPJekyxU/F6OY0r8askLR1DykE"
    "M6c+dUhwE0MruVt67IFwmMseO/Cq8oeUJIeNc1XjXFXBT3NkU3RVZFN0lb0pukooMl5hS5"
    "uaYzM/FihEtr0d0NlmxXwdkUBi5SwjrD5BDaV1/Z5pcKC2mVEqoWmIZKWcplWDOgfajSQ1"
    "DXYoZcQ7SlW/Oj1nhY6pZznn1LPUepdpuvv8kqJbXkQOgh1tFOXQ9bUAXAjfHHgT6Mo9b1"
    "nrbUBVQ2N9ray3nkfHkzQXufwdTZhur1OHr2Mbo0suLgNknLZOGrJ1YBs6/ZZdhGKkjRtJ"
    "lRciySyPvdCU09W3b3ef8njsk8V4PJ1a5gkS14q38iAgmRVmg3jQeJlTrQcsA2qUqsE0Fu"
    "/jumm1VLKdcX2Cxhm3mDOuyp+VKrXZ2/oo1RaxfpME+836dFhFQk+usiNPrhKBJ0KZXwZY"
    "n6B+B9JCCZty8jUl0zU1iVayoW+cnBMOCY2T867Zm7k7rY6J/jMbHqRb6fFOa4GhvmOrRg"
    "tt9Q8OjWXwQHu2sBdTLARHZtS2hXXd4MSlA2Ef7s2F/dumYfP0ZOoOKSfMNkWHPGnq3/BY"
    "m7BNI5D52SoHlqNLIy6T7UKP0Qtyh6ePc6TU9G9++OFQNYZtz+GxNtaq2+T/kvDtFWYUcm"
    "NcPKPAjy91RqHbK8zIiSXCXjytMEXW3OJtVpjgr9KHJn1e2MhaKguL7l7tdrOHCLbD+jmD"
    "K+QPP5DDN40NP2WPUgkbvhSPchwIaOqkQtxyreHGeWKDzhONOXp3NTanHrpGlhHtEEkNpf"
    "uiUMaUi5yMKRfJjCn7ZUzbD/vPfukCt7c6r10t2Ciullmt90KTEUsnr4+oZfkcI60ho2um"
    "oayIBuuLYdmP04k+0h6kqLLiTVp5Oi0RFcyD1gUjUa4dolIPtTCAzWYzjEczsOlsxDglyH"
    "y4JNVPGBWCA3GpdLIt5wUejHkjDPPoTT0ibM5cZKClDv6ps8pG1FzbGnSFOLrMVE7Zn9e1"
    "p3CqUiTd+pK9ZR/wm49tswZvfQ2mJlYPTM9jHrm/cPUF+XNE06JLr1jVpHZfBD1zXe6qNz"
    "VhxdKVrtS6kqLdF9F2OkJuLjuBlZGMWVqW8w2PJxKfK1oRXxdZ2U9IV8QNIsIy9A4n0yKc"
    "6dBGTkHmTRCZOTEZxkozNU0Z0LcZA0aUbx2mkg2kK4/9b9aSZb7igw3CWf8WDKmMomsYNt"
    "dWEwzTKMErqQSvwr5k19/CzaehbYq3+aETxWIn8oInkrEpVfALqRzuzQ5vYzu8J+EJnbnB"
    "e9KO0gv3d/KkWXR7x4HfNn0zhQOtIAwSEsjuTggmk8EsMSMGD4M7KdgEudR7LxMPCBqRqA"
    "B3U1gU1Ro6aRkiNjeU2NSJxOV+ygT1OZEjWHoQU/isYNYHmcfB9NvJzDfYkLneyIZLG93K"
    "SRbh5kpXl8rIliCrKmk3APSkweIsd4/k/tvnz8tvs9T40NByc0rGivu4G2v2WpXda8GpB1"
    "bCUvbBEEkNdwPrr8tSupLCDooo7PdWtlGq/V62XJH3yv+8lOV6lLKGXN8TLheyW6pdS1ke"
    "h8gaD/uK87cpVVuJlLVNqdoiyWorWqr2PuwWn6IGuI+5zWfrAcKu8AX1ABjTofMWeoww+B"
    "NhihpE0O4iUgu2sJqs5RAdoQCQDyx3LAZ8f3YuDtiGOOZT28ZisdgXQbtFejTJVkYWWoJI"
    "PVqyqBztZnQAEfYssOYoWV3amhMbq6C+oUWCbfXqlWCjc5g6uKEtrPKAhQF40xE0qw69XC"
    "Xa1TFfGBQURPro8YMrQtkDICyp8ElMRhSvzFH5vMoAHz0R/Xd0Go0uqJK6oEgMlEAzwYxs"
    "pUUqcQ0VGOtP1le6gGydS8duxD1fbRCSGGen7giR1ALlvBPjJjJ5NNblTVqX9ZYm+bFcUL"
    "RQU+26pM7mpXqNpXUa9XK2rNdXvYxPtkwCzICs0TtWWe/YlCbb1voZnEbLne6idEvpeSv2"
    "/uwmtl0fwsuhH6ZqsF8W+8a60Vg3qsCCtVk3EgvLGjC9fS1W37BiK0pRTMMraQRUmEBIMR"
    "v7XK4B149BT/VENrpDyMB2N/Y4XbUzxRQXKuiZbYVTybIKGuC+MIfORUY1Qyv/PxAsyQib"
    "ZmEUk56snEyoY2JMKcOKjOMJomXCRVdTJS1s6+tamNDgQRwOzyLzbPkety8wRm9OZiOrPx"
    "IXhiCsM2PuW+JcOoFDE5J9IF11U4ZgeVyY+XBO4rwNTVqkR4UhD4ueUcKp5+HMsECbdN0l"
    "NvTgnpDvI8umyoCn548dqinj5RGwm4hc4qQ7MyxPVZJrEeAEw1pynqBgM0f4HWNxt1dmmR"
    "1uOVheDS2D+JuMKTNEsjt8ZnROpjKOVyIoYswQ6r7hiHJ2ugKc4cxF9FlLiBj241JoDchj"
    "MTuP4YiYJ88xVb3FrgJNMMed4yAu9aauDISTgwxcNlaV6f7ptVSnwGDDeVERxnBvYLmKx/"
    "hObMacqeVclH9DuXjNsWcmLV1Y0mPKyd09OTpUDDxskUNfAA+XMTn6c4oKa/a8ou1WGnI3"
    "Rtbw8GXsjSuByzr9Ee2/ZA8kbsukilF2/5H4zF5xBviqlpG34NVe0bIanoR8O4sYltV77t"
    "fkQz3EShD05h1YEAsVAoyPrUhXGt60+GTq5RUiTMqAohGPD1LQJDPc7Vk3J45zjKHNKQpU"
    "2rfGhp0RyekTxdWnkupEUe/vGSwN4E+3N3dfrj8fnZ23zmP6NG0iaiesQLqedhlDW5imht"
    "a2iyLG42zTcVqFsWm5SuM+xRbrEKhv4cFWIF5/gMwYtpKsVJa3gKKGMrx+gNVxqQzCIZIG"
    "4gIQJ08Khb15EpQN4AUAn7js1TIzlOs5wYtRsvoVNjkvVNnkPKe0yXmytgls/SluG6jSMJ"
    "RBPI12X+shbcG1R5x32NTrTN2UoNFsh7U4XR0ke9tOa1jhfuqW8hMMkeyrUG8b5Z5l26hU"
    "yUzzk412CmmDetHSaoH2puTyHaHbIt6o405i7l+t5r6kcRbMhr6+zoKqcOZSfI/TNm6DVX"
    "YblOvhUoyOkTZ8rjKfA7tD6XU8Qtms41Vhe5F1PDDwl+V6lLJ5t6v8bgdG3LJcjlI2XK4y"
    "lyM+MUlG51fmSRBvzxH3LM7bsxWW6vXV41Fm9zJnxxBJvY6NZ8UUfzl6v/ixcYcxEpXbXj"
    "SO+vWHPsdRfxf+z1VjxBocoL/CB/Tr3c3TQULM14Ds7zQKIsA026k85H3mwHZRlcqIrSmK"
    "8sefv1LbT8mUDvWd7KVGaP+2Ub97qU07SPO7V7dauX73ShtXOAO2IpBO3O7U4S30gHcNRz"
    "mNo3P4iBqu16PQgHtsMknPb71cR+hUfwd/GnOOhUagEbUHLUy8g57fM6ZqjkBnBlYeUYmq"
    "RZ0TYqCDvfBLt0TxdX5CuiA5U8pVfitRtGTG3BfqioIlq1acSvu+fvt296mEN+Z0apknSL"
    "PMC7HYKfPgD7DvF84YRIyEP9o/JLeTGz9uSVc1eX4Kn4zEo+f7XTa1jDe4UR8xnqIRzAZX"
    "t68huBtxNZmkrRGZG/BJ/Tbf52ftt+13F1dtf8/tX8nbaidPNPAF0CUViwpriKSG8roRfx"
    "35vUyCnF3aPKDYfmXz0OetN7Vsz3L4CY63iy/cRuqdw8HFXc78HqVszDZV0fUWMdtwSp2l"
    "qi35ZA2/q87vhMZoR3HdLhtY4oHTzpfiVmvB+RIbFT5eoirikOsQZjjGYW1gLg9zzAOqD7"
    "Iy0czyZOA0ErRE0C7GD8P/aWfNNfW6wlGwGvrWJkrvwAMee+VcukMkO3W/3MQm8bLQJvEy"
    "Z5N4mdwk4ttFTavUXjxM06BcBOUhLFbTXhmMA4oG4SIID4w+RZNDGYzDNA3KRVB26IzbFF"
    "fYDp/2cJa90lkKM/vYdcbCvcr8Gk1/Tx1EozQnsvrYIif0rmZvGSE2pbL4AJbt8ij60ZbQ"
    "E2bSb09zeLrZXeTa1IYSKj5JTe2Wm7ohRrmb/A2bgrlA8obz0wXJG1Y6wi6y4T849InBjw"
    "1b8Hd6YlrVfp9eo2klfcBX+mrR2UGKOkDdaeVpA1zRpqAy4Lu0x4qaRMLeywZwYpc1VuTZ"
    "HLOtidt4kBfXP5CuXu78XGt927DGLdJjLpCwqYeJ14zsBHDbG3btycUUvCK3GExyQWYtna"
    "exRXQVoSVSG+khYQNGeU6lnHVm7/Ifs3B9nvVmDwuNv4PcZXr0Xi7esMZhQr+1jYbpDzsj"
    "ak8G05ySUKoBrFhTZ42Pyqnh9keZw357vLv/iQwthxzJlsdSJXs0MLg3nZgygRcbDJq63J"
    "n7qR1r5aS4ltjhBgSNMTxtV9sUWQpHPRcLe86Le05oLVx/uxOFODuaP6CoBcbbjujPPgbn"
    "6iNyTr+NMihPBxH5lpdYmRN0O9Q5nFZnRZ46ywKaQtlAilea3BPZUNfLGSLyIokN/TJcj1"
    "I2XN8nrgdHwCjHf9IcynJ50mSL91zJk9oeRSvHd1xPj3+5vXl6+BphZPhiiIv6aiXKKFXu"
    "nWrCM+sPfU545raL/lSNCUVtEJlVf5rAzOVBXU9g5ivzVo3KlMadvzBvH7dFOwnMDCGWaS"
    "zTeC4ymHV8DhaxmgljkrZgDQBzWU8IOyLqJCntWNiravdBmKxsQ9W/EQdNnmYbW2/nG7KA"
    "SbyEGYwaOYaDI9U8agNrTASVNBFYPGx/KqEBjBJuUQe4m6PAGlWA/utRTu4jZM1OtDkE7A"
    "f0OYeALGNP6f1q4CSzZ2woumONvPuLS6o2x4D1+3dtLTbsUW7C0va3+lbu5pbrTVyhje01"
    "mRiuF/bGOuSYRGToGuMxPSF3Hieot+Wi7qVtCacrbplU7D41wZFBOOtbhg1bUf8Gesr06A"
    "Ck7jg1U8m2xl37dlgjXMpVSkQGd/CR0HlnGb+d8LB8Qo2XPCcp1WDdQ3MG2/88D6nEWM2+"
    "v5L7/saVZdOuLOGZJXDO9meJkdUg2GnbLi3BElTWlBmlrKEpc09MlxqTXNsldcylmByma1"
    "hcaRa7jI07zO1gFHOZb1WcrgaLaKxCaaEP1kXOB+sipWhY4/jzO3QBaRx/fo9cb9xQdqiB"
    "Ds7m5eCP0i3FgIr5XlVCDd34oqzoi5Kqgw5pqLajhq6YaBdFNfpSl/ZH2agmGth0l66Iln"
    "dauXpoaNOxiuqhHxxKkOKN5bxXeaeNvshkjeHALh3At29EPPZCHdI3XNdSGaitlCzYK/SF"
    "ibBvMbAF44ptNnzDpl4Lf8f7Mn2ZQfojwwHAyMTgfMZcEzNsG8SkWH/7FQUUh0N3jPfRwT"
    "gxLUoM9NfoAwRyTs+Oumdg6m3m4P+GTuON2dVGzPXe2NYrdNtnkzmqzL2RJXNvY4JvVIyf"
    "kK5DPcyxrXJuU5diOu4ZdMYm8N6YZOCyMabvfnZU3VPSn3owL/Kf521ydPfLa/sYn+M/2+"
    "/EX1fHH0gXnUswGBf3eLpjmKCCDiYCQwgHFBxHPSo1W0KOlApeaOUHlss9eFDcD25GI69k"
    "rXDw8DH5/qfbr7eEqlJ65O6R3H/7/HkZ3XhobMWEhcMDRLLlUsp4PSC0sdx5jvEB71NMVd"
    "Lo4Xe798vWwzeH7mwG1ff4FV5Yy/I9TtvUj6uyCjNYg0vrqSOUNXy/a8XmJav5humaF7nK"
    "HA5t7YqaIUIkO7VArM3scFksT2VOmsq4zUHsh+H0maaAyQY2SlUPbDdi0ml8XauiZGxcMv"
    "fYJVOgnqIG09zIVoLhAxX1xHS02uiEYMc4ltRY0bFh2fCrS4lkqMioj8nvXDqEh0MtTt/g"
    "9ENMCyWiifqG4zBP6MOI5aQ4Ym5t2LVrfQS4Qt+DVzpK2FtZ6hCbzah7pJsfL6N6kSMKYA"
    "oOJ9quMJaebvY4Rw5zx4Zt/YseuXRiG/3k/9DU4TYwB64MYciOviHnGHSgR2uR+x9//nR8"
    "3CKHf3t+np7Cp+WN+P9q8Pf/OISr+G94iPfh6ungHfw8a5/jz7Mz/HmBPy/659iO2aYl/r"
    "rwCcwB3uDcv0Cv8IJB9YWzywtBKi7c/3iDU1nOdVXCuCiRIu6xO78yCzWlKyfYk0Najngl"
    "cjgXqCFhjSUWHPUkQaOrq6auLvwultmqapoaes6eFToSnOWcCc6ShwKxZpYB2SeoIcLnl+"
    "0ivsmX7Zz6iO1EfURlueqMDJ6S/iUb6QRhLRHfQEVKYQLrlF09olS1c2PcyOoh9ONlgY4Q"
    "NTgXwXkAA2fgvCB9VIRymQxSVVs/FkU4pChlxPOW3Ef4RFsUUJXok25HUM+LxeHkhOHEpb"
    "RnsSTM2dE3qnkNVoBtR91MALBSEu0T1ADsqBS3i0hxO1uK2wkpNl7hTFKqul5AsRS8FTMk"
    "bSFcb0Z73PJKSXCIpHYyvJGaZMwdGo71Lz8rVlGg43S1Q3sjEm3xzit1LeixbHbvGGWT4L"
    "tEdp9AjVca84CuqepWHPCQ6jYJeb73RYy0hj42NfOhSxhYs+2Boc2TObYc8XKprCixt7JE"
    "wsZr7Oq6rxvt1yYqywgbPS/JSlor4vRR9rKHL0whkPrUVeU4V80AehP0VFewZL3M1WCqW2"
    "hV9HDn8JnyElgeoTuTjifMA5iuRXd1BQstPRQgEjEzq0H2RXT1hD3VFa1I2eDV0LoPdVVX"
    "uCbGfLz6YvWL7KWuIIWqjS6PUe0yNkYgalKDFwDJM+yXFUEK5UOs4VY8HEC7AkZ+qG4dhW"
    "hmWJ5t8RTv8TIYfVe93DqejKesC1SlnGJD30GXDay09IAaVF0mvMDHMOiqJq9oSd/hqGyl"
    "OBEnhC/bm1hLewe2Fxi1LloXSfGKzp7EcohtOfSEdPG/jjMd96grwrqH1ivGc0+9cBpVzK"
    "+KMeaGR1BFBli1CGfEYaRvs/4LMWnfgpFEe+aa1E1N8rq9kdfuXuyjjRUPMIpe8CI90jpR"
    "9Fs5dnLP8Kac3N2To0PsD55F+LUOBtSl5uEy3qX+tEJYFplZqPnKw5YdL4rGH4mPxSoTKV"
    "4oXKp411InPDx6L9BypU9ANQjJQ3BFZBx4eFJZBxqP30p6/EqBLWOqDCi2aKRUb9O2bJXr"
    "9tGJLWTFhT1G2ESrlRT8gAX+ClnWhBYhbAxoVTegJZWDS3E9RtpErlc5cr3JTVB3Dge7yn"
    "Lfzyhdk1By2a9nk011h+A3OQ6qkuOgSaSarjJsNUV9Nw/q4qK+KV/MNcBa3NWpYp/KosBG"
    "NwmVSlD7nfZGMDu5XqSp1sP3W7maddmyEzgrFUrYIZqLImaYsfXVMqlLvJEhE6J6xgt1MD"
    "kGpwCySWBQSySjlYlTLU5eYEPn6OyyaZls1z8EJrj95niWDUS/sh4ZQS82PDkmrfVEI4fO"
    "eIt0lS8EsF1lfmWckjFzKHSO+nVZmG1kvOLVV8z6ylzSdSkqtuGF6QIFdIgqej3tZ6dv2D"
    "YXeWlFgloGx2picJQu4lG8JUbZkDY/wuEOUy91uuJ2CG/xzJi3iF6ql1IVR0cEEc4e0KV9"
    "iil+Za7WVYeCo8KA2TabZQ8YsFerpoMrUdX0GiYD3AeRG+SkqvUB9wVIT8u/0CjMK7IDbO"
    "UozBUfy2jMQyR1TCawdm159mEzJ0FG9lGzFiBvImNDaEkuqzmLkTZq8apo04qoxYPvYLkP"
    "SZSuUaYtq8/xP/hlFrgIUQ0jnte1wJUIoNrkwe2aulZ/dJByZFN3cg9rRtBm0SEtG+/FB4"
    "xSW8zfy/7y/Kz9tv3u4qrtrwH+lbxXf/HOEY6t2pe36EsfImk2NcU2NfhSlUBYNa8humeF"
    "Iu7PciLuz1IqaDLHS1WB//nx4T4d4RBJfJto9T3yv0R7N+8Z2jngIhiRvWAi/Uw800xsk4"
    "cdfNz1x+y3/w9X5GNO"
)
