//! Every form that a value may have.

use crate::spec::model::*;

use super::*;

#[test]
fn a_file_that_says_nothing() {
    let nothing = values(&Spec::new(&SourceFile::new("", "")));
    for text in [
        "",
        "\n\n",
        "# syntax=x\n",
        "# a\n# b",
        "---\n",
        "{}",
        "~",
        "# syntax=x\nruntime:\nconfig:\n  # - a\nnode: ~\n",
        "---\n...\n",
    ] {
        assert_eq!(values(&spec(text)), nothing, "{text:?}");
    }
}

#[test]
fn node() {
    let major = |text: &str| spec(text).node.unwrap().value;
    for text in ["node: 22", "node: \"22\"", "node: '22'", "node: v22", "node: V22", "{\"node\": 22}"] {
        assert_eq!(major(text), NodeVersion { major: 22, exact: None }, "{text}");
    }
    for text in ["node: 22.19.0", "node: v22.19.0", "node: \"22.19.0\""] {
        assert_eq!(major(text), NodeVersion { major: 22, exact: Some((19, 0)) }, "{text}");
    }
}

#[test]
fn backend() {
    let backend = |text: &str| spec(text).backend.unwrap().value;
    assert_eq!(backend("backend: ./packages/backend/"), "packages/backend");
    assert_eq!(backend("backend: \"@internal/backend\""), "@internal/backend");
    assert_eq!(backend("backend: backend"), "backend");
}

#[test]
fn scalars_stay_as_they_are_written() {
    let text = "runtime:\n  env: {A: 1.10, B: true, C: 0x10, D: 1e3, E: \"\", F: no, G: 2024-01-01, H: '  x ', I: 012}\n  labels: {a: 1, b: \"~\"}\n  user: 1001:0\n";
    let env: Vec<_> = spec(text).runtime.env.into_values().map(|value| value.value).collect();
    assert_eq!(env, ["1.10", "true", "0x10", "1e3", "", "no", "2024-01-01", "  x ", "012"]);
    assert_eq!(spec(text).runtime.labels["b"].value, "~");
    assert_eq!(spec(text).runtime.user.unwrap().value, "1001:0");
}

#[test]
fn checks() {
    let checks =
        |text: &str| -> Vec<Check> { spec(text).checks.unwrap().value.into_iter().map(|check| check.value).collect() };
    let own = |name: &str, base: Option<&str>| Check::Command {
        name: name.to_owned(),
        run: "yarn foo".to_owned(),
        base: base.map(str::to_owned),
    };
    assert_eq!(
        checks("checks: [typecheck, lint, test, {name: x, run: \"yarn foo\", base: img}, {foo: yarn foo}]"),
        [Check::Typecheck, Check::Lint, Check::Test, own("x", Some("img")), own("foo", None)]
    );
    assert_eq!(
        checks("checks:\n  - foo: |\n      yarn foo\n"),
        [Check::Command { name: "foo".into(), run: "yarn foo\n".into(), base: None }]
    );
    assert!(checks("checks: []").is_empty());
    assert!(checks("checks: false").is_empty());
    assert!(spec("node: 22").checks.is_none());
}

