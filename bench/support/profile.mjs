import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The functions that used most time themselves, of all profiles in the folder. */
export function topFunctions(folder, count = 25) {
  const selfUs = new Map();
  let totalUs = 0;
  for (const name of readdirSync(folder)) {
    const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
    samples.forEach((id, index) => {
      const { functionName, url, lineNumber } = byId.get(id);
      if (functionName === '(idle)' || functionName === '(program)') return;
      const place = url === '' ? '' : ` ${url.split('/').slice(-2).join('/')}:${lineNumber + 1}`;
      const key = `${functionName || '(anonymous)'}${place}`;
      selfUs.set(key, (selfUs.get(key) ?? 0) + timeDeltas[index]);
      totalUs += timeDeltas[index];
    });
  }
  const top = [...selfUs].sort(([, a], [, b]) => b - a).slice(0, count);
  return top.map(([name, us]) => ({ name, ms: us / 1000, share: us / totalUs }));
}
