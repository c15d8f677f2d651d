"""Hostile variants of what is valid: bytes flipped, cut and spliced; values put in the place of others."""

import json

NESTED = "[" * 3000 + "]" * 3000
WORDS = [
    "",
    " ",
    "\x00",
    "\ud800",
    "﻿",
    "a\nb",
    "a\r",
    "\u2028",
    "\x1b[31m",
    "none",
    "x" * 5000,
    "東京",
    "../../x",
    "/",
    "-1",
    "nan",
]
NUMBERS = [0, -1, 1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 1.5, -0.0, 1e308, float("nan"), float("inf"), True]
BYTES = [
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\n",
    b"\r",
    b"\t",
    b'"',
    b"\x80" * 9,
    b"\x1f\x8b",
]


def mutated_bytes(random, content, others=()):
    """One to four edits: flip, insert, delete, repeat, splice with another content, overwrite a run, truncate."""
    content = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 4))):
        if not content:
            return bytes(random.randbytes(random.randrange(40)))
        at = random.randrange(len(content))
        length = random.choice((1, 2, 4, 8, 64))
        match random.randrange(8):
            case 0:
                content[at] ^= 1 << random.randrange(8)
            case 1:
                content[at:at] = random.choice(BYTES) * random.choice((1, 1, 1, 50))
            case 2:
                del content[at : at + length]
            case 3:
                content[at:at] = content[at : at + length] * random.choice((1, 3))
            case 4 if others:
                other = random.choice(others)
                content[at:] = other[random.randrange(len(other) + 1) :]
            case 5:
                content[at : at + length] = random.randbytes(length)
            case 6:
                content[at : at + length] = random.choice((b"\xff", b"\x00", b"\x7f")) * length
            case _:
                del content[at:]
    return bytes(content)


def any_value(random, depth=0):
    """A value of JSON of any kind."""
    match random.randrange(7 if depth < 3 else 4):
        case 0:
            return random.choice(WORDS)
        case 1 | 2:
            return random.choice(NUMBERS)
        case 3:
            return None
        case 4 | 5:
            return [any_value(random, depth + 1) for _ in range(random.randrange(3))]
        case _:
            return {random.choice([*WORDS, "format", "n"]): any_value(random, depth + 1) for _ in range(2)}


def mutated_value(random, content):
    """A copy of a nested value in which an entry is replaced, removed, added or moved."""
    content = json.loads(json.dumps(content))
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        holder = content
        while isinstance(holder, dict | list) and holder:
            key = random.choice(list(holder)) if isinstance(holder, dict) else random.randrange(len(holder))
            if isinstance(holder[key], dict | list) and holder[key] and random.random() < 0.75:
                holder = holder[key]
                continue
            match random.randrange(5):
                case 0:
                    del holder[key]
                case 1 if isinstance(holder, dict):
                    holder[random.choice([*WORDS, "draw"])] = any_value(random)
                case _:
                    holder[key] = any_value(random)
            break
    return content


def hostile_json(random, content):
    """Bytes that are almost the JSON of a value."""
    match random.randrange(12):
        case 0:
            return mutated_bytes(random, json.dumps(content).encode())
        case 1:
            return json.dumps(any_value(random)).encode()
        case 2:
            return random.choice((NESTED, '{"a":' * 3000, "9" * 5000, "", "null", "[]", "0")).encode()
        case 3:
            return json.dumps(content).encode(random.choice(("utf-16", "utf-8-sig", "utf-32")))
        case _:
            return json.dumps(mutated_value(random, content)).encode()
