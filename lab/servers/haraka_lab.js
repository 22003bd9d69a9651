// Haraka's plugin for the lab: who gets mail, and its way into maildirs. Its setting is config/lab.json.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

let number = 0;

exports.register = function () {
  this.setting = this.config.get('lab.json');
};

/** The local-part that a quoted string stands for (RFC 5321, section 4.1.2). */
function unquoted(name) {
  return /^".*"$/s.test(name) ? name.slice(1, -1).replace(/\\(.)/gs, '$1') : name;
}

/** Haraka 3.3 made a property of what was a method. */
function reversePath(from) {
  return typeof from.address === 'function' ? from.address() : from.address;
}

/** Whose maildir gets mail for this address; null for another domain, '' for an unknown user. */
exports.user = function (address) {
  const host = (address.host || '').toLowerCase();
  const name = unquoted(address.user || '').toLowerCase();
  if (host && host !== this.setting.domain) return null;
  if (name === 'postmaster') return 'bob';
  return this.setting.users.includes(name) ? name : '';
};

exports.hook_rcpt = function (next, connection, [recipient]) {
  const name = this.user(recipient);
  if (name === '') return next(DENY, 'No such user here');
  if (name === null && !connection.relaying) return next(DENY, 'Relaying denied');
  next(OK);
};

exports.hook_queue = exports.hook_queue_outbound = function (next, connection) {
  const { transaction } = connection;
  transaction.message_stream.get_data((message) => {
    try {
      // What final delivery adds (RFC 5321, section 4.4): Haraka leaves it to its plugins.
      const path = Buffer.from(`Return-Path: <${reversePath(transaction.mail_from)}>\r\n`);
      this.deliver(Buffer.concat([path, message]), new Set(transaction.rcpt_to.map((recipient) => this.user(recipient))));
      next(OK);
    } catch (error) {
      next(DENYSOFT, `not stored: ${error.message}`);
    }
  });
};

exports.deliver = function (message, names) {
  for (const name of names) {
    if (!name) continue; // mail of a client that has logged in, for another domain: thrown away
    const file = `${Date.now()}.${process.pid}_${++number}.haraka`;
    const made = path.join(this.setting.mail, name, 'tmp', file);
    fs.writeFileSync(made, message);
    fs.renameSync(made, path.join(this.setting.mail, name, 'new', file));
  }
};
