// Proxies in Yarn's terms: it reads no NO_PROXY, and takes settings by patterns of host names.

/** A host name as a pattern that means nothing else. */
const literal = host => host.replace(/[[\]{}()!*?+@|\\]/g, '\\$&');

const address = text => {
  const parts = text.split('.');
  const numbers = parts.map(Number);
  return parts.length === 4 && parts.every(part => /^\d{1,3}$/.test(part)) && numbers.every(number => number < 256)
    ? numbers.reduce((sum, number) => sum * 256 + number, 0)
    : undefined;
};

const inside = (range, host) => {
  const [network, bits] = range.split('/');
  const [a, b] = [address(network), address(host)];
  const size = 2 ** (32 - Number(bits));
  return a !== undefined && b !== undefined && Math.floor(a / size) === Math.floor(b / size);
};

/**
 * The patterns of hosts that are reached without a proxy, or `undefined` where all are. An entry of NO_PROXY is a host
 * and all below it, as curl and Go have it; `*` is everything. Yarn's patterns know no ports and no networks: such an
 * entry counts for the addresses that are in use (`URL`s).
 */
export function direct(noProxy, urls) {
  const patterns = new Set();
  for (const entry of noProxy.toLowerCase().split(/[\s,]+/).filter(Boolean)) {
    if (entry === '*') return undefined;
    if (/^[\d.]+\/\d{1,2}$/.test(entry)) {
      for (const url of urls) if (inside(entry, url.hostname)) patterns.add(literal(url.hostname));
      continue;
    }
    const [, rest, port] = /^(.*?)(?::(\d+))?$/.exec(/^[^[]*:.*:/.test(entry) ? `[${entry}]` : entry) ?? [];
    const host = rest.replace(/^\*?\./, '');
    if (!host || host.includes('/')) continue;
    if (port === undefined) {
      patterns.add(literal(host));
      if (!host.startsWith('[') && address(host) === undefined) patterns.add(`*.${literal(host)}`);
      continue;
    }
    for (const url of urls) {
      const at = url.port || (url.protocol === 'http:' ? '80' : '443');
      if (at === port && (url.hostname === host || url.hostname.endsWith(`.${host}`))) patterns.add(literal(url.hostname));
    }
  }
  return [...patterns].sort();
}
