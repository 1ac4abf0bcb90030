// Restate: (a) milliseconds per step of a handler with a chain of steps that do nothing, and
// (b) invocations per second of one handler that calls another many times and awaits all calls.
// The server is a child process of this script, with a fresh directory and ports of its own; it
// uses no database, so --database is taken and ignored.
//
// Tried on a noisy machine of two cores, invocations/s with 2000 calls (the chain was the same
// 1.3 to 2.4 ms per step throughout):
//   24 partitions (the default), RestatePromise.all      980 to 1080
//   24 partitions, each call awaited in turn             710 to  910
//   4 partitions, RestatePromise.all                     950 to 1440
//   4 partitions, each call awaited in turn             1000 to 1460   <- kept
//   1 partition, RestatePromise.all                     1420 to 1460
//   24 partitions, max-command-batch-size 512            940 to 1080
//   24 partitions, 5000 calls, RestatePromise.all        700 to  770
// With rocksdb-disable-wal-fsync (not durable; only to see that the default does flush) a step of
// the chain took 0.95 to 1.45 ms.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http2 from 'node:http2';
import net from 'node:net';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as restate from '@restatedev/restate-sdk';
import * as clients from '@restatedev/restate-sdk-clients';
import { measure, perSecond, readArguments, report, rounded, timed, versionOf } from './common.js';

const chainsPerRound = 10;
const args = readArguments({ tasks: 2000 });
const { partitions = 4, awaiting = 'inTurn', env: extraEnv = {} } = args.set;

const leaf = restate.service({
  name: 'leaf',
  handlers: { noop: async (_ctx, i) => i },
});

const root = restate.service({
  name: 'root',
  handlers: {
    chain: async (ctx, length) => {
      for (let i = 0; i < length; i++) {
        await ctx.run('noop', () => i);
      }
    },
    fanOut: async (ctx, count) => {
      const calls = Array.from({ length: count }, (_, i) => ctx.serviceClient(leaf).noop(i));
      if (awaiting === 'all') {
        await restate.RestatePromise.all(calls);
      } else {
        for (const call of calls) await call;
      }
    },
  },
});

function serverBinary() {
  const require = createRequire(import.meta.url);
  return require.resolve(
    `@restatedev/restate-server-${process.platform}-${process.arch}/bin/restate-server`);
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function startServer(directory) {
  const [node, ingress, admin] = await Promise.all([freePort(), freePort(), freePort()]);
  const loopback = (port) => `127.0.0.1:${port}`;
  const options = ['--no-logo', '--base-dir', directory, '--node-name', 'bench'];
  // The inherited variables stay, save those that would configure the server.
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('RESTATE_'))),
    RESTATE_LISTEN_MODE: 'tcp',
    RESTATE_BIND_ADDRESS: loopback(node),
    RESTATE_ADVERTISED_ADDRESS: `http://${loopback(node)}/`,
    RESTATE_INGRESS__BIND_ADDRESS: loopback(ingress),
    RESTATE_ADMIN__BIND_ADDRESS: loopback(admin),
    RESTATE_DISABLE_TELEMETRY: 'true',
    // The server asks GitHub for newer releases; where it cannot, that is no error of this run.
    RESTATE_LOG_FILTER: 'error,octocrab=off',
    RESTATE_DEFAULT_NUM_PARTITIONS: String(partitions),
    ...extraEnv,
  };
  const config = execFileSync(serverBinary(), [...options, '--dump-config'], { env, encoding: 'utf8' });
  const child = spawn(serverBinary(), options, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  return {
    child,
    durability: durabilityIn(config),
    ingress: `http://${loopback(ingress)}`,
    admin: `http://${loopback(admin)}`,
  };
}

/** What the server's own account of its configuration says about how it keeps a record. */
function durabilityIn(config) {
  const value = (section, key) => {
    const lines = config.split('\n').map((line) => line.trim());
    const from = section === '' ? 0 : lines.indexOf(`[${section}]`) + 1;
    const length = lines.slice(from).findIndex((line) => line.startsWith('['));
    const end = length < 0 ? lines.length : from + length;
    return lines.slice(from, end).find((line) => line.startsWith(`${key} = `))?.slice(key.length + 3) ?? 'not in the dump';
  };
  return {
    'default-replication': value('', 'default-replication'),
    'bifrost.default-provider': value('bifrost', 'default-provider'),
    'log-server.rocksdb-disable-wal-fsync': value('log-server', 'rocksdb-disable-wal-fsync'),
    note: 'every record is in the log server\'s RocksDB write-ahead log, flushed with fsync once per batch'
      + ' unless rocksdb-disable-wal-fsync is true; the partitions\' state is derived from that log',
  };
}

async function stopServer(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exited;
  clearTimeout(hard);
}

/** Asks until the answer is good: the server takes a while to start. */
async function patiently(child, ask) {
  const end = Date.now() + 60_000;
  for (;;) {
    try {
      const response = await ask();
      if (response.ok) return;
      throw new Error(`${response.status}: ${await response.text()}`);
    } catch (error) {
      if (child.exitCode !== null || Date.now() > end) throw error;
      await delay(200);
    }
  }
}

await report('restate', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'restate-bench-'));
  const endpoint = http2.createServer(restate.createEndpointHandler({ services: [root, leaf], logger: () => {} }));
  endpoint.listen(0, '127.0.0.1');
  await once(endpoint, 'listening');
  const server = await startServer(directory);
  process.once('SIGINT', () => server.child.kill('SIGTERM'));
  process.once('SIGTERM', () => server.child.kill('SIGTERM'));
  try {
    await patiently(server.child, () => fetch(`${server.admin}/deployments`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ uri: `http://127.0.0.1:${endpoint.address().port}` }),
    }));
    await patiently(server.child, () => fetch(`${server.ingress}/restate/health`));
    const client = clients.connect({ url: server.ingress }).serviceClient(root);

    const chains = await measure(args.rounds, async () => {
      const results = [];
      for (let i = 0; i < chainsPerRound; i++) {
        results.push(rounded(await timed(() => client.chain(args.chain)) / args.chain));
      }
      return results;
    });
    const invocations_per_s = await measure(args.rounds, async () =>
      perSecond(args.tasks, await timed(() => client.fanOut(args.tasks))));

    return {
      version: versionOf('@restatedev/restate-server'),
      sdk: versionOf('@restatedev/restate-sdk'),
      settings: {
        chain: args.chain,
        tasks: args.tasks,
        partitions,
        awaiting,
        env: extraEnv,
        durability: server.durability,
      },
      chain_ms_per_step: chains.flat(),
      invocations_per_s,
    };
  } finally {
    await stopServer(server.child);
    await rm(directory, { recursive: true, force: true });
    endpoint.close();
  }
});
