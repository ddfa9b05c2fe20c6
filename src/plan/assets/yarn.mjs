// Runs Yarn with what the build was given and leaves no trace of it: secrets are files under /run/secrets that exist
// only while a step runs. Usage: node yarn.mjs YARN_JS ARGUMENT..., or node yarn.mjs npm ARGUMENT... to fetch Yarn.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const secret = id => {
  const path = `/run/secrets/${id}`;
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
};
const env = { ...process.env };
const [yarn, ...args] = process.argv.slice(2);
const quote = text => JSON.stringify(text);

// A CA bundle, for everything that may open a connection.
const ca = ['/run/secrets/ca', env.BACKSTAGE_BUILD_CA].find(path => path && existsSync(path));
if (ca) {
  for (const name of ['NODE_EXTRA_CA_CERTS', 'YARN_HTTPS_CA_FILE_PATH', 'npm_config_cafile', 'SSL_CERT_FILE']) env[name] = ca;
}

// Yarn knows proxies by its own names only.
env.YARN_HTTP_PROXY ??= env.HTTP_PROXY ?? env.http_proxy ?? '';
env.YARN_HTTPS_PROXY ??= env.HTTPS_PROXY ?? env.https_proxy ?? '';
for (const name of ['YARN_HTTP_PROXY', 'YARN_HTTPS_PROXY']) if (env[name] === '') delete env[name];

// Registry credentials become a .yarnrc.yml in a home directory that lies in memory.
const token = secret('npm_token');
const registries = new Map();
const scopes = new Map();
for (const line of (secret('npmrc') ?? '').split('\n')) {
  const [, key, raw] = /^\s*([^#;=\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
  if (!key) continue;
  const auth = /^(\/\/.+?)\/?:(_authToken|_auth)$/.exec(key);
  const scope = /^@([^:]+):registry$/.exec(key);
  // The token fills in where a token stands, never where a host does.
  const value = raw.replace(/^"(.*)"$/, '$1').replace(/\$\{(\w+)\}/g, (_, name) => env[name] ?? (auth && token) ?? '');
  if (auth) registries.set(auth[1], { [auth[2] === '_authToken' ? 'npmAuthToken' : 'npmAuthIdent']: value });
  else if (scope) scopes.set(scope[1], value);
  else if (key === 'registry') env.YARN_NPM_REGISTRY_SERVER ??= value.replace(/\/$/, '');
}
let rc = secret('yarnrc') ?? '';
if (registries.size > 0) {
  rc += '\nnpmRegistries:\n';
  for (const [url, auth] of registries) {
    const [[name, value]] = Object.entries(auth);
    rc += `  ${quote(url)}:\n    ${name}: ${quote(value)}\n    npmAlwaysAuth: true\n`;
  }
}
if (scopes.size > 0) {
  rc += '\nnpmScopes:\n';
  for (const [name, url] of scopes) rc += `  ${quote(name)}:\n    npmRegistryServer: ${quote(url.replace(/\/$/, ''))}\n`;
}
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
if (rc) {
  mkdirSync(env.HOME, { recursive: true });
  writeFileSync(`${env.HOME}/.yarnrc.yml`, rc, { mode: 0o600 });
}

// npm reads the same credentials in its own form.
if (yarn === 'npm') {
  const lines = [secret('npmrc') ?? ''];
  const registry = env.npm_config_registry ?? 'https://registry.npmjs.org';
  if (token) lines.push(`${registry.replace(/^https?:/, '').replace(/\/$/, '')}/:_authToken=${token}`);
  env.npm_config_userconfig = `${env.HOME}/.npmrc`;
  mkdirSync(env.HOME, { recursive: true });
  writeFileSync(env.npm_config_userconfig, lines.join('\n'), { mode: 0o600 });
}

const [program, parameters] = yarn === 'npm' ? ['npm', args] : [process.execPath, [yarn, ...args]];
const { status, signal, error } = spawnSync(program, parameters, { stdio: 'inherit', env });
if (error) console.error(`${program} could not be started: ${error.message}`);
if (signal) console.error(`${program} was ended by ${signal}`);
process.exit(status ?? 1);