#[test]
fn files_and_config() {
    let spec = spec(
        "config: [a.yaml, {from: c/b.yaml, to: b.yaml}, {from: ./d.yaml, as: e.yaml}]
files:
  - examples
  - {from: a, to: instrumentation.js, mode: 0644}
  - {from: b, to: /data/b, mode: \"755\"}
  - {image: nginx:1, from: /usr/sbin/nginx, to: /bin/nginx}
",
    );
    let config: Vec<_> = spec.config.unwrap().value.iter().map(|f| (f.from.to_string(), f.to.to_string())).collect();
    let expected = [("a.yaml", "a.yaml"), ("c/b.yaml", "b.yaml"), ("d.yaml", "e.yaml")];
    assert_eq!(config, expected.map(|(from, to)| (from.to_owned(), to.to_owned())));
    let files: Vec<String> = spec
        .files
        .iter()
        .map(|f| format!("{:?} {} {} {:?}", f.source, f.from, f.to.as_ref().map_or("-", |to| to.as_str()), f.mode))
        .collect();
    assert_eq!(
        files,
        [
            "Context examples - None",
            "Context a /app/instrumentation.js Some(420)",
            "Context b /data/b Some(493)",
            "Image(\"nginx:1\") usr/sbin/nginx /bin/nginx None",
        ]
    );
}

#[test]
fn install_and_build() {
    let spec = spec(
        "install:
  yarn: auto
  registry: https://npm.example.com/
  secrets: [npmrc, my-token]
  natives: {better-sqlite3: skip, \"@scope/pkg\": source}
  immutable: false
build:
  base: node:22
  packages: [git, \"g++\"]
  command: yarn build
  before: [yarn codegen, \"echo a, b\"]
  config: [app-config.yaml]
  env: {V: 1.10}
  memory: 4g
  minify: true
",
    );
    assert_eq!(spec.install.natives_by_package["@scope/pkg"].value, NativeMode::Source);
    assert!(spec.install.natives.is_none());
    assert_eq!(spec.build.memory.unwrap().value, 4096);
    assert_eq!(spec.build.before[1].value, "echo a, b");
    assert_eq!(super::spec("install: {natives: source}").install.natives.unwrap().value, NativeMode::Source);
    assert!(super::spec("build: {memory: auto}").build.memory.is_none());
    assert_eq!(super::spec("build: {memory: 2048}").build.memory.unwrap().value, 2048);
}

#[test]
fn prune() {
    assert_eq!(spec("prune: off").prune.mode.unwrap().value, PruneMode::Off);
    let prune = spec("prune: {keep: [\"a/**\"], drop: [b]}").prune;
    assert!(prune.mode.is_none());
    assert_eq!((prune.keep[0].as_str(), prune.drop[0].as_str()), ("a/**", "b"));
}

#[test]
fn healthcheck() {
    let check = |text: &str| spec(&format!("runtime: {{healthcheck: {text}}}")).runtime.healthcheck.unwrap().value;
    assert!(check("true").enabled);
    assert!(!check("false").enabled);
    let second = 1_000_000_000;
    assert_eq!(
        check("{interval: 1m30s, timeout: 500ms, start: 1h, retries: 3}"),
        Healthcheck {
            enabled: true,
            interval: Some(90 * second),
            timeout: Some(second / 2),
            start: Some(3600 * second),
            retries: Some(3),
        }
    );
}

#[test]
fn network() {
    let network = |text: &str| spec(&format!("network: {text}")).network;
    assert_eq!(network("{ca: corp}").ca.unwrap().value, CaSource::Secret("corp".to_owned()));
    assert_eq!(network("{ca: {secret: corp}}").ca.unwrap().value, CaSource::Secret("corp".to_owned()));
    let file = network("{ca: {file: certs/ca.pem}}");
    assert_eq!(
        file.ca.unwrap().value,
        CaSource::File(buildkit_frontend::path::ContextPath::new("certs/ca.pem").unwrap())
    );
    let proxy = network("{proxy: http://p:1}").proxy.unwrap().value;
    assert_eq!((proxy.http.as_deref(), proxy.https.as_deref()), (Some("http://p:1"), Some("http://p:1")));
    let proxy = network("{proxy: {https: http://p:1, noProxy: \"localhost,.x\"}}").proxy.unwrap().value;
    assert_eq!((proxy.http, proxy.no_proxy.as_deref()), (None, Some("localhost,.x")));
}

#[test]
fn json_build_files() {
    let spec = spec("{\"$schema\": \"x\", \"syntax\": \"registry/x:1\", \"node\": 22, \"config\": [\"a.yaml\"]}");
    assert_eq!(spec.node.unwrap().value.major, 22);
}

#[test]
fn spans_are_those_of_the_values() {
    let spec = spec("node: 22\nruntime:\n  port: 8080\n  env:\n    A: b\nbuild: {before: [x, yarn y]}\n");
    let text = |span: &buildkit_frontend::diagnostic::Span| span.file.text[span.range.clone()].to_owned();
    assert_eq!(text(&spec.node.unwrap().span), "22");
    assert_eq!(spec.runtime.port.as_ref().unwrap().span.first_line(), 3);
    assert_eq!(text(&spec.runtime.env["A"].span), "b");
    assert_eq!(text(&spec.build.before[1].span), "yarn y");
}
