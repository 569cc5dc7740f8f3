// Adds to package-lock.json the optional packages of other platforms that the registry at hand does not have: npm leaves
// them out when it writes the file, and `npm ci` then refuses it. Run after each `npm install` that changes the file.
import { readFileSync, writeFileSync } from 'node:fs';

const file = 'package-lock.json';
const lock = JSON.parse(readFileSync(file, 'utf8'));
let added = 0;
const OS = [
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'sunos',
  'win32',
  'aix',
  'openharmony',
  'cygwin',
  'wasm32',
  'wasi',
];
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    const here = `node_modules/${name}`;
    if (lock.packages[here] || lock.packages[`${path}/${here}`]) continue;
    const words = name.split('/').at(-1).split('-');
    const os = words.filter((w) => OS.includes(w));
    const cpu = words
      .map((w) => (w === 'armv7' ? 'arm' : w))
      .filter((w) =>
        [
          'arm64',
          'x64',
          'arm',
          'ia32',
          'ppc64',
          'ppc64le',
          'riscv64',
          's390x',
          'loong64',
          'mips64el',
          'wasm32',
        ].includes(w),
      );
    const musl = words.some((w) => w === 'musl' || w === 'musleabihf');
    const version = range.replace(/^[\^~]/, '');
    if (!/^\d+\.\d+\.\d+/.test(version)) {
      console.log('skip', name, range);
      continue;
    }
    if (os.length === 0 && cpu.length === 0) {
      console.log('no platform in name', name, range);
      continue;
    }
    lock.packages[here] = {
      version,
      ...(cpu.length ? { cpu } : {}),
      ...(entry.dev ? { dev: true } : {}),
      ...(musl ? { libc: ['musl'] } : {}),
      optional: true,
      ...(os.length ? { os } : {}),
    };
    added += 1;
  }
}
lock.packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)),
);
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log('added', added);
