//! What app-config files say of things that an image depends on.
//!
//! Facts: `ConfigReader` of `@backstage/config` for merging, the include transform of `@backstage/config-loader` for
//! `$include`, `$file` and `$env`, `readHttpServerOptions` of backend-defaults for `backend.listen`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::path::ContextPath;

use super::{AppConfig, Repository};

/// Levels of a config that are looked into.
const MAX_DEPTH: usize = 64;

/// Merges configs, the later over the earlier: objects key by key, all else is replaced. A null stands for "not set" and
/// hides what was set before (`@backstage/config` 1.2.0).
pub fn merge(configs: &[&AppConfig]) -> Value {
    let mut merged = Value::Null;
    for config in configs.iter().filter(|config| !config.value.is_null()) {
        over(&mut merged, &config.value);
    }
    if merged.is_null() { Value::Object(Map::new()) } else { merged }
}

fn over(below: &mut Value, above: &Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                over(below.entry(key.as_str()).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above.clone(),
    }
}

/// Targets of `catalog.locations` of type `file`, in order, as written (relative to the backend's working directory).
pub fn file_locations(config: &Value) -> Vec<String> {
    let locations = at(config, &["catalog", "locations"]).and_then(Value::as_array).into_iter().flatten();
    let files = locations.filter(|location| location.get("type").and_then(Value::as_str) == Some("file"));
    files.filter_map(|location| location.get("target")?.as_str().map(str::to_owned)).collect()
}

/// The port of `backend.listen`: `:7007`, `host:7007`, or an object with `port`. `None` where it is not written or comes
/// from the environment.
pub fn listen_port(config: &Value) -> Option<u16> {
    let port = |value: &Value| match value {
        Value::Number(number) => u16::try_from(number.as_u64()?).ok(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    match at(config, &["backend", "listen"])? {
        Value::Object(listen) => listen.get("port").and_then(port),
        Value::String(text) => text.rsplit_once(':').map_or(text.as_str(), |(_, port)| port).trim().parse().ok(),
        value => port(value),
    }
}

/// The value at a path of keys.
pub fn at<'a>(config: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(config, |value, key| value.get(key)).filter(|value| !value.is_null())
}

/// Files that configs include and that the files read did not show: to be added to the read set, then read again.
pub fn config_references(repo: &Repository) -> BTreeSet<ContextPath> {
    repo.configs.values().flat_map(|config| &config.unread).cloned().collect()
}

/// What is known of a file that some config includes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Included {
    Value(Value),
    Missing,
}

/// A config with its includes put in place, as far as they are known.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    pub(crate) value: Value,
    /// Every file that is referred to.
    pub(crate) references: BTreeSet<ContextPath>,
    /// Includes that nobody asked for yet.
    pub(crate) wanted: BTreeSet<ContextPath>,
    /// Includes that are not there.
    pub(crate) unread: BTreeSet<ContextPath>,
}

/// What all configs of a repository hold with all that they include. Files that include each other would never end, and
/// one that is included a thousand times is a thousand copies.
#[derive(Debug, Default)]
pub(crate) struct Size {
    values: usize,
    /// Bytes of their texts.
    text: usize,
}

impl Size {
    const MAX_VALUES: usize = 200_000;
    const MAX_TEXT: usize = 8 << 20;

    /// Whether it is more than anyone writes: what comes then is left out.
    pub(crate) fn is_too_large(&self) -> bool {
        self.values > Self::MAX_VALUES || self.text > Self::MAX_TEXT
    }
}

/// Puts the includes of a config in place. `size` is what the configs before it hold.
pub(crate) fn resolve(
    value: &Value,
    dir: &ContextPath,
    known: &BTreeMap<ContextPath, Included>,
    size: &mut Size,
) -> Resolved {
    let mut walk = Walk { resolved: Resolved::default(), known, size };
    let value = walk.value(value, dir, 0);
    Resolved { value, ..walk.resolved }
}

struct Walk<'a> {
    resolved: Resolved,
    known: &'a BTreeMap<ContextPath, Included>,
    size: &'a mut Size,
}

impl Walk<'_> {
    fn value(&mut self, value: &Value, dir: &ContextPath, depth: usize) -> Value {
        let deeper = depth.saturating_add(1);
        self.size.values = self.size.values.saturating_add(1);
        match value {
            _ if depth > MAX_DEPTH || self.size.is_too_large() => Value::Null,
            Value::Array(items) => items.iter().map(|item| self.value(item, dir, deeper)).collect(),
            Value::Object(map) => match special(map) {
                Some(("$file", target)) => {
                    self.resolved.references.extend(path(dir, target));
                    value.clone()
                }
                Some(("$include", target)) => self.include(value, dir, target, deeper),
                _ => {
                    let walked = map.iter().map(|(key, item)| {
                        self.size.text = self.size.text.saturating_add(key.len());
                        (key.clone(), self.value(item, dir, deeper))
                    });
                    walked.collect()
                }
            },
            Value::String(text) => {
                self.size.text = self.size.text.saturating_add(text.len());
                value.clone()
            }
            other => other.clone(),
        }
    }

    fn include(&mut self, value: &Value, dir: &ContextPath, target: &str, depth: usize) -> Value {
        let (file, data) = target.split_once('#').map_or((target, None), |(file, data)| (file, Some(data)));
        let Some(file) = path(dir, file) else { return value.clone() };
        self.resolved.references.insert(file.clone());
        match self.known.get(&file) {
            Some(Included::Value(included)) => {
                let keys: Vec<&str> = data.unwrap_or_default().split('.').filter(|key| !key.is_empty()).collect();
                let part = keys.iter().try_fold(included, |value, key| value.get(key));
                part.map_or(Value::Null, |part| self.value(part, &file.parent(), depth))
            }
            Some(Included::Missing) => {
                self.resolved.unread.insert(file);
                value.clone()
            }
            None => {
                self.resolved.wanted.insert(file);
                value.clone()
            }
        }
    }
}

