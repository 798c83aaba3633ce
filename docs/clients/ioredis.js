#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// How an application that uses ioredis replaces its connection when relinkd says so.
//
//     node ioredis.js redis://127.0.0.1:6379 --endpoint sessions
//
// counts a key up once a second. Take what is above main() into your application: it needs ioredis
// and nothing else. Without relinkd it does what is left: it replaces the connection when errors go
// on for half a minute.
'use strict';

const net = require('node:net');
const { parseArgs } = require('node:util');

const CONTROL_SOCKET = '/run/relinkd/control.sock';

// When connections are replaced: it decides, and does nothing. Times are milliseconds of one clock.
//
// It is the habit that Microsoft describes as ForceReconnect: not for one error, and not again and
// again. What relinkd says needs no errors.
class ReconnectRule {
  constructor({ minInterval = 60_000, errorThreshold = 30_000, jitter = 2_000,
                rand = Math.random } = {}) {
    this.minInterval = minInterval; // between two replacements
    this.errorThreshold = errorThreshold; // how long errors go on before they count
    this.jitter = jitter; // hosts that learn the same at the same time shall not act as one
    this.rand = rand;
    this.generation = null;
    this.firstError = null;
    this.lastError = 0;
    this.lastTime = null;
    this.due = null; // when to replace them next
  }

  // relinkd's number for the endpoint. The first one is where it stands; a rise means that
  // connections made before are to be replaced. It falls when relinkd is started anew.
  sawGeneration(generation, now) {
    if (this.generation !== null && generation > this.generation) this.#ask(now);
    this.generation = Math.max(generation, this.generation ?? 0);
  }

  // A connection error or a timeout of a command.
  sawError(now) {
    if (this.firstError === null || now - this.lastError > this.errorThreshold) {
      this.firstError = now;
    }
    this.lastError = now;
    if (now - this.firstError >= this.errorThreshold) this.#ask(now);
  }

  // Whether to replace the connection now; if so, it counts as replaced.
  take(now) {
    if (this.due === null || now < this.due) return false;
    this.due = null;
    this.firstError = null;
    this.lastTime = now;
    return true;
  }

  #ask(now) {
    if (this.due !== null) return;
    const earliest = this.lastTime === null ? now : this.lastTime + this.minInterval;
    this.due = Math.max(now, earliest) + this.jitter * this.rand();
  }
}

// Milliseconds before relinkd is called again: at random, of 1 s at first, of 30 s in the end.
function backoff(attempt) {
  return Math.random() * Math.min(30_000, 1_000 * 2 ** Math.min(attempt, 5));
}

// Tells `hear` what relinkd says of this process's endpoints, now and at each change (Varlink:
// JSON, then a NUL), and `end` once when that is over.
function follow(path, hear, end) {
  const control = net.connect(path);
  control.unref(); // no reason for the process to go on
  control.setEncoding('utf8');
  let pending = '';
  control.on('connect', () => {
    control.write('{"method": "io.relinkd.Subscribe", "more": true}\0');
  });
  control.on('data', (data) => {
    const messages = (pending + data).split('\0');
    pending = messages.pop();
    try {
      for (const message of messages) {
        const reply = JSON.parse(message);
        if (reply.error) throw new Error(reply.error);
        hear(reply.parameters.subscriptions);
      }
    } catch {
      control.destroy();
    }
  });
  control.on('error', () => {}); // 'close' follows
  control.on('close', end);
}

// Replaces the connection of one client (a Redis or a Cluster). `endpoint` is the name that
// relinkd.toml has.
class Reconnector {
  #client; #endpoint; #control; #rule; #timer = null; #attempt = 0;

  constructor(client, endpoint, { control = CONTROL_SOCKET, rule = new ReconnectRule() } = {}) {
    this.#client = client;
    this.#endpoint = endpoint;
    this.#control = control;
    this.#rule = rule;
  }

  start() {
    // Of the connection itself; those of commands are the application's to tell.
    this.#client.on('error', () => this.sawError());
    this.#listen();
  }

  // The application tells each "Command timed out".
  sawError() {
    this.#rule.sawError(performance.now());
    this.#schedule();
  }

  #listen() {
    follow(this.#control, (subscriptions) => {
      this.#attempt = 0;
      for (const { endpoint, generation } of subscriptions) {
        if (endpoint === this.#endpoint) this.#rule.sawGeneration(generation, performance.now());
      }
      this.#schedule();
    }, () => setTimeout(() => this.#listen(), backoff(this.#attempt++)).unref());
  }

  #schedule() {
    if (this.#timer !== null || this.#rule.due === null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (!this.#rule.take(performance.now())) return this.#schedule();
      // ioredis ends the connection, within 2 s even if nobody answers (disconnectTimeout), makes
      // another and sends again what was not answered (autoResendUnfulfilledCommands).
      this.#client.disconnect(true);
    }, Math.max(0, this.#rule.due - performance.now()));
    this.#timer.unref();
  }
}

function main() {
  const Redis = require('ioredis');
  const { values, positionals: [url] } = parseArgs({
    allowPositionals: true,
    options: {
      endpoint: { type: 'string' }, // its name in relinkd.toml
      control: { type: 'string' }, // relinkd's socket
      // Of a call, in seconds. It is the application's own bound; without one a call may hang for a
      // quarter of an hour.
      timeout: { type: 'string', default: '5' },
    },
  });
  if (!url || !values.endpoint) {
    console.error('usage: ioredis.js URL --endpoint NAME [--control PATH] [--timeout SECONDS]');
    process.exit(2);
  }
  const client = new Redis(url, { commandTimeout: values.timeout * 1000 });
  const reconnector = new Reconnector(client, values.endpoint, { control: values.control });
  reconnector.start();
  setInterval(async () => {
    try {
      console.log(await client.incr('relinkd-example'));
    } catch (error) {
      console.log(`${error.name}: ${error.message}`);
      reconnector.sawError();
    }
  }, 1000);
}

module.exports = { ReconnectRule, Reconnector, backoff, follow };
if (require.main === module) main();
