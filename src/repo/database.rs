//! Which database clients a backend uses, and the native modules that serve one client and nothing else.
//!
//! Facts: `DatabaseManager`, `databaseServiceFactory` and the connectors of `@backstage/backend-defaults` 0.19.0, of
//! `@backstage/backend-common` 0.13.1 before it: `backend.database.plugin.<id>.client` or else `backend.database.client`
//! names a client, and `knexConfig` cannot change it. Knex requires the module of a client by its name, and not before
//! the client is used (`_driver` of its dialects).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::config::{known, of_variables};
use super::lock::Descriptor;
use super::project::Production;

/// A native module that knex loads for one database client.
#[derive(Debug, PartialEq, Eq)]
pub struct Driver {
    /// The package.
    pub package: &'static str,
    /// The client that needs it.
    pub client: &'static str,
}

/// All of them. The modules of `pg`, `mysql` and `mysql2` have no native code.
const DRIVERS: [Driver; 3] = [
    Driver { package: "better-sqlite3", client: "better-sqlite3" },
    // Knex 0.95, and again from 2.
    Driver { package: "sqlite3", client: "sqlite3" },
    // Knex 1.
    Driver { package: "@vscode/sqlite3", client: "sqlite3" },
];

/// Packages that name a driver as a dependency or peer and load it through knex, for a client of the config; the last one
/// for tests, which an image does not run.
const THROUGH_KNEX: [&str; 4] =
    ["knex", "@backstage/backend-defaults", "@backstage/backend-common", "@backstage/backend-test-utils"];

/// The clients that Backstage has a connector for.
const CLIENTS: [&str; 5] = ["better-sqlite3", "mysql", "mysql2", "pg", "sqlite3"];

/// The driver that a package is.
pub fn driver(package: &str) -> Option<&'static Driver> {
    DRIVERS.iter().find(|driver| driver.package == package)
}

/// Whether a backend uses a database client, by its config files and the variables that the build file gives the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// This key says so.
    Said(String),
    /// No config has `backend.database`, for which Backstage takes `better-sqlite3` in memory.
    NotSaid,
    /// What this key holds is known in the container only, or it is no value with which a backend starts.
    Unknown(String),
    /// No database has this client.
    Unused {
        /// `backend.database.client`.
        client: String,
        /// Whether a variable says that.
        by_variable: bool,
    },
}

/// Whether a backend uses a client. `config` and `variables` are those of [`super::config::listen`].
///
/// Leaving a module out is right only where the client is certain. So a `${NAME:-fallback}` counts as unknown, since the file
/// leaves the choice to the container, and so does a key below which anything is still to be included.
pub fn database_use(client: &str, config: &Value, variables: &BTreeMap<&str, &str>) -> Use {
    let above = of_variables(variables);
    let mut layers = Layers { below: Some(config), above: Some(&above).filter(|above| !above.is_null()) };
    let mut path = String::new();
    for key in ["backend", "database"] {
        if !layers.are_known() {
            return Use::Unknown(if path.is_empty() { "backend".to_owned() } else { path });
        }
        path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        layers = layers.get(key);
        if layers.are_empty() {
            return Use::NotSaid;
        }
    }
    if !layers.are_known() {
        return Use::Unknown(path);
    }
    let base = layers.get("client");
    let mut all = vec![("backend.database.client".to_owned(), base.client(variables))];
    let plugins = layers.get("plugin");
    if !plugins.are_known() {
        all.push(("backend.database.plugin".to_owned(), None));
    }
    for id in plugins.keys() {
        let plugin = plugins.get(id);
        let own = plugin.get("client");
        if !plugin.are_known() {
            all.push((format!("backend.database.plugin.{id}"), None));
        } else if !own.are_empty() {
            all.push((format!("backend.database.plugin.{id}.client"), own.client(variables)));
        }
    }
    let base_client = all.first().and_then(|(_, client)| client.clone()).unwrap_or_default();
    let mut unknown = None;
    for (key, said) in all {
        match said {
            Some(said) if said == client => return Use::Said(key),
            Some(_) => {}
            None => unknown = unknown.or(Some(key)),
        }
    }
    unknown.map_or(Use::Unused { client: base_client, by_variable: base.above.is_some() }, Use::Unknown)
}

