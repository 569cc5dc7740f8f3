// Builds the program that draws pictures into one file, ECharts within: it is 60 MB where it is installed, and
// 0.6 MB of it are used. The fonts of the pictures and the licences of what is within go along.
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'vite';
import { bundleOnce } from './build-inputs.mjs';

/** Where it is in src/, it is in dist/. */
const FOLDER = 'dashboard/embedded/drawing';
const PROGRAM = 'render-program';
const INTER = '@expo-google-fonts/inter';
const COPIED = {
  [`${INTER}/400Regular/Inter_400Regular.ttf`]: 'fonts/Inter_400Regular.ttf',
  [`${INTER}/600SemiBold/Inter_600SemiBold.ttf`]: 'fonts/Inter_600SemiBold.ttf',
  [`${INTER}/LICENSE_FONT`]: 'fonts/LICENSE',
  'echarts/LICENSE': 'licenses/echarts/LICENSE',
  'echarts/NOTICE': 'licenses/echarts/NOTICE',
  'echarts/licenses/LICENSE-d3': 'licenses/echarts/LICENSE-d3',
  'zrender/LICENSE': 'licenses/zrender/LICENSE',
};

/** The folder in dist/ that tsc has no part in. */
export const renderFolder = (root) => join(root, 'dist', FOLDER);

export async function buildRender(root) {
  const folder = renderFolder(root);
  const inputs = {
    record: join(root, '.cache/render-inputs.json'),
    output: join(folder, `${PROGRAM}.js`),
    always: ['package-lock.json', 'scripts/build-inputs.mjs', 'scripts/build-render.mjs'],
  };
  await bundleOnce(root, inputs, async (plugin) => {
    await build({
      configFile: false,
      root,
      logLevel: 'warn',
      plugins: [plugin],
      publicDir: false,
      ssr: { noExternal: true, external: ['@resvg/resvg-js'], target: 'node' },
      build: {
        ssr: join(root, 'src', FOLDER, `${PROGRAM}.ts`),
        outDir: folder,
        emptyOutDir: true,
        target: 'node20',
        minify: true,
        reportCompressedSize: false,
        rolldownOptions: { output: { entryFileNames: `${PROGRAM}.js`, codeSplitting: false } },
      },
    });
    for (const [from, to] of Object.entries(COPIED)) {
      mkdirSync(dirname(join(folder, to)), { recursive: true });
      copyFileSync(join(root, 'node_modules', from), join(folder, to));
    }
  });
}
