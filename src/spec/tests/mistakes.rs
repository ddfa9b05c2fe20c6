//! Every mistake, with the whole text that a person sees. Read the snapshots when they change: they must be kind.

use super::*;

/// A group of cases as one snapshot: the title of each, then what is shown.
fn cases(group: &str, cases: &[(&str, &str)]) {
    let mut all = String::new();
    for (title, text) in cases {
        all.push_str(&format!("=== {title}\n\n{}\n", shown(text)));
    }
    insta::assert_snapshot!(group, all);
}

#[test]
fn yaml() {
    let bomb = "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nnode: *c\n";
    let deep = format!("node: {}", "[".repeat(40));
    let many = format!("exclude: [{}]", "a,".repeat(30_000));
    cases(
        "yaml",
        &[
            ("a tab", "# syntax=x\nnode: 22\n\tconfig: [a]\n"),
            ("a tab below a key", "runtime:\n\tport: 80\n"),
            ("an alias bomb", bomb),
            ("a merge", "runtime:\n  <<: {port: 80}\n"),
            ("a key twice", "node: 22\nconfig: [a.yaml]\nnode: 24\n"),
            ("a key twice below", "runtime: {port: 80, port: 81}\n"),
            ("two documents", "node: 22\n---\nnode: 24\n"),
            ("a directive", "%YAML 1.2\n---\nnode: 22\n"),
            ("a list", "- node\n- config\n"),
            ("a Dockerfile", "FROM node:22\nRUN yarn\n"),
            ("the other comment", "// syntax=registry.example.com/x:1\n"),
            ("too deep", &deep),
            ("too many", &many),
            ("a star", "exclude: [**/*.stories.tsx, b]\n"),
            ("an exclamation mark", "exclude:\n  - !keep.ts\n"),
            ("a type tag", "node: !!str 22\n"),
            ("an at sign", "install:\n  natives: {@scope/pkg: skip}\n"),
            ("an open bracket", "config: [a.yaml\nfiles: [b]\n"),
            ("an open quote", "node: \"22\nfiles: [b]\n"),
            ("a wrong bracket", "config: [a.yaml}\n"),
            ("a missing comma", "config: [\"a\" \"b\"]\n"),
            ("text after a quote", "backend: \"packages\"/backend\n"),
            ("two colons", "build:\n  command: echo a: b\n"),
            ("no colon", "node 22\nfiles: [b]\n"),
            ("indentation", "runtime:\n  port: 80\n base: slim\n"),
            ("a key that is not indented", "runtime:\nport: 80\n  base: slim\n"),
            ("a list below a value", "config: a\n  - b\n"),
            ("an escape", "exclude: [\"\\d\"]\n"),
            ("a NUL", "runtime:\n  user: \"a\\0\"\n"),
            ("a key that is a list", "[a, b]: c\n"),
            ("no key", ": c\n"),
        ],
    );
}

#[test]
fn keys() {
    cases(
        "keys",
        &[
            ("near", "# syntax=x\nnod: 22\n"),
            ("far", "banana: 22\n"),
            ("case", "sourcemaps: keep\n"),
            ("below", "runtime:\n  prot: 8080\n"),
            ("of another noun", "port: 8080\n"),
            ("in an item", "files: [{form: a}]\n"),
            ("not yet", "techdocs: false\nplugins: []\nstages: {}\nchecks: [boot, audit]\nbuild: {git: true}\n"),
            ("spelt otherwise", "sqlite: false\ninstall: {native: auto, binaryMirror: https://x}\n"),
            ("syntax as a key", "syntax: registry.example.com/x:1\n"),
            ("missing", "files: [{to: a}]\nchecks: [{name: a}]\nconfig: [{as: b}]\n"),
            ("several, in file order", "runtime: {prot: 1}\nnode: [22]\nconfig: a\nnod: 1\nchecks: [typechek]\n"),
        ],
    );
}

