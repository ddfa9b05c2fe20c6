//! The helpers that steps mount (`src/plan/assets`), run as a step runs them: with secrets as files, and nothing else.
//!
//! Needs node and a POSIX shell; says so and passes otherwise. `BACKSTAGE_BUILD_YARN_TEST=/path/to/yarn.cjs` has Yarn
//! itself read what the wrapper wrote.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;

/// A folder in the place of a container: secrets, a home, and a Yarn that only tells what it was given.
struct Step {
    dir: TempDir,
}

const TELLS: &str = "const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const file = `${process.env.HOME}/.yarnrc.yml`;
const rc = existsSync(file) ? readFileSync(file, 'utf8') : '';
// Not printed: what a step prints shows no secrets.
writeFileSync(`${process.env.HOME}.json`, JSON.stringify({ rc, env: process.env, args: process.argv.slice(2) }));
";

impl Step {
    fn with(secrets: &[(&str, &str)]) -> Self {
        let step = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(step.at("secrets")).unwrap();
        for (id, text) in secrets {
            std::fs::write(step.at("secrets").join(id), text).unwrap();
        }
        let here = |name: &str| {
            let text = std::fs::read_to_string(asset(name)).unwrap();
            let text = text.replace("/tmp/", &format!("{}/", step.dir.path().display()));
            let text = text.replace("/run/secrets", step.at("secrets").to_str().unwrap());
            let text = text.replace("/build/repo", step.at("repo").to_str().unwrap());
            text.replace("/cache/yarn", step.at("shared").to_str().unwrap())
        };
        std::fs::create_dir_all(step.at("repo")).unwrap();
        for name in ["yarn", "cache", "filter", "proxy", "registries", "release"] {
            let name = format!("{name}.mjs");
            std::fs::write(step.at(&name), here(&name)).unwrap();
        }
        for name in ["shell.sh", "packages.sh"] {
            std::fs::write(step.at(name), format!("{}{}", here("ca.sh"), here(name))).unwrap();
        }
        std::fs::write(step.at("tells.cjs"), TELLS).unwrap();
        step
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, program: &str, args: &[&str], env: &[(&str, &str)]) -> Output {
        self.run_in(".", program, args, env)
    }

    fn run_in(&self, dir: &str, program: &str, args: &[&str], env: &[(&str, &str)]) -> Output {
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new(program);
        command.current_dir(self.at(dir)).args(args).env_clear().env("PATH", path).env("HOME", self.at("home"));
        command.envs(env.iter().copied()).output().unwrap()
    }

    /// What the wrapper gives to Yarn, and what it says itself.
    fn yarn(&self, env: &[(&str, &str)]) -> (Value, String) {
        let output = self.run("node", &["yarn.mjs", "tells.cjs", "install"], env);
        let said = String::from_utf8(output.stderr).unwrap();
        let told = std::fs::read(self.at("home.json")).unwrap_or_else(|_| panic!("{said}"));
        (serde_json::from_slice(&told).unwrap(), said)
    }

    fn rc(&self) -> String {
        self.yarn(&[]).0["rc"].as_str().unwrap().to_owned()
    }
}

fn asset(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/plan/assets").join(name)
}

fn has_node() -> bool {
    let found = Command::new("node").arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: there is no node");
    }
    found
}

/// `jane:pass word`, as HTTP wants it.
const JANE: &str = "amFuZTpwYXNzIHdvcmQ=";

#[test]
fn logins_of_an_npmrc() {
    if !has_node() {
        return;
    }
    let registry = "//npm.example.com/api/npm/all";
    for (npmrc, wanted) in [
        // Azure and Artifactory write a password in base64.
        (
            format!(
                "{registry}/:username=jane\r\n{registry}/:_password=cGFzcyB3b3Jk\r\n{registry}/:email=j@example.com\r\n"
            ),
            format!("npmAuthIdent: \"{JANE}\""),
        ),
        (
            format!("{registry}/:_password=\"cGFzcyB3b3Jk\"\n{registry}/:username=jane\n"),
            format!("npmAuthIdent: \"{JANE}\""),
        ),
        (format!("{registry}/:_auth={JANE}\n"), format!("npmAuthIdent: \"{JANE}\"")),
        // As older Artifactory does: for the registry of the file.
        (
            format!("_auth = {JANE}\nalways-auth = true\nregistry=https:{registry}/\n"),
            format!("npmAuthIdent: \"{JANE}\""),
        ),
        (format!("{registry}/:_authToken=abc\n"), "npmAuthToken: \"abc\"".to_owned()),
    ] {
        let mut wanted = format!("npmRegistries:\n  \"{registry}\":\n    {wanted}\n    npmAlwaysAuth: true\n");
        if npmrc.contains("registry=") {
            wanted += &format!("npmRegistryServer: \"https:{registry}\"\n");
        }
        assert_eq!(Step::with(&[("npmrc", &npmrc)]).rc(), wanted, "{npmrc}");
    }
    // Half a login is none.
    assert_eq!(Step::with(&[("npmrc", &format!("{registry}/:username=jane\n"))]).rc(), "");
}

