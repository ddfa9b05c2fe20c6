// Which registry gets which credential. Yarn sends one that stands at the top of .yarnrc.yml, or in the environment, to
// every registry that has none of its own; here each is written for the registry that it is for.
import { existsSync, readFileSync, readdirSync } from 'node:fs';

const SECRETS = '/run/secrets';
const STANDARD = 'https://registry.yarnpkg.com';

const read = path => (existsSync(path) ? readFileSync(path, 'utf8') : undefined);
export const secret = id => read(`${SECRETS}/${id}`)?.trim();

const quote = text => JSON.stringify(text);
const plain = url => url.replace(/\/+$/, '');
/** `//host/path`, as npm and Yarn name a registry whatever its scheme. */
const bare = url => plain(url).replace(/^https?:/i, '');
const host = url => /^(?:https?:)?\/\/([^/]*)/i.exec(url)?.[1].toLowerCase();
export const decoded = text => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

// What a URL has before its host; a variable may hold anything.
const USER = /^((?:https?:)?\/\/)((?:\$\{[^}]*\}|[^\s/?#"'$]|\$(?!\{))+)@/i;

/** A URL without its user and password, and these. */
export function split(url) {
  const user = USER.exec(url)?.[2];
  return { url: url.replace(USER, '$1'), user };
}

/** `user:password` of a URL as HTTP's Basic wants it. */
const basic = user => {
  const [, name, password] = /^([^:]*):?(.*)$/s.exec(user);
  return Buffer.from(`${decoded(name)}:${decoded(password)}`).toString('base64');
};

/** Lines of a .yarnrc.yml that count. */
const uncommented = text => text.split(/\r?\n/).filter(line => !/^\s*#/.test(line)).join('\n');
const REGISTRY = /(npm(?:Registry|Publish|Audit)(?:Server|Registry)["']?\s*:\s*["']?)((?:https?:)?\/\/(?:\$\{[^}]*\}|[^\s"',}])+)/gi;
const TOP = /^npmAuth(Token|Ident)[ \t]*:[ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|([^\s#"'][^\n]*?))[ \t]*(?:#.*)?$/gm;
const ANY_AUTH = /npmAuth(?:Token|Ident)["']?[ \t]*:[ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|([^\s#"',}]+))/g;

/** What npm and Yarn are told: `{ rc, npmrc, hosts, values, missing }`. Changes `env`. */
export function registries(env, installs) {
  const told = JSON.parse(env.BACKSTAGE_BUILD_REGISTRIES ?? '{}');
  const file = uncommented(read('/build/repo/.yarnrc.yml') ?? '');
  const token = secret('npm_token');
  const values = new Set();

  // What `${NAME}` stands for: the secret of that name, and no other.
  const variable = name => env[name] ?? secret(name) ?? secret(name.toLowerCase());
  const unset = new Set();
  const expand = text =>
    text.replace(/\$\{(\w+)(?::?-([^}]*))?\}/g, (_, name, fallback) => {
      const value = variable(name) || fallback;
      if (value === undefined) unset.add(name);
      return value ?? '';
    });

  // Logins by registry, as `[name, value]` of .yarnrc.yml; what is added first holds.
  const logins = new Map();
  const login = (url, pair) => {
    if (!logins.has(bare(url))) logins.set(bare(url), { pair, key: plain(url) });
  };
  // Registries are compared by what they are called without a login, and are called so in everything that is written.
  const users = new Map();
  const whole = url => (url.startsWith('${') ? expand(url) : url);
  const clean = url => {
    const { url: rest, user } = split(plain(url));
    if (user) users.set(bare(expand(rest)), { url: expand(rest), ident: basic(expand(user)) });
    return expand(rest);
  };

  // The secret `npmrc`.
  const lines = (secret('npmrc') ?? '').split(/\r?\n/);
  const settings = lines.map(line => {
    const [, key, raw] = /^\s*([^#;=\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (!key) return { line };
    const [, registry, name] = /^(?:(\/\/.+?)\/?:)?(_authToken|_auth|username|_password)$/.exec(key) ?? [];
    return { line, key, value: expand(raw.replace(/^"(.*)"$/, '$1')), registry, name };
  });
  const fromNpmrc = [...unset];
  const named = settings.findLast(({ key }) => key === 'registry')?.value;

  // The secret `yarnrc`, without the users of its URLs and without a login for every registry there is.
  const rcText = secret('yarnrc') ?? '';
  const rcServer = /^npmRegistryServer[ \t]*:[ \t]*["']?([^\s"'#]+)/m.exec(rcText)?.[1];
  const rc = rcText
    .replace(REGISTRY, (_, name, url) => `${name}${clean(url)}`)
    .replace(TOP, '')
    .split(/\r?\n/);
  for (const [, , url] of file.matchAll(REGISTRY)) clean(url);

  const inFile = /^npmRegistryServer[ \t]*:[ \t]*["']?((?:\$\{[^}]*\}|[^\s"'#])+)/m.exec(file)?.[1];
  const server = clean(whole(env.YARN_NPM_REGISTRY_SERVER ?? rcServer ?? named ?? told.default ?? inFile ?? STANDARD));
  const scopes = new Map(Object.entries(told.scopes ?? {}).map(([scope, url]) => [scope, clean(whole(url))]));
  const written = new Map();
  for (const [scope, url] of scopes) if (users.has(bare(url))) written.set(scope, url);
  for (const { key, value } of settings) {
    const [, scope] = /^@([^:]+):registry$/.exec(key ?? '') ?? [];
    if (scope) for (const map of [scopes, written]) map.set(scope, clean(value));
  }
  const known = [server, ...scopes.values()];

  // A login of an .npmrc that names no registry is for the one that its file names.
  const parts = new Map();
  for (const { registry, name, value } of settings.filter(({ name }) => name)) {
    const at = registry ?? bare(clean(named ?? server));
    parts.set(at, { ...parts.get(at), [name]: value });
  }
  for (const [registry, { _authToken, _auth, username, _password }] of parts) {
    // npm writes a password in base64, and so it wants the two together; Yarn takes what npm calls `_auth`.
    if (_authToken) login(registry, ['npmAuthToken', _authToken]);
    else if (_auth) login(registry, ['npmAuthIdent', _auth]);
    else if (username && _password) {
      login(registry, ['npmAuthIdent', Buffer.from(`${username}:${Buffer.from(_password, 'base64')}`).toString('base64')]);
    }
  }
  for (const { url, ident } of users.values()) login(url, ['npmAuthIdent', ident]);

  // `npm_token` is for the registry that .yarnrc.yml names, unless a file uses it by its name: that file says then where
  // it goes.
  const named_token = [...(told.token ?? []), ...[file, rcText, ...lines].join('\n').matchAll(/\$\{(npm_token)\b/gi)].map(
    found => (typeof found === 'string' ? found : found[1]),
  );
  if (token && named_token.length === 0) login(server, ['npmAuthToken', token]);

  // A login at the top of a .yarnrc.yml: for the registry that it names, and others of the same host.
  const tops = text => [...text.matchAll(TOP)].map(([, kind, ...value]) => [`npmAuth${kind}`, expand(value.find(Boolean) ?? '')]);
  for (const pair of [...tops(rcText), ...tops(file)].filter(([, value]) => value)) {
    for (const url of known) if (host(url) === host(server)) login(url, pair);
  }
  if (installs) for (const name of ['YARN_NPM_AUTH_TOKEN', 'YARN_NPM_AUTH_IDENT']) env[name] = '';

  // Adds entries to a map of .yarnrc.yml. What the secret `yarnrc` says of a key holds: no key is given twice.
  const add = (map, entries) => {
    if (entries.length === 0) return;
    const at = rc.findIndex(line => line.startsWith(`${map}:`));
    if (at < 0) rc.push(`${map}:`);
    else if (!/^\w+:\s*(#.*)?$/.test(rc[at])) {
      console.error(`the secret yarnrc has ${map} in one line: what else the build has of it is left out; write it on lines of its own`);
      return;
    }
    const start = at < 0 ? rc.length : at + 1;
    const length = rc.slice(start).findIndex(line => /^[^\s#]/.test(line));
    const given = rc.slice(start, length < 0 ? undefined : start + length);
    const indent = /^\s+(?=[^\s#])/.exec(given.find(line => /^\s+[^\s#]/.test(line)) ?? '')?.[0] ?? '  ';
    const keys = given.map(line => /^\s+["']?(.+?)\/?["']?:\s*(\{.*)?(#.*)?$/.exec(line)?.[1]).filter(Boolean);
    const fresh = entries.filter(([key]) => !keys.includes(key) && !keys.includes(bare(key)));
    rc.splice(start, 0, ...fresh.flatMap(([key, pairs]) => [
      `${indent}${quote(key)}:`,
      ...pairs.map(([name, value]) => `${indent}  ${name}: ${typeof value === 'string' ? quote(value) : value}`),
    ]));
  };
  add('npmRegistries', [...logins.values()].map(({ key, pair }) => [key, [pair, ['npmAlwaysAuth', true]]]));
  add('npmScopes', [...written].map(([scope, url]) => [scope, [['npmRegistryServer', url]]]));
  if (env.YARN_NPM_REGISTRY_SERVER !== undefined) env.YARN_NPM_REGISTRY_SERVER = server;
  else if (rcServer === undefined && (named !== undefined || users.has(bare(server)))) rc.push(`npmRegistryServer: ${quote(server)}`);
  if (server !== STANDARD || env.npm_config_registry !== undefined) env.npm_config_registry = server;

  // What .yarnrc.yml asks of the environment must be set, or Yarn refuses every command.
  const missing = [];
  for (const name of new Set([...(env.BACKSTAGE_BUILD_VARIABLES ?? '').split(' ').filter(Boolean), ...named_token])) {
    const value = variable(name);
    if (value === undefined) missing.push(name);
    env[name] = value ?? '';
  }

  // npm reads the same in its own form.
  const names = { npmAuthToken: '_authToken', npmAuthIdent: '_auth' };
  const ident = ([kind, value]) => (kind === 'npmAuthIdent' && value.includes(':') ? Buffer.from(value).toString('base64') : value);
  const npmrc = [
    ...settings.filter(({ key, name }) => !name && key !== 'registry' && !/^@[^:]+:registry$/.test(key ?? '')).map(({ line }) => line),
    ...[...scopes].map(([scope, url]) => `@${scope}:registry=${url}`),
    ...[...logins].map(([registry, { pair }]) => `${registry}/:${names[pair[0]]}=${ident(pair)}`),
  ];

  // What no output may show.
  const ids = existsSync(SECRETS) ? readdirSync(SECRETS).filter(id => id !== 'ca') : [];
  for (const id of ids) {
    const text = secret(id);
    if (!/[\r\n]/.test(text) && id !== 'npmrc' && id !== 'yarnrc') values.add(text);
    else if (id !== 'npmrc' && id !== 'yarnrc') for (const line of text.split(/\r?\n/)) if (line.trim().length >= 8) values.add(line.trim());
  }
  for (const { name, value } of settings) if (name && name !== 'username') values.add(value);
  for (const [, ...found] of `${file}\n${rcText}`.matchAll(ANY_AUTH)) values.add(expand(found.find(Boolean) ?? ''));
  for (const { pair: [, value] } of logins.values()) values.add(value);
  for (const { ident } of users.values()) values.add(ident);
  // Where a login is base64, its text and its password as well.
  for (const value of [...values]) {
    const text = Buffer.from(value, 'base64').toString();
    const [, password] = /^[^:\s\ufffd]*:([^\ufffd]*)$/.exec(/^[\w+/]+=*$/.test(value) ? text : value) ?? [];
    if (password !== undefined) for (const part of [/^[\w+/]+=*$/.test(value) ? text : value, password]) values.add(part);
  }
  for (const { name, value } of settings) if (name === '_password') values.add(Buffer.from(value, 'base64').toString());

  const urls = [...known, ...logins.keys()].map(url => (url.startsWith('//') ? `https:${url}` : url));
  return { rc: rc.join('\n').trim(), npmrc, urls, values: [...values].filter(Boolean), missing, fromNpmrc };
}
