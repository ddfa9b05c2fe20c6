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
    /// Values seen.
    values: usize,
    /// Bytes of their texts.
    text: usize,
}

/// Values that a config may hold with all that it includes. Files that include each other would never end.
const MAX_VALUES: usize = 200_000;
/// Bytes of their texts: a file that is included a thousand times is a thousand copies.
const MAX_TEXT: usize = 32 << 20;

pub(crate) fn resolve(value: &Value, dir: &ContextPath, known: &BTreeMap<ContextPath, Included>) -> Resolved {
    let mut resolved = Resolved::default();
    resolved.value = resolved.walk(value, dir, known, 0);
    resolved
}

impl Resolved {
    fn walk(
        &mut self,
        value: &Value,
        dir: &ContextPath,
        known: &BTreeMap<ContextPath, Included>,
        depth: usize,
    ) -> Value {
        let deeper = depth.saturating_add(1);
        self.values = self.values.saturating_add(1);
        match value {
            _ if depth > MAX_DEPTH || self.values > MAX_VALUES || self.text > MAX_TEXT => Value::Null,
            Value::Array(items) => items.iter().map(|item| self.walk(item, dir, known, deeper)).collect(),
            Value::Object(map) => match special(map) {
                Some(("$file", target)) => {
                    self.references.extend(path(dir, target));
                    value.clone()
                }
                Some(("$include", target)) => self.include(value, dir, target, known, deeper),
                _ => {
                    let walked = map.iter().map(|(key, item)| {
                        self.text = self.text.saturating_add(key.len());
                        (key.clone(), self.walk(item, dir, known, deeper))
                    });
                    walked.collect()
                }
            },
            Value::String(text) => {
                self.text = self.text.saturating_add(text.len());
                value.clone()
            }
            other => other.clone(),
        }
    }

    fn include(
        &mut self,
        value: &Value,
        dir: &ContextPath,
        target: &str,
        known: &BTreeMap<ContextPath, Included>,
        depth: usize,
    ) -> Value {
        let (file, data) = target.split_once('#').map_or((target, None), |(file, data)| (file, Some(data)));
        let Some(file) = path(dir, file) else { return value.clone() };
        self.references.insert(file.clone());
        match known.get(&file) {
            Some(Included::Value(included)) => {
                let keys: Vec<&str> = data.unwrap_or_default().split('.').filter(|key| !key.is_empty()).collect();
                let part = keys.iter().try_fold(included, |value, key| value.get(key));
                part.map_or(Value::Null, |part| self.walk(part, &file.parent(), known, depth))
            }
            Some(Included::Missing) => {
                self.unread.insert(file);
                value.clone()
            }
            None => {
                self.wanted.insert(file);
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
        let first = resolve(&value, &dir, &BTreeMap::new());
        assert!(first.wanted.contains(&x));
        let known = BTreeMap::from([
            (x, Included::Value(json!({"p": {"q": {"deep": {"$include": "y.yaml"}}}}))),
            (ContextPath::new("config/no.yaml").unwrap(), Included::Missing),
        ]);
        let second = resolve(&value, &dir, &known);
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
        assert_eq!(resolve(&value, &dir, &known).wanted.len(), 0);
    }
}