/// What `.yarnrc.yml` says, as a step is told it.
fn told_registries(step: &Step, default: &str, scope: &str, token: &[&str]) -> String {
    let text = format!("npmRegistryServer: \"{default}\"\nnpmScopes:\n  s:\n    npmRegistryServer: \"{scope}\"\n");
    std::fs::write(step.at("repo/.yarnrc.yml"), text).unwrap();
    serde_json::json!({"default": default, "scopes": {"s": scope}, "token": token}).to_string()
}

#[test]
fn the_token_is_for_the_registry_that_the_repository_names() {
    if !has_node() {
        return;
    }
    let step = Step::with(&[("npm_token", "t0ken")]);
    let (own, other) = ("https://npm.corp/all", "https://other.example");
    let registries = told_registries(&step, own, other, &[]);
    let variables = [("BACKSTAGE_BUILD_REGISTRIES", &*registries), ("BACKSTAGE_BUILD_VARIABLES", "X_TOKEN OTHER_AUTH")];
    let (told, said) = step.yarn(&variables);
    assert_eq!(
        told["rc"],
        format!("npmRegistries:\n  \"{own}\":\n    npmAuthToken: \"t0ken\"\n    npmAlwaysAuth: true\n")
    );
    assert!(said.contains("--secret id=X_TOKEN,env=X_TOKEN --secret id=OTHER_AUTH,env=OTHER_AUTH"), "{said}");
    assert!(!told["env"].to_string().contains("t0ken"), "{:#}", told["env"]);
    assert_eq!(told["env"]["X_TOKEN"], "");
    // The build file's registry comes first.
    let (told, _) = step.yarn(&[variables[0], ("YARN_NPM_REGISTRY_SERVER", "https://set.example/")]);
    assert!(told["rc"].as_str().unwrap().contains("\"https://set.example\":\n    npmAuthToken"), "{told:#}");
    assert_eq!(told["rc"].as_str().unwrap().matches("t0ken").count(), 1);

    // A file that uses it by its name says where it goes, and it goes nowhere else.
    let step = Step::with(&[("npm_token", "t0ken")]);
    let registries = told_registries(&step, own, other, &["NPM_TOKEN"]);
    let (told, said) =
        step.yarn(&[("BACKSTAGE_BUILD_REGISTRIES", &registries), ("BACKSTAGE_BUILD_VARIABLES", "NPM_TOKEN")]);
    assert_eq!((&told["rc"], &told["env"]["NPM_TOKEN"]), (&"".into(), &"t0ken".into()), "{said}");
    let npmrc = "//b.example/:_authToken=${NPM_TOKEN}\n";
    let (told, _) = Step::with(&[("npmrc", npmrc), ("npm_token", "t0ken")]).yarn(&[]);
    assert_eq!(
        told["rc"],
        "npmRegistries:\n  \"//b.example\":\n    npmAuthToken: \"t0ken\"\n    npmAlwaysAuth: true\n"
    );
}

#[test]
fn a_variable_is_its_own_secret_and_no_other() {
    if !has_node() {
        return;
    }
    let npmrc = "//a.example/:_authToken=${ANY}\n//b.example/:_authToken=${OWN}\n";
    let (told, said) = Step::with(&[("npmrc", npmrc), ("npm_token", "t0ken"), ("own", "theirs")]).yarn(&[]);
    let rc = told["rc"].as_str().unwrap();
    assert!(rc.contains("\"//b.example\":\n    npmAuthToken: \"theirs\"") && !rc.contains("a.example"), "{rc}");
    assert!(rc.contains("\"https://registry.yarnpkg.com\":\n    npmAuthToken: \"t0ken\""), "{rc}");
    assert!(said.contains("the secret npmrc uses ${ANY}") && said.contains("install.secrets"), "{said}");
}

