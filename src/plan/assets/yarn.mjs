// Runs Yarn with what the build was given and leaves no trace of it: secrets are files under /run/secrets that exist
// only while a step runs. Usage: node yarn.mjs YARN_JS ARGUMENT..., or node yarn.mjs npm ARGUMENT... to fetch Yarn.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { rootCertificates } from 'node:tls';
import { give, take } from './cache.mjs';
import { run } from './filter.mjs';
import { direct } from './proxy.mjs';
import { decoded, registries, secret, split } from './registries.mjs';
import { isDeclared } from './release.mjs';

const env = { ...process.env };
const [yarn, ...args] = process.argv.slice(2);
const installs = yarn === 'npm' || args[0] === 'install';
const lines = [];

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

const { rc, npmrc, urls, values, missing, fromNpmrc } = registries(env, installs);
if (rc) lines.push(rc);
if (missing.length > 0 && args[0] === 'install') {
  const ids = missing.map(name => `--secret id=${name},env=${name}`).join(' ');
  console.error(`.yarnrc.yml uses ${missing.map(name => `\${${name}}`).join(', ')}: going on without; to set it, add ${ids}`);
}
for (const named of args[0] === 'install' ? (env.BACKSTAGE_BUILD_SECRETS ?? '').split(' ').filter(Boolean) : []) {
  const [file, id = file] = named.split('=');
  if (secret(file) === undefined) {
    console.error(`the build file names the secret ${id}, and this build has none of that name: going on without; to give it, add --secret id=${id},src=FILE`);
  }
}
if (fromNpmrc.length > 0) {
  const ids = fromNpmrc.join(', ');
  console.error(`the secret npmrc uses ${fromNpmrc.map(name => `\${${name}}`).join(', ')}: going on without; give it as a secret of that name, listed in install.secrets: [${ids}]`);
}

// Yarn knows proxies by its own names only, and hosts that are reached without one as settings of those hosts.
const proxies = { YARN_HTTP_PROXY: env.HTTP_PROXY ?? env.http_proxy, YARN_HTTPS_PROXY: env.HTTPS_PROXY ?? env.https_proxy };
for (const [name, address] of Object.entries(proxies)) if (env[name] === undefined && address) env[name] = address;
for (const name of Object.keys(proxies)) if (env[name] === '') delete env[name];
for (const address of [env.YARN_HTTP_PROXY, env.YARN_HTTPS_PROXY, env.ALL_PROXY ?? env.all_proxy]) {
  const user = split(address ?? '').user;
  if (user) values.push(user, user.replace(/^[^:]*:/, ''), decoded(user), decoded(user.replace(/^[^:]*:/, '')));
}
const noProxy = env.NO_PROXY ?? env.no_proxy ?? '';
if (installs && noProxy && (env.YARN_HTTP_PROXY || env.YARN_HTTPS_PROXY)) {
  const locked = existsSync('/build/repo/yarn.lock') ? readFileSync('/build/repo/yarn.lock', 'utf8') : '';
  const archives = [...locked.matchAll(/\bhttps?(?::\/\/|%3A%2F%2F)[\w.-]+(?:(?::|%3A)\d+)?/gi)].map(([url]) => decodeURIComponent(url));
  const patterns = direct(noProxy, [...new Set([...urls, ...archives])].filter(url => URL.canParse(url)).map(url => new URL(url)));
  if (!patterns) for (const name of Object.keys(proxies)) delete env[name];
  else if (/^networkSettings:/m.test(rc)) console.error('the secret yarnrc has networkSettings: NO_PROXY is left to it');
  else if (patterns.length > 0) {
    lines.push('networkSettings:', ...patterns.map(host => `  ${JSON.stringify(host)}: {httpProxy: "", httpsProxy: ""}`));
  }
}

// In a home directory that lies in memory. For installs it is also what Yarn reads first, before the repository's own:
// of several .yarnrc.yml the nearest to where Yarn starts wins, and the one in a home directory comes last.
let cwd = process.cwd();
let nearest;
if (lines.length > 0) {
  const home = `${env.HOME}/.yarnrc.yml`;
  mkdirSync(env.HOME, { recursive: true });
  writeFileSync(home, `${lines.join('\n')}\n`, { mode: 0o600 });
  if (args[0] === 'install') {
    nearest = mkdtempSync(`${cwd}/.backstage-build-`);
    symlinkSync(home, `${nearest}/.yarnrc.yml`);
    cwd = nearest;
  }
}
if (yarn === 'npm') {
  env.npm_config_userconfig = `${env.HOME}/.npmrc`;
  mkdirSync(env.HOME, { recursive: true });
  writeFileSync(env.npm_config_userconfig, npmrc.join('\n'), { mode: 0o600 });
}

const shared = env.BACKSTAGE_BUILD_CACHE === 'shared';
const taken = shared ? await take(env.YARN_CACHE_FOLDER) : undefined;
const [program, parameters] = yarn === 'npm' ? ['npm', args] : [process.execPath, [resolve(yarn), ...args]];
const { status, signal, error } = await run(program, parameters, { env, cwd, values });
if (nearest) rmSync(nearest, { recursive: true, force: true });
if (error) console.error(`${program} could not be started: ${error.message}`);
if (signal) console.error(`${program} was ended by ${signal}`);
if (shared) await give(env.YARN_CACHE_FOLDER, taken);
const declared = yarn !== 'npm' || status !== 0 || !env.BACKSTAGE_BUILD_YARN_HASH || isDeclared(env.BACKSTAGE_BUILD_YARN, env.BACKSTAGE_BUILD_YARN_HASH);
// Set, not exited with: what is printed last may still be on its way.
process.exitCode = declared ? status ?? 1 : 1;
