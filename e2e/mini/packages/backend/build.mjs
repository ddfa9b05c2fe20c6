// Stands for `backstage-cli package build` of a backend: leaves dist/bundle.tar.gz, which holds the root manifest, the
// lockfile, and of every local package that is shipped its manifest and its build.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = '../..';
const bundle = mkdtempSync(join(tmpdir(), 'bundle-'));
const put = (from, to) => {
  mkdirSync(dirname(join(bundle, to)), { recursive: true });
  cpSync(from, join(bundle, to), { recursive: true });
};
put(`${root}/package.json`, 'package.json');
put(`${root}/yarn.lock`, 'yarn.lock');
put(`${root}/packages/app/package.json`, 'packages/app/package.json');
put(`${root}/plugins/greeting/package.json`, 'plugins/greeting/package.json');
put(`${root}/plugins/greeting/src/index.js`, 'plugins/greeting/dist/index.cjs.js');
put('package.json', 'packages/backend/package.json');
put('src/index.js', 'packages/backend/dist/index.cjs.js');
mkdirSync('dist', { recursive: true });
execFileSync('tar', ['--sort=name', '--mtime=@1', '--owner=0', '--group=0', '-czf', 'dist/bundle.tar.gz', '-C', bundle, '.']);
