import { spawn } from 'node:child_process';
import type { Output } from './output.ts';

/** Opens an address in the person's browser, by the command the desktop has for that; says so where it has none. */
export function openPage(url: string, output: Output): void {
  const command = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const failed = (why: string) =>
    output.say(`The browser was not opened (${command}: ${why}). Open ${url} yourself.`);
  const child = spawn(command, [url], { stdio: 'ignore', detached: true });
  child.on('error', (error) => failed(error.message));
  child.on('exit', (code) => {
    if (code !== 0) failed(`exit code ${code}`);
  });
  // The browser may be this process' child, and outlives it.
  child.unref();
}
