// DBOS: (a) milliseconds per step of a workflow with a chain of steps that do nothing, and
// (b) child workflows per second of one workflow that starts many and awaits them all. Beside
// them, (c) workflows per second with no parent: each write for a parent locks the parent's row, so
// one parent with many children is the least favourable form of a fan-out.
//
// Tried on a noisy machine of two cores, children/s with 1000 to 2000 children (c in brackets):
//   pool of 2, waitAll / getResult of each             160 to 450 (200 to 620) / 130 to 270
//   pool of 3, waitAll / getResult of each             220 to 380 (520 to 650) / 130 to 270
//   pool of 10 (the default), waitAll                  190 to 440 (810 to 1250)
//   pool of 10, waitAll, children started in turn      330 to 340 (740 to 780)   <- kept
//   pool of 10, getResult of each                      150 to 230 (740 to 960)
//   pool of 20, waitAll / getResult of each            190 to 340 (1130 to 1190) / 150 to 160
//   pool of 50, waitAll / getResult of each            230 to 320 / 200 to 210
//   pool of 20, waitAll, children through a queue      240 to 250
// The chain took 1.2 to 2.8 ms per step on a quiet machine, whatever the pool.

import { DBOS } from '@dbos-inc/dbos-sdk';
import { measure, needDatabase, perSecond, prepareDatabase, readArguments, report, rounded, timed, versionOf }
  from './common.js';

const schema = 'peer_dbos';
const chainsPerRound = 10;
const args = readArguments({ tasks: 2000 });

const { awaiting = 'waitAll', queued = false, starting = 'inTurn', pollingIntervalMs = 20, ...overrides } = args.set;
const settings = { systemDatabasePoolSize: 10, ...overrides };
const silent = { info() {}, debug() {}, warn() {}, error: console.error };

const chain = DBOS.registerWorkflow(async (length) => {
  for (let i = 0; i < length; i++) {
    await DBOS.runStep(async () => i, { name: 'noop' });
  }
}, { name: 'chain' });

const child = DBOS.registerWorkflow(async (i) => i, { name: 'child' });

const fanOut = DBOS.registerWorkflow(async (count) => {
  const start = DBOS.startWorkflow(child, queued ? { queueName: 'children' } : {});
  const numbers = Array.from({ length: count }, (_, i) => i);
  const handles = [];
  if (starting === 'together') {
    handles.push(...await Promise.all(numbers.map((i) => start(i))));
  } else {
    for (const i of numbers) handles.push(await start(i));
  }
  if (awaiting === 'waitAll') {
    await DBOS.waitAll(handles, { pollingIntervalMs });
  } else {
    await Promise.all(handles.map((handle) => handle.getResult()));
  }
}, { name: 'fanOut' });

const finished = async (workflow, input) => (await DBOS.startWorkflow(workflow)(input)).getResult();

await report('dbos', async () => {
  const systemDatabaseUrl = needDatabase(args.database);
  const postgres = await prepareDatabase(systemDatabaseUrl, schema);
  DBOS.setConfig({
    name: 'peer-bench',
    systemDatabaseUrl,
    systemDatabaseSchemaName: schema,
    logger: silent,
    ...settings,
  });
  await DBOS.launch();
  if (queued) await DBOS.registerQueue('children', { minPollingIntervalMs: 10 });

  const chains = await measure(args.rounds, async () => {
    const results = [];
    for (let i = 0; i < chainsPerRound; i++) {
      results.push(rounded(await timed(() => finished(chain, args.chain)) / args.chain));
    }
    return results;
  });
  const children_per_s = await measure(args.rounds, async () =>
    perSecond(args.tasks, await timed(() => finished(fanOut, args.tasks))));

  const workflows_per_s = await measure(args.rounds, async () =>
    perSecond(args.tasks, await timed(async () => {
      const handles = await Promise.all(Array.from({ length: args.tasks }, (_, i) => DBOS.startWorkflow(child)(i)));
      await Promise.all(handles.map((handle) => handle.getResult()));
    })));

  await DBOS.shutdown();
  return {
    version: versionOf('@dbos-inc/dbos-sdk'),
    settings: { chain: args.chain, tasks: args.tasks, ...settings, starting, awaiting, pollingIntervalMs, queued, postgres },
    chain_ms_per_step: chains.flat(),
    children_per_s,
    workflows_per_s,
  };
});
