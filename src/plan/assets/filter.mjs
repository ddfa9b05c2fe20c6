// Runs a program and replaces the values of the step's secrets in what it prints: a log is kept by the daemon and read
// by more people than a secret is for.
import { spawn } from 'node:child_process';

// Shorter values cannot be told from the rest of a log.
const SHORTEST = 4;

/** A value as programs print it: as it is, within a URL, within JSON, and as HTTP's Basic has it. */
function forms(value) {
  const base64 = Buffer.from(value).toString('base64');
  const all = [value, encodeURI(value), encodeURIComponent(value), JSON.stringify(value).slice(1, -1)];
  return [...all, base64, base64.replace(/=+$/, ''), Buffer.from(value).toString('base64url')];
}

/** Replaces values in a stream, also where one lies across two chunks. Texts are bytes (latin1): nothing is decoded. */
export class Filter {
  constructor(values) {
    const texts = values.filter(value => value.length >= SHORTEST).flatMap(forms).map(text => Buffer.from(text).toString('latin1'));
    // Longest first: of two that begin alike, the whole of the longer one is replaced.
    this.texts = [...new Set(texts)].filter(text => text.length >= SHORTEST).sort((a, b) => b.length - a.length);
    this.longest = this.texts[0]?.length ?? 0;
    this.any = new RegExp(this.texts.map(text => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|') || '(?!)', 'g');
    this.held = '';
  }

  /** What may be printed now; what may be the beginning of a value is held back. */
  push(chunk) {
    this.held += chunk.toString('latin1');
    return this.#printable(false);
  }

  end() {
    return this.#printable(true);
  }

  #printable(last) {
    const text = this.held;
    let out = '';
    let at = 0;
    for (;;) {
      this.any.lastIndex = at;
      const found = this.any.exec(text);
      const hold = last ? text.length : this.#beginning(text, at);
      if (found && found.index < hold) {
        out += `${text.slice(at, found.index)}***`;
        at = found.index + found[0].length;
        continue;
      }
      this.held = text.slice(hold);
      return Buffer.from(out + text.slice(at, hold), 'latin1');
    }
  }

  /** Where the end of a text may begin a value that goes on in the next chunk. */
  #beginning(text, from) {
    for (let at = Math.max(from, text.length - this.longest + 1); at < text.length; at += 1) {
      const end = text.slice(at);
      if (this.texts.some(value => value.length > end.length && value.startsWith(end))) return at;
    }
    return text.length;
  }
}

/** Runs a program to its end: `{ status, signal, error }`. */
export function run(program, args, { values, ...options }) {
  return new Promise(resolve => {
    const filters = values.length > 0 ? [new Filter(values), new Filter(values)] : undefined;
    const child = spawn(program, args, { ...options, stdio: filters ? ['inherit', 'pipe', 'pipe'] : 'inherit' });
    const forward = signal => child.kill(signal);
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, forward);
    const pipes = filters ? [[child.stdout, process.stdout, filters[0]], [child.stderr, process.stderr, filters[1]]] : [];
    for (const [from, to, filter] of pipes) {
      // A reader that is slower than the program slows the program, as it would without us.
      from.on('data', chunk => {
        if (to.write(filter.push(chunk))) return;
        from.pause();
        to.once('drain', () => from.resume());
      });
      from.on('end', () => to.write(filter.end()));
    }
    child.on('error', error => resolve({ error }));
    child.on('close', (status, signal) => resolve({ status, signal }));
  });
}
