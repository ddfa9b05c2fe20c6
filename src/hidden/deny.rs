//! The deny-list: what no build sees, and what a build file must not name.
//!
//! It judges by names: a build has to decide before it sees a file. What it hides is never sent, so that neither an image nor a
//! build step nor an exported cache can hold it, whoever asks: a workspace, `files` or a folder of the catalog.

use std::sync::LazyLock;

use buildkit_frontend::files::PatternMatcher;
use buildkit_frontend::path::ContextPath;

/// Names that nobody's build may see, of files and of folders with all that is in them: secrets and credentials.
///
/// Sources of this list and the next two: backstage/backstage #15274 (`app-config.local.yaml` built in), #16520 (GitHub App key
/// file), #3457 (npm token in the container); create-app's own `.gitignore` (`*.local.yaml`, `*-credentials.yaml`, `.env*`);
/// GitHub names App keys `*.private-key.pem`, Google's keys of service accounts hold these words, and ssh-keygen, certbot,
/// Terraform, `aws`, `kubectl` and `docker login` write the others.
const NAMES: [&str; 13] = [
    ".npmrc",
    ".yarnrc",
    ".netrc",
    ".pgpass",
    ".git-credentials",
    ".ssh",
    ".aws",
    ".kube",
    ".docker/config.json",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
];

/// What such names end in. Of `*.pem` only those that say that they are keys: certificates and bundles of them are `*.pem` as
/// well, and builds and backends need those.
const ENDINGS: [&str; 11] = [
    ".env",
    ".local.yaml",
    ".local.yml",
    "-credentials.yaml",
    "-credentials.yml",
    ".key",
    "key.pem",
    ".p12",
    ".pfx",
    ".jks",
    ".keystore",
];

/// Such names with something in between.
const SHAPES: [&str; 5] = [".env*", "*credentials*.json", "*service*account*.json", "*priv*.pem", "*.tfstate*"];

/// A checkout's own data, which git creates in lower case everywhere. Beside secrets in its configuration it is all history.
const CHECKOUT: &str = "**/.git";

/// Names that the list's patterns match and that hold nothing secret: forms to fill in. An exception for all of a tree cannot be
/// sent: with a wildcard in an exception BuildKit's client walks through all of `node_modules`. So a folder loses them, and who
/// names one gets it.
const EXAMPLES: [&str; 4] = [".env.example", ".env.sample", ".env.template", ".env.dist"];

/// Settings of Yarn, which may hold credentials: runs of Yarn see those of the repository's root, and no tree has any.
pub const SETTINGS: &str = "**/.yarnrc.yml";

/// What hides a path, in the words of messages and as patterns.
///
/// Names are hidden in any case, since file systems of laptops take `ID_RSA` and `id_rsa` for the same. The client tries each
/// pattern on each of its files, so all but the shapes are written out in the spellings that people use: as plain text, one costs
/// it a small part of a regexp, which a class for each letter would be (with github.com/moby/patternmatcher 0.6.1 such a list took
/// twice as long as this one).
static DENY: LazyLock<Vec<(String, Vec<String>)>> = LazyLock::new(|| {
    let written =
        |prefix: &str, text: &str| spellings(text).into_iter().map(|text| format!("{prefix}{text}")).collect();
    let shapes = SHAPES.iter().map(|shape| ((*shape).to_owned(), vec![format!("**/{}", in_any_case(shape))]));
    let names = NAMES.iter().map(|name| ((*name).to_owned(), written("**/", name)));
    let endings = ENDINGS.iter().map(|ending| (format!("*{ending}"), written("**", ending)));
    shapes.chain(names).chain(endings).chain([(".git".to_owned(), vec![CHECKOUT.to_owned()])]).collect()
});

/// A text in lower case, in capitals, with a capital at the start of each word, and with one at the start.
fn spellings(text: &str) -> Vec<String> {
    let capitals = |each_word: bool| {
        let (mut in_word, mut words) = (false, 0_usize);
        let spelled = text.chars().map(|c| {
            let starts = c.is_ascii_lowercase() && !std::mem::replace(&mut in_word, c.is_ascii_alphanumeric());
            in_word = c.is_ascii_alphanumeric();
            words = words.saturating_add(usize::from(starts));
            if starts && (each_word || words == 1) { c.to_ascii_uppercase() } else { c }
        });
        spelled.collect::<String>()
    };
    let mut all = vec![text.to_owned(), text.to_ascii_uppercase(), capitals(true), capitals(false)];
    all.dedup();
    all
}

