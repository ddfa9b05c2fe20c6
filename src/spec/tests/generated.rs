//! What is written from the tables, and that the tables say what the code does.

use super::*;
use crate::spec::language::{Key, ROOT, Shape, Status};

/// Compares a published file with what the tables say; `UPDATE_GENERATED=1` rewrites it.
#[expect(clippy::disallowed_methods, reason = "the test keeps published files up to date")]
fn generated(path: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == text, "{} is not up to date: UPDATE_GENERATED=1 rewrites it", path.display());
}

#[test]
fn the_published_schema_is_up_to_date() {
    generated("schema/backstage.build.schema.json", &schema::text());
}

#[test]
fn the_reference_is_up_to_date() {
    generated("docs/reference.md", &reference::markdown());
}

/// Every key with its path, and whether it can be given alone.
fn keys(prefix: &[&'static str], keys: &'static [Key], out: &mut Vec<(Vec<&'static str>, &'static Key)>) {
    for key in keys.iter().filter(|key| key.status.usable()) {
        let mut path = prefix.to_vec();
        path.push(key.name);
        out.push((path.clone(), key));
        if let Some(below) = key.shape.keys() {
            self::keys(&path, below, out);
        }
        if let Shape::List(item) = &key.shape
            && let Some(below) = item.keys()
        {
            path.push("[]");
            self::keys(&path, below, out);
        }
    }
}

fn all_keys() -> Vec<(Vec<&'static str>, &'static Key)> {
    let mut all = Vec::new();
    keys(&[], ROOT, &mut all);
    all
}

/// A whole file that sets one key to its example.
fn with_example(path: &[&str], key: &Key) -> String {
    let mut text = format!("{{{}: {}}}", key.name, key.example);
    if let [.., list, "[]", name] = path {
        let from = if *name == "from" { "" } else { ", from: a" };
        return format!("{list}: [{{{name}: {}{from}}}]\n", key.example);
    }
    if path == ["network", "ca", "runtime"] {
        text = "{runtime: true, secret: a}".to_owned();
    }
    for name in path.iter().rev().skip(1) {
        text = format!("{{{name}: {text}}}");
    }
    text
}

/// A key that the tables have and nothing reads would be accepted and do nothing.
#[test]
fn every_key_is_read_and_every_example_is_right() {
    let nothing = values(&Spec::new(&SourceFile::new("", "")));
    for (path, key) in all_keys() {
        let text = with_example(&path, key);
        let read = spec(&text);
        assert_ne!(values(&read), nothing, "nothing reads {path:?}: {text}");
    }
}

/// Every noun that a message, the schema or the reference shows has a sentence and an example.
#[test]
fn every_key_is_documented() {
    for (path, key) in all_keys() {
        assert!(key.doc.ends_with('.'), "{path:?}");
        assert!(!key.example.is_empty(), "{path:?}");
        assert!(key.status == Status::Required || !key.default.ends_with('.'), "{path:?}");
    }
}

#[test]
fn scalars_can_be_set_by_build_arg() {
    for (path, key) in all_keys() {
        let plain = key.shape.alternatives().iter().any(Shape::is_scalar);
        if !plain || path.contains(&"[]") || path == ["network", "ca", "runtime"] || matches!(key.shape, Shape::Any(_))
        {
            continue;
        }
        let name = path.join(".");
        let args = [(name.as_str(), key.example.trim_matches('"'))];
        assert!(with_args("", &args).is_ok(), "{}", render(with_args("", &args)));
    }
}
