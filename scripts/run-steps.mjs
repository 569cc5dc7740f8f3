// Runs the steps of a test command one after the other, and ends with the first one that fails.
import { spawnSync } from 'node:child_process';

export function runSteps(steps) {
  for (const [command, args] of steps) {
    const { status } = spawnSync(command, args, {
      stdio: 'inherit',
      env: { ...process.env, MILLRACE_BUILT: '1' },
    });
    if (status !== 0) {
      console.error(`\n${command} ${args.join(' ')} failed.`);
      process.exit(status ?? 1);
    }
  }
}
