// Runs the peers one after another and prints one JSON array of their results as the last line.
// A peer that fails is in the array with its error, and does not stop the others.

import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { pinnedNode } from './common.js';

const peers = ['graphile-worker', 'pg-boss', 'dbos', 'restate'];
const passedOn = ['database', 'tasks', 'rounds', 'chain'];

const { values } = parseArgs({
  options: {
    ...Object.fromEntries(passedOn.map((name) => [name, { type: 'string' }])),
    only: { type: 'string' },
    'fan-out': { type: 'string' },
  },
});

const chosen = values.only === undefined ? peers : values.only.split(',');
const unknown = chosen.filter((peer) => !peers.includes(peer));
if (unknown.length > 0) {
  throw new Error(`--only knows ${peers.join(', ')}; not ${unknown.join(', ')}`);
}

/** The queues work --tasks jobs; the workflow engines fan out --fan-out children. */
function argumentsOf(peer) {
  const fansOut = peer === 'dbos' || peer === 'restate';
  const own = { ...values, tasks: fansOut ? values['fan-out'] : values.tasks };
  return passedOn.filter((name) => own[name] !== undefined).flatMap((name) => [`--${name}`, own[name]]);
}

let running;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    running?.kill('SIGTERM');
    process.exitCode = 1;
    chosen.length = 0;
  });
}

function runPeer(peer) {
  return new Promise((resolve) => {
    const script = new URL(`${peer}.js`, import.meta.url).pathname;
    const output = { stdout: '', stderr: '' };
    const child = spawn(pinnedNode(), [script, ...argumentsOf(peer)], { stdio: ['ignore', 'pipe', 'pipe'] });
    running = child;
    for (const stream of ['stdout', 'stderr']) {
      child[stream].setEncoding('utf8').on('data', (text) => { output[stream] += text; });
    }
    child.on('error', (error) => resolve({ peer, error: error.message }));
    child.on('close', (code, signal) => {
      running = undefined;
      process.stderr.write(output.stderr);
      try {
        if (code !== 0) throw new Error(output.stderr.trim().slice(0, 2000) || `ended with ${signal ?? code}`);
        resolve(JSON.parse(output.stdout.trim().split('\n').at(-1)));
      } catch (error) {
        resolve({ peer, error: error.message });
      }
    });
  });
}

const results = [];
while (chosen.length > 0) {
  const result = await runPeer(chosen.shift());
  console.log(`${result.peer}: ${result.error ? 'failed' : 'measured'}`);
  results.push(result);
}
console.log(JSON.stringify(results));
