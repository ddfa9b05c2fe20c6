//! The app's bundle, as a vertex of its own: a backend edit never runs the bundler.

use std::collections::BTreeSet;

use buildkit_frontend::diagnostic::Diagnostics;
use buildkit_frontend::files::ignore_pattern;
use buildkit_frontend::path::{ContextPath, ImagePath};

use crate::repo::{Manifest, Reader, root_config};

use super::yarn::Purpose;
use super::{
    Action, Decision, FileAction, Files, GeneratedFile, Planner, Step, StepId, Tree, WORK, image_path, in_repo,
};

/// What no build reads: an edit of a test or a story runs checks only.
pub(super) const NOT_BUILT: [&str; 9] = [
    "**/node_modules",
    "**/*.test.ts",
    "**/*.test.tsx",
    "**/*.test.js",
    "**/*.test.jsx",
    "**/*.stories.tsx",
    "**/__tests__",
    "**/__snapshots__",
    "e2e-tests",
];

/// A built app: where its files are.
pub(super) struct App {
    /// The tree.
    pub tree: Tree,
    /// Its workspace.
    pub dir: ContextPath,
}

impl Planner<'_> {
    /// Builds the app that the backend ships, if there is one.
    pub(super) fn app(&mut self, installed: &Tree) -> Result<Option<App>, Diagnostics> {
        let Some(Decision { value: app, because, origin }) = self.app.clone() else {
            return Ok(None);
        };
        let workspaces = self.repo().source_closure(&app.name);
        let own = !self.spec().build.before.is_empty();
        let base = if own { self.whole(installed, "app") } else { installed.clone() };
        let mut actions = self.root_sources();
        if !own {
            actions.extend(self.workspace_sources(&workspaces, &NOT_BUILT));
        }
        let configs = self.build_configs(app);
        actions.extend(configs.iter().map(|config| self.copy_source(config, &[])));
        // They may exist at run time only.
        let references = self.build_references(&configs);
        actions.extend(self.copy_what_is_there(&references, in_repo(&ContextPath::root())).map(FileAction::Copy));
        let sources = self.step(Step {
            id: StepId::new("app-files"),
            group: "app".to_owned(),
            title: "sources".to_owned(),
            because: format!("{} and the {} workspaces that it imports", app.dir, workspaces.len().saturating_sub(1)),
            origin: origin.clone(),
            action: Action::Files(Files { base, actions }),
        });
        let tree = self.prepared(Tree::Step(sources), "app");
        let mut args = vec!["run".to_owned(), "build".to_owned()];
        if let Some(written) = &self.spec().build.config {
            // The bundler resolves --config against the workspace.
            let up = "../".repeat(app.dir.as_str().split('/').count());
            args.extend(written.iter().flat_map(|config| ["--config".to_owned(), format!("{up}{}", config.value)]));
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut run = self.yarn(tree, &app.dir, &args, Purpose::Build);
        self.build_env(&mut run);
        let id = self.step(Step {
            id: StepId::new("app"),
            group: "app".to_owned(),
            title: format!("yarn {} ({})", args.join(" "), app.dir),
            because: format!("{because}; built once, on the builder's own platform"),
            origin,
            action: Action::Run(run),
        });
        Ok(Some(App { tree: Tree::Output(id, image_path(WORK)), dir: app.dir.clone() }))
    }

    /// Config files that the bundler reads: what `build.config` or the app's own build script names, otherwise
    /// `app-config.yaml`, as the CLI does.
    pub(super) fn build_configs(&self, app: &Manifest) -> Vec<ContextPath> {
        if let Some(written) = &self.spec().build.config {
            return written.iter().map(|config| config.value.clone()).collect();
        }
        let script = app.scripts.get("build").map_or("", String::as_str);
        let words: Vec<&str> = script.split_whitespace().collect();
        let named = words.windows(2).filter_map(|pair| match pair {
            ["--config", path] => app.dir.join(path).ok(),
            _ => None,
        });
        let named: Vec<ContextPath> = named.collect();
        if !named.is_empty() {
            return named;
        }
        let default = ContextPath::new("app-config.yaml").into_iter();
        default.filter(|path| self.repo().configs.contains_key(path)).collect()
    }

    /// Files that these configs refer to and that may be sent.
    fn build_references(&self, configs: &[ContextPath]) -> Vec<ContextPath> {
        let mut references = self.references(configs);
        references.retain(|path| !configs.contains(path));
        references
    }

    /// Files at the root that configure builds. The root manifest is the real one here: scripts are run from it.
    pub(super) fn root_sources(&mut self) -> Vec<FileAction> {
        let files = self.root_config(Reader::Build);
        // What `link:` points at outside the workspaces is imported like a workspace.
        let links = self.repo().yarn.links.iter().map(|path| self.copy_source(path, &["**/node_modules"])).collect();
        [files, links].concat()
    }

    /// The files at the root that some readers read.
    pub(super) fn root_config(&mut self, reader: Reader) -> Vec<FileAction> {
        let names = self.repo().root_files.iter().filter(|name| root_config(name) == Some(reader));
        names.filter_map(|name| ContextPath::new(name).ok()).map(|path| self.copy_source(&path, &[])).collect()
    }

    /// Workspaces, each one narrow copy: measured to be the shape that costs least.
    pub(super) fn workspace_sources(&mut self, workspaces: &[&Manifest], exclude: &[&str]) -> Vec<FileAction> {
        let dirs: BTreeSet<&ContextPath> = workspaces.iter().map(|manifest| &manifest.dir).collect();
        let nested = |dir: &&&ContextPath| dirs.iter().any(|other| *other != **dir && dir.is_in(other));
        let outer: Vec<ContextPath> = dirs.iter().filter(|dir| !nested(dir)).map(|dir| (*dir).clone()).collect();
        outer.iter().map(|dir| self.copy_source(dir, exclude)).collect()
    }

    /// The whole repository over an install: for commands of the user's.
    pub(super) fn whole(&mut self, installed: &Tree, purpose: &str) -> Tree {
        // Named one by one as well, so that no ignore line hides them.
        let links = self.repo().yarn.links.iter();
        for dir in self.repo().workspaces.iter().map(|manifest| &manifest.dir).chain(links) {
            self.uses(dir);
        }
        // Not the build file: a comment in it may be for no one else, and an edit of it would start every command again.
        let build_file = ignore_pattern(&self.spec().file.name);
        let copy = self.copy_source(&ContextPath::root(), &["**/node_modules", ".yarn/releases", &build_file]);
        let id = self.step(Step {
            id: StepId::named("whole", purpose),
            group: purpose.to_owned(),
            title: "the whole repository".to_owned(),
            because: "a command of the build file may read anything".to_owned(),
            origin: super::Origin::of_default("build"),
            action: Action::Files(Files { base: installed.clone(), actions: vec![copy] }),
        });
        Tree::Step(id)
    }

    /// Runs `build.before` on a tree.
    pub(super) fn prepared(&mut self, tree: Tree, purpose: &str) -> Tree {
        let lines = &self.spec().build.before;
        let mut tree = tree;
        for (index, line) in lines.iter().enumerate() {
            let root = self.build_root.clone();
            let mut run = self.shell(root, tree, &ContextPath::root(), &line.value, Purpose::Build);
            self.build_env(&mut run);
            let id = self.step(Step {
                id: StepId::named("before", format!("{purpose} {}", index.saturating_add(1))),
                group: purpose.to_owned(),
                title: line.value.clone(),
                because: "build.before".to_owned(),
                origin: super::Origin::Explicit(line.span.clone()),
                action: Action::Run(run),
            });
            tree = Tree::Output(id, image_path(WORK));
        }
        tree
    }

    /// Environment of builds: `build.env` and the heap.
    pub(super) fn build_env(&self, run: &mut super::Run) {
        let build = &self.spec().build;
        for (name, value) in &build.env {
            run.env.insert(name.clone(), value.value.clone());
        }
        if let Some(memory) = &build.memory {
            let options = run.env.entry("NODE_OPTIONS".to_owned()).or_default();
            let flag = format!("--max-old-space-size={}", memory.value);
            *options = if options.is_empty() { flag } else { format!("{options} {flag}") };
        }
    }

    /// The real file of a workspace with its build script taken out: what a dependent's build then skips.
    pub(super) fn without_build(manifest: &Manifest) -> (ImagePath, GeneratedFile) {
        let mut json = manifest.json.clone();
        if let Some(scripts) = json.get_mut("scripts").and_then(serde_json::Value::as_object_mut) {
            scripts.insert("build".to_owned(), serde_json::Value::String("true".to_owned()));
        }
        // In what is written the order of the repository's file must not show. That of conditions has a meaning.
        for (key, value) in &mut json {
            if !["exports", "imports", "typesVersions"].contains(&key.as_str()) {
                value.sort_all_objects();
            }
        }
        json.sort_keys();
        let mut text = serde_json::to_string_pretty(&json).unwrap_or_default();
        text.push('\n');
        let path = manifest.dir.join("package.json").unwrap_or_default();
        (in_repo(&path), GeneratedFile::text(text))
    }
}
