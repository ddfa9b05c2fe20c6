//! Build args that set values by path.

use super::*;
use crate::spec::model::*;

fn good(text: &str, args: &[(&str, &str)]) -> Spec {
    match with_args(text, args) {
        Ok((spec, warnings)) => {
            assert!(warnings.is_empty(), "{}", terminal(&warnings, Colour::Never));
            spec
        }
        Err(Diagnostics(all)) => panic!("{}", terminal(&all, Colour::Never)),
    }
}

#[test]
fn what_is_ours() {
    for key in ["node", "node.x", "runtime.base", "checks", "techdocs", "runtime.labels.a.b"] {
        assert!(consumes(key), "{key}");
    }
    for key in ["NODE", "HTTP_PROXY", "nodes", "my.thing", "", ".node", "BUILDKIT_SYNTAX", "SOURCE_DATE_EPOCH"] {
        assert!(!consumes(key), "{key}");
    }
}

#[test]
fn values_by_path() {
    let text = "# syntax=x\nnode: 22\nruntime:\n  port: 7007\n  env: {A: b, LOG_LEVEL: info}\ninstall: {natives: source}\nnetwork: {proxy: http://p:1}\n";
    let spec = good(
        text,
        &[
            ("node", "24"),
            ("runtime.port", "8080"),
            ("runtime.base", "slim"),
            ("runtime.env.LOG_LEVEL", "debug"),
            ("runtime.env.EMPTY", ""),
            ("runtime.labels.org.opencontainers.image.vendor", "Acme"),
            ("runtime.healthcheck.interval", "10s"),
            ("install.natives.better-sqlite3", "skip"),
            ("network.proxy.noProxy", "localhost"),
            ("checks", "typecheck, lint"),
            ("config", "a.yaml,b.yaml"),
            ("build.before", "echo a, b"),
            ("build.minify", "true"),
            ("prune", "off"),
            ("files", ""),
            ("OTHER", "x"),
            ("other.thing", "x"),
        ],
    );
    assert_eq!(spec.node.as_ref().unwrap().value.major, 24);
    assert_eq!(spec.node.as_ref().unwrap().span.first_line(), 1);
    assert_eq!(spec.runtime.port.unwrap().value, 8080);
    let env: Vec<_> = spec.runtime.env.iter().map(|(name, value)| format!("{name}={}", value.value)).collect();
    assert_eq!(env, ["A=b", "EMPTY=", "LOG_LEVEL=debug"]);
    assert_eq!(spec.runtime.labels["org.opencontainers.image.vendor"].value, "Acme");
    assert!(spec.runtime.healthcheck.unwrap().enabled);
    assert_eq!(spec.install.natives.unwrap().value, NativeMode::Source);
    assert_eq!(spec.install.natives_by_package["better-sqlite3"].value, NativeMode::Skip);
    let proxy = spec.network.proxy.unwrap().value;
    assert_eq!((proxy.http.as_deref(), proxy.no_proxy.as_deref()), (Some("http://p:1"), Some("localhost")));
    assert_eq!(spec.checks.unwrap().len(), 2);
    assert_eq!(spec.config.unwrap().len(), 2);
    assert_eq!(spec.build.before.len(), 1);
    assert!(good("", &[("checks", "false")]).checks.unwrap().is_empty());
    assert!(good("", &[("checks", "")]).checks.unwrap().is_empty());
    assert!(good("build: {memory: 2g}", &[("build.memory", "auto")]).build.memory.is_none());
}

#[test]
fn a_file_value_does_not_hide_behind_a_build_arg() {
    // The file's mistake is still a mistake.
    assert!(with_args("node: banana\n", &[("node", "22")]).is_err());
}

#[test]
fn mistakes() {
    let text = "# syntax=x\nbuild:\n  command: yarn build\n";
    let cases: [(&str, &str); 15] = [
        ("runtime.prot", "8080"),
        ("runtime.port", "banana"),
        ("runtime", "slim"),
        ("node.version", "22"),
        ("node", ""),
        ("checks", "typechek"),
        ("techdocs", "true"),
        ("install.natives.better-sqlite3", "ship"),
        ("install.native", "auto"),
        ("runtime.", "x"),
        ("runtime.env", "A=b"),
        ("config", "../x"),
        ("build.from", "dist"),
        ("build.env.TOKEN", "ghp_0123456789abcdefghij0123"),
        ("runtime.base", "distrolless"),
    ];
    let mut all = String::new();
    for (name, value) in cases {
        all.push_str(&format!("=== {name}\n\n{}\n", render(with_args(text, &[(name, value)]))));
    }
    insta::assert_snapshot!("build_args", all);
    assert!(!all.contains("0123456789"), "{all}");
}
