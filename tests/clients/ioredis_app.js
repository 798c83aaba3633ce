// SPDX-License-Identifier: Apache-2.0
// The same application as redis_py_app.py, with ioredis; every setting is the library's default.
'use strict';

const readline = require('readline');
const Redis = require('ioredis');

const clients = new Map();
let numbers = 0;

const monotonic = () => Number(process.hrtime.bigint()) / 1e9;

function tell(event, on, fields = {}) {
  const line = { at: monotonic(), wall: Date.now() / 1e3, event, on, ...fields };
  process.stdout.write(JSON.stringify(line) + '\n');
}

function connect({ kind, host, port, seeds, primary, options }) {
  if (kind === 'redis') return new Redis({ host, port, ...options });
  const sentinels = seeds.map(([seedHost, seedPort]) => ({ host: seedHost, port: seedPort }));
  const role = kind === 'replicas' ? 'slave' : 'master';
  return new Redis({ sentinels, name: primary, role, ...options });
}

async function call({ on, command }) {
  const number = ++numbers;
  const began = monotonic();
  tell('begin', on, { call: number, command });
  const end = { call: number, command, began };
  try {
    tell('end', on, { ...end, ok: true, value: await clients.get(on).call(...command) });
  } catch (error) {
    tell('end', on, { ...end, ok: false, error: `${error.name}: ${error.message}` });
  }
}

async function repeat({ on, command, pause }) {
  for (;;) {
    await call({ on, command });
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
  }
}

const ways = {
  call,
  repeat,
  connect(order) {
    const client = connect(order);
    // Without a listener ioredis writes its errors to standard error.
    client.on('error', (error) => tell('trouble', order.on, { error: String(error) }));
    clients.set(order.on, client);
    tell('connected', order.on);
  },
  async listen({ on, channel }) {
    const client = clients.get(on);
    // SUBSCRIBE would overtake the question whether the server is ready, which then fails, and the
    // library would not subscribe again when it has to connect again.
    if (client.status !== 'ready') await new Promise((resolve) => client.once('ready', resolve));
    client.on('message', (name, value) => tell('message', on, { value }));
    await client.subscribe(channel);
    tell('subscribe', on);
  },
};

tell('started', '');
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const order = JSON.parse(line);
  ways[order.do](order);
}).on('close', () => process.exit(0));
