import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';

/** Loaded into every process of a server by NODE_OPTIONS=--import: the children are started without flags. */
const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.start');
const program = (process.argv[1] ?? 'node').split('/').at(-1);
process.once('exit', () => {
  session.post('Profiler.stop', (_, { profile }) =>
    writeFileSync(
      join(process.env.BENCH_PROFILE_FOLDER, `${program}-${process.pid}.cpuprofile`),
      JSON.stringify(profile),
    ),
  );
});
