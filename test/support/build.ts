import { execFileSync } from 'node:child_process';

/** Children and the command line run as built: Node 20 runs no TypeScript. */
export function setup(): void {
  if (process.env['MILLRACE_BUILT'] !== '1')
    execFileSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' });
}
