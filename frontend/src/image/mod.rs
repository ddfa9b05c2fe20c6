//! Images: what a reference is today, and the configuration of what is made.
//!
//! In: [`ImageSettings`], the base's own configuration and what the command line adds. Out: the JSON of the OCI image
//! configuration with Docker's additions (`Healthcheck`).

mod resolve;
mod settings;

use std::collections::BTreeMap;

use buildkit_llb::Platform;
use serde_json::{Map, Value, json};

pub use resolve::{Image, Lookup};
pub use settings::{Healthcheck, ImageSettings};

/// Why a base's configuration cannot be built upon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is no JSON object.
    #[error("its configuration is not valid JSON: {0}")]
    Json(String),
}

/// What the command line adds to a configuration.
#[derive(Debug, Clone, Default)]
pub struct Additions {
    /// `--label`, over everything else.
    pub labels: BTreeMap<String, String>,
    /// Labels that stand only where nothing else says them.
    pub defaults: BTreeMap<String, String>,
    /// Who made it: the comment of its lines in the history.
    pub made_by: String,
}

/// An image configuration as BuildKit hands it out: kept whole, read by field.
#[derive(Debug, Clone, Default)]
pub struct BaseConfig(Map<String, Value>);

impl BaseConfig {
    /// Parses a configuration blob; an empty one is that of `scratch`.
    ///
    /// # Errors
    /// When it is not a JSON object.
    pub fn parse(blob: &[u8]) -> Result<Self, ConfigError> {
        if blob.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(blob).map(Self).map_err(|error| ConfigError::Json(error.to_string()))
    }

    fn config(&self, key: &str) -> Option<&Value> {
        self.0.get("config").and_then(|config| config.get(key))
    }

    /// The environment, in order.
    pub fn env(&self) -> Vec<(String, String)> {
        let entries = self.config("Env").and_then(Value::as_array);
        let pair = |entry: &Value| {
            let text = entry.as_str()?;
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            Some((name.to_owned(), value.to_owned()))
        };
        entries.map(|entries| entries.iter().filter_map(pair).collect()).unwrap_or_default()
    }

    /// The user; empty where none is set.
    pub fn user(&self) -> &str {
        self.config("User").and_then(Value::as_str).unwrap_or_default()
    }
}

/// PATH where an image says none, as BuildKit sets it for executed programs.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Puts a directory in front of a PATH.
pub fn prefixed_path(prefix: &str, path: Option<&str>) -> String {
    let path = path.filter(|path| !path.is_empty()).unwrap_or(DEFAULT_PATH);
    if path.split(':').next() == Some(prefix) { path.to_owned() } else { format!("{prefix}:{path}") }
}

/// The result's configuration: the base's, with the settings over it.
pub fn config(base: &BaseConfig, settings: &ImageSettings, additions: &Additions, platform: &Platform) -> Value {
    let mut root = base.0.clone();
    let (os, architecture, variant) = (platform.os(), platform.architecture(), platform.variant());
    // The base's own time: the daemon sets the result's.
    root.remove("created");
    root.insert("os".to_owned(), json!(os));
    root.insert("architecture".to_owned(), json!(architecture));
    if variant.is_empty() {
        root.remove("variant");
    } else {
        root.insert("variant".to_owned(), json!(variant));
    }
    let mut config = match root.remove("config") {
        Some(Value::Object(config)) => config,
        _ => Map::new(),
    };
    config.insert("Env".to_owned(), env(base, settings));
    config.insert("WorkingDir".to_owned(), json!(settings.workdir));
    config.insert("User".to_owned(), json!(user(base, settings)));
    config.insert("Cmd".to_owned(), json!(settings.cmd));
    if settings.entrypoint.is_empty() {
        config.remove("Entrypoint");
    } else {
        config.insert("Entrypoint".to_owned(), json!(settings.entrypoint));
    }
    config.insert("ExposedPorts".to_owned(), json!({ format!("{}/tcp", settings.port): {} }));
    config.insert("Labels".to_owned(), labels(&config, settings, additions));
    if let Some(signal) = &settings.stop_signal {
        config.insert("StopSignal".to_owned(), json!(signal));
    }
    if !settings.volumes.is_empty() {
        let volumes: Map<String, Value> = settings.volumes.iter().map(|volume| (volume.clone(), json!({}))).collect();
        config.insert("Volumes".to_owned(), Value::Object(volumes));
    }
    if let Some(health) = &settings.healthcheck {
        config.insert("Healthcheck".to_owned(), healthcheck(health));
    }
    // Instructions for builds upon the base are not for those upon the result.
    config.remove("OnBuild");
    root.insert("config".to_owned(), Value::Object(config));
    root.insert("history".to_owned(), history(&root, settings, &additions.made_by));
    root.insert("rootfs".to_owned(), json!({ "type": "layers", "diff_ids": [] }));
    Value::Object(root)
}

fn env(base: &BaseConfig, settings: &ImageSettings) -> Value {
    let mut vars = base.env();
    if let Some(prefix) = &settings.path {
        let path = vars.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_str());
        let path = prefixed_path(prefix, path);
        set(&mut vars, "PATH", &path);
    }
    if !vars.iter().any(|(name, _)| name == "PATH") {
        vars.insert(0, ("PATH".to_owned(), DEFAULT_PATH.to_owned()));
    }
    for (name, value) in &settings.env {
        set(&mut vars, name, value);
    }
    vars.into_iter().map(|(name, value)| Value::String(format!("{name}={value}"))).collect()
}

