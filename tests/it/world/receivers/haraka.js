// A plugin that makes Haraka a witness. world/receivers.rs says what it writes.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const folder = process.env.HARAKA;
const log = fs.openSync(path.join(folder, "log"), "a");
const note = (event, text = "") => fs.writeSync(log, JSON.stringify({ event, text }) + "\n");
let taken = 0;

exports.register = function () {
  process.stdin.on("end", () => process.exit()).resume(); // the test goes
};

exports.hook_connect = function (next, connection) {
  note("connected");
  if (connection.tls.enabled) note("encrypted");
  next();
};

exports.hook_mail = function (next, connection) {
  const user = connection.notes.auth_user;
  if (!user) return next(DENY, "5.7.0 Log in first");
  if (!connection.notes.noted) note("login");
  connection.notes.noted = true;
  connection.relaying = false; // or it would send everything on
  next();
};

exports.hook_rcpt = function (next, connection, [recipient]) {
  const { address } = recipient;
  if (!address.startsWith("nobody-")) return next(OK);
  note("refused", address);
  next(DENY, "5.1.1 Nobody of that name");
};

exports.hook_queue = function (next, connection) {
  const { rcpt_to, message_stream } = connection.transaction;
  const to = rcpt_to.map((it) => it.address).join(" and ");
  message_stream.get_data((message) => {
    taken += 1;
    const text = Buffer.concat([Buffer.from(`Delivered-To: ${to}\r\n`), message]);
    fs.writeFileSync(path.join(folder, "mail/new", String(taken)), text);
    next(OK, "2.0.0 Taken");
  });
};

exports.hook_queue_outbound = function (next) {
  note("complaint", "a message was about to leave this machine");
  next(DENY);
};

exports.hook_disconnect = function (next) {
  note("closed");
  next();
};
