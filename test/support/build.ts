import { execFileSync } from 'node:child_process';

/** Children and the command line run as built: Node 20 runs no TypeScript. */
export function setup(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
}