/// Sets a variable where it stands, or at the end.
pub fn set(vars: &mut Vec<(String, String)>, name: &str, value: &str) {
    match vars.iter_mut().find(|(known, _)| known == name) {
        Some((_, old)) => value.clone_into(old),
        None => vars.push((name.to_owned(), value.to_owned())),
    }
}

/// The user asked for, else the base's unless that is root.
fn user<'a>(base: &'a BaseConfig, settings: &'a ImageSettings) -> &'a str {
    if let Some(user) = &settings.user {
        return user;
    }
    let own = base.user();
    let name = own.split(':').next().unwrap_or_default();
    if ["", "root", "0"].contains(&name) { &settings.fallback_user } else { own }
}

fn labels(config: &Map<String, Value>, settings: &ImageSettings, additions: &Additions) -> Value {
    let mut labels: BTreeMap<String, Value> = match config.get("Labels") {
        Some(Value::Object(own)) => own.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        _ => BTreeMap::new(),
    };
    // The base describes itself; it does not describe the result.
    labels.retain(|name, _| !name.starts_with("org.opencontainers.image."));
    for source in [&additions.defaults, &settings.labels, &additions.labels] {
        labels.extend(source.iter().map(|(name, value)| (name.clone(), json!(value))));
    }
    labels.into_iter().collect::<Map<String, Value>>().into()
}

fn healthcheck(health: &Healthcheck) -> Value {
    let mut value = Map::new();
    value.insert("Test".to_owned(), json!(health.test));
    for (name, time) in [("Interval", health.interval), ("Timeout", health.timeout), ("StartPeriod", health.start)] {
        if let Some(time) = time {
            value.insert(name.to_owned(), json!(time));
        }
    }
    if let Some(retries) = health.retries {
        value.insert("Retries".to_owned(), json!(retries));
    }
    Value::Object(value)
}

/// The base's history, then a line for each of our layers.
fn history(root: &Map<String, Value>, settings: &ImageSettings, made_by: &str) -> Value {
    let mut lines = match root.get("history") {
        Some(Value::Array(lines)) => lines.clone(),
        _ => Vec::new(),
    };
    lines.extend(settings.history.iter().map(|what| json!({ "created_by": what, "comment": made_by })));
    Value::Array(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> ImageSettings {
        ImageSettings {
            workdir: "/app".to_owned(),
            path: Some("/nodejs/bin".to_owned()),
            env: BTreeMap::from([("NODE_ENV".to_owned(), "production".to_owned())]),
            cmd: vec!["node".to_owned(), "packages/backend".to_owned()],
            fallback_user: "65532:65532".to_owned(),
            port: 7007,
            history: vec!["the backend".to_owned()],
            ..ImageSettings::default()
        }
    }

    fn made(base: &str) -> Value {
        config(
            &BaseConfig::parse(base.as_bytes()).unwrap(),
            &plan(),
            &Additions::default(),
            &Platform::new("linux", "amd64", ""),
        )
    }

    #[test]
    fn the_base_is_built_upon() {
        let base = r#"{"created":"2020-01-01T00:00:00Z","os":"linux","architecture":"amd64","x":1,
            "config":{"Env":["PATH=/usr/bin:/bin","A=1"],"User":"nonroot","Entrypoint":["/nodejs/bin/node"],
            "Labels":{"org.opencontainers.image.title":"base","own":"kept"}},"history":[{"created_by":"base"}]}"#;
        let made = made(base);
        assert_eq!(made["config"]["Env"], json!(["PATH=/nodejs/bin:/usr/bin:/bin", "A=1", "NODE_ENV=production"]));
        assert_eq!(made["config"]["User"], "nonroot");
        assert_eq!(made["config"].get("Entrypoint"), None);
        assert_eq!(made["config"]["Labels"], json!({"own": "kept"}));
        assert_eq!(made["config"]["ExposedPorts"], json!({"7007/tcp": {}}));
        assert_eq!(made["x"], 1);
        assert_eq!(made.get("created"), None);
        assert_eq!(made["history"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn nobody_runs_as_root_unasked() {
        for user in ["", "root", "0", "0:0", "root:root"] {
            assert_eq!(
                made(&format!(r#"{{"config":{{"User":"{user}"}}}}"#))["config"]["User"],
                "65532:65532",
                "{user}"
            );
        }
        assert_eq!(made("{}")["config"]["User"], "65532:65532");
        assert_eq!(made(r#"{"config":{"User":"1000"}}"#)["config"]["User"], "1000");
    }

    #[test]
    fn labels_of_the_command_line_win() {
        let mut plan = plan();
        plan.labels.insert("a".to_owned(), "file".to_owned());
        let additions = Additions {
            labels: BTreeMap::from([("a".to_owned(), "flag".to_owned())]),
            defaults: BTreeMap::from([("a".to_owned(), "default".to_owned()), ("b".to_owned(), "default".to_owned())]),
            ..Additions::default()
        };
        let made = config(&BaseConfig::default(), &plan, &additions, &Platform::new("linux", "arm", "v7"));
        assert_eq!(made["config"]["Labels"], json!({"a": "flag", "b": "default"}));
        assert_eq!(made["variant"], "v7");
    }

    #[test]
    fn hostile_configurations_are_refused_or_ignored() {
        assert!(BaseConfig::parse(b"[1]").is_err());
        let base = BaseConfig::parse(br#"{"config":{"Env":[1,"A"],"User":7}}"#).unwrap();
        assert_eq!(base.env(), [("A".to_owned(), String::new())]);
        assert_eq!(base.user(), "");
    }
}
