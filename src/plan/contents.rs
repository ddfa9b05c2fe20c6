//! What the image holds besides bundles and dependencies: config files, what they name, and `files`.

use std::collections::BTreeSet;

use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics, Span};
use buildkit_frontend::files::PatternMatcher;
use buildkit_frontend::path::{ContextPath, ImagePath};
use buildkit_llb::Platform;

use crate::hidden::is_secret;
use crate::repo::{Naming, Withheld, config};
use crate::spec::model::{ConfigFile, FileSource};

use super::references::reason;
use super::{APP, CopyFiles, FileAction, ImageName, Mode, Origin, Planner, RunsOn, Tree, image_path, rooted};

/// Catalog locations with a `*` in them: each is tried on every workspace.
const MAX_PATTERNS: usize = 1_000;

/// Something that images of all platforms hold.
pub(super) struct Content {
    action: FileAction,
    /// Where the files of a copy come from an image: each platform takes its own.
    image: Option<ImageName>,
}

impl From<FileAction> for Content {
    fn from(action: FileAction) -> Self {
        Self { action, image: None }
    }
}

impl Content {
    /// How the image of a platform gets it.
    pub(super) fn on(&self, platform: &Platform) -> FileAction {
        match (&self.action, &self.image) {
            (FileAction::Copy(copy), Some(image)) => FileAction::Copy(CopyFiles {
                from: Tree::Image(image.clone(), RunsOn::Target(platform.clone())),
                ..copy.clone()
            }),
            (action, _) => action.clone(),
        }
    }
}

