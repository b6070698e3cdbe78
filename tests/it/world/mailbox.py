"""Reads a Maildir with the strict policy: a line of JSON for each message, as a person reads it.

HTML comes without its escapes, so that it can be compared with what was meant. What a server puts
before a message is left out of the digest.
"""

import email.errors
import email.header
import email.headerregistry
import email.parser
import email.policy
import email.utils
import functools
import hashlib
import html
import json
import multiprocessing
import os
import sys

# Each look at a header parses it again, and most of the time that this takes goes there.
POLICY = email.policy.strict.clone(
    header_factory=functools.lru_cache(maxsize=1000)(email.headerregistry.HeaderRegistry())
)
FIRST = b"Date: "  # of the headers that the message itself brings


def name(message):
    """The recipient's name, by decode_header: the parser of the policy keeps the blank between two
    encoded words (before Python 3.12.9, gh-128110) and melts several blanks inside one."""
    (to,) = (value for name, value in message.raw_items() if name == "To")
    phrase, _ = email.utils.parseaddr("".join(to.splitlines()))
    return str(email.header.make_header(email.header.decode_header(phrase)))


def content(parts, kind):
    (part,) = (it for it in parts if it.get_content_type() == kind)
    return part.get_content().replace("\r\n", "\n")


def tell(raw):
    # From bytes the parser takes UTF-8 in a header (RFC 6532) for undecodable.
    message = email.parser.Parser(policy=POLICY).parsestr(raw.decode())
    parts = list(message.walk())
    head = dict(message.items())
    headers = [item for part in parts for item in part.items()]
    defects = [
        f"{name}: {defect}"
        for name, value in headers
        for defect in value.defects
        if not isinstance(defect, email.errors.NonASCIILocalPartDefect)  # RFC 6532 allows it
    ]
    defects += [str(defect) for part in parts for defect in part.defects]
    (to,) = head["To"].addresses
    return {
        "defects": defects,
        "message_id": head["Message-ID"].strip("<>"),
        "envelope": head.get("X-Original-To") or head["Delivered-To"],
        "to_address": to.addr_spec,
        "to_name": name(message),
        "from_name": head["From"].addresses[0].display_name,
        "subject": head["Subject"],
        "text": content(parts, "text/plain"),
        "html": html.unescape(content(parts, "text/html")),
        "sha256": hashlib.sha256(raw[raw.index(b"\n" + FIRST) :]).hexdigest(),
    }


def read(path):
    with open(path, "rb") as file:
        raw = file.read()
    try:
        return json.dumps(tell(raw))
    except Exception as error:
        return json.dumps({"defects": [f"{path}: {type(error).__name__}: {error}"]})


if __name__ == "__main__":
    new = os.path.join(sys.argv[1], "new")
    paths = sorted(os.path.join(new, name) for name in os.listdir(new))
    with multiprocessing.Pool() as pool:
        for line in pool.imap(read, paths, chunksize=100):
            print(line)
