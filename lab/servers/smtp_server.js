// Nodemailer's smtp-server with its options at their defaults, but that it offers what it can where the rest of it is
// here: REQUIRETLS everywhere, DSN to LMTP alone, since reports are for whoever uses the library to write.
// Argument: a JSON object, see nodemailer.py.
'use strict';

const fs = require('fs');
const path = require('path');

const setting = JSON.parse(process.argv[2]);
const { SMTPServer } = require(path.join(setting.modules, 'smtp-server'));

let number = 0;

function refusal(code, text) {
  return Object.assign(new Error(text), { responseCode: code });
}

/** The local-part that a quoted string stands for (RFC 5321, section 4.1.2): smtp-server hands it over as it came. */
function unquoted(name) {
  return /^".*"$/s.test(name) ? name.slice(1, -1).replace(/\\(.)/gs, '$1') : name;
}

/** Whose maildir gets mail for this address; null for another domain, '' for an unknown user. */
function user(address) {
  const at = address.lastIndexOf('@');
  const name = unquoted(at < 0 ? address : address.slice(0, at)).toLowerCase();
  if (at >= 0 && address.slice(at + 1).toLowerCase() !== setting.domain) {
    return null;
  }
  return name === 'postmaster' ? 'bob' : name in setting.users ? name : '';
}

/** What final delivery adds (RFC 5321, section 4.4): smtp-server leaves it to its user. */
function trace(session) {
  const { envelope, hostNameAppearsAs, remoteAddress, secure, tlsOptions } = session;
  const wide = envelope.mailFrom && envelope.mailFrom.args && envelope.mailFrom.args.SMTPUTF8;
  // RFC 6531, section 4.3: the keyword of such a transaction; RFC 8314, section 7.4: the clause for TLS.
  const type = wide ? session.transmissionType.replace(/^E?(SMTP|LMTP)/, 'UTF8$1') : session.transmissionType;
  const tls = secure && tlsOptions ? `\r\n\ttls ${tlsOptions.standardName}` : '';
  return Buffer.from(
    `Return-Path: <${envelope.mailFrom ? envelope.mailFrom.address : ''}>\r\n` +
      `Received: from ${hostNameAppearsAs} ([${remoteAddress}])\r\n` +
      `\tby ${setting.hostname} with ${type}${tls}; ${now()}\r\n`,
  );
}

function now() {
  return new Date().toUTCString().replace('GMT', '+0000');
}

/** What a submission server adds where it is missing (RFC 6409, section 8); this, too, is left to the user. */
function completed(message) {
  const head = message.toString('latin1').split('\r\n\r\n', 1)[0];
  const missing = [
    ['Date', () => now()],
    ['Message-ID', () => `<${process.pid}.${++number}@${setting.hostname}>`],
  ].filter(([name]) => !new RegExp(`^${name}:`, 'im').test(head));
  return Buffer.concat([Buffer.from(missing.map(([name, made]) => `${name}: ${made()}\r\n`).join('')), message]);
}

function deliver(message, recipients, done) {
  const names = new Set(recipients.map((recipient) => user(recipient.address)).filter(Boolean));
  try {
    for (const name of names) {
      const file = `${Date.now()}.${process.pid}_${++number}.${setting.hostname}`;
      const made = path.join(setting.mail, name, 'tmp', file);
      fs.writeFileSync(made, message);
      fs.renameSync(made, path.join(setting.mail, name, 'new', file));
    }
    done(null, 'OK: stored');
  } catch (error) {
    done(refusal(451, `not stored: ${error.message}`));
  }
}

const handlers = {
  onAuth(auth, session, done) {
    const known = Object.hasOwn(setting.users, auth.username) && setting.users[auth.username];
    // The password of CRAM-MD5 is not sent; smtp-server gives a function to check it.
    const right = known && (auth.validatePassword ? auth.validatePassword(known) : auth.password === known);
    return right ? done(null, { user: auth.username }) : done(new Error('Invalid username or password'));
  },
  onRcptTo(address, session, done) {
    const name = user(address.address);
    if (name === '') {
      return done(refusal(550, 'No such user here'));
    }
    return name === null && !session.user ? done(refusal(550, 'Relaying denied')) : done();
  },
  onData(stream, session, done) {
    const pieces = [];
    stream.on('data', (piece) => pieces.push(piece));
    stream.on('end', () => {
      const message = Buffer.concat(pieces);
      const whole = session.user ? completed(message) : message;
      deliver(Buffer.concat([trace(session), whole]), session.envelope.rcptTo, done);
    });
  },
};

function listen(port, special) {
  const server = new SMTPServer({
    name: setting.hostname,
    key: fs.readFileSync(setting.key),
    cert: fs.readFileSync(setting.certificate),
    hideREQUIRETLS: false,
    ...handlers,
    ...special,
  });
  server.on('error', (error) => console.error(`port ${port}: ${error.message}`));
  server.listen(port, '127.0.0.1');
}

listen(setting.ports.smtp, { authOptional: true });
listen(setting.ports.smtps, { authOptional: true, secure: true });
listen(setting.ports.submission, {});
listen(setting.ports.submissions, { secure: true });
listen(setting.ports.lmtp, { lmtp: true, authOptional: true, hideDSN: false, hideENHANCEDSTATUSCODES: false });
