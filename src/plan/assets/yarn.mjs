// Runs Yarn with what the build was given and leaves no trace of it: secrets are files under /run/secrets that exist
// only while a step runs. Usage: node yarn.mjs YARN_JS ARGUMENT..., or node yarn.mjs npm ARGUMENT... to fetch Yarn.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';

const secret = id => {
  const path = `/run/secrets/${id}`;
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
};
const env = { ...process.env };
const [yarn, ...args] = process.argv.slice(2);
const quote = text => JSON.stringify(text);

// A CA bundle, for everything that may open a connection, beside what is trusted without it: most variables replace all
// that a program trusts. A line of the user's has made one already (ca.sh).
const ca = ['/tmp/backstage-build-ca.pem', '/run/secrets/ca', env.BACKSTAGE_BUILD_CA].find(path => path && existsSync(path));
if (ca) {
  const system = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'].filter(existsSync);
  const all = `${env.HOME}/ca.pem`;
  mkdirSync(env.HOME, { recursive: true });
  writeFileSync(all, [...rootCertificates, ...[...system, ca].map(path => readFileSync(path, 'utf8'))].join('\n'));
  for (const name of ['YARN_HTTPS_CA_FILE_PATH', 'npm_config_cafile', 'SSL_CERT_FILE']) env[name] = all;
  env.NODE_EXTRA_CA_CERTS = ca;
}

// Yarn knows proxies by its own names only.
env.YARN_HTTP_PROXY ??= env.HTTP_PROXY ?? env.http_proxy ?? '';
env.YARN_HTTPS_PROXY ??= env.HTTPS_PROXY ?? env.https_proxy ?? '';
for (const name of ['YARN_HTTP_PROXY', 'YARN_HTTPS_PROXY']) if (env[name] === '') delete env[name];

// Registry credentials become a .yarnrc.yml in a home directory that lies in memory.
const token = secret('npm_token');
const npmrc = (secret('npmrc') ?? '').split('\n');
const setting = line => {
  const [, key, raw] = /^\s*([^#;=\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
  if (!key) return {};
  const [, host, name] = /^(?:(\/\/.+?)\/?:)?(_authToken|_auth|username|_password)$/.exec(key) ?? [];
  // The token fills in where a token stands, never where a host does.
  const value = raw.replace(/^"(.*)"$/, '$1').replace(/\$\{(\w+)\}/g, (_, variable) => env[variable] ?? (name && name !== 'username' ? token : undefined) ?? '');
  return { key, value, host, name };
};
const settings = npmrc.map(setting);
const plain = url => url.replace(/\/$/, '');
const bare = url => plain(url).replace(/^https?:/, '');
const named = settings.find(({ key }) => key === 'registry')?.value;
const standard = 'https://registry.npmjs.org';
// A login that names no registry is for the one that its file names.
const hostOf = ({ host }) => host ?? bare(named ?? env.npm_config_registry ?? standard);
const logins = new Map();
const scopes = new Map();
for (const { key, value, host, name } of settings) {
  const [, scope] = /^@([^:]+):registry$/.exec(key ?? '') ?? [];
  if (name) logins.set(hostOf({ host }), { ...logins.get(hostOf({ host })), [name]: value });
  else if (scope) scopes.set(scope, plain(value));
  else if (key === 'registry') env.YARN_NPM_REGISTRY_SERVER ??= plain(value);
}
// npm writes a password in base64, and so it wants the two together; Yarn takes what npm calls `_auth`.
function login({ _authToken, _auth, username, _password }) {
  if (_authToken) return ['npmAuthToken', _authToken];
  if (_auth) return ['npmAuthIdent', _auth];
  if (!username || !_password) return undefined;
  return ['npmAuthIdent', Buffer.from(`${username}:${Buffer.from(_password, 'base64')}`).toString('base64')];
}
const rc = (secret('yarnrc') ?? '').split(/\r?\n/);
// Adds entries to a map of .yarnrc.yml. What the secret `yarnrc` says of a key holds: no key is given twice.
function add(map, entries) {
  if (entries.length === 0) return;
  const at = rc.findIndex(line => line.startsWith(`${map}:`));
  if (at < 0) rc.push(`${map}:`);
  else if (!/^\w+:\s*(#.*)?$/.test(rc[at])) {
    console.error(`the secret yarnrc has ${map} in one line: that of the secret npmrc is left out`);
    return;
  }
  const start = at < 0 ? rc.length : at + 1;
  const length = rc.slice(start).findIndex(line => /^[^\s#]/.test(line));
  const given = rc.slice(start, length < 0 ? undefined : start + length);
  const indent = /^\s+(?=[^\s#])/.exec(given.find(line => /^\s+[^\s#]/.test(line)) ?? '')?.[0] ?? '  ';
  const keys = given.map(line => /^\s+["']?(.+?)\/?["']?:\s*(\{.*)?(#.*)?$/.exec(line)?.[1]);
  const fresh = entries.filter(([key]) => !keys.includes(key));
  rc.splice(start, 0, ...fresh.flatMap(([key, pairs]) => [
    `${indent}${quote(key)}:`,
    ...pairs.map(([name, value]) => `${indent}  ${name}: ${typeof value === 'string' ? quote(value) : value}`),
  ]));
}
const known = [...logins].map(([host, parts]) => [host, login(parts)]).filter(([, pair]) => pair);
add('npmRegistries', known.map(([host, pair]) => [host, [pair, ['npmAlwaysAuth', true]]]));
add('npmScopes', [...scopes].map(([scope, url]) => [scope, [['npmRegistryServer', url]]]));
if (token) env.YARN_NPM_AUTH_TOKEN ??= token;

// What .yarnrc.yml asks of the environment must be set, or Yarn refuses every command.
const missing = [];
for (const name of (env.BACKSTAGE_BUILD_VARIABLES ?? '').split(' ').filter(Boolean)) {
  const isToken = /TOKEN|AUTH|SECRET|PASSWORD/i.test(name);
  const value = env[name] ?? secret(name) ?? secret(name.toLowerCase()) ?? (isToken ? token : undefined);
  if (value === undefined) missing.push(name);
  env[name] = value ?? '';
}
if (missing.length > 0 && args[0] === 'install') {
  const ids = missing.map(name => `--secret id=${name},env=${name}`).join(' ');
  console.error(`.yarnrc.yml uses ${missing.map(name => `\${${name}}`).join(', ')}: going on without; to set it, add ${ids}`);
}
if (rc.some(line => line.trim())) {
  mkdirSync(env.HOME, { recursive: true });
  writeFileSync(`${env.HOME}/.yarnrc.yml`, `${rc.join('\n')}\n`, { mode: 0o600 });
}

// npm reads the same credentials in its own form. It takes none that names no registry.
if (yarn === 'npm') {
  const lines = npmrc.map((line, i) => (settings[i].name ? `${hostOf(settings[i])}/:${settings[i].name}=${settings[i].value}` : line));
  if (token) lines.push(`${bare(env.npm_config_registry ?? named ?? standard)}/:_authToken=${token}`);
  env.npm_config_userconfig = `${env.HOME}/.npmrc`;
  mkdirSync(env.HOME, { recursive: true });
  writeFileSync(env.npm_config_userconfig, lines.join('\n'), { mode: 0o600 });
}

const [program, parameters] = yarn === 'npm' ? ['npm', args] : [process.execPath, [yarn, ...args]];
const { status, signal, error } = spawnSync(program, parameters, { stdio: 'inherit', env });
if (error) console.error(`${program} could not be started: ${error.message}`);
if (signal) console.error(`${program} was ended by ${signal}`);
process.exit(status ?? 1);
