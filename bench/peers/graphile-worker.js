// Graphile Worker: jobs per second for jobs that do nothing.
// All jobs are added before the clock starts; it runs from the worker's start to the last job's
// completion in the database (with batched completion, a job is complete when its batch is).
//
// Tried on a noisy machine of two cores, jobs/s. The project's own performance test uses 4
// processes, 24 concurrent jobs each, a local queue of 500 and batch delays of 0; here the
// instances share one process, whose event loop was idle most of the time.
//   no local queue, no batches                            1800 to  2100
//   1 instance, local queue of 500                       27400 to 44300
//   1 instance, local queue of 100                       21300 to 21900
//   1 instance, local queue of 500, 8 / 48 concurrent    18000 to 25500 / 18000 to 18800
//   1 instance, local queue of 500, batch delay 1 / 20   21500 to 30300 / 19600 to 24900
//   1 instance, local queue of 2000 / 5000               28200 to 40300 / 32900 to 38300
//   2 instances, local queue of 2000                     25200 to 50200
//   4 instances, local queue of 500                      28600 to 49800
//   4 instances, local queue of 2000                     34900 to 60000   <- kept
//   4 instances, local queue of 2000, 96 concurrent      39900 to 42300
//   4 instances, local queue of 5000                     33500 to 42100
//   8 instances, local queue of 2000                     39800 to 43700

import { makeWorkerUtils, run, Logger } from 'graphile-worker';
import pg from 'pg';
import { measure, needDatabase, perSecond, prepareDatabase, readArguments, report, timed, versionOf }
  from './common.js';

const schema = 'peer_graphile_worker';
const args = readArguments({ tasks: 50000 });

const { instances = 4, ...overrides } = args.set;
const worker = {
  concurrentJobs: 24,
  maxPoolSize: 25,
  localQueue: { size: 2000, refetchDelay: { durationMs: 10 } },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
  ...overrides,
};

const silent = new Logger(() => () => {});

await report('graphile-worker', async () => {
  const connectionString = needDatabase(args.database);
  const postgres = await prepareDatabase(connectionString, schema);
  const preset = { worker: { connectionString, schema, logger: silent, ...worker } };
  const jobs = Array.from({ length: args.tasks }, (_, id) => ({ identifier: 'noop', payload: { id } }));
  const admin = new pg.Client({ connectionString });
  await admin.connect();
  const utils = await makeWorkerUtils({ preset });

  const jobs_per_s = await measure(args.rounds, async () => {
    await utils.addJobs(jobs);
    await admin.query(`vacuum analyze ${schema}._private_jobs`);
    let worked = 0;
    let allWorked;
    const all = new Promise((resolve) => { allWorked = resolve; });
    const noop = () => {
      if (++worked === args.tasks) allWorked();
    };
    const ms = await timed(async () => {
      const runners = await Promise.all(Array.from({ length: instances }, () =>
        run({ preset, taskList: { noop }, noHandleSignals: true })));
      await all;
      // The last batch of completions is still on its way; stopping a worker flushes it.
      await Promise.all(runners.map((runner) => runner.stop()));
    });
    const { rows } = await admin.query(`select count(*)::int as left from ${schema}._private_jobs`);
    if (rows[0].left !== 0) throw new Error(`${rows[0].left} jobs are left`);
    return perSecond(args.tasks, ms);
  });

  await utils.release();
  await admin.end();
  return {
    version: versionOf('graphile-worker'),
    settings: { tasks: args.tasks, instances, ...worker, postgres },
    jobs_per_s,
  };
});
