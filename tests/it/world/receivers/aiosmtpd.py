"""aiosmtpd as a witness: `port folder user password`. world/receivers.rs says what it writes."""

import json
import os
import ssl
import sys

import aiosmtpd.controller
import aiosmtpd.smtp

PORT, FOLDER, USER, PASSWORD = sys.argv[1:]
LOG = open(os.path.join(FOLDER, "log"), "a", buffering=1)


def note(event, text=""):
    LOG.write(json.dumps({"event": event, "text": text}) + "\n")


class Smtp(aiosmtpd.smtp.SMTP):
    own = True  # the controller is its own first client

    def connection_made(self, transport):
        super().connection_made(transport)
        self.own, Smtp.own = self.own, False
        if self.own:
            return
        note("connected")
        if transport.get_extra_info("ssl_object"):
            note("encrypted")

    def connection_lost(self, error):
        super().connection_lost(error)
        if error:
            note("complaint", repr(error))
        if not self.own:
            note("closed")


class Handler:
    taken = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody-"):
            note("refused", address)
            return "550 5.1.1 Nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        Handler.taken += 1
        to = " and ".join(envelope.rcpt_tos)
        with open(os.path.join(FOLDER, "mail/new", str(Handler.taken)), "wb") as file:
            file.write(f"Delivered-To: {to}\r\n".encode() + envelope.original_content)
        return "250 2.0.0 Taken"

    async def handle_exception(self, error):
        note("complaint", repr(error))
        return "451 4.3.0 A fault of the server"


def authenticate(server, session, envelope, mechanism, data):
    known = (data.login.decode(), data.password.decode()) == (USER, PASSWORD)
    note("login" if known else "complaint", "" if known else "a login that is not known")
    return aiosmtpd.smtp.AuthResult(success=known)


class Controller(aiosmtpd.controller.Controller):
    def factory(self):
        return Smtp(self.handler, **self.SMTP_kwargs)


context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(os.path.join(FOLDER, "server.pem"), os.path.join(FOLDER, "server.key"))
controller = Controller(
    Handler(),
    hostname="127.0.0.1",
    port=int(PORT),
    ssl_context=context,
    authenticator=authenticate,
    auth_required=True,
    auth_require_tls=False,  # it knows of TLS only what STARTTLS began
    ready_timeout=60,
)
controller.start()
sys.stdin.read()  # until the test goes
