// ftp-srv with its options at their defaults. Argument: a JSON object, see ftpsrv.py.
'use strict';

const fs = require('fs');
const path = require('path');

const setting = JSON.parse(process.argv[2]);
const { FtpSrv } = require(path.join(setting.modules, 'ftp-srv'));

const tls = { key: fs.readFileSync(setting.key), cert: fs.readFileSync(setting.certificate) };

function listen(scheme) {
  const url = `${scheme}://127.0.0.1:${setting.ports[scheme]}`;
  const server = new FtpSrv({ url, tls, pasv_url: '127.0.0.1' });
  server.on('login', ({ username, password }, resolve, reject) => {
    const known = Object.hasOwn(setting.users, username) && setting.users[username] === password;
    return known
      ? resolve({ root: path.join(setting.homes, username) })
      : reject(new Error('Wrong user or password'));
  });
  server.listen();
}

listen('ftp');
listen('ftps');
