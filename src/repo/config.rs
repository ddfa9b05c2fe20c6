//! What app-config files say of things that an image depends on.
//!
//! Facts: `ConfigReader` of `@backstage/config` for merging, the include transform of `@backstage/config-loader` for
//! `$include`, `$file`, `$env` and `${NAME}`, its `EnvConfigSource` for `APP_CONFIG_…`, `readHttpServerOptions` of
//! backend-defaults for `backend.listen` (run with config-loader 1.11.3 and backend-defaults 0.18.0).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use buildkit_frontend::diagnostic::{SourceFile, Span};
use buildkit_frontend::path::ContextPath;
use serde_json::{Map, Value};

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

/// The path of a location up to its first wildcard, and whether that is all of it. Locations are relative to the working
/// directory; one that climbs out of it is of a developer's machine.
pub fn location(target: &str) -> Option<(ContextPath, bool)> {
    let fixed = target.split(['*', '?', '[', '{']).next().unwrap_or_default();
    // What ends in a slash is a folder in which something is meant.
    let name = if fixed.len() < target.len() && fixed.ends_with('/') { "*" } else { "" };
    ContextPath::new(&format!("{fixed}{name}")).ok().map(|path| (path, fixed.len() == target.len()))
}

/// Where a backend listens whose config does not say.
pub const DEFAULT_PORT: u16 = 7007;

/// How a backend is reached, by its config files and the variables that the build file gives the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listen {
    /// Empty for all addresses; `None` where only the container tells.
    pub host: Option<String>,
    /// `None` where only the container tells.
    pub port: Option<u16>,
    /// Whether it speaks HTTPS.
    pub https: bool,
    /// The variable that says some of it, the most special one first.
    pub by: Option<&'static str>,
    /// Why the backend does not start with it.
    pub fault: Option<Fault>,
}

/// What a backend does not start with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `backend.listen` is a text below and a mapping above it.
    ConflictingShape,
    /// `backend.listen` is no address.
    NoAddress,
}

impl Listen {
    /// Whether nothing outside of the container, or of its pod, reaches it.
    pub fn is_loopback(&self) -> bool {
        let is_loopback = |host: &str| {
            host.parse::<IpAddr>().map_or(host == "localhost", |address| address.to_canonical().is_loopback())
        };
        self.host.as_deref().is_some_and(is_loopback)
    }

    /// Takes an address that is known; a part that only the container tells stands there as a null.
    fn read(&mut self, listen: Option<&Value>) {
        let mut no_address = false;
        let mut number = |value: &Value| {
            let text = value.as_str().map(str::to_owned).or_else(|| value.is_number().then(|| value.to_string()));
            let number = text.and_then(|text| text.trim().parse::<u16>().ok());
            no_address |= number.is_none();
            number.filter(|port| *port > 0)
        };
        (self.host, self.port) = match listen {
            None => (Some(String::new()), Some(DEFAULT_PORT)),
            Some(Value::Null) => (None, None),
            Some(Value::String(address)) => {
                let (host, port) = address.split_once(':').unwrap_or(("", address));
                (Some(host.to_owned()), number(&Value::from(port)))
            }
            Some(Value::Object(listen)) => {
                let host =
                    listen.get("host").map_or_else(|| Some(String::new()), |host| Some(host.as_str()?.to_owned()));
                let port = match listen.get("port") {
                    None => Some(DEFAULT_PORT),
                    Some(Value::Null) => None,
                    Some(port) => number(port),
                };
                (host, port)
            }
            Some(_) => {
                no_address = true;
                (None, None)
            }
        };
        if no_address {
            self.fault = self.fault.or(Some(Fault::NoAddress));
        }
    }
}

/// Variables that may say where a backend listens.
const VARIABLES: [&str; 4] = [
    "APP_CONFIG_backend_listen_port",
    "APP_CONFIG_backend_listen_host",
    "APP_CONFIG_backend_listen",
    "APP_CONFIG_backend",
];

