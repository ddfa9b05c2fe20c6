// Stands for `backstage-cli package build` of an app: leaves dist/.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { clsx } from 'clsx';

const title = readFileSync('src/title.txt', 'utf8').trim();
const config = readFileSync('../../app-config.yaml', 'utf8');
mkdirSync('dist/static', { recursive: true });
writeFileSync('dist/index.html', `<!doctype html><html><head><title>${title}</title></head><body class="${clsx('a', false, 'b')}"></body></html>\n`);
writeFileSync('dist/static/main.js', `console.log(${JSON.stringify(config.length)});\n`);
writeFileSync('dist/static/main.js.map', '{}\n');
