// Loaded into Node where a package is built for another machine than this one. Install scripts try whether a binary can be
// loaded, and take or fetch or compile another one if not. Here one can if it is for that machine, and none is loaded.
const { closeSync, openSync, readSync } = require('node:fs');

const wanted = Number(process.env.BACKSTAGE_BUILD_MACHINE);

/** `e_machine` of an ELF file; undefined for what is none. */
function machine(path) {
  const head = Buffer.alloc(20);
  const file = openSync(path);
  try {
    if (readSync(file, head, 0, 20, 0) < 20 || head.toString('latin1', 0, 4) !== '\x7fELF') return undefined;
  } finally {
    closeSync(file);
  }
  return head[5] === 2 ? head.readUInt16BE(18) : head.readUInt16LE(18);
}

process.dlopen = (module, path) => {
  if (machine(path) === wanted) {
    module.exports = {};
    return;
  }
  throw Object.assign(new Error(`${path} is not for the machine that the image is for`), { code: 'ERR_DLOPEN_FAILED' });
};