/// What `backend.listen` and `backend.https` say. The former is a text such as `:7007` or `host:7007`, or a mapping of
/// `host` and `port`. `config` is what the files hold, merged. `variables` are those that the build file gives the image:
/// `${NAME}` of a file stands for one, and `APP_CONFIG_backend_listen` is JSON, or else a text, that lies over the files as
/// it is.
pub fn listen(config: &Value, variables: &BTreeMap<&str, &str>) -> Listen {
    let above = of_variables(variables);
    let above = |key: &str| at(&above, &["backend", key]);
    let below = at(config, &["backend", "listen"]).map(|written| known(written, variables));
    let is_said = |name: &&str| variables.get(name).is_some_and(|text| !text.is_empty());
    let by = above("listen").and_then(|_| VARIABLES.into_iter().find(is_said));
    let mut listen = Listen { by, ..Listen::default() };
    let merged = match (below, above("listen")) {
        (below, None) => below,
        (Some(Value::String(_)), Some(above @ Value::Object(_))) => {
            listen.fault = Some(Fault::ConflictingShape);
            Some(above.clone())
        }
        (below, Some(above)) => {
            let mut merged = below.unwrap_or_default();
            over(&mut merged, above);
            Some(merged)
        }
    };
    listen.read(merged.as_ref());
    let https = above("https").or_else(|| at(config, &["backend", "https"]));
    listen.https = https.is_some_and(|https| *https != false);
    listen
}

/// The config that variables hold: `APP_CONFIG_backend_listen` is the value at `backend.listen`. Keys that nothing here
/// asks for are left out.
pub(super) fn of_variables(variables: &BTreeMap<&str, &str>) -> Value {
    let mut all = Value::Null;
    for (name, text) in variables.iter().filter(|(_, text)| !text.is_empty()) {
        let keys: Vec<&str> = name.strip_prefix("APP_CONFIG_").unwrap_or_default().split('_').take(MAX_DEPTH).collect();
        if keys.first() != Some(&"backend") || keys.len() == MAX_DEPTH {
            continue;
        }
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String((*text).to_owned()));
        let nested = |value, key: &&str| Value::Object(Map::from_iter([((*key).to_owned(), value)]));
        over(&mut all, &keys.iter().rev().fold(value, nested));
    }
    all
}

/// A value of a file with its variables put in place; a null where one is not known.
pub(super) fn known(value: &Value, variables: &BTreeMap<&str, &str>) -> Value {
    match value {
        Value::String(text) => substituted(text, variables).map_or(Value::Null, Value::String),
        Value::Object(map) => match special(map) {
            Some(("$env", name)) => variables.get(name).map_or(Value::Null, |value| Value::from(value.trim())),
            Some(_) => Value::Null,
            None => {
                let written = map.iter().filter(|(_, value)| !value.is_null());
                written.map(|(key, value)| (key.clone(), known(value, variables))).collect()
            }
        },
        other => other.clone(),
    }
}

/// A text with its `${NAME}` and `${NAME:-fallback}` put in place; `None` where one is not known. `$${` is a plain `${`.
fn substituted(text: &str, variables: &BTreeMap<&str, &str>) -> Option<String> {
    let mut done = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, behind) = after.split_at_checked(after.find(['{', '}']).unwrap_or(after.len()))?;
        let Some(behind) = behind.strip_prefix('}') else {
            done.extend([before, "${"]);
            rest = after;
            continue;
        };
        if let Some(before) = before.strip_suffix('$') {
            done.extend([before, "${", name, "}"]);
        } else {
            let (name, fallback) =
                name.split_once(":-").map_or((name, None), |(name, other)| (name, Some(other.trim())));
            let value = variables.get(name.trim()).map(|value| value.trim());
            let value = match fallback {
                // Empty is as good as not set.
                Some(fallback) => [value, Some(fallback)].into_iter().flatten().find(|text| !text.is_empty()),
                None => value,
            };
            done.extend([before, value?]);
        }
        rest = behind;
    }
    done.push_str(rest);
    Some(done)
}

/// The value at a path of keys.
pub fn at<'a>(config: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(config, |value, key| value.get(key)).filter(|value| !value.is_null())
}

