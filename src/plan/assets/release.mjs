// Whether a fetched Yarn is the one that `packageManager` declares.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Checks a file against `ALGORITHM.HEX`, as Corepack writes it. Says so and answers `false` where it is another. */
export function isDeclared(path, declared) {
  const [algorithm, wanted] = declared.split('.');
  const found = createHash(algorithm).update(readFileSync(path)).digest('hex');
  if (found === wanted) return true;
  console.error(`Yarn is not the one that packageManager in package.json declares: its ${algorithm} is
  ${found}, and not
  ${wanted}
If the registry is to be trusted, write the hash anew: corepack use yarn@VERSION`);
  return false;
}
