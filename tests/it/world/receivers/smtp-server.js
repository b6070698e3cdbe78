// smtp-server as a witness: `port folder user password`. world/receivers.rs says what it writes.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { SMTPServer } = require("smtp-server");

const [port, folder, user, password] = process.argv.slice(2);
const log = fs.openSync(path.join(folder, "log"), "a");
const note = (event, text = "") => fs.writeSync(log, JSON.stringify({ event, text }) + "\n");
const refusal = (code, text) => Object.assign(new Error(text), { responseCode: code });
let taken = 0;

const server = new SMTPServer({
  secure: true,
  key: fs.readFileSync(path.join(folder, "server.key")),
  cert: fs.readFileSync(path.join(folder, "server.pem")),
  disableReverseLookup: true,
  onConnect(session, next) {
    note("connected");
    if (session.secure) note("encrypted");
    next();
  },
  onAuth(auth, session, next) {
    const known = auth.username === user && auth.password === password;
    note(known ? "login" : "complaint", known ? "" : "a login that is not known");
    next(known ? null : refusal(535, "5.7.8 Not known"), { user });
  },
  onRcptTo(address, session, next) {
    if (!address.address.startsWith("nobody-")) return next();
    note("refused", address.address);
    next(refusal(550, "5.1.1 Nobody of that name"));
  },
  onData(stream, session, next) {
    const to = session.envelope.rcptTo.map((it) => it.address).join(" and ");
    const pieces = [Buffer.from(`Delivered-To: ${to}\r\n`)];
    stream.on("data", (piece) => pieces.push(piece));
    stream.on("end", () => {
      taken += 1;
      fs.writeFileSync(path.join(folder, "mail/new", String(taken)), Buffer.concat(pieces));
      next(null, "2.0.0 Taken");
    });
  },
  onClose() {
    note("closed");
  },
});
server.on("error", (error) => note("complaint", String(error)));
server.listen(Number(port), "127.0.0.1");
process.stdin.on("end", () => process.exit()).resume(); // the test goes