/// A pattern that matches a name in upper and lower case.
fn in_any_case(name: &str) -> String {
    let mut pattern = String::new();
    for c in name.chars() {
        match c {
            c if c.is_ascii_lowercase() => pattern.extend(['[', c, c.to_ascii_uppercase(), ']']),
            c => pattern.push(c),
        }
    }
    pattern
}

/// The patterns of the list, as a client takes them.
pub fn deny_patterns() -> impl Iterator<Item = String> {
    DENY.iter().flat_map(|(_, patterns)| patterns.iter().cloned())
}

/// Whether the list matches a path in any case, be it an exception or not.
pub(crate) fn is_matched(path: &ContextPath) -> bool {
    static MATCHER: LazyLock<Option<PatternMatcher>> =
        LazyLock::new(|| PatternMatcher::new(&deny_patterns().collect::<Vec<_>>()).ok());
    // Our own patterns are patterns; were they not, hiding is the safe answer. The lower case is among the spellings.
    MATCHER.as_ref().is_none_or(|deny| deny.matches(&path.as_str().to_ascii_lowercase()))
}

/// Whether the list hides a path that somebody names.
pub fn is_denied(path: &ContextPath) -> bool {
    is_matched(path) && (!is_exception(path.name()) || is_matched(&path.parent()))
}

/// Whether a file of this name holds nothing secret, though the list's patterns match it.
fn is_exception(name: &str) -> bool {
    // A public key is no secret, whatever it ends in.
    let is_public = || words(name).any(|word| ["public", "pub", "pubkey"].contains(&word.as_str()));
    EXAMPLES.contains(&name) || (name.ends_with(".pem") && is_public() && !name.contains("priv"))
}

/// Whether a path may never be put into an image: what the deny-list hides, and `.yarnrc.yml`, which an install needs but
/// which may hold credentials.
pub fn is_secret(path: &ContextPath) -> bool {
    is_denied(path) || matches(&[SETTINGS], path.as_str())
}

/// Names of folders that hold what a template is filled in from.
const TEMPLATE_FOLDERS: [&str; 4] = ["content", "skeleton", "template", "templates"];

/// Whether a path lies below a template's content. What hides there is a file of the repositories that are made from it, a
/// `.npmrc` or an example of local settings: a folder is copied without it, and a build file may name it.
pub fn is_template_content(path: &ContextPath) -> bool {
    let folders = path.parent().with_parents().filter(|dir| TEMPLATE_FOLDERS.contains(&dir.name()));
    folders.into_iter().any(|dir| !is_matched(&dir))
}

/// The line of the list that hides a path.
pub fn denied_by(path: &ContextPath) -> Option<&'static str> {
    let lower = path.as_str().to_ascii_lowercase();
    let hides = |pattern: &String| matches(&[pattern], &lower);
    let line = DENY.iter().find(|(_, patterns)| is_denied(path) && patterns.iter().any(hides));
    line.map(|(name, _)| name.as_str())
}

/// Whether a list of our own matches a path.
pub(crate) fn matches(patterns: &[&str], path: &str) -> bool {
    let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
    // Our own patterns are patterns; were they not, hiding is the safe answer.
    PatternMatcher::new(&patterns).map_or(true, |matcher| matcher.matches(path))
}

