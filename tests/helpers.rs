//! The helpers that steps mount (`src/plan/assets`), run as a step runs them: with secrets as files, and nothing else.
//!
//! Needs node and a POSIX shell; says so and passes otherwise. `BACKSTAGE_BUILD_YARN_TEST=/path/to/yarn.cjs` has Yarn
//! itself read what the wrapper wrote.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A folder in the place of a container: secrets, a home, and a Yarn that only tells what it was given.
struct Step {
    dir: TempDir,
}

const TELLS: &str = "const { existsSync, readFileSync } = require('node:fs');
const file = `${process.env.HOME}/.yarnrc.yml`;
const rc = existsSync(file) ? readFileSync(file, 'utf8') : '';
console.log(JSON.stringify({ rc, env: process.env, args: process.argv.slice(2) }));
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
            text.replace("/run/secrets", step.at("secrets").to_str().unwrap())
        };
        std::fs::write(step.at("yarn.mjs"), here("yarn.mjs")).unwrap();
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
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new(program);
        command.current_dir(self.dir.path()).args(args).env_clear().env("PATH", path).env("HOME", self.at("home"));
        command.envs(env.iter().copied()).output().unwrap()
    }

    /// What the wrapper gives to Yarn, and what it says itself.
    fn yarn(&self, env: &[(&str, &str)]) -> (Value, String) {
        let output = self.run("node", &["yarn.mjs", "tells.cjs", "install"], env);
        let said = String::from_utf8(output.stderr).unwrap();
        (serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}")), said)
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
        let wanted = format!("\nnpmRegistries:\n  \"{registry}\":\n    {wanted}\n    npmAlwaysAuth: true\n");
        assert_eq!(Step::with(&[("npmrc", &npmrc)]).rc(), wanted, "{npmrc}");
    }
    // Half a login is none.
    assert_eq!(Step::with(&[("npmrc", &format!("{registry}/:username=jane\n"))]).rc(), "");
}

#[test]
fn the_token_stands_in_for_tokens_only() {
    if !has_node() {
        return;
    }
    let npmrc =
        "//${HOST}/:_authToken=${ANY}\n//b/:username=${WHO}\n//b/:_password=${ANY}\nregistry=https://${HOST}/\n";
    let (told, _) = Step::with(&[("npmrc", npmrc), ("npm_token", "t0ken")]).yarn(&[]);
    assert!(told["rc"].as_str().unwrap().contains("npmAuthToken: \"t0ken\""), "{told:#}");
    assert_eq!(told["env"]["YARN_NPM_REGISTRY_SERVER"], "https://");
    assert_eq!(told["rc"].as_str().unwrap().matches("t0ken").count(), 1, "{told:#}");
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
    let output =
        step.run("node", &["yarn.mjs", &yarn, "config", "get", "npmRegistries", "--json", "--no-redacted"], &[]);
    let settings: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(settings["//a.example.com"]["npmAuthToken"], "theirs", "{settings:#}");
    assert_eq!(settings["//b.example.com"]["npmAuthIdent"], JANE, "{settings:#}");
}
