import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuByProgram, cpuByThread } from './proc.mjs';
import { progress } from './report.mjs';

/** Starts watching; the function it returns tells what each process and each thread of main spent on a record. */
export function watchThreads(pid) {
  const before = { programs: cpuByProgram(pid), threads: cpuByThread(pid) };
  return (records) => ({
    programs: cpuByProgram(pid).map(({ program, us }, index) => ({
      program,
      us: (us - (before.programs[index]?.us ?? 0)) / records,
    })),
    threads: cpuByThread(pid).map(({ thread, userUs, systemUs }) => {
      const earlier = before.threads.find((one) => one.thread === thread);
      const since = (now, then = 0) => (now - then) / records;
      return {
        thread,
        userUs: since(userUs, earlier?.userUs),
        systemUs: since(systemUs, earlier?.systemUs),
      };
    }),
  });
}

/** Prints both, threads that did nothing left out, and the functions of the main thread. */
export function tellProfile(profiles, { programs, threads }) {
  progress('\nµs per record of the measured rounds, by process:');
  for (const { program, us } of programs) progress(`${us.toFixed(3)}  ${program}`);
  progress('\nby thread of main, the main thread first: user, system');
  for (const { thread, userUs, systemUs } of threads)
    if (userUs + systemUs >= 0.001)
      progress(`${userUs.toFixed(3)}  ${systemUs.toFixed(3)}  ${thread}`);
  progress('\nself time of the main thread, from start to end, without idle:');
  for (const { name, ms, share } of topFunctions(profiles))
    progress(`${(share * 100).toFixed(1).padStart(5)} %  ${ms.toFixed(0).padStart(6)} ms  ${name}`);
}

/** The functions that used most time themselves, of all profiles in the folder. */
export function topFunctions(folder, count = 40) {
  const selfUs = new Map();
  let totalUs = 0;
  for (const name of readdirSync(folder)) {
    const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
    samples.forEach((id, index) => {
      const { functionName, url, lineNumber } = byId.get(id);
      if (functionName === '(idle)') return;
      const place = url === '' ? '' : ` ${url.split('/').slice(-2).join('/')}:${lineNumber + 1}`;
      const key = `${functionName || '(anonymous)'}${place}`;
      selfUs.set(key, (selfUs.get(key) ?? 0) + timeDeltas[index]);
      totalUs += timeDeltas[index];
    });
  }
  const top = [...selfUs].sort(([, a], [, b]) => b - a).slice(0, count);
  return top.map(([name, us]) => ({ name, ms: us / 1000, share: us / totalUs }));
}
