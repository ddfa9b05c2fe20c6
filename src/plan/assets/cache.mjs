// Yarn's archives, between the cache that all builds of a builder share and a cache of this step's own.
//
// Whatever was written into the shared cache may have been written by anybody who builds there. So Yarn never sees it: an
// archive is taken from it only where yarn.lock has its checksum and it has that checksum; another one is removed, and
// Yarn fetches it anew. What has no checksum in yarn.lock (packages for one platform) is fetched by every install.
import { createHash } from 'node:crypto';
import { constants, promises as fs } from 'node:fs';

const SHARED = '/cache/yarn/cache';
// Archives of more bytes are not shared: they are read into memory, a few at once.
const LARGEST = 256 << 20;
const AT_ONCE = 4;

const sha512 = data => createHash('sha512').update(data).digest('hex');

/** How Yarn 3 and 4 name the archive of a locator (`slugifyLocator` and `getVersionFilename` of @yarnpkg/core). */
export function archive(locator, cacheKey) {
  const [, scope, name, reference] = /^(?:@([^/]+?)\/)?([^@/]+?)@(.+)$/.exec(locator) ?? [];
  const [, protocol, first, second] = /^([^#:]*:)?((?:(?!::)[^#])*)(?:#((?:(?!::).)*))?(?:::(.*))?$/.exec(reference ?? '') ?? [];
  if (!name || first === undefined) return undefined;
  let selector;
  try {
    selector = decodeURIComponent(second ?? first);
  } catch {
    return undefined;
  }
  const ident = sha512(`${scope ?? ''}${name}`);
  const version = /^[=v\s]*(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)(?:\+[0-9A-Za-z.-]+)?\s*$/.exec(selector)?.[1];
  const kind = `${protocol?.slice(0, -1) ?? 'exotic'}${version ? `-${version}` : ''}`;
  const file = `${scope ? `@${scope}-` : ''}${name}-${kind}-${sha512(ident + reference).slice(0, 10)}-${cacheKey}.zip`;
  return /^[\w@.+~-]+$/.test(file) ? file : undefined;
}

/** The archives of a lockfile that have a checksum: `[file, sha512]`. */
export function locked(text) {
  const standard = /^__metadata:\n(?:  .*\n)*?  cacheKey: "?([\w]+)"?$/m.exec(text)?.[1];
  const found = [];
  for (const entry of text.split(/\n(?=\S)/)) {
    const locator = /^  resolution: "?(.+?)"?$/m.exec(entry)?.[1];
    const [, key = standard, sum] = /^  checksum: "?(?:(\w+)\/)?([0-9a-f]{128})"?$/m.exec(entry) ?? [];
    const file = locator && sum && key && archive(locator, key);
    if (file) found.push([file, sum]);
  }
  return found;
}

/** A file's content, if it is a file and not a link, a pipe or of a size that no archive has. */
async function content(path) {
  let file;
  try {
    file = await fs.open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stat = await file.stat();
    return stat.isFile() && stat.size <= LARGEST ? await file.readFile() : false;
  } catch (error) {
    return error.code === 'ENOENT' ? undefined : false;
  } finally {
    await file?.close();
  }
}

async function each(entries, work) {
  const rest = [...entries];
  const worker = async () => {
    for (let entry = rest.pop(); entry; entry = rest.pop()) await work(entry);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

// What cannot be removed or stored costs another fetch, and is no reason to fail.
const removed = path => fs.rm(path, { recursive: true, force: true }).catch(() => {});

const lock = () => fs.readFile('/build/repo/yarn.lock', 'utf8').then(locked, () => []);

/** Fills a step's own cache from the shared one. Answers what it took. */
export async function take(own) {
  await fs.mkdir(own, { recursive: true });
  const taken = new Set();
  const wrong = [];
  await each(await lock(), async ([file, sum]) => {
    const data = await content(`${SHARED}/${file}`);
    if (data && sha512(data) === sum) {
      await fs.writeFile(`${own}/${file}`, data);
      taken.add(file);
    } else if (data !== undefined) {
      wrong.push(file);
      await removed(`${SHARED}/${file}`);
    }
  });
  if (wrong.length > 0) {
    const more = wrong.length > 5 ? ` and ${wrong.length - 5} more` : '';
    console.error(`not what yarn.lock has, so fetched anew: ${wrong.sort().slice(0, 5).join(', ')}${more}`);
  }
  return taken;
}

/**
 * Gives the shared cache what it did not have, and nothing that yarn.lock has no checksum of. Nothing is checked here, for
 * nobody trusts what lies there: who takes an archive checks it. And so the kernel copies, a gigabyte in a second or two.
 */
export async function give(own, taken) {
  const there = await fs.lstat(SHARED).catch(() => undefined);
  if (there && !there.isDirectory()) await removed(SHARED);
  await fs.mkdir(SHARED, { recursive: true }).catch(() => {});
  const fresh = (await lock()).filter(([file]) => !taken.has(file));
  await each(fresh, async ([file]) => {
    const from = `${own}/${file}`;
    const stat = await fs.lstat(from).catch(() => undefined);
    if (!stat?.isFile() || stat.size > LARGEST) return;
    // Under another name first: whoever reads at the same time finds all of an archive or none.
    const part = `${SHARED}/${file}.${process.pid}-${Date.now()}.tmp`;
    try {
      await fs.copyFile(from, part, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      await fs.rename(part, `${SHARED}/${file}`);
    } catch {
      await removed(part);
    }
  });
}