/// A place of the config: what the files hold, and what variables lay over it.
#[derive(Clone, Copy)]
struct Layers<'a> {
    below: Option<&'a Value>,
    above: Option<&'a Value>,
}

impl<'a> Layers<'a> {
    fn all(self) -> impl Iterator<Item = &'a Value> {
        [self.below, self.above].into_iter().flatten()
    }

    fn are_empty(self) -> bool {
        self.all().next().is_none()
    }

    /// Whether all keys are known: each layer that is there is a mapping, and nothing in it is put in place later
    /// (`$include`, `$env`, `$file`; a mapping merged over an `$include` has other keys as well).
    fn are_known(self) -> bool {
        self.all().all(|layer| layer.as_object().is_some_and(|map| !map.keys().any(|key| key.starts_with('$'))))
    }

    fn get(self, key: &str) -> Self {
        let get = |layer: Option<&'a Value>| layer.and_then(|layer| layer.get(key));
        Self { below: get(self.below), above: get(self.above) }
    }

    /// The keys of all layers.
    fn keys(self) -> BTreeSet<&'a String> {
        self.all().filter_map(Value::as_object).flat_map(|map| map.keys()).collect()
    }

    /// A client that is certain, and that Backstage has.
    fn client(self, variables: &BTreeMap<&str, &str>) -> Option<String> {
        let has_fallback = |value: &&Value| value.as_str().is_some_and(|text| text.contains(":-"));
        let said = match (self.above, self.below) {
            (Some(above), _) => above.clone(),
            (None, below) => known(below.filter(|below| !has_fallback(below))?, variables),
        };
        said.as_str().filter(|said| CLIENTS.contains(said)).map(str::to_owned)
    }
}