/// Words that a secret's name has, wherever they stand in it.
const SECRET_WORDS: [&str; 20] = [
    "apikey",
    "apikeys",
    "accesskey",
    "cred",
    "creds",
    "credential",
    "credentials",
    "kubeconfig",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "privatekey",
    "privkey",
    "pwd",
    "secret",
    "secrets",
    "serviceaccount",
    "token",
    "tokens",
];
/// Words that make a secret of a key.
const KEY_WORDS: [&str; 8] = ["access", "api", "client", "encryption", "private", "session", "signing", "ssh"];
/// Words of a directory in which secrets are mounted or kept.
const SECRET_FOLDERS: [&str; 4] = ["secret", "secrets", "credential", "credentials"];
/// Endings of documents, code and pictures: what is about secrets is none.
const PLAIN: [&str; 16] = [
    "css", "gif", "graphql", "html", "jpeg", "jpg", "js", "md", "mdx", "png", "proto", "rego", "sql", "svg", "ts",
    "xml",
];
/// Words of certificates, which are public.
const PUBLIC_PEM: [&str; 12] = [
    "bundle",
    "ca",
    "cacert",
    "cacerts",
    "cert",
    "certs",
    "certificate",
    "certificates",
    "chain",
    "fullchain",
    "pub",
    "public",
];

/// Whether a file that a config names by `$file` or `$include` looks like a secret. That is how Backstage reads secrets that are
/// mounted when the container starts, so the name is taken at its word, more readily than the deny-list does: what a config
/// names can still be had by naming it in the build file, and each such file is told. What plainly is a document goes in.
pub fn looks_secret(path: &ContextPath) -> bool {
    let (mut folders, name) = (path.parent().with_parents(), path.name());
    if folders.any(|dir| words(dir.name()).any(|word| SECRET_FOLDERS.contains(&word.as_str()))) {
        return true;
    }
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    if PLAIN.contains(&ending.as_str()) || name.to_ascii_lowercase().ends_with(".schema.json") {
        return false;
    }
    let words: Vec<String> = words(name).collect();
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let is_key = words.iter().any(|word| word == "key" || word == "keys") && has(&KEY_WORDS);
    // Of a PEM only a name tells whether it is a key or a certificate.
    (ending == "pem" && !has(&PUBLIC_PEM)) || is_key || has(&SECRET_WORDS)
}