#[test]
fn a_login_at_the_top_is_for_the_host_of_the_registry() {
    if !has_node() {
        return;
    }
    for (scope, count) in [("https://npm.corp/scope", 2), ("https://other.example", 1), ("https://npm.corp.example", 1)]
    {
        let step = Step::with(&[("X_TOKEN", "t0ken")]);
        let registries = told_registries(&step, "https://npm.corp/all", scope, &[]);
        let file = step.at("repo/.yarnrc.yml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{text}npmAuthToken: \"${{X_TOKEN}}\" # ours\n# npmAuthToken: none\n")).unwrap();
        let (told, _) =
            step.yarn(&[("BACKSTAGE_BUILD_REGISTRIES", &registries), ("BACKSTAGE_BUILD_VARIABLES", "X_TOKEN")]);
        assert_eq!(told["rc"].as_str().unwrap().matches("npmAuthToken: \"t0ken\"").count(), count, "{told:#}");
        // In the environment it would win over the file's, for every registry.
        assert_eq!(told["env"]["YARN_NPM_AUTH_TOKEN"], "");
        let step = Step::with(&[("yarnrc", "npmAuthToken: t0ken\nenableTelemetry: false\n")]);
        let registries = told_registries(&step, "https://npm.corp/all", scope, &[]);
        let rc = step.yarn(&[("BACKSTAGE_BUILD_REGISTRIES", &registries)]).0["rc"].as_str().unwrap().to_owned();
        assert_eq!(rc.matches("npmAuthToken: \"t0ken\"").count(), count, "{rc}");
        assert!(!rc.starts_with("npmAuthToken"), "{rc}");
    }
}

