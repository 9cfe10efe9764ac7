/** Builds the dashboard from sources; nothing is loaded from outside the origin. */
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const server = process.env['TINYFLEET_URL'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  resolve: { conditions: ['tinyfleet:source', 'browser', 'import', 'module', 'default'] },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        // What pages share, in files of some size: a first visit is not to ask for thirty of a kilobyte each.
        codeSplitting: {
          groups: [
            { name: 'base', tags: ['$initial'], priority: 1 },
            { name: 'shared', minShareCount: 2, entriesAware: true, entriesAwareMergeThreshold: 6_000 },
          ],
        },
      },
    },
  },
  server: { port: 5173, proxy: { '/api': server, '/health': server } },
});
