// place.mjs DEPS OUT [NAME VERSION FOLDER required|optional]...: copies each built package to every place below OUT where the
// production install DEPS holds that package, at that version. Where Yarn puts a package is Yarn's affair: at the root, below a
// workspace (hoisting limits), below another package (two versions), or under another name (an alias).
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [deps, out, ...rest] = process.argv.slice(2);
const built = [];
for (let i = 0; i < rest.length; i += 4) {
  built.push({ name: rest[i], version: rest[i + 1], folder: rest[i + 2], required: rest[i + 3] === 'required', places: 0 });
}

// What Yarn and Node take: a byte order mark, an empty file. What cannot be read is none of ours.
const parsed = (file) => {
  try {
    return JSON.parse(readFileSync(file, 'utf8').replace(/^\uFEFF/, '')) ?? {};
  } catch {
    return {};
  }
};

const folders = (dir) => readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort();

// A package of the install, at `place` below DEPS.
function installed(place) {
  const manifest = join(deps, place, 'package.json');
  if (existsSync(manifest)) {
    const { name, version } = parsed(manifest);
    for (const native of built.filter((one) => one.name === name && one.version === version)) {
      // What a package needs besides itself lies in the install already.
      const inner = join(native.folder, 'node_modules');
      cpSync(native.folder, join(out, place), { recursive: true, verbatimSymlinks: true, preserveTimestamps: true, filter: (path) => path !== inner });
      native.places++;
      console.log(`${name}@${version}: ${place}`);
    }
  }
  modules(join(place, 'node_modules'));
}

// A `node_modules` folder, if there is one.
function modules(place) {
  if (!existsSync(join(deps, place))) return;
  for (const name of folders(join(deps, place))) {
    if (name.startsWith('@')) folders(join(deps, place, name)).forEach((inner) => installed(join(place, name, inner)));
    else if (!name.startsWith('.')) installed(join(place, name));
  }
}

// The project itself: workspaces at any depth.
function project(place) {
  for (const name of folders(join(deps, place))) {
    if (name === 'node_modules') modules(join(place, name));
    else project(join(place, name));
  }
}

project('.');
for (const { name, version, required, places } of built) {
  if (places > 0) continue;
  console.log(`${name}@${version}: nowhere in the production install`);
  if (required) {
    console.error(`${name}@${version} was built, and the production install has no package of that name and version to put it into`);
    process.exitCode = 1;
  }
}
