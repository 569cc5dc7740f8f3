// Builds native/orc to native/orc/orc.wasm.br, which is a file of the package: people who install it need no Rust. The
// same sources, toolchain and clang give the same bytes. Needs rustup, clang with the target wasm32 (zstd is C), llvm-ar
// and patch.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';

const TOOLCHAIN = '1.95.0';
const TARGET = 'wasm32-unknown-unknown';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(root, 'native', 'orc');
const cargoHome = process.env.CARGO_HOME ?? join(homedir(), '.cargo');
// Not beside the sources: tools that look for files would walk through it.
const target = join(root, '.cache', 'orc');

function run(command, args, environment = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: folder,
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** What cargo has for the package in a folder, built for the target. */
function packagesOf(where, ...options) {
  const { stdout, status } = spawnSync(
    'cargo',
    [`+${TOOLCHAIN}`, 'metadata', '--format-version', '1', '--filter-platform', TARGET, ...options],
    { cwd: where, encoding: 'utf8', maxBuffer: 2 ** 26, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  if (status !== 0) process.exit(status ?? 1);
  return JSON.parse(stdout).packages;
}

/** Names, licences and, each once, the licence texts of all that is in the file. */
function licencesOf(packages) {
  const users = new Map();
  for (const { name, version, license, manifest_path: manifest } of packages) {
    const from = dirname(manifest);
    for (const file of readdirSync(from).filter((entry) =>
      /^(licen[cs]e|copying|notice)/i.test(entry),
    )) {
      const text = readFileSync(join(from, file), 'utf8').trim();
      users.set(text, [...(users.get(text) ?? []), `${name} ${version} (${license})`]);
    }
  }
  const named = packages.map(({ name, version, license }) => `${name} ${version}: ${license}`);
  const texts = [...users].map(([text, names]) => `${names.sort().join(', ')}\n\n${text}`);
  return `orc.wasm.br is made of, or with:\n${named.sort().join('\n')}\n\n${texts.sort().join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

/** The reader as crates.io has it, whose checksum cargo compares, with our patch; returns its folder. */
function patchedReader() {
  const probe = join(target, 'probe');
  mkdirSync(join(probe, 'src'), { recursive: true });
  writeFileSync(join(probe, 'src', 'lib.rs'), '');
  const [, version] = /^orc-rust = \{ version = "=([^"]+)"/m.exec(
    readFileSync(join(folder, 'Cargo.toml'), 'utf8'),
  );
  writeFileSync(
    join(probe, 'Cargo.toml'),
    `[package]\nname = "probe"\nedition = "2024"\n[dependencies]\norc-rust = { version = "=${version}", default-features = false }\n`,
  );
  const manifest = packagesOf(probe).find(({ name }) => name === 'orc-rust').manifest_path;
  const reader = join(target, 'orc-rust');
  rmSync(reader, { recursive: true, force: true });
  cpSync(dirname(manifest), reader, { recursive: true });
  run('patch', ['--directory', reader, '-p1', '--input', join(folder, 'orc-rust.patch')]);
  return reader;
}

const clang = ['clang', 'clang-19', 'clang-18', 'clang-17'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);
if (clang === undefined) {
  console.error('build-orc needs clang (on Debian: apt-get install clang-19).');
  process.exit(1);
}
run('rustup', ['target', 'add', '--toolchain', TOOLCHAIN, TARGET]);
const patch = `patch.crates-io.orc-rust.path=${JSON.stringify(patchedReader())}`;
run(
  'cargo',
  [`+${TOOLCHAIN}`, 'build', '--release', '--locked', '--config', patch, '--target', TARGET],
  {
    CARGO_TARGET_DIR: target,
    CC_wasm32_unknown_unknown: clang,
    AR_wasm32_unknown_unknown: 'llvm-ar',
    // No folder of the machine that built it is in the file.
    CFLAGS_wasm32_unknown_unknown: `-Oz -ffile-prefix-map=${cargoHome}=cargo`,
    RUSTFLAGS: `--remap-path-prefix=${cargoHome}=cargo --remap-path-prefix=${root}=millrace`,
  },
);
const built = readFileSync(join(target, TARGET, 'release', 'millrace_orc.wasm'));
// Half of it are tables of time zones, and most of the rest repeats itself: a fifth is left.
const packed = brotliCompressSync(built, {
  params: {
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    [constants.BROTLI_PARAM_SIZE_HINT]: built.length,
  },
});
writeFileSync(join(folder, 'orc.wasm.br'), packed);
const others = packagesOf(folder, '--locked', '--config', patch).filter(
  ({ name }) => name !== 'millrace-orc',
);
writeFileSync(join(folder, 'orc.licenses.txt'), licencesOf(others));
console.log(`native/orc/orc.wasm.br: ${packed.length} bytes, ${built.length} unpacked`);
