// cut.mjs LOCKFILE RECIPE OUT: puts a smaller lockfile together from parts of the repository's own. RECIPE holds the
// parts in order, [offset, length] in bytes or a text, and what the whole has to be.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const [lockfile, recipe, out] = process.argv.slice(2);
const { parts, sha256 } = JSON.parse(readFileSync(recipe, 'utf8'));
// As it was read for the plan: without a byte order mark, line breaks as LF.
const text = readFileSync(lockfile, 'utf8').replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
const whole = Buffer.from(text);
const cut = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : whole.subarray(part[0], part[0] + part[1]))));
if (createHash('sha256').update(cut).digest('hex') !== sha256) {
  console.error('yarn.lock is not the file that this build was planned with: build again');
  process.exit(1);
}
writeFileSync(out, cut);
