// large.mjs REPOSITORY: makes an app as large as those of large companies: 1,000 more workspaces, and 200,000 files in the
// node_modules that somebody's own `yarn install` left.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const WORKSPACES = 1000;
const INSTALLED = 200_000;
const FILES_PER_PACKAGE = 100;

const [repository] = process.argv.slice(2);
const write = (path, text) => {
  mkdirSync(join(repository, path, '..'), { recursive: true });
  writeFileSync(join(repository, path), text);
};

const lockfile = readFileSync(join(repository, 'yarn.lock'), 'utf8').trimEnd();
const [comment, metadata, ...entries] = lockfile.split('\n\n');
for (let n = 0; n < WORKSPACES; n++) {
  const name = `@large/plugin-${n}`;
  const dir = `plugins/large-${n}`;
  write(`${dir}/package.json`, JSON.stringify({ name, version: '1.0.0', backstage: { role: 'common-library' } }, null, 2));
  write(`${dir}/src/index.ts`, `export const n = ${n};\n`);
  entries.push(`"${name}@workspace:${dir}":\n  version: 0.0.0-use.local\n  resolution: "${name}@workspace:${dir}"\n  languageName: unknown\n  linkType: soft`);
}
// As Yarn sorts them: by the whole key, code unit by code unit.
const key = (entry) => entry.slice(0, entry.indexOf('\n')).replace(/^"|"?:$/g, '');
entries.sort((a, b) => (key(a) < key(b) ? -1 : 1));
write('yarn.lock', [comment, metadata, ...entries].join('\n\n') + '\n');

const content = '// installed\n'.repeat(20);
for (let n = 0; n < INSTALLED / FILES_PER_PACKAGE; n++) {
  const dir = join(repository, `node_modules/package-${n}/lib`);
  mkdirSync(dir, { recursive: true });
  for (let file = 0; file < FILES_PER_PACKAGE; file++) writeFileSync(join(dir, `${file}.js`), content);
}
