// pg-boss: jobs per second for jobs that do nothing.
// All jobs are inserted before the clock starts; it runs from the call of work() to the return of
// offWork(), which waits for the last batch to be marked complete in the database.
//
// Tried on a noisy machine of two cores, jobs/s:
//   batches of 100, 8 workers                     20100 to 22000
//   batches of 500, 1 / 4 workers                 15200 to 20900 / 19700 to 21800
//   batches of 1000, 4 / 8 workers                23700 to 30000 / 26200 to 26800
//   batches of 2000, 2 / 4 / 8 workers            29000 to 31900 / 28800 to 37200 / 27900 to 31800
//   batches of 5000, 2 / 4 workers                30900 to 34600 / 38000 to 42800   <- kept: 4
//   batches of 2000 / 5000, 4 workers, a table of the queue's own (`partition`)
//                                                 28500 to 31900 / 28100 to 29400

import { PgBoss } from 'pg-boss';
import pg from 'pg';
import { measure, needDatabase, perSecond, prepareDatabase, readArguments, report, timed, versionOf }
  from './common.js';

const schema = 'peer_pg_boss';
const queue = 'noop';
const insertAtOnce = 10000;
const args = readArguments({ tasks: 50000 });

const { partition = false, max = 10, ...overrides } = args.set;
const work = {
  batchSize: 5000,
  localConcurrency: 4,
  burstWhenBatchFull: true,
  pollingIntervalSeconds: 0.5,
  ...overrides,
};

await report('pg-boss', async () => {
  const connectionString = needDatabase(args.database);
  const postgres = await prepareDatabase(connectionString, schema);
  const boss = new PgBoss({ connectionString, schema, max, supervise: false, schedule: false });
  boss.on('error', (error) => console.error(error));
  await boss.start();
  await boss.createQueue(queue, { partition });
  const { table } = await boss.getQueue(queue);
  const admin = new pg.Client({ connectionString });
  await admin.connect();

  const jobs_per_s = await measure(args.rounds, async () => {
    await boss.deleteAllJobs(queue);
    for (let id = 0; id < args.tasks; id += insertAtOnce) {
      const size = Math.min(insertAtOnce, args.tasks - id);
      await boss.insert(queue, Array.from({ length: size }, (_, i) => ({ data: { id: id + i } })));
    }
    await admin.query(`vacuum analyze ${schema}.${table}`);
    let worked = 0;
    let allWorked;
    const all = new Promise((resolve) => { allWorked = resolve; });
    const ms = await timed(async () => {
      await boss.work(queue, work, async (jobs) => {
        worked += jobs.length;
        if (worked === args.tasks) allWorked();
      });
      await all;
      await boss.offWork(queue, { wait: true });
    });
    const { rows } = await admin.query(
      `select count(*)::int as done from ${schema}.${table} where name = $1 and state = 'completed'`, [queue]);
    if (rows[0].done !== args.tasks) throw new Error(`only ${rows[0].done} of ${args.tasks} jobs are complete`);
    return perSecond(args.tasks, ms);
  });

  await admin.end();
  await boss.stop({ graceful: false });
  return {
    version: versionOf('pg-boss'),
    settings: { tasks: args.tasks, ...work, partition, poolSize: max, postgres },
    jobs_per_s,
  };
});
