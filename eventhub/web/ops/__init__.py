"""The ops page: what runs, what failed, what waits for a person; for admins, in a browser.

Beside the API, and no part of it: a session of its own in a cookie that opens no route of the API, pages instead of JSON,
no other origin. Its figures and acts are `services/operations`; here they are only shown.
"""