impl Planner<'_> {
    /// Config files, what they name, and `files`.
    pub(super) fn contents(&mut self) -> Result<Vec<Content>, Diagnostics> {
        let workdir = image_path(APP);
        let mut contents: Vec<Content> = Vec::new();
        // What is in its own place already.
        let mut taken: BTreeSet<ContextPath> = BTreeSet::new();
        // Places in the image of what is written by hand.
        let mut given: Vec<ImagePath> = Vec::new();
        for config in self.runtime_configs() {
            let dest = workdir.join_context(&config.to);
            contents.push(self.readable(&config.from, &dest));
            given.push(dest);
            if config.from == config.to {
                taken.insert(config.from);
            }
        }
        for file in &self.spec().files {
            let own = workdir.join_context(&file.from);
            let dest = file.to.clone().unwrap_or_else(|| own.clone());
            given.push(dest.clone());
            let (mut copy, image) = match &file.source {
                FileSource::Context => {
                    self.refuse_secrets(&file.from, &file.span)?;
                    if dest == own {
                        taken.insert(file.from.clone());
                    }
                    (self.context_copy(&file.from, dest), None)
                }
                FileSource::Image(reference) => {
                    let image = self.image_of(reference, &Origin::Explicit(file.span.clone()));
                    (CopyFiles::new(Tree::Scratch, rooted(&file.from), dest), Some(image))
                }
            };
            copy.mode = file.mode.map_or(Mode::Readable, Mode::Bits);
            contents.push(Content { action: FileAction::Copy(copy), image });
        }
        // What `link:` and `portal:` point at outside the workspaces is linked to from node_modules.
        for path in self.production().links() {
            contents.push(self.readable(&path, &workdir.join_context(&path)));
            taken.insert(path);
        }
        let modules = self.spec().runtime.preload.iter().map(|module| module.value.clone());
        let (elsewhere, required): (Vec<_>, Vec<_>) = modules.partition(|path| {
            let place = workdir.join_context(path);
            self.repo().workspaces.iter().any(|manifest| path.is_in(&manifest.dir))
                || given.iter().any(|dest| place.is_in(dest))
        });
        for path in required {
            contents.push(self.readable(&path, &workdir.join_context(&path)));
            taken.insert(path);
        }
        // Modules may be part of a bundle or of what is written by hand; what the config names may exist at run time only.
        let mut named: Vec<ContextPath> = Vec::new();
        for path in elsewhere.into_iter().chain(self.named_by_config()) {
            if !path.with_parents().any(|dir| taken.contains(&dir)) {
                taken.insert(path.clone());
                named.push(path);
            }
        }
        if let Some(mut copy) = self.copy_what_is_there(&named, workdir) {
            copy.mode = Mode::Readable;
            // First, so that what is written by hand takes its place.
            contents.insert(0, FileAction::Copy(copy).into());
        }
        for dir in &self.spec().runtime.writable {
            // For any user: a platform may start the image as whomever it likes.
            contents.push(FileAction::Mkdir { path: dir.value.clone(), mode: 0o777 }.into());
        }
        Ok(contents)
    }

    /// The lines that name files: where one that is not there is to be looked for.
    pub(super) fn files_origin(&self) -> Origin {
        let spec = self.spec();
        let files = spec.files.iter().map(|file| &file.span);
        let spans: Vec<&Span> = files.chain(spec.runtime.preload.iter().map(|module| &module.span)).collect();
        let range = |(start, end): (usize, usize), span: &Span| (start.min(span.range.start), end.max(span.range.end));
        match spans.first() {
            None => Origin::of_default("files"),
            Some(first) => {
                let (start, end) = spans.iter().copied().fold((usize::MAX, 0), range);
                Origin::Explicit(Span::new(&first.file, start..end))
            }
        }
    }

    fn readable(&mut self, from: &ContextPath, to: &ImagePath) -> Content {
        let mut copy = self.context_copy(from, to.clone());
        copy.mode = Mode::Readable;
        FileAction::Copy(copy).into()
    }

    /// A copy of the repository's into the image.
    fn context_copy(&mut self, from: &ContextPath, to: ImagePath) -> CopyFiles {
        self.uses(from);
        CopyFiles::new(Tree::Context, rooted(from), to)
    }

    /// Run-time config files: those of the build file, otherwise the two that create-app makes.
    pub(super) fn runtime_configs(&self) -> Vec<ConfigFile> {
        match &self.spec().config {
            Some(written) => written.iter().map(|config| config.value.clone()).collect(),
            None => ["app-config.yaml", "app-config.production.yaml"]
                .into_iter()
                .filter_map(|name| ContextPath::new(name).ok())
                .filter(|path| self.repo().configs.contains_key(path))
                .map(|path| ConfigFile { from: path.clone(), to: path })
                .collect(),
        }
    }

    /// The run-time config files, merged as the backend merges them.
    pub(super) fn merged_config(&self) -> &serde_json::Value {
        self.merged_config.get_or_init(|| {
            let configs = self.runtime_configs();
            let found: Vec<_> = configs.iter().filter_map(|config| self.repo().configs.get(&config.from)).collect();
            config::merge(&found)
        })
    }

    /// Files and directories of the repository that the run-time config names: `$file`, `$include`, catalog locations.
    fn named_by_config(&mut self) -> Vec<ContextPath> {
        let configs = self.runtime_configs();
        let mut paths = self.references(configs.iter().map(|config| &config.from));
        let mut withheld = Vec::new();
        let (mut patterns, mut nothing) = (0_usize, Vec::new());
        for target in config::file_locations(self.merged_config()) {
            let pattern = target.contains('*');
            patterns = patterns.saturating_add(usize::from(pattern));
            let found = if pattern && patterns > MAX_PATTERNS { Vec::new() } else { self.location(&target) };
            if pattern && found.is_empty() {
                nothing.push(target.clone());
            }
            for path in found {
                match self.withheld_location(&target, &path) {
                    Some(left_out) => withheld.push(left_out),
                    None => paths.push(path),
                }
            }
        }
        withheld.sort_by(|(a, _), (b, _)| a.cmp(b));
        withheld.dedup_by(|(a, _), (b, _)| a == b);
        if let Some((first, why)) = withheld.first() {
            let because = reason(why);
            let message = match withheld.len() {
                1 => format!("`{first}`, a catalog location, is not put into the image: {because}"),
                many => format!("{many} catalog locations are not put into the image, such as `{first}`: {because}"),
            };
            self.warnings.push(
                Diagnostic::warning("plan/withheld", message)
                    .help("name the file or its folder under `files` if the image is to have it"),
            );
        }
        if let Some(first) = nothing.first() {
            let message = match nothing.len() {
                1 => format!("nothing is put into the image for the catalog location `{first}`"),
                many => format!("nothing is put into the image for {many} catalog locations, such as `{first}`"),
            };
            let warning = Diagnostic::warning("plan/location", message);
            self.warnings.push(warning.help("name the files that are meant, or their folder, under `files`"));
        }
        paths.retain(|path| !path.is_root() && !is_secret(path));
        paths.sort();
        paths.dedup();
        paths
    }

    /// What belongs to a catalog location: the folder of the file, since templates keep their content beside them and
    /// locations name other files; but never the sources of a workspace, of which only the file is taken, with the
    /// content of a template. A `catalog-info.yaml` describes what lies beside it, which is not for the catalog.
    fn location(&self, target: &str) -> Vec<ContextPath> {
        let Some((path, whole)) = config::location(target) else { return Vec::new() };
        let dir = path.parent();
        let describes = whole && path.name().starts_with("catalog-info.");
        if !dir.is_root() && !describes && !self.holds_sources(&dir) {
            return vec![dir];
        }
        if !whole {
            return self.in_workspaces(target);
        }
        let content = ["content", "skeleton"].iter().filter(|_| path.name().contains("template"));
        let content = content.filter_map(|name| dir.join(name).ok()).filter(|dir| !self.holds_sources(dir));
        std::iter::once(path.clone()).chain(content).collect()
    }

    /// What is left out of a path that is taken for a location, and why: the path is ignored, or the file that is written there.
    /// A file is left out of folders as well that are taken for something else.
    fn withheld_location(&mut self, target: &str, path: &ContextPath) -> Option<(ContextPath, Withheld)> {
        let written = config::location(target).filter(|(_, whole)| *whole).map(|(written, _)| written);
        let ignores = &self.repo().ignores;
        // A folder is taken for the file in it that is written.
        let mut named = written.into_iter().chain([path.clone()]);
        let (path, why) = named.find_map(|path| Some((path.clone(), ignores.withholds(&path, Naming::Location)?)))?;
        if target.rsplit('/').next() == Some(path.name()) {
            self.withheld.insert(path.clone());
        }
        Some((path, why))
    }

    /// Whether a directory is a workspace, holds one, or lies among the sources of one.
    fn holds_sources(&self, dir: &ContextPath) -> bool {
        // Sorted by directory.
        let workspaces = &self.repo().workspaces;
        let from = |start: &str| {
            let at = workspaces.partition_point(|manifest| manifest.dir.as_str() < start);
            workspaces.get(at).map(|manifest| manifest.dir.as_str())
        };
        let holds = |dir: &str| {
            from(dir) == Some(dir)
                || from(&format!("{dir}/")).is_some_and(|found| found.starts_with(&format!("{dir}/")))
        };
        let among_sources =
            |dir: &ContextPath| dir.name() == "src" && from(dir.parent().as_str()) == Some(dir.parent().as_str());
        holds(dir.as_str()) || dir.with_parents().any(|dir| among_sources(&dir))
    }

    /// The files at the top of workspaces that a pattern such as `./plugins/*/catalog-info.yaml` names.
    fn in_workspaces(&self, target: &str) -> Vec<ContextPath> {
        let pattern = target.trim_start_matches("./").to_owned();
        let name = pattern.rsplit('/').next().unwrap_or_default().to_owned();
        // What lies in a workspace is not known, only whether a name would fit.
        if name.contains(['*', '?', '[', '{']) {
            return Vec::new();
        }
        let Ok(matcher) = PatternMatcher::new(&[pattern]) else { return Vec::new() };
        let files = self.repo().workspaces.iter().filter_map(|manifest| manifest.dir.join(&name).ok());
        files.filter(|file| matcher.matches(file.as_str())).collect()
    }
}
