// SPDX-License-Identifier: Apache-2.0
// When docs/clients/ioredis.js replaces the connection; the times are handed in.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { ReconnectRule, backoff } = require('../../../docs/clients/ioredis.js');

const s = 1000;

// Without a random delay.
const newRule = () => new ReconnectRule({ rand: () => 0 });

// The moments, of these, at which the connection is replaced.
const replaced = (rule, ...moments) => moments.filter((moment) => rule.take(moment));

test('the first generation is only where things stand', () => {
  const rule = newRule();
  rule.sawGeneration(1_794_998_765_123, 0);
  assert.deepEqual(replaced(rule, 0, 1000 * s), []);
});

test('a rise replaces the connection once', () => {
  const rule = newRule();
  rule.sawGeneration(0, 0);
  rule.sawGeneration(7, 5 * s);
  assert.deepEqual(replaced(rule, 4.9 * s, 5 * s, 5.1 * s, 1000 * s), [5 * s]);
});

test('the same generation again is no rise', () => {
  const rule = newRule();
  rule.sawGeneration(7, 0);
  rule.sawGeneration(7, 5 * s);
  assert.deepEqual(replaced(rule, 1000 * s), []);
});

test('a relinkd that was started anew is no reason', () => {
  const rule = newRule();
  rule.sawGeneration(7, 0);
  rule.sawGeneration(0, 5 * s);
  rule.sawGeneration(7, 6 * s);
  assert.deepEqual(replaced(rule, 1000 * s), []);
  rule.sawGeneration(8, 1001 * s);
  assert.deepEqual(replaced(rule, 1001 * s), [1001 * s]);
});

test('a rise within the interval waits for its end', () => {
  const rule = newRule();
  rule.sawGeneration(0, 0);
  rule.sawGeneration(1, 10 * s);
  assert.deepEqual(replaced(rule, 10 * s), [10 * s]);
  rule.sawGeneration(2, 20 * s);
  rule.sawGeneration(3, 30 * s);
  assert.deepEqual(replaced(rule, 30 * s, 69.9 * s, 70 * s, 71 * s, 200 * s), [70 * s]);
});

test('after the interval a rise counts at once', () => {
  const rule = newRule();
  rule.sawGeneration(0, 0);
  rule.sawGeneration(1, 10 * s);
  assert.deepEqual(replaced(rule, 10 * s), [10 * s]);
  rule.sawGeneration(2, 100 * s);
  assert.deepEqual(replaced(rule, 100 * s), [100 * s]);
});

test('errors count when they go on', () => {
  const rule = newRule();
  for (const moment of [0, 10 * s, 20 * s, 29.9 * s]) {
    rule.sawError(moment);
    assert.deepEqual(replaced(rule, moment), []);
  }
  rule.sawError(30 * s);
  assert.deepEqual(replaced(rule, 30 * s), [30 * s]);
});

test('two errors far apart are not one trouble', () => {
  const rule = newRule();
  rule.sawError(0);
  rule.sawError(31 * s);
  assert.deepEqual(replaced(rule, 31 * s, 1000 * s), []);
  // The trouble began with the second of them.
  rule.sawError(50 * s);
  rule.sawError(61 * s);
  assert.deepEqual(replaced(rule, 61 * s), [61 * s]);
});

test('after a replacement errors count anew and keep the interval', () => {
  const rule = newRule();
  const replacements = [];
  for (let moment = 0; moment < 200 * s; moment += 5 * s) {
    rule.sawError(moment);
    replacements.push(...replaced(rule, moment));
  }
  assert.deepEqual(replacements, [30 * s, 90 * s, 150 * s]);
});

test('the delay is random up to the jitter', () => {
  for (const share of [0, 0.5, 1]) {
    const rule = new ReconnectRule({ jitter: 2 * s, rand: () => share });
    rule.sawGeneration(0, 0);
    rule.sawGeneration(1, 10 * s);
    assert.equal(rule.due, (10 + 2 * share) * s);
  }
});

test('more reasons do not put off what is due', () => {
  const rule = newRule();
  rule.sawGeneration(0, 0);
  rule.sawGeneration(1, 10 * s);
  rule.sawGeneration(2, 10.5 * s);
  assert.equal(rule.due, 10 * s);
});

test('backing off is random and bounded', () => {
  for (const [attempt, most] of [[0, 1], [3, 8], [5, 30], [1000, 30]]) {
    const waits = Array.from({ length: 1000 }, () => backoff(attempt));
    assert.ok(Math.min(...waits) >= 0 && Math.max(...waits) <= most * s);
    assert.ok(Math.max(...waits) - Math.min(...waits) > (most * s) / 2);
  }
});