#[test]
fn addresses_lose_their_logins() {
    if !has_node() {
        return;
    }
    let step = Step::with(&[("PASSWORD", "pass word")]);
    let url = "http://jane:${PASSWORD}@npm.corp/all";
    let mut registries = told_registries(&step, url, "https://jo:plain%21pw@other.example/", &[]);
    registries = registries.replace("jane:${PASSWORD}@", "").replace("jo:plain%21pw@", "");
    let (told, _) =
        step.yarn(&[("BACKSTAGE_BUILD_REGISTRIES", &registries), ("BACKSTAGE_BUILD_VARIABLES", "PASSWORD")]);
    let rc = told["rc"].as_str().unwrap();
    assert!(rc.contains(&format!("\"http://npm.corp/all\":\n    npmAuthIdent: \"{JANE}\"")), "{rc}");
    assert!(rc.contains("npmRegistryServer: \"http://npm.corp/all\"\n"), "{rc}");
    assert!(rc.contains("npmAuthIdent: \"am86cGxhaW4hcHc=\""), "{rc}");
    assert!(rc.contains("  \"s\":\n    npmRegistryServer: \"https://other.example\"\n"), "{rc}");
    assert_eq!(told["env"]["npm_config_registry"], "http://npm.corp/all");
    // A variable may be all of an address; secrets hold addresses as well.
    let step = Step::with(&[
        ("REGISTRY", "http://jane:pass%20word@npm.corp"),
        ("yarnrc", "npmScopes:\n  t: {npmRegistryServer: 'https://x:y0y0@third.example'}\n"),
        ("npmrc", "@s:registry=https://jo:plain%21pw@other.example/\n"),
    ]);
    let (told, _) = step.yarn(&[
        ("BACKSTAGE_BUILD_REGISTRIES", r#"{"default":"${REGISTRY}"}"#),
        ("BACKSTAGE_BUILD_VARIABLES", "REGISTRY"),
    ]);
    let rc = told["rc"].as_str().unwrap();
    assert!(rc.contains(&format!("\"http://npm.corp\":\n    npmAuthIdent: \"{JANE}\"")), "{rc}");
    assert!(!rc.contains("@other") && !rc.contains("@third") && !rc.contains("@npm"), "{rc}");
    assert!(rc.contains("third.example\":\n    npmAuthIdent: \"eDp5MHkw\""), "{rc}");
}

#[test]
fn what_a_step_prints_shows_no_secret() {
    if !has_node() {
        return;
    }
    let secrets = [
        ("npm_token", "t0ken-of-ours"),
        ("npmrc", "//b/:_auth=amFuZTpwYXNzIHdvcmQ=\n"),
        ("key", "line one 1\nline two 2\n"),
    ];
    let step = Step::with(&secrets);
    let program = "const say = text => new Promise(done => process.stdout.write(text, () => setTimeout(done, 30)));
        (async () => {
            for (const part of ['a t0ken', '-of-', 'ours b t0ken-of-nobody \\u001b[31mé\\u001b[0m ', 'pass%20w', 'ord ', 'amFuZTpwYXNzIHdvcmQ= ', 'pass word ', 'line two 2 ',
                Buffer.from('t0ken-of-ours').toString('base64'), ' pw0rd of a proxy ', 't0ken-o']) await say(part);
            process.stderr.write('t0ken-of-ours\\n');
            process.exitCode = 7;
        })();";
    std::fs::write(step.at("says.cjs"), program.replace("\\\\", "\\")).unwrap();
    let proxy = ("HTTPS_PROXY", "http://me:pw0rd@proxy:3128");
    let output = step.run("node", &["yarn.mjs", "says.cjs"], &[proxy]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(shown, "a *** b t0ken-of-nobody \u{1b}[31mé\u{1b}[0m *** *** *** *** *** *** of a proxy t0ken-o");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "***\n");
    assert_eq!(output.status.code(), Some(7));
    // A program that is ended by a signal fails the step.
    std::fs::write(step.at("dies.cjs"), "process.kill(process.pid, 'SIGKILL')").unwrap();
    let output = step.run("node", &["yarn.mjs", "dies.cjs"], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("SIGKILL"));
}

/// Every way to cut a text into two: what is replaced does not depend on it.
#[test]
fn a_secret_across_chunks_is_replaced() {
    if !has_node() {
        return;
    }
    let step = Step::with(&[]);
    let check = "import { Filter } from './filter.mjs';
        const text = 'x abcdef abcd abcdefgh aabcdefgh abcdabcdefgh é abc';
        const whole = new Filter(['abcd', 'abcdefgh', 'é abcz']);
        const wanted = Buffer.concat([whole.push(Buffer.from(text)), whole.end()]).toString();
        const bytes = Buffer.from(text);
        for (let i = 0; i <= bytes.length; i += 1) for (let j = i; j <= bytes.length; j += 1) {
            const filter = new Filter(['abcd', 'abcdefgh', 'é abcz']);
            const parts = [bytes.subarray(0, i), bytes.subarray(i, j), bytes.subarray(j)].map(part => filter.push(part));
            const found = Buffer.concat([...parts, filter.end()]).toString();
            if (found !== wanted) throw new Error(`${i} ${j} ${found}`);
        }
        const none = new Filter(['', 'ab']);
        if (none.push(Buffer.from('ab')).toString() + none.end() !== 'ab') throw new Error('short');
        console.log(wanted);";
    std::fs::write(step.at("check.mjs"), check).unwrap();
    let output = step.run("node", &["check.mjs"], &[]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "x ***ef *** *** a*** ****** é abc\n", "{output:?}");
}

#[test]
fn hosts_without_a_proxy_are_told_to_yarn() {
    if !has_node() {
        return;
    }
    let proxies = ("HTTPS_PROXY", "http://me:pw0rd@proxy:3128");
    let rc = |no: &str, default: &str| {
        let step = Step::with(&[]);
        std::fs::write(
            step.at("repo/yarn.lock"),
            "  resolution: \"a@npm:1.0.0::__archiveUrl=https%3A%2F%2F10.1.2.3%3A8443%2Fa.tgz\"\n",
        )
        .unwrap();
        let registries = serde_json::json!({ "default": default }).to_string();
        let (told, _) = step.yarn(&[proxies, ("NO_PROXY", no), ("BACKSTAGE_BUILD_REGISTRIES", &registries)]);
        let hosts: Vec<String> = told["rc"]
            .as_str()
            .unwrap()
            .lines()
            .skip(1)
            .map(|line| line.trim().replace(": {httpProxy: \"\", httpsProxy: \"\"}", ""))
            .collect();
        (hosts.join(" "), told["env"]["YARN_HTTPS_PROXY"].clone())
    };
    let kept = Value::from(proxies.1);
    for (no, default, wanted) in [
        ("", "https://npm.corp", ""),
        ("corp", "https://npm.corp", r#""*.corp" "corp""#),
        (".Corp, *.example other", "https://npm.corp", r#""*.corp" "*.example" "*.other" "corp" "example" "other""#),
        ("corp:443,corp:8080", "https://npm.corp", r#""npm.corp""#),
        ("corp:80", "https://npm.corp", ""),
        ("corp:80", "http://npm.corp", r#""npm.corp""#),
        ("corp:8080", "https://npm.corp:8080/x", r#""npm.corp""#),
        ("10.0.0.0/8", "https://npm.corp", r#""10.1.2.3""#),
        ("10.1.2.3:8443,10.1.2.4/32,999.0.0.0/8,a/b", "https://10.1.2.4", r#""10.1.2.3" "10.1.2.4""#),
        ("127.0.0.1,::1,[::1]", "https://npm.corp", r#""127.0.0.1" "\\[::1\\]""#),
    ] {
        assert_eq!(rc(no, default), (wanted.to_owned(), kept.clone()), "{no}");
    }
    assert_eq!(rc("corp,*", "https://npm.corp"), (String::new(), Value::Null));
}

#[test]
fn a_fetched_yarn_is_the_one_that_is_declared() {
    if !has_node() {
        return;
    }
    let step = Step::with(&[]);
    std::fs::create_dir(step.at("bin")).unwrap();
    std::fs::write(step.at("bin/npm"), "#!/bin/sh\nprintf yarn >\"$BACKSTAGE_BUILD_YARN\"\n").unwrap();
    assert!(Command::new("chmod").arg("+x").arg(step.at("bin/npm")).status().unwrap().success());
    let path = format!("{}:{}", step.at("bin").display(), std::env::var("PATH").unwrap());
    let fetched = step.at("yarn.js").display().to_string();
    let run = |hash: &str| {
        let env = [("PATH", &*path), ("BACKSTAGE_BUILD_YARN", &*fetched), ("BACKSTAGE_BUILD_YARN_HASH", hash)];
        step.run("node", &["yarn.mjs", "npm", "install"], &env)
    };
    // printf yarn | sha1sum
    assert!(run("sha1.d19a2519b1c9fee4c6b5f01dc492350db888039a").status.success());
    let other = run("sha1.d19a2519b1c9fee4c6b5f01dc492350db888039b");
    let said = String::from_utf8_lossy(&other.stderr).into_owned();
    assert_eq!(other.status.code(), Some(1));
    assert!(said.contains("packageManager in package.json") && said.contains("  d19a2519"), "{said}");
}

#[test]
fn both_secrets_give_no_key_twice() {
    if !has_node() {
        return;
    }
    let npmrc =
        "//a.example.com/:_authToken=one\n//b.example.com/:_authToken=two\n@acme:registry=https://b.example.com/\n";
    let yarnrc = "npmRegistries:\n    # theirs\n    '//a.example.com/':\n        npmAuthToken: theirs\nnpmScopes:\n  other:\n    npmRegistryServer: https://c.example.com\n";
    let rc = Step::with(&[("npmrc", npmrc), ("yarnrc", yarnrc)]).rc();
    assert_eq!(
        rc,
        "npmRegistries:\n    \"//b.example.com\":\n      npmAuthToken: \"two\"\n      npmAlwaysAuth: true\n    # theirs\n    '//a.example.com/':\n        npmAuthToken: theirs\nnpmScopes:\n  \"acme\":\n    npmRegistryServer: \"https://b.example.com\"\n  other:\n    npmRegistryServer: https://c.example.com\n"
    );
    let one_line = "npmRegistries: {'//a.example.com': {npmAuthToken: theirs}}\n";
    let (told, said) = Step::with(&[("npmrc", npmrc), ("yarnrc", one_line)]).yarn(&[]);
    assert_eq!(told["rc"].as_str().unwrap().matches("npmRegistries").count(), 1);
    assert!(said.contains("the secret yarnrc has npmRegistries in one line"), "{said}");
}

const VARIABLES: [&str; 7] = [
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "SSL_CA_CERT_FILE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
];

/// Lines of a file that only this CA bundle has.
fn holds(file: &str, line: &str) -> bool {
    std::fs::read_to_string(file).is_ok_and(|text| text.lines().any(|other| other == line))
}

#[test]
fn a_line_of_the_users_trusts_the_ca() {
    let line = VARIABLES.map(|name| format!("echo \"${{{name}-unset}}\"")).join("; ");
    let told = |step: &Step, env: &[(&str, &str)]| {
        let output = step.run("/bin/sh", &["-e", "shell.sh", &line], env);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    // Without one nothing changes.
    assert_eq!(told(&Step::with(&[]), &[]), "unset\n".repeat(VARIABLES.len()));
    let step = Step::with(&[("ca", "the secret\n")]);
    let file = step.at("backstage-build-ca.pem").display().to_string();
    assert_eq!(told(&step, &[]), format!("{file}\n").repeat(VARIABLES.len()));
    assert!(holds(&file, "the secret"));
    let step = Step::with(&[]);
    std::fs::write(step.at("named.pem"), "the file").unwrap();
    told(&step, &[("BACKSTAGE_BUILD_CA", step.at("named.pem").to_str().unwrap())]);
    assert!(holds(step.at("backstage-build-ca.pem").to_str().unwrap(), "the file"));
    // A line that fails fails the step, with its own status.
    assert_eq!(step.run("/bin/sh", &["-e", "shell.sh", "false; echo on; exit 0"], &[]).status.code(), Some(1));
    assert_eq!(step.run("/bin/sh", &["-e", "shell.sh", "exit 7"], &[]).status.code(), Some(7));
}

#[test]
fn yarn_trusts_the_ca_beside_others() {
    if !has_node() {
        return;
    }
    let step = Step::with(&[("ca", "the secret\n")]);
    let (told, _) = step.yarn(&[]);
    let env = |name: &str| told["env"][name].as_str().unwrap().to_owned();
    for name in ["YARN_HTTPS_CA_FILE_PATH", "npm_config_cafile", "SSL_CERT_FILE"] {
        assert!(holds(&env(name), "the secret") && holds(&env(name), "-----BEGIN CERTIFICATE-----"), "{name}");
    }
    assert_eq!(env("NODE_EXTRA_CA_CERTS"), step.at("secrets/ca").display().to_string());
    let (told, _) = Step::with(&[]).yarn(&[]);
    assert_eq!(told["env"]["SSL_CERT_FILE"], Value::Null);
}

#[test]
fn package_managers_trust_the_ca() {
    let ran = |manager: &str, secrets: &[(&str, &str)]| {
        let step = Step::with(secrets);
        std::fs::create_dir(step.at("bin")).unwrap();
        let fake = "#!/bin/sh\nfor arg; do printf '%s|' \"$arg\"; done\necho \"$SSL_CERT_FILE\"\n";
        std::fs::write(step.at("bin").join(manager), fake).unwrap();
        for program in ["sh", "rm", "cat", "chmod"] {
            std::os::unix::fs::symlink(format!("/bin/{program}"), step.at("bin").join(program)).unwrap();
        }
        let chmod = Command::new("chmod").arg("+x").arg(step.at("bin").join(manager)).status().unwrap();
        assert!(chmod.success());
        let output =
            step.run("/bin/sh", &["-e", "packages.sh", "a", "b"], &[("PATH", step.at("bin").to_str().unwrap())]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().replace(step.dir.path().to_str().unwrap(), "DIR")
    };
    let ca = [("ca", "x")];
    let file = "DIR/backstage-build-ca.pem";
    let options = "-y|-qq|--no-install-recommends|-o|Dpkg::Options::=--force-unsafe-io|-o|Dpkg::Use-Pty=0|a|b|";
    assert_eq!(ran("apt-get", &[]), format!("update|-qq|\ninstall|{options}\n"));
    let trusted = format!("-o|Acquire::https::CAInfo={file}|");
    assert_eq!(ran("apt-get", &ca), format!("{trusted}update|-qq|{file}\n{trusted}install|{options}{file}\n"));
    assert_eq!(ran("apk", &ca), format!("add|--no-cache|a|b|{file}\n"));
    assert_eq!(
        ran("dnf", &ca),
        format!("install|-y|--setopt=install_weak_deps=False|--setopt=sslcacert={file}|a|b|{file}\n")
    );
    assert_eq!(ran("dnf", &[]), "install|-y|--setopt=install_weak_deps=False|a|b|\n");
}

#[test]
fn yarn_takes_what_the_wrapper_writes() {
    let Ok(yarn) = std::env::var("BACKSTAGE_BUILD_YARN_TEST") else {
        return eprintln!("skipped: BACKSTAGE_BUILD_YARN_TEST is not set");
    };
    let npmrc = "//b.example.com/:username=jane\n//b.example.com/:_password=cGFzcyB3b3Jk\n";
    let yarnrc = "npmRegistries:\n  '//a.example.com':\n    npmAuthToken: theirs\n";
    let step = Step::with(&[("npmrc", npmrc), ("yarnrc", yarnrc)]);
    std::fs::write(step.at("package.json"), "{}").unwrap();
    std::fs::write(step.at("yarn.lock"), "").unwrap();
    let asks = ["config", "get", "npmRegistries", "--json", "--no-redacted"];
    let wrapped = step.run("node", &[&["yarn.mjs", &*yarn], &asks[..]].concat(), &[]);
    assert!(wrapped.status.success() && !String::from_utf8_lossy(&wrapped.stdout).contains("theirs"), "{wrapped:?}");
    // By itself, for what the wrapper prints shows no secrets.
    let output = step.run("node", &[&[&*yarn], &asks[..]].concat(), &[]);
    let settings: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(settings["//a.example.com"]["npmAuthToken"], "theirs", "{settings:#}");
    assert_eq!(settings["//b.example.com"]["npmAuthIdent"], JANE, "{settings:#}");
}

/// Registries that serve `plain`, `@s/scoped` and `native` (for this platform alone) 1.0.0, and what they were asked.
struct Registries {
    ports: [u16; 2],
    seen: Arc<Mutex<Vec<(usize, String, String)>>>,
}

impl Registries {
    fn start(step: &Step) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let archives: BTreeMap<&str, Vec<u8>> = [("plain", ""), ("@s/scoped", ""), ("native", r#","os":["linux"]"#)]
            .map(|(name, more)| {
                let package = step.at("package");
                std::fs::create_dir_all(&package).unwrap();
                let text = format!(r#"{{"name":"{name}","version":"1.0.0"{more}}}"#);
                std::fs::write(package.join("package.json"), text).unwrap();
                std::fs::write(package.join("index.js"), name).unwrap();
                let tar = Command::new("tar").current_dir(step.dir.path()).args(["-czf", "-", "package"]).output();
                (name, tar.unwrap().stdout)
            })
            .into();
        let ports = [0, 1].map(|at| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let (seen, archives) = (Arc::clone(&seen), archives.clone());
            std::thread::spawn(move || {
                for mut stream in listener.incoming().flatten() {
                    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|l| !l.is_empty());
                    let Some(first) = lines.next() else { continue };
                    let authorization = lines.find_map(|line| {
                        let (name, value) = line.split_once(": ")?;
                        name.eq_ignore_ascii_case("authorization").then(|| value.to_owned())
                    });
                    let path = first.split(' ').nth(1).unwrap_or_default().to_lowercase().replace("%2f", "/");
                    seen.lock().unwrap().push((at, path.clone(), authorization.unwrap_or_default()));
                    let name = archives.keys().find(|name| path.contains(**name)).copied().unwrap_or_default();
                    let more = if name == "native" { r#","os":["linux"]"# } else { "" };
                    let file = name.split('/').next_back().unwrap_or_default();
                    let url = format!("http://127.0.0.1:{port}/{name}/-/{file}-1.0.0.tgz");
                    let body = match archives.get(name) {
                        Some(archive) if path.ends_with(".tgz") => archive.clone(),
                        Some(_) => format!(
                            r#"{{"name":"{name}","dist-tags":{{"latest":"1.0.0"}},"time":{{"1.0.0":"2020-01-01T00:00:00Z"}},"versions":{{"1.0.0":{{"name":"{name}","version":"1.0.0"{more},"dist":{{"tarball":"{url}"}}}}}}}}"#
                        )
                        .into_bytes(),
                        None => Vec::new(),
                    };
                    let status = if body.is_empty() { "404 Not Found" } else { "200 OK" };
                    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                    let _ = stream.write_all(&[head.as_bytes(), &body].concat());
                }
            });
            port
        });
        Self { ports, seen }
    }

    /// What was asked since the last time, by path.
    fn asked(&self) -> Vec<(usize, String, String)> {
        let mut asked = std::mem::take(&mut *self.seen.lock().unwrap());
        asked.sort();
        asked
    }
}

/// Yarn itself, with its own requests: which credential goes where, and which archives are taken from a shared cache.
#[test]
fn yarn_sends_each_login_to_its_registry_and_takes_no_archive_unchecked() {
    let yarns: Vec<String> =
        ["BACKSTAGE_BUILD_YARN_TEST", "BACKSTAGE_BUILD_YARN3_TEST"].into_iter().flat_map(std::env::var).collect();
    if yarns.is_empty() {
        return eprintln!("skipped: BACKSTAGE_BUILD_YARN_TEST and BACKSTAGE_BUILD_YARN3_TEST are not set");
    }
    for yarn in yarns {
        let step = Step::with(&[("npm_token", "t0ken-of-ours"), ("PASSWORD", "s3cret-pw")]);
        let registries = Registries::start(&step);
        let [ours, theirs] = registries.ports.map(|port| format!("http://127.0.0.1:{port}"));
        let manifest = r#"{"name":"root","private":true,"dependencies":{"plain":"1.0.0","@s/scoped":"1.0.0"},"optionalDependencies":{"native":"1.0.0"}}"#;
        std::fs::write(step.at("repo/package.json"), manifest).unwrap();
        std::fs::write(step.at("repo/yarn.lock"), "").unwrap();
        let settings = |default: &str| {
            let text = format!(
                "nodeLinker: node-modules\nunsafeHttpWhitelist: ['127.0.0.1']\nnpmRegistryServer: '{default}'\nnpmScopes:\n  s:\n    npmRegistryServer: '{theirs}'\n    npmAuthToken: '${{X_TOKEN}}'\n"
            );
            std::fs::write(step.at("repo/.yarnrc.yml"), text).unwrap();
        };
        settings(&ours);
        let told = serde_json::json!({"default": ours, "scopes": {"s": theirs}}).to_string();
        let (own, global) = (step.at("own").display().to_string(), step.at("global").display().to_string());
        let program = step.at("yarn.mjs").display().to_string();
        let install = |more: &[&str]| {
            let env = [
                ("BACKSTAGE_BUILD_REGISTRIES", &*told),
                ("BACKSTAGE_BUILD_VARIABLES", "X_TOKEN PASSWORD"),
                ("BACKSTAGE_BUILD_CACHE", "shared"),
                ("YARN_CACHE_FOLDER", &own),
                ("YARN_GLOBAL_FOLDER", &global),
                ("YARN_ENABLE_GLOBAL_CACHE", "0"),
                ("YARN_ENABLE_MIRROR", "0"),
                ("YARN_ENABLE_TELEMETRY", "0"),
            ];
            for gone in ["own", "global", "repo/node_modules"] {
                let _ = std::fs::remove_dir_all(step.at(gone));
            }
            let args = [&[&*program, &*yarn, "install"], more].concat();
            let output = step.run_in("repo", "node", &args, &env);
            let said =
                format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            (output.status.success(), said)
        };
        let (passed, said) = install(&["--no-immutable"]);
        assert!(passed, "{said}");
        let asked = registries.asked();
        assert!(asked.iter().any(|(at, ..)| *at == 1) && asked.iter().any(|(at, ..)| *at == 0), "{asked:#?}");
        for (at, path, authorization) in &asked {
            let wanted = if *at == 0 { "Bearer t0ken-of-ours" } else { "" };
            assert_eq!(authorization, wanted, "{path}");
        }
        // What has a checksum is shared, what has none is not.
        let shared = || {
            let files = std::fs::read_dir(step.at("shared/cache")).unwrap();
            let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let names = shared();
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(names[0].starts_with("@s-scoped-npm-1.0.0-") && names[1].starts_with("plain-npm-1.0.0-"), "{names:?}");
        let archive = |name: &str| step.at("shared/cache").join(name);
        let good = std::fs::read(archive(&names[1])).unwrap();

        // Another build poisons one that has a checksum, and lays out one that has none.
        let own_name =
            std::fs::read_dir(step.at("own")).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let native = own_name.into_iter().find(|name| name.starts_with("native-")).unwrap();
        let poison = std::fs::read(archive(&names[0])).unwrap();
        for name in [&names[1], &native] {
            std::fs::write(archive(name), &poison).unwrap();
        }
        let (passed, said) = install(&["--immutable"]);
        assert!(passed && said.contains(&format!("not what yarn.lock has, so fetched anew: {}", names[1])), "{said}");
        let paths: Vec<String> = registries.asked().into_iter().map(|(_, path, _)| path).collect();
        assert_eq!(paths, ["/native/-/native-1.0.0.tgz", "/plain/-/plain-1.0.0.tgz"]);
        for name in ["plain", "native"] {
            let index = step.at(&format!("repo/node_modules/{name}/index.js"));
            assert_eq!(std::fs::read_to_string(index).unwrap(), name);
        }
        assert_eq!(std::fs::read(archive(&names[1])).unwrap(), good);
        // What is no file is no archive.
        std::fs::remove_file(archive(&names[1])).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", archive(&names[1])).unwrap();
        std::fs::remove_file(archive(&names[0])).unwrap();
        std::fs::create_dir(archive(&names[0])).unwrap();
        assert!(install(&["--immutable"]).0);
        registries.asked();
        assert!(install(&["--immutable"]).0);
        let paths: Vec<String> = registries.asked().into_iter().map(|(_, path, _)| path).collect();
        assert_eq!(paths, ["/native/-/native-1.0.0.tgz"]);

        // Nor is what is no folder a cache.
        std::fs::remove_dir_all(step.at("shared/cache")).unwrap();
        std::fs::write(step.at("shared/cache"), "").unwrap();
        assert!(install(&["--immutable"]).0);
        assert_eq!(shared(), names);
        registries.asked();

        // A password in an address: sent, and not shown in Yarn's own error.
        let name = ours.strip_prefix("http://").unwrap();
        settings(&format!("http://jane:${{PASSWORD}}@{name}"));
        let (passed, said) = install(&["--immutable"]);
        assert!(passed, "{said}");
        assert_eq!(registries.asked()[0].2, "Basic amFuZTpzM2NyZXQtcHc=");
        let lock = std::fs::read_to_string(step.at("repo/yarn.lock")).unwrap();
        std::fs::write(step.at("repo/yarn.lock"), lock.replace("native", "nowhere")).unwrap();
        std::fs::write(step.at("repo/package.json"), manifest.replace("native", "nowhere")).unwrap();
        let (passed, said) = install(&["--immutable"]);
        assert!(!passed && said.contains("nowhere") && said.contains(name), "{said}");
        assert!(!said.contains("s3cret-pw") && !said.contains("jane:"), "{said}");
        // Nothing of it stays beside the repository.
        let left =
            std::fs::read_dir(step.at("repo")).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        assert!(left.into_iter().all(|name| !name.starts_with(".backstage-build")));
    }
}