/// The words of a name in lower case: `githubClientSecret.txt` has four.
fn words(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut before = '.';
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.into_iter().filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> ContextPath {
        ContextPath::new(text).unwrap()
    }

    #[test]
    fn what_real_repositories_hold_is_hidden() {
        for name in [
            ".env",
            ".env.production",
            ".envrc",
            "prod.env",
            "Prod.ENV",
            "app-config.local.yaml",
            "app-config.local.yml",
            "github-app-acme-credentials.yaml",
            "credentials.json",
            "gcp-Credentials-prod.json",
            "service-account.json",
            "serviceAccountKey.json",
            "my_service_account.json",
            ".npmrc",
            ".netrc",
            ".pgpass",
            ".git-credentials",
            ".git",
            ".git/config",
            ".ssh/known_hosts",
            ".aws/credentials",
            ".kube/config",
            ".docker/config.json",
            "id_rsa",
            "ID_RSA",
            "id_dsa",
            "id_ecdsa",
            "id_ed25519",
            "tls.key",
            "key.pem",
            "server-key.pem",
            "privkey1.pem",
            "app.private-key.pem",
            "private.pem",
            "terraform.tfstate.1.backup",
            "store.p12",
            "store.pfx",
            "store.JKS",
            "release.keystore",
            "terraform.tfstate",
            "terraform.tfstate.backup",
            ".yarnrc",
            "private-public-key.pem",
        ] {
            for dir in ["", "packages/backend/", "catalog/a/b/"] {
                let path = path(&format!("{dir}{name}"));
                assert!(is_denied(&path) && is_secret(&path), "{path}");
                assert!(denied_by(&path).is_some(), "{path}");
            }
        }
    }

    #[test]
    fn what_only_looks_alike_is_not() {
        for name in [
            "environment.ts",
            "env.ts",
            "env.d.ts",
            "key.ts",
            "keys.json",
            "ca.pem",
            "ca-bundle.pem",
            "cert.pem",
            "rds-combined-ca-bundle.pem",
            "global-bundle.pem",
            "id_rsa.pub",
            "docker/config.json",
            ".docker/Dockerfile",
            ".gitignore",
            ".github/workflows/ci.yaml",
            "local.yaml",
            "credentials.ts",
            "serviceAccount.ts",
            ".yarnrc.yml",
            "monkey.txt",
            "kubernetes/config",
            "main.tf",
            "service-account.yaml",
        ] {
            assert!(!is_denied(&path(name)), "{name}");
            assert!(!is_matched(&path(name)), "{name}");
        }
        // Who names them gets them; a folder loses them.
        for name in
            [".env.example", "a/.env.sample", ".env.template", ".env.dist", "keys/public-key.pem", "jwt.pub.key.pem"]
        {
            assert!(!is_denied(&path(name)) && is_matched(&path(name)), "{name}");
        }
        assert!(is_denied(&path(".ssh/.env.example")));
        assert!(is_secret(&path("a/.yarnrc.yml")));
    }

    #[test]
    fn the_client_hides_the_spellings_that_people_use() {
        let sent = PatternMatcher::new(&deny_patterns().collect::<Vec<_>>()).unwrap();
        for name in [
            "id_rsa",
            "ID_RSA",
            "Id_Rsa",
            "Id_rsa",
            "a/Prod.ENV",
            "a/Prod.Env",
            ".Env.Local",
            ".ENV",
            ".NPMRC",
            ".SSH/x",
            "x.Key",
            "App-Config.Local.Yaml",
            "APP-CONFIG.LOCAL.YAML",
            "Credentials.JSON",
            "serviceAccount.json",
            ".DOCKER/CONFIG.JSON",
            "Server-Key.pem",
            "a.P12",
        ] {
            assert!(sent.matches(name), "{name}");
            assert!(is_denied(&path(name)), "{name}");
        }
        assert!(!sent.matches(".yarnrc.yml") && !sent.matches("src/keys.ts"));
        assert_eq!(spellings(".docker/x1"), [".docker/x1", ".DOCKER/X1", ".Docker/X1", ".Docker/x1"]);
        assert_eq!(spellings(".p12"), [".p12", ".P12"]);
        // As many as the client matches without being noticed.
        assert!(deny_patterns().count() < 100);
    }

    #[test]
    fn content_of_templates_can_be_named() {
        for name in ["templates/node/skeleton/.npmrc", "examples/template/content/a/.env", "x/skeleton/.ssh/config"] {
            assert!(is_template_content(&path(name)), "{name}");
        }
        for name in [".npmrc", "skeleton", "packages/backend/.env", ".ssh/skeleton/id_rsa", "skeletons/.npmrc"] {
            assert!(!is_template_content(&path(name)), "{name}");
        }
    }

    #[test]
    fn what_a_config_names_is_taken_at_its_word() {
        for name in [
            "secrets/github-client-id",
            "config/Secrets/x.md",
            "my-secrets.json",
            "token.txt",
            "githubToken",
            "db_password",
            "DB_PASSWORD.txt",
            "jwt-private-key.txt",
            "signing.key.txt",
            "session-key",
            "apiKey",
            "tls/server.pem",
            "kubeconfig",
            "run/credentials/x",
            "serviceaccount.yaml",
        ] {
            assert!(looks_secret(&path(name)), "{name}");
        }
        for name in [
            "docs/token-usage.md",
            "schemas/token.schema.json",
            "sql/reset-passwords.sql",
            "certs/ca.pem",
            "rds-ca-bundle.pem",
            "public-key.pem",
            "keys/public.txt",
            "clusters.yaml",
            "keyboard.json",
            "tokenizer.json",
            "packages/design-tokens/a.json",
            "app-config.extra.yaml",
            "server.crt",
        ] {
            assert!(!looks_secret(&path(name)), "{name}");
        }
    }

    proptest! {
        /// Case makes no difference for who names a file.
        #[test]
        fn any_case_is_hidden(
            name in prop::sample::select(vec![
                "id_rsa", "prod.env", ".ssh/x", ".docker/config.json", "a.private-key.pem", "x.tfstate.1", "my-credentials-1.json",
                "key2.pem", "readme.md", "src/index.ts",
            ]),
            upper in prop::collection::vec(any::<bool>(), 24),
        ) {
            let other: String = name
                .chars()
                .zip(upper)
                .map(|(c, upper)| if upper { c.to_ascii_uppercase() } else { c })
                .collect();
            prop_assert_eq!(is_denied(&path(&other)), is_denied(&path(name)), "{}", other);
        }
    }
}
