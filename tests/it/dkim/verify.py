"""Verifies messages with dkimpy. DNS is what stands in the question; each answer is a line: for
every signature of the message, from the top, whether it is good."""

import base64
import json
import sys

import dkim

question = json.load(sys.stdin)


def dns(name, timeout=5):
    return question["records"].get(name.decode().rstrip("."), "").encode()


def is_good(message, at):
    try:
        return dkim.DKIM(message).verify(idx=at, dnsfunc=dns)
    except (dkim.DKIMException, ValueError):
        return False


for encoded in question["messages"]:
    message = base64.b64decode(encoded)
    try:
        fields = dkim.DKIM(message).headers
    except dkim.DKIMException:
        fields = []
    signatures = sum(name.lower() == b"dkim-signature" for name, _ in fields)
    print(json.dumps([is_good(message, at) for at in range(signatures)]))
