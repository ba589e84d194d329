import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const here = import.meta.dirname;
const outDir = process.env.DASHBOARD_OUT ?? join(here, '../funding_platform/service/static');

/** Digest of everything that the built files are made of: names and bytes, in order of names. */
function digestOfSources() {
  const ofFolder = (folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  const single = ['index.html', 'package.json', 'package-lock.json', 'vite.config.js'];
  const files = [...single.map((name) => join(here, name)), ...ofFolder(join(here, 'src'))];
  const digest = createHash('sha256');
  for (const [name, file] of files.map((file) => [relative(here, file), file]).sort()) {
    digest.update(`${name}\0`).update(readFileSync(file)).update('\0');
  }
  return digest.digest('hex');
}

const noteSources = {
  name: 'note-sources',
  closeBundle: () => writeFileSync(join(outDir, 'sources.sha256'), `${digestOfSources()}\n`),
};

export default defineConfig({
  root: here,
  base: '/dashboard/',
  plugins: [svelte({ compilerOptions: { css: 'external' } }), noteSources],
  build: {
    outDir,
    emptyOutDir: true,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: false,
    rollupOptions: {
      output: {
        // No digests in the names: the files are committed, and their ETags tell versions apart.
        entryFileNames: 'dashboard.js',
        assetFileNames: 'dashboard.[ext]',
      },
    },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8400', '/dashboard/facts.json': 'http://127.0.0.1:8400' } },
});
