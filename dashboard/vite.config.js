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

/** The licences of the packages whose code is in the bundle, which have to go wherever it goes. */
const noteLicences = {
  name: 'note-licences',
  generateBundle(_, bundle) {
    const modules = Object.values(bundle).flatMap((one) => Object.keys(one.modules ?? {}));
    const found = modules.map((id) => id.match(/.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0]);
    const texts = [...new Set(found)].filter(Boolean).sort().map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
      return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
    });
    this.emitFile({ type: 'asset', fileName: 'licences.txt', source: texts.join(`\n${'-'.repeat(72)}\n\n`) });
  },
};

export default defineConfig({
  root: here,
  base: '/dashboard/',
  plugins: [svelte({ compilerOptions: { css: 'external' } }), noteLicences, noteSources],
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
