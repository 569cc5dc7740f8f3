import { join } from 'node:path';
import { ROOT } from '../support/folders.mjs';
import { output } from './install.mjs';

/** The Python of the interop tests, which has boto3 and moto; and what tells the version of one of its packages. */
export async function python() {
  const script = join(ROOT, 'scripts/python-env.mjs');
  const interpreter = (await output(process.execPath, [script])).trim();
  return {
    interpreter,
    versionOf: async (name) => {
      const ask = `from importlib.metadata import version; print(version('${name}'))`;
      return (await output(interpreter, ['-c', ask])).trim();
    },
  };
}
