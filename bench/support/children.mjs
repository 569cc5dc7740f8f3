/** Processes that must not outlive the bench, however it ends. */

const running = new Map();
process.once('exit', () => {
  for (const [child, signal] of running) child.kill(signal);
});

/** `signal` is what ends the process with all its children at once. */
export function endWithBench(child, signal = 'SIGKILL') {
  running.set(child, signal);
  child.once('exit', () => running.delete(child));
  return child;
}