/// An object with one of the special keys and nothing else.
fn special(map: &Map<String, Value>) -> Option<(&str, &str)> {
    let (key, value) = map.iter().next().filter(|_| map.len() == 1)?;
    Some((key, value.as_str().filter(|_| ["$file", "$include", "$env"].contains(&key.as_str()))?))
}

/// A target inside the context that depends on no variable.
fn path(dir: &ContextPath, target: &str) -> Option<ContextPath> {
    if target.contains("${") { None } else { dir.join(target).ok().filter(|path| !path.is_root()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::diagnostic::SourceFile;

    use super::*;

    fn config(value: Value) -> AppConfig {
        AppConfig { file: SourceFile::new("app-config.yaml", ""), value, references: vec![], unread: vec![] }
    }

    #[test]
    fn merging() {
        let a = config(json!({"a": {"b": 1, "c": [1, 2]}, "d": 1, "e": {"f": 1}}));
        let b = config(json!({"a": {"c": [3]}, "d": null, "e": "x"}));
        let empty = config(Value::Null);
        assert_eq!(merge(&[&a, &empty, &b]), json!({"a": {"b": 1, "c": [3]}, "d": null, "e": "x"}));
        assert_eq!(merge(&[]), json!({}));
        assert_eq!(at(&merge(&[&a, &b]), &["d"]), None);
    }

    #[test]
    fn facts() {
        let value = json!({
            "backend": {"listen": ":7007"},
            "catalog": {"locations": [{"type": "file", "target": "../../examples/a.yaml"}, {"type": "url", "target": "u"}]}
        });
        assert_eq!(file_locations(&value), ["../../examples/a.yaml"]);
        assert_eq!(listen_port(&value), Some(7007));
        for (listen, port) in [
            (json!("0.0.0.0:80"), Some(80)),
            (json!({"port": 8080, "host": "x"}), Some(8080)),
            (json!({"port": "${PORT}"}), None),
            (json!(7008), Some(7008)),
            (json!(70000), None),
            (json!(":${PORT}"), None),
        ] {
            assert_eq!(listen_port(&json!({"backend": {"listen": listen}})), port);
        }
        assert_eq!(listen_port(&json!({})), None);
    }

    #[test]
    fn includes_are_put_in_place() {
        let dir = ContextPath::new("config").unwrap();
        let value = json!({"a": {"$include": "./x.yaml#p.q"}, "k": {"$file": "../key.txt"}, "n": {"$include": "no.yaml"},
                           "o": {"$include": "../../out.yaml"}, "v": {"$file": "${DIR}/x"}, "env": {"$env": "E"}});
        let x = ContextPath::new("config/x.yaml").unwrap();
        let first = resolve(&value, &dir, &BTreeMap::new(), &mut Size::default());
        assert!(first.wanted.contains(&x));
        let known = BTreeMap::from([
            (x, Included::Value(json!({"p": {"q": {"deep": {"$include": "y.yaml"}}}}))),
            (ContextPath::new("config/no.yaml").unwrap(), Included::Missing),
        ]);
        let second = resolve(&value, &dir, &known, &mut Size::default());
        assert_eq!(second.value["a"]["deep"]["$include"], "y.yaml");
        assert_eq!(second.value["n"]["$include"], "no.yaml");
        assert_eq!(second.wanted.iter().map(ContextPath::as_str).collect::<Vec<_>>(), ["config/y.yaml"]);
        assert_eq!(second.unread.iter().map(ContextPath::as_str).collect::<Vec<_>>(), ["config/no.yaml"]);
        assert!(second.references.contains(&ContextPath::new("key.txt").unwrap()));
    }

    #[test]
    fn a_file_that_includes_itself_ends() {
        let dir = ContextPath::root();
        let value = json!({"a": {"$include": "x.yaml"}});
        let known = BTreeMap::from([(ContextPath::new("x.yaml").unwrap(), Included::Value(value.clone()))]);
        assert_eq!(resolve(&value, &dir, &known, &mut Size::default()).wanted.len(), 0);
    }

    #[test]
    fn what_is_included_often_is_counted_over_all_configs() {
        let dir = ContextPath::root();
        let large = Value::String("x".repeat(100_000));
        let known = BTreeMap::from([(ContextPath::new("x.yaml").unwrap(), Included::Value(large))]);
        let value: Value = (0..10).map(|_| json!({"$include": "x.yaml"})).collect();
        let mut size = Size::default();
        let configs = (0..1000).map(|_| resolve(&value, &dir, &known, &mut size).value.to_string().len());
        assert!(configs.sum::<usize>() < 2 * Size::MAX_TEXT);
        assert!(size.is_too_large());
    }
}
