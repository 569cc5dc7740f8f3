import { readdirSync, readFileSync } from 'node:fs';

/** What the kernel says of processes: CPU time and memory of a server with all its children. */

const TICK_US = 10_000;

/** Fields of /proc/<pid>/stat behind the name, which may itself hold blanks and brackets. */
function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** The process and all its descendants. */
export function treeOf(root) {
  const children = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(statOf(name)?.[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = [root];
  for (let index = 0; index < tree.length; index++) tree.push(...(children.get(tree[index]) ?? []));
  return tree;
}

/** User and system time of the tree so far, children that have ended included. In ticks of 10 ms. */
export function treeCpuUs(root) {
  let ticks = 0;
  for (const pid of treeOf(root)) {
    const stat = statOf(pid);
    if (stat) for (const field of [11, 12, 13, 14]) ticks += Number(stat[field]);
  }
  return ticks * TICK_US;
}

function programOf(pid) {
  const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  const script = words.slice(1).find((word) => !word.startsWith('-')) ?? words[0] ?? '';
  return script.split('/').at(-1);
}

/** CPU time of each process of the tree, with the program it runs. */
export function cpuByProgram(root) {
  return treeOf(root).map((pid) => {
    const stat = statOf(pid) ?? [];
    return { program: programOf(pid), us: (Number(stat[11]) + Number(stat[12])) * TICK_US };
  });
}

/** CPU time of each thread of one process; the first is its main thread. */
export function cpuByThread(pid) {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const stat = statOf(`${pid}/task/${thread}`) ?? [];
    return { thread, userUs: Number(stat[11]) * TICK_US, systemUs: Number(stat[12]) * TICK_US };
  });
}

/** Resident memory of each process of the tree. */
export function memoryByProgram(root) {
  return treeOf(root).map((pid) => ({ program: programOf(pid), mb: rssMb(pid) }));
}

/** Resident memory of one process. */
export function rssMb(pid) {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024;
}

/** Resident memory of the largest process of the tree. */
export function treeLargestMb(root) {
  let largest = 0;
  for (const pid of treeOf(root)) {
    try {
      largest = Math.max(largest, rssMb(pid));
    } catch {
      // The process has ended meanwhile and holds nothing.
    }
  }
  return largest;
}

/** Memory of the tree, pages that several processes share counted once. */
export function treePssMb(root) {
  let kilobytes = 0;
  for (const pid of treeOf(root)) {
    try {
      const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
      kilobytes += Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0);
    } catch {
      // The process has ended meanwhile and holds nothing.
    }
  }
  return kilobytes / 1024;
}