#[test]
fn types() {
    cases(
        "types",
        &[
            ("list for scalar", "node: [22]\n"),
            ("mapping for scalar", "backend: {path: a}\n"),
            ("boolean for scalar", "backend: true\n"),
            ("scalar for list", "config: app-config.yaml\n"),
            ("mapping for list", "exclude: {a: b}\n"),
            ("boolean for list", "files: true\n"),
            ("scalar for mapping", "runtime: distroless\n"),
            ("list for mapping", "runtime:\n  - base: slim\n  - port: 80\n"),
            ("text for boolean", "build: {minify: \"true\"}\ninstall: {immutable: yes}\nruntime: {init: tini}\n"),
            ("true for checks", "checks: true\n"),
            ("a name for checks", "checks: typecheck\n"),
            ("scalar for health check", "runtime: {healthcheck: 30s}\n"),
            ("list for variable", "runtime:\n  env:\n    A: [b]\n"),
            ("nothing for variable", "runtime:\n  env:\n    A:\n"),
            ("an empty item", "config:\n  - a.yaml\n  -\n"),
        ],
    );
}

#[test]
fn scalars() {
    cases(
        "scalars",
        &[
            ("node", "node: 22.1\n"),
            ("node as a range", "node: \">=22\"\n"),
            ("choice", "frontend: bundeld\nprune: of\nsourceMaps: maybe\n"),
            ("port", "runtime: {port: 99999}\n"),
            ("port zero", "runtime: {port: 0}\n"),
            ("user", "runtime: {user: \"-x\"}\n"),
            ("duration", "runtime: {healthcheck: {interval: 30, timeout: 5 sec, retries: 0}}\n"),
            ("memory", "build: {memory: 4x}\n"),
            ("memory too small", "build: {memory: 4}\n"),
            ("image", "build: {base: \"node 22\"}\nruntime: {base: docker://node:22}\n"),
            (
                "image references",
                "build: {base: ../x}\nruntime: {base: \"docker.io/a@sha256:zz\"}\nchecks: [{name: c, run: x, base: Node}]\n",
            ),
            ("empty", "build: {command: \"\"}\n"),
            ("variable", "runtime:\n  env: {1A: b, A-B: c}\n"),
            ("label", "runtime:\n  labels: {\"a b\": c}\n"),
            ("signal", "runtime: {stopSignal: term}\n"),
            ("option", "runtime: {nodeOptions: [max-old-space-size=1]}\n"),
            ("OS package", "build: {packages: [\"-y\", \"git curl\"]}\n"),
            ("npm package", "install: {natives: {\"../x\": skip, keytar: ship}}\n"),
            ("yarn", "install: {yarn: 4.x}\n"),
            ("registry", "install: {registry: npm.example.com}\n"),
            ("pattern", "exclude: [\"[ab\", ../x]\nprune: {keep: [\"!a\"]}\n"),
            ("a preset misspelt", "runtime:\n  base: distrolless\n"),
        ],
    );
}

#[test]
fn paths() {
    cases(
        "paths",
        &[
            ("leaves", "config: [../app-config.yaml]\n"),
            ("absolute", "config: [/etc/app-config.yaml]\n"),
            ("backslash", "files: [packages\\backend]\n"),
            ("URL", "config: [https://example.com/app-config.yaml]\n"),
            ("everything", "files: [.]\n"),
            ("glob", "files: [examples/*]\n"),
            ("personal", "config: [app-config.local.yaml, github-app-credentials.yaml]\nfiles: [.env.production]\n"),
            ("personal, long form", "files:\n  - {from: a/.env, to: b}\n"),
            ("absolute, long form", "files:\n  - {from: /etc/x, to: b}\n"),
            ("into", "files:\n  - {from: LICENSE, to: /licenses/}\n"),
            ("mode", "files:\n  - {from: a, mode: rw}\n"),
            ("destination", "files:\n  - {from: a, to: ../b}\n"),
            ("writable", "runtime: {writable: [data, /]}\n"),
        ],
    );
}

#[test]
fn together() {
    cases(
        "together",
        &[
            ("two sources", "files:\n  - from: a\n    image: nginx\n    context: docs\n"),
            ("to and as", "config:\n  - {from: a.yaml, to: b.yaml, as: c.yaml}\n"),
            ("config twice", "config:\n  - a.yaml\n  - {from: b.yaml, to: a.yaml}\n"),
            ("check twice", "checks:\n  - typecheck\n  - licences: yarn x\n  - Licences: yarn y\n  - typecheck\n"),
            ("a reserved name", "checks:\n  - {name: Image, run: x}\n  - lint: x\n"),
            ("a built bundle", "build:\n  from: packages/backend/dist\n  command: yarn build\n"),
            ("no frontend", "frontend: none\nbuild:\n  config: [app-config.yaml]\n"),
            ("node options", "runtime:\n  env: {NODE_OPTIONS: --a}\n  nodeOptions: [--b]\n"),
            ("two CA sources", "network:\n  ca: {secret: a, file: b.pem}\n"),
            ("CA as a path", "network:\n  ca: certs/ca.pem\n"),
            ("CA without a source", "network:\n  ca: {runtime: true}\n"),
        ],
    );
}