/// Where a config file names a path by `$file` or `$include`. Of the file only that text is kept: the other lines may hold
/// secrets. `None` where an included file names it, or where it is written over several lines.
pub fn naming(config: &AppConfig, dir: &ContextPath, wanted: &ContextPath) -> Option<Span> {
    let text: &str = &config.file.text;
    let mut start = 0_usize;
    for line in text.split_inclusive('\n') {
        let begin = start;
        start = start.saturating_add(line.len());
        for key in ["$file", "$include"] {
            let Some((before, rest)) = line.split_once(key) else { continue };
            let Some((colon, rest)) = rest.split_once(':') else { continue };
            let quotes = |c: char| c.is_whitespace() || ['"', '\''].contains(&c);
            let trimmed = rest.trim_start_matches(quotes);
            let end = trimmed.find(['"', '\'', ',', '}', '\n', '\r']).unwrap_or(trimmed.len());
            let target = trimmed.get(..end).unwrap_or_default();
            let target = target.split_once(" #").map_or(target, |(target, _)| target).trim_end();
            let file = target.split_once('#').map_or(target, |(file, _)| file);
            if path(dir, file).as_ref() != Some(wanted) {
                continue;
            }
            let skipped = rest.len().saturating_sub(trimmed.len());
            let from = begin.saturating_add(before.len());
            let parts = [key.len(), colon.len(), 1, skipped, target.len()];
            let to = parts.into_iter().fold(from, usize::saturating_add);
            let shown = |(at, byte): (usize, u8)| match byte {
                b'\n' => b'\n',
                byte if (from..to).contains(&at) => byte,
                _ => b' ',
            };
            let blanked: Vec<u8> = text.bytes().enumerate().map(shown).collect();
            let blanked = String::from_utf8_lossy(&blanked).into_owned();
            return Some(Span::new(&SourceFile::new(config.file.name.as_str(), blanked), from..to));
        }
    }
    None
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
    }

    #[test]
    fn listening() {
        let variables = BTreeMap::from([("ALL", "0.0.0.0"), ("EMPTY", ""), ("P", " 81 ")]);
        let (fine, fault) = (None, Some(Fault::NoAddress));
        for (written, host, port, fault) in [
            (json!(":7008"), Some(""), Some(7008), fine),
            (json!("0.0.0.0:80"), Some("0.0.0.0"), Some(80), fine),
            (json!("80"), Some(""), Some(80), fine),
            (json!("${ALL}:${P}"), Some("0.0.0.0"), Some(81), fine),
            (json!({"port": 8080, "host": "x"}), Some("x"), Some(8080), fine),
            (json!({"port": "8080"}), Some(""), Some(8080), fine),
            (json!({"host": "127.0.0.1"}), Some("127.0.0.1"), Some(7007), fine),
            (json!({"host": null, "port": null}), Some(""), Some(7007), fine),
            (json!({"port": "${PORT:-7009}", "host": "${EMPTY:- ::1 }"}), Some("::1"), Some(7009), fine),
            (json!({"host": "$${ALL}-${P-${ALL}-${EMPTY}"}), Some("${ALL}-${P-0.0.0.0-"), Some(7007), fine),
            (json!({"port": {"$env": "P"}}), Some(""), Some(81), fine),
            (json!(null), Some(""), Some(7007), fine),
            // Only the container tells.
            (json!(":${PORT}"), None, None, fine),
            (json!(":${EMPTY:-}"), None, None, fine),
            (json!({"port": "${PORT}"}), Some(""), None, fine),
            (json!({"$env": "LISTEN"}), None, None, fine),
            (json!({"port": {"$env": "PORT"}}), Some(""), None, fine),
            (json!(":0"), Some(""), None, fine),
            // With these the backend does not start.
            (json!(7008), None, None, fault),
            (json!("nothing"), Some(""), None, fault),
            (json!("[::1]:80"), Some("["), None, fault),
            (json!({"port": 70000}), Some(""), None, fault),
            (json!([]), None, None, fault),
        ] {
            let config = json!({"backend": {"listen": written}});
            let wanted = Listen { host: host.map(str::to_owned), port, fault, ..Listen::default() };
            assert_eq!(listen(&config, &variables), wanted, "{written}");
        }
        for (host, loopback) in [
            ("localhost", true),
            ("127.1.2.3", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("::", false),
            ("0.0.0.0", false),
            ("", false),
        ] {
            assert_eq!(Listen { host: Some(host.to_owned()), ..Listen::default() }.is_loopback(), loopback, "{host}");
        }
        let many = "${".repeat(1_000_000);
        assert_eq!(substituted(&many, &variables), Some(many.clone()));
    }

    #[test]
    fn variables_lie_over_files() {
        let (object, text) = (json!({"port": 7010, "host": "x"}), json!(":7007"));
        let [port, host, whole, backend] = VARIABLES;
        let (fine, key, none) = (None, Some(Fault::ConflictingShape), Some(Fault::NoAddress));
        for (written, variables, at, by, fault) in [
            (&text, vec![(whole, "h:80")], (Some("h"), Some(80)), Some(whole), fine),
            (&text, vec![(backend, r#"{"listen": ":80"}"#)], (Some(""), Some(80)), Some(backend), fine),
            (&text, vec![(backend, r#"{"cors": {}}"#)], (Some(""), Some(7007)), None, fine),
            (&object, vec![(whole, r#"{"port": 80}"#)], (Some("x"), Some(80)), Some(whole), fine),
            (&object, vec![(host, "localhost")], (Some("localhost"), Some(7010)), Some(host), fine),
            (&object, vec![(port, "80"), (host, "")], (Some("x"), Some(80)), Some(port), fine),
            (&object, vec![(port, "${P}"), ("P", "80")], (Some("x"), None), Some(port), none),
            (&text, vec![(port, "80")], (Some(""), Some(80)), Some(port), key),
            (&text, vec![(host, "h")], (Some("h"), Some(7007)), Some(host), key),
            (&text, vec![(whole, "8080")], (None, None), Some(whole), none),
        ] {
            let config = json!({"backend": {"listen": written}});
            let wanted = Listen { host: at.0.map(str::to_owned), port: at.1, by, fault, https: false };
            let variables: BTreeMap<&str, &str> = variables.into_iter().collect();
            assert_eq!(listen(&config, &variables), wanted, "{written} {variables:?}");
        }
        let https =
            |config: Value, value: &str| listen(&config, &BTreeMap::from([("APP_CONFIG_backend_https", value)])).https;
        assert!(
            https(json!({}), "true")
                && !https(json!({}), "false")
                && !https(json!({"backend": {"https": true}}), "false")
        );
        assert!(https(json!({"backend": {"https": true}}), "") && !https(json!({}), ""));
        let deep = format!("APP_CONFIG_backend_{}", "a_".repeat(500_000));
        assert_eq!(of_variables(&BTreeMap::from([(deep.as_str(), "1")])), Value::Null);
    }

    #[test]
    fn locations_up_to_a_wildcard() {
        let said = |target: &str| location(target).map(|(path, whole)| (path.as_str().to_owned(), whole));
        assert_eq!(said("./a/b.yaml"), Some(("a/b.yaml".to_owned(), true)));
        assert_eq!(said("a/b*.yaml"), Some(("a/b".to_owned(), false)));
        assert_eq!(said("a/*/c.yaml"), Some(("a/*".to_owned(), false)));
        assert_eq!(said("../a.yaml"), None);
        assert_eq!(said("/a.yaml"), None);
    }

    #[test]
    fn the_line_that_names_a_file_is_shown_alone() {
        let text =
            "password: hunter2\na: { $file: ./s/id, b: hunter3 }\n$include: 'x.yaml#p.q' # y\n\"$file\": \"é/z\"\n";
        let config = AppConfig { file: SourceFile::new("c/app.yaml", text), ..config(Value::Null) };
        let dir = ContextPath::new("c").unwrap();
        let found = |wanted: &str| {
            let span = naming(&config, &dir, &ContextPath::new(wanted).unwrap())?;
            assert!(!span.file.text.contains("hunter"), "{}", span.file.text);
            assert_eq!(span.file.text.len(), text.len());
            Some((span.first_line(), span.file.text.get(span.range.clone()).unwrap().to_owned()))
        };
        assert_eq!(found("c/s/id"), Some((2, "$file: ./s/id".to_owned())));
        assert_eq!(found("c/x.yaml"), Some((3, "$include: 'x.yaml#p.q".to_owned())));
        assert_eq!(found("c/é/z"), Some((4, "$file\": \"é/z".to_owned())));
        assert_eq!(found("c/none"), None);
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
