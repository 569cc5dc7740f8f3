import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const PIPELINE = process.env['MILLRACE_URL'] ?? 'http://127.0.0.1:4000';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [react()],
  resolve: {
    alias: [
      {
        find: /^fflate$/,
        replacement: fileURLToPath(new URL('src/sql/zip.ts', import.meta.url)),
      },
    ],
  },
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    // All of 2024 or newer, for `light-dark()`; nothing is rewritten for older browsers.
    target: ['chrome123', 'firefox120', 'safari17.5'],
    // A font as data: would be against the page's policy, and is in the way of caching.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // A test measures the first load; ECharts and CodeMirror are chunks of their own.
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      // Slow on a busy machine is no warning.
      checks: { pluginTimings: false },
      output: {
        codeSplitting: {
          groups: [
            { name: 'react', test: /node_modules[\\/](react|react-dom|scheduler|wouter)[\\/]/ },
          ],
        },
      },
    },
  },
  // `npx vite web` while a pipeline runs beside it.
  server: { proxy: { '/v1': PIPELINE, '/render': PIPELINE, '/openapi.json': PIPELINE } },
});