#[test]
fn secrets() {
    let text = "runtime:\n  env:\n    A: ghp_0123456789abcdefghij0123\n    B: x-AKIA0123456789ABCDEF\n  labels: {c: glpat-0123456789abcdef}\nnetwork:\n  proxy: http://user:hunter2@proxy:80\n";
    cases(
        "secrets",
        &[
            ("literals", text),
            ("a suspicious name", "runtime:\n  env:\n    POSTGRES_PASSWORD: hunter2\n"),
            ("beside another mistake", "nod: 1 # ghp_0123456789abcdefghij0123\n"),
            ("as a key", "ghp_0123456789abcdefghij0123: 1\n"),
            ("where YAML ends", "runtime: {a: ghp_0123456789abcdefghij0123\n"),
        ],
    );
    let sent = format!("{:?}", Failure::from(parse_text(text).unwrap_err()));
    for shown in [shown(text), format!("{:?}", parse_text(text).unwrap_err()), sent] {
        for secret in ["0123456789", "hunter2"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn bytes() {
    let show = |bytes: &[u8]| match decode(NAME, bytes) {
        Ok(_) => "(nothing)".to_owned(),
        Err(Diagnostics(all)) => terminal(&all, Colour::Never),
    };
    let mut large = b"# syntax=x\nnode: 22\n".to_vec();
    large.resize(100 * 1024 * 1024, b'a');
    let all = [
        ("binary", show(b"# syntax=x\n\x7fELF\x02\x01\x01\0\0\0\x1b[31m\xff\xfe")),
        ("latin-1", show(b"# syntax=x\nbackend: caf\xe9\n")),
        ("UTF-16", show(b"\xff\xfen\0o\0d\0e\0")),
        ("large", show(&large)),
        ("a marker", show(b"\xef\xbb\xbfnode: 22\n")),
    ];
    let all: String = all.iter().map(|(title, shown)| format!("=== {title}\n\n{shown}\n")).collect();
    insta::assert_snapshot!("bytes", all);
    assert_eq!(decode(NAME, b"\xef\xbb\xbfnode: 22\n").unwrap().text, "node: 22\n");
}

/// Places are counted as editors do: 1-based, in characters.
#[test]
fn places() {
    let cases = [
        ("nod: 22\n", (1, 1), "nod"),
        ("# ünï\r\nruntime:\r\n  port: 99999\r\n", (3, 9), "99999"),
        ("runtime: {labels: {ü: é}, prot: 1}\n", (1, 20), "ü"),
        ("checks:\n  - typecheck\n  - ünit: [a]\n", (3, 5), "ünit"),
        ("config:\n  - \"a.yaml\"\n  - '../b'\n", (3, 5), "'../b'"),
        ("build:\n  before:\n    - |\n      a\n      b\n    - {a: b}\n", (6, 7), "{a: b}"),
        ("{\"node\": 22, \"nod\": 1}", (1, 14), "\"nod\""),
    ];
    for (text, (line, column), excerpt) in cases {
        let Diagnostics(all) = parse_text(text).unwrap_err();
        let span = &all[0].labels[0].span;
        let at = span.file.position(span.range.start);
        assert_eq!((at.line, at.column), (line, column), "{text}\n{}", shown(text));
        assert_eq!(&span.file.text[span.range.clone()], excerpt, "{text}");
    }
}

#[test]
fn the_log_line() {
    let one = parse_text("# syntax=x\nnod: 22\n").unwrap_err().to_string();
    assert!(one.starts_with("backstage.build.yaml:2:1: unknown key `nod` (did you mean `node`?"), "{one}");
    let three = parse_text("nod: 22\nruntime: {port: 0, prot: 1}\n").unwrap_err().to_string();
    let places: Vec<_> = three.lines().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(
        places,
        ["backstage.build.yaml:1:1", "backstage.build.yaml:2:17", "backstage.build.yaml:2:20"],
        "{three}"
    );
}