impl Production<'_> {
    /// Who asks for a driver and may load it for something else than a database of Backstage's: all but the backend itself,
    /// to which create-app adds `better-sqlite3` for development, and the packages that leave the choice to the config. Each by its
    /// directory or name, sorted.
    pub fn other_users(&self, driver: &Driver, backend: &str) -> Vec<String> {
        let (lock, resolver) = (&self.repo.lock, self.repo.resolver());
        let is_driver = |index: usize| lock.entries.get(index).is_some_and(|e| *e.locator.name == *driver.package);
        let mut users = BTreeSet::new();
        for (manifest, reduced) in &self.manifests {
            let seed = reduced.seed(&manifest.locator());
            let asks = seed.dependencies.iter().any(|(name, range)| {
                // Under another name knex does not find it.
                let is_own = manifest.name == backend && name == driver.package;
                let place = resolver.edge(&seed.locator, Descriptor::new(&**name, &**range), false).place;
                !is_own && place.is_some_and(|place| is_driver(place.entry))
            });
            let is_peer = manifest.name != backend && reduced.peer_dependencies.contains_key(driver.package);
            if asks || is_peer {
                let root = || format!("the root package {}", manifest.name);
                users.insert(if manifest.dir.is_root() { root() } else { manifest.dir.to_string() });
            }
        }
        for index in self.walk.entries.iter() {
            let Some(entry) = lock.entries.get(index).filter(|entry| entry.workspace_dir().is_none()) else { continue };
            let name = &*entry.locator.name;
            let asks =
                || resolver.edges(index).iter().any(|edge| edge.place.is_some_and(|place| is_driver(place.entry)));
            // A patched package is made from the plain one, which is no user of it.
            let is_peer = || entry.peers.iter().any(|peer| **peer == *driver.package);
            if !THROUGH_KNEX.contains(&name) && name != driver.package && (is_peer() || asks()) {
                users.insert(name.to_owned());
            }
        }
        users.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use buildkit_frontend::files::MemoryFiles;
    use buildkit_frontend::path::ContextPath;
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::{Repository, read};
    use super::*;

    const SQLITE: &str = "better-sqlite3";

    fn key(name: &str) -> String {
        format!("backend.database{name}")
    }

    fn of(database: &Value, variables: &[(&str, &str)]) -> Use {
        database_use(SQLITE, &json!({"backend": {"database": database}}), &variables.iter().copied().collect())
    }

    #[test]
    fn files_say_the_client() {
        let unused = |client: &str| Use::Unused { client: client.to_owned(), by_variable: false };
        let unknown = |name: &str| Use::Unknown(key(name));
        let variables = [("PG", " pg "), ("LITE", "better-sqlite3"), ("EMPTY", "")];
        for (database, wanted) in [
            (json!({"client": "pg", "connection": {"host": "${POSTGRES_HOST}", "$file": "x"}}), unused("pg")),
            (
                json!({"client": "mysql2", "plugin": {"catalog": {"client": "pg"}, "auth": {"connection": {}}}}),
                unused("mysql2"),
            ),
            (json!({"client": "sqlite3"}), unused("sqlite3")),
            (json!({"client": "${PG}"}), unused("pg")),
            (json!({"client": {"$env": "PG"}}), unused("pg")),
            (json!({"client": "pg", "plugin": {}}), unused("pg")),
            (json!({"client": "pg", "knexConfig": {"client": SQLITE}}), unused("pg")),
            (json!({"client": SQLITE}), Use::Said(key(".client"))),
            (json!({"client": "${LITE}"}), Use::Said(key(".client"))),
            (
                json!({"client": "pg", "plugin": {"a": {"client": "pg"}, "b": {"client": SQLITE}}}),
                Use::Said(key(".plugin.b.client")),
            ),
            (json!({"client": "${DB}", "plugin": {"b": {"client": SQLITE}}}), Use::Said(key(".plugin.b.client"))),
            // Only the container tells.
            (json!({"client": "${DB_CLIENT}"}), unknown(".client")),
            (json!({"client": "${EMPTY}"}), unknown(".client")),
            (json!({"client": "${DB_CLIENT:-pg}"}), unknown(".client")),
            (json!({"client": "${PG:-pg}"}), unknown(".client")),
            (json!({"client": {"$env": "DB_CLIENT"}}), unknown(".client")),
            (json!({"client": {"$file": "client.txt"}}), unknown(".client")),
            (json!({"client": "pg", "plugin": {"a": {"client": "${A}"}}}), unknown(".plugin.a.client")),
            (json!({"client": "pg", "plugin": {"a": {"$include": "a.yaml"}}}), unknown(".plugin.a")),
            (json!({"client": "pg", "plugin": {"$include": "a.yaml"}}), unknown(".plugin")),
            (json!({"client": "pg", "plugin": {"$include": "a.yaml", "a": {"client": "pg"}}}), unknown(".plugin")),
            (json!({"client": "pg", "$include": "a.yaml"}), unknown("")),
            (json!({"$include": "a.yaml"}), unknown("")),
            (json!("${DATABASE}"), unknown("")),
            // With these no backend starts.
            (json!({}), unknown(".client")),
            (json!({"connection": ":memory:"}), unknown(".client")),
            (json!({"client": 1}), unknown(".client")),
            (json!({"client": null}), unknown(".client")),
            (json!({"client": "postgres"}), unknown(".client")),
            (json!({"client": "pg", "plugin": null}), unknown(".plugin")),
            (json!({"client": "pg", "plugin": {"a": "pg"}}), unknown(".plugin.a")),
            (json!(null), unknown("")),
        ] {
            assert_eq!(of(&database, &variables), wanted, "{database}");
        }
        let other = |config: Value| database_use(SQLITE, &config, &BTreeMap::new());
        assert_eq!(other(json!({})), Use::NotSaid);
        assert_eq!(other(json!({"backend": {"listen": ":7007"}})), Use::NotSaid);
        assert_eq!(other(json!({"backend": {"$include": "backend.yaml"}})), Use::Unknown("backend".to_owned()));
        assert_eq!(other(json!({"$include": "all.yaml"})), Use::Unknown("backend".to_owned()));
        let old = json!({"backend": {"database": {"client": "sqlite3"}}});
        assert_eq!(database_use("sqlite3", &old, &BTreeMap::new()), Use::Said(key(".client")));
    }

    #[test]
    fn variables_lie_over_files() {
        let pg = json!({"client": "pg", "plugin": {"a": {"client": "pg"}}});
        let lite = json!({"client": SQLITE});
        let [client, plugin] = ["APP_CONFIG_backend_database_client", "APP_CONFIG_backend_database_plugin_a_client"];
        let unused = Use::Unused { client: "pg".to_owned(), by_variable: true };
        for (database, variables, wanted) in [
            (&pg, vec![(client, SQLITE)], Use::Said(key(".client"))),
            (&pg, vec![(client, "\"better-sqlite3\"")], Use::Said(key(".client"))),
            (&pg, vec![(plugin, SQLITE)], Use::Said(key(".plugin.a.client"))),
            (&pg, vec![("APP_CONFIG_backend_database", r#"{"client": "better-sqlite3"}"#)], Use::Said(key(".client"))),
            (
                &pg,
                vec![("APP_CONFIG_backend", r#"{"database": {"plugin": {"n": {"client": "better-sqlite3"}}}}"#)],
                Use::Said(key(".plugin.n.client")),
            ),
            (&pg, vec![(client, "null")], Use::Unknown(key(".client"))),
            // What a variable holds is not put in place.
            (&pg, vec![(client, "${DB}"), ("DB", "pg")], Use::Unknown(key(".client"))),
            (&pg, vec![("APP_CONFIG_backend_database", "pg")], Use::Unknown(key(""))),
            (&lite, vec![(client, "pg")], unused.clone()),
            (&lite, vec![("APP_CONFIG_backend_listen", ":80")], Use::Said(key(".client"))),
            (&lite, vec![(client, "")], Use::Said(key(".client"))),
            (&json!({"client": "${DB}"}), vec![(client, "pg")], unused),
            (&json!({"$include": "a.yaml"}), vec![(client, "pg")], Use::Unknown(key(""))),
        ] {
            assert_eq!(of(database, &variables), wanted, "{database} {variables:?}");
        }
        let variables = BTreeMap::from([(client, SQLITE)]);
        assert_eq!(database_use(SQLITE, &json!({}), &variables), Use::Said(key(".client")));
    }

    /// What may stand where a client does: written, and what it may turn out to be in a container.
    fn clients() -> impl Strategy<Value = Option<Value>> {
        prop::sample::select(vec![
            None,
            Some(json!("pg")),
            Some(json!("mysql2")),
            Some(json!(SQLITE)),
            Some(json!("${X}")),
            Some(json!("${X:-pg}")),
            Some(json!({"$env": "X"})),
        ])
    }

    fn databases() -> impl Strategy<Value = Value> {
        let plugins = prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c"]), clients(), 0..3);
        (clients(), prop::option::of(plugins)).prop_map(|(client, plugins)| {
            let mut database = json!({});
            if let Some(client) = client {
                database["client"] = client;
            }
            for (id, client) in plugins.iter().flatten() {
                database["plugin"][id] = client.as_ref().map_or(json!({}), |client| json!({ "client": client }));
            }
            database
        })
    }

    /// The config of a container that chooses SQLite wherever it may choose.
    fn worst(value: &Value) -> Value {
        match value {
            Value::Object(map) if map.contains_key("$env") => json!(SQLITE),
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), worst(value))).collect(),
            Value::String(text) if text.contains("${") => json!(SQLITE),
            other => other.clone(),
        }
    }

    proptest! {
        /// Left out exactly where no container can have it as a client.
        #[test]
        fn no_container_misses_a_module(below in databases(), above in databases()) {
            let plain = worst(&above);
            let text = plain.to_string();
            let mut merged = worst(&below);
            for key in plain.as_object().unwrap().keys().filter(|key| *key != "plugin") {
                merged[key] = plain[key].clone();
            }
            for (id, plugin) in plain["plugin"].as_object().into_iter().flatten() {
                for (key, value) in plugin.as_object().unwrap() {
                    merged["plugin"][id][key] = value.clone();
                }
            }
            let plugins = merged["plugin"].as_object().into_iter().flatten().map(|(_, plugin)| &plugin["client"]);
            let needs = plugins.chain([&merged["client"]]).any(|client| client == SQLITE);
            let found = of(&below, &[("APP_CONFIG_backend_database", &text)]);
            match found {
                Use::Unused { client, .. } => prop_assert!(!needs && merged["client"] == client),
                Use::Said(_) => prop_assert!(needs),
                _ => prop_assert!(needs || merged["client"].is_null()),
            }
        }
    }

    /// A repository of a backend, a plugin that it depends on, and the given entries of a lockfile.
    fn repository(root: &str, backend: &str, plugin: &str, packages: &str) -> Repository {
        let workspace = |name: &str, dir: &str| {
            format!(
                "\n\"{name}@workspace:{dir}, {name}@workspace:^\":\n  version: 0.0.0-use.local\n  resolution: \"{name}@workspace:{dir}\"\n  languageName: unknown\n  linkType: soft\n"
            )
        };
        let entry = |name: &str, more: &str| {
            format!(
                "\n\"{name}@npm:1.0.0\":\n  version: 1.0.0\n  resolution: \"{name}@npm:1.0.0\"\n{more}  languageName: node\n  linkType: hard\n"
            )
        };
        let mut lock = String::from("__metadata:\n  version: 8\n");
        lock.push_str(&[workspace("root", "."), workspace("backend", "b"), workspace("plugin", "p")].concat());
        let dependencies = |names: &str| format!("  dependencies:\n{names}");
        lock.push_str(&entry("better-sqlite3", &dependencies("    bindings: \"npm:1.0.0\"\n")));
        lock.push_str(
            &[entry("bindings", ""), entry("knex", "  peerDependencies:\n    better-sqlite3: \"*\"\n")].concat(),
        );
        lock.push_str(&entry("store", &dependencies("    better-sqlite3: \"npm:1.0.0\"\n")));
        lock.push_str(&entry("orm", "  peerDependencies:\n    better-sqlite3: \"*\"\n"));
        lock.push_str(&entry("@backstage/backend-test-utils", &dependencies("    better-sqlite3: \"npm:1.0.0\"\n")));
        lock.push_str(packages);
        let path = |text: &str| ContextPath::new(text).unwrap();
        let files = MemoryFiles::default()
            .with(path("package.json"), format!("{{\"name\": \"root\", \"workspaces\": [\"b\", \"p\"], {root}}}"))
            .with(path("b/package.json"), format!("{{\"name\": \"backend\", {backend}}}"))
            .with(path("p/package.json"), format!("{{\"name\": \"plugin\", {plugin}}}"))
            .with(path(".yarnrc.yml"), "nodeLinker: node-modules\n")
            .with(path("yarn.lock"), lock);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(read(&files, &[])).unwrap().0
    }

    #[test]
    fn who_may_load_it_for_something_else() {
        let sqlite = driver(SQLITE).unwrap();
        let dependencies = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| format!("{name}\": \"npm:1.0.0\"")).collect();
            format!("\"dependencies\": {{\"{}}}", names.join(", \""))
        };
        let none = "\"version\": \"1.0.0\"".to_owned();
        let alias = "\n\"lite@npm:better-sqlite3@1.0.0\":\n  version: 1.0.0\n  resolution: \"better-sqlite3@npm:1.0.0\"\n  languageName: node\n  linkType: hard\n";
        let [knex, utils] = ["knex", "@backstage/backend-test-utils"];
        let with_plugin = "\"dependencies\": {\"better-sqlite3\": \"1.0.0\", \"plugin\": \"workspace:^\"}".to_owned();
        let of = |root: &str, backend: &str, plugin: &str, packages: &str| {
            Production::of(&repository(root, backend, plugin, packages), "backend").other_users(sqlite, "backend")
        };
        assert!(of(&none, &dependencies(&[SQLITE, knex, utils]), &none, "").is_empty());
        assert_eq!(of(&none, &dependencies(&[SQLITE, "store", "orm"]), &none, ""), ["orm", "store"]);
        assert_eq!(of(&none, &with_plugin, &dependencies(&[SQLITE]), ""), ["p"]);
        assert_eq!(of(&none, &with_plugin, "\"peerDependencies\": {\"better-sqlite3\": \"*\"}", ""), ["p"]);
        assert_eq!(of(&dependencies(&[SQLITE]), &dependencies(&[SQLITE]), &none, ""), ["the root package root"]);
        let aliased = "\"dependencies\": {\"lite\": \"npm:better-sqlite3@1.0.0\"}";
        assert_eq!(of(&none, aliased, &none, alias), ["b"]);
        // Only for development, or not in the closure: nobody of the image.
        let development = "\"devDependencies\": {\"better-sqlite3\": \"1.0.0\"}";
        assert!(of(&none, &with_plugin, development, "").is_empty());
        assert!(of(development, &dependencies(&[SQLITE]), &dependencies(&["store"]), "").is_empty());
    }
}
