"""What a sandbox is told to run in tests: a question says what becomes of it."""

import os
import signal
import time

import orjson


def answer(question: bytes) -> bytes:
    match question.partition(b" ")[0]:
        case b"echo":
            return question
        case b"pid":
            return str(os.getpid()).encode()
        case b"environ":
            return orjson.dumps(dict(os.environ))
        case b"print":
            print("a library's own words", flush=True)
            return b"printed"
        case b"spin":
            while True:
                pass
        case b"hoard":
            return bytes(2**31)
        case b"segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case b"raise":
            raise ValueError("a mistake of this program")
    time.sleep(60)
    return b"too late"
