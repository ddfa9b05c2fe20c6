//! That the image has what the backend's bundle loads when it starts.
//!
//! The packages are selected beside the build, so what the bundle asks for is not known then. Followed are the files that
//! Node certainly loads: from the backend's entry point on, over relative paths and the workspaces that it ships.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use buildkit_frontend::secret::head;

use super::check::listed;
use super::report::Report;
use super::requires::{self, MAX_SCRIPT, is_script, resolved};
use super::tree::{Installed, Place, read, read_start};
use super::walk::{self, Entry};

/// Modules of Node's own, by the first part of their names (`module.builtinModules` of Node 24).
const BUILTIN: [&str; 42] = [
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "domain",
    "events",
    "fs",
    "http",
    "http2",
    "https",
    "inspector",
    "module",
    "net",
    "os",
    "path",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "repl",
    "stream",
    "string_decoder",
    "sys",
    "timers",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
];

/// Mistakes that are looked for.
const MAX_MISTAKES: usize = 1_000;
/// Bytes of a specifier that a message shows.
const MAX_SHOWN: usize = 200;

/// Checks a bundle against the packages of an image. `backend` is the backend's directory in both; `report` says what was
/// left out of the packages.
///
/// # Errors
/// When the bundle loads what the image does not have, and when files cannot be read.
pub(crate) fn check_bundle(bundle: &Path, app: &Path, backend: &str, report: &Path) -> io::Result<()> {
    let report: Report = serde_json::from_slice(&read(report, u64::MAX)?.unwrap_or_default())?;
    let (bundle, image) = (Installed::open(bundle)?, Installed::open(app)?);
    let mut check = Check { bundle, image, files: BTreeMap::new(), queue: Vec::new(), mistakes: Vec::new() };
    check.enter(backend)?;
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    while let Some((workspace, file)) = check.queue.pop() {
        if is_script(&file) && seen.insert((workspace.clone(), file.clone())) {
            check.file(&workspace, &file, &report)?;
        }
    }
    match listed(check.mistakes) {
        None => Ok(()),
        Some(list) => Err(io::Error::other(format!("the backend would not start:{list}"))),
    }
}

struct Check {
    bundle: Installed,
    image: Installed,
    /// The files of each workspace.
    files: BTreeMap<String, BTreeSet<String>>,
    /// Files that are loaded, each with its workspace.
    queue: Vec<(String, String)>,
    mistakes: Vec<String>,
}

impl Check {
    /// A workspace is loaded by its name.
    fn enter(&mut self, workspace: &str) -> io::Result<()> {
        let main = self.bundle.manifest(workspace)?.map(|manifest| manifest.main).unwrap_or_default();
        let main = if main.is_empty() { "./index.js".to_owned() } else { format!("./{main}") };
        let files = self.files_of(workspace)?;
        let entry = resolved("", &main, files);
        self.queue.extend(entry.map(|file| (workspace.to_owned(), file)));
        Ok(())
    }

    fn files_of(&mut self, workspace: &str) -> io::Result<&BTreeSet<String>> {
        if !self.files.contains_key(workspace) {
            let mut files = BTreeSet::new();
            let root = self.bundle.path(workspace);
            if root.is_dir() {
                walk::files(&root, &mut |path, entry| {
                    if let Entry::File { .. } = entry {
                        files.insert(path.to_owned());
                    }
                    Ok(path != "node_modules")
                })?;
            }
            self.files.insert(workspace.to_owned(), files);
        }
        Ok(self.files.entry(workspace.to_owned()).or_default())
    }

    fn file(&mut self, workspace: &str, file: &str, report: &Report) -> io::Result<()> {
        let text = read_start(&self.bundle.path(workspace).join(file), MAX_SCRIPT)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        for (specifier, line) in requires::on_load(&text) {
            let Some(name) = requires::package(specifier) else {
                let found = resolved(file, specifier, self.files_of(workspace)?);
                self.queue.extend(found.map(|file| (workspace.to_owned(), file)));
                continue;
            };
            // Old names of parts of modules, such as `_stream_duplex`, are Node's too.
            if BUILTIN.contains(&name) || ["_http_", "_stream_", "_tls_"].iter().any(|start| name.starts_with(start)) {
                continue;
            }
            if self.mistakes.len() >= MAX_MISTAKES {
                return Ok(());
            }
            match self.image.place(workspace, name)? {
                Some(Place::Package) => {}
                // A workspace lies in the bundle. Of what it exports under other names nothing is followed.
                Some(Place::Link(to)) if specifier == name => self.enter(&to)?,
                Some(Place::Link(_)) => {}
                None => {
                    let left_out = report.left_out(name);
                    let why = match left_out {
                        Some(why) => format!("left out: {why}; keep it with `prune: {{keep: [\"{name}\"]}}`"),
                        None => "no production dependency brings it: is it one of `devDependencies`?".to_owned(),
                    };
                    let specifier = head(specifier, MAX_SHOWN);
                    self.mistakes.push(format!(
                        "{workspace}/{file}:{line} loads `{specifier}`, which is not in the image ({why})"
                    ));
                }
            }
        }
        Ok(())
    }
}
