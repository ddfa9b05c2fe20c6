//! Which packages of an installed tree go into the image: those that Node finds from the backend, without those that
//! nothing which stays asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crate::repo::Needs;

use super::patterns::{Decision, Patterns};
use super::requires::{self, MAX_SCRIPT, is_script, resolved};
use super::rules::{CANDIDATES, Candidate, DEVELOPMENT, Referenced, Rule};
use super::task::Task;
use super::tree::{Found, Installed, Manifest, join, read_start};
use super::walk::{self, Entry};

/// A package of the tree.
#[derive(Debug, Clone)]
pub(super) struct Package {
    pub(super) manifest: Manifest,
    /// Places of what it needs.
    needs: BTreeSet<String>,
    /// Whether it has a `binding.gyp`.
    pub(super) native: bool,
}

/// What goes into the image, and what does not.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// By place, relative to the root of the tree.
    pub(super) packages: BTreeMap<String, Package>,
    /// Links by place, with what they lead to.
    pub(super) links: BTreeMap<String, String>,
    /// Packages that are left out, by place.
    pub(super) left_out: BTreeMap<String, LeftOut>,
    /// Packages that a rule would leave out, and what asks for them.
    pub(super) kept: BTreeMap<String, String>,
    /// What is asked for of each package besides code, by place.
    pub(super) referenced: BTreeMap<String, Referenced>,
    /// A package or workspace whose config schema is TypeScript.
    pub(super) typescript: Option<String>,
}

/// A package that is left out.
#[derive(Debug, Clone)]
pub(super) struct LeftOut {
    pub(super) package: Package,
    pub(super) rule: Rule,
    pub(super) why: String,
}

/// Selects the packages.
///
/// # Errors
/// When files cannot be read, and when a package needs what the tree does not have.
pub(super) fn select(tree: &Installed, task: &Task, cpu: &str, patterns: &Patterns) -> io::Result<Selection> {
    let closure = Closure::of(tree, task, cpu)?;
    let typescript = typescript_schema(task, &closure.packages);
    let mut gone: BTreeMap<String, (Rule, String)> = BTreeMap::new();
    for (place, package) in &closure.packages {
        match patterns.decide(place) {
            Decision::Keep => continue,
            Decision::Drop => {
                gone.insert(place.clone(), (Rule::Dropped, Rule::Dropped.to_string()));
                continue;
            }
            Decision::Open => {}
        }
        let Manifest { name, version, .. } = &package.manifest;
        let id = format!("{name}@{version}");
        if let Some(why) = task.unused.get(&id) {
            gone.insert(place.clone(), (Rule::Unused, why.clone()));
        } else if task.prune.safe && task.unbuilt.contains(&id) && cannot_load(tree, place, &package.manifest)? {
            gone.insert(place.clone(), (Rule::Unbuilt, Rule::Unbuilt.to_string()));
        } else if let Some(candidate) = candidate(name).filter(|candidate| {
            let stays = closure.roots.contains(place) && !candidate.even_if_named;
            !stays && holds(candidate, task, typescript.as_ref())
        }) {
            gone.insert(place.clone(), (candidate.rule, candidate.rule.to_string()));
        }
    }
    let mut scripts = Scripts { tree, found: BTreeMap::new() };
    let mut kept: BTreeMap<String, String> = BTreeMap::new();
    // What stays may ask for what goes, which then stays with all that it needs, which may ask for more.
    let stays = loop {
        let stays = closure.reachable(kept.keys(), |place| gone.contains_key(place));
        let orphans = |place: &str| closure.packages.contains_key(place) && !stays.contains(place);
        let out = closure.packages.keys().filter(|place| !stays.contains(*place));
        let out: BTreeSet<&str> = out.filter_map(|place| Some(place.rsplit_once("node_modules/")?.1)).collect();
        let mut wanted: BTreeMap<String, String> = BTreeMap::new();
        for place in &stays {
            let Some(package) = closure.packages.get(place) else { continue };
            let user = &package.manifest.name;
            for (name, files) in scripts.of(place, user)?.iter().filter(|(name, _)| out.contains(name.as_str())) {
                let Some(Found::Package(at)) = tree.find(place, name)? else { continue };
                let file = match gone.get(&at) {
                    None => files.first().filter(|_| orphans(&at)),
                    // What a user leaves out is checked at the end.
                    Some((Rule::Dropped, _)) => None,
                    // Nothing uses it, or it fails when it is used; but to be there may be all that is asked of it.
                    Some((Rule::Unused | Rule::Unbuilt, _)) => loading(tree, place, files, name)?,
                    Some(_) => files.first().filter(|_| !is_user(name, user)),
                };
                if let Some(file) = file.filter(|_| at != *place) {
                    wanted.entry(at).or_insert_with(|| format!("{user} asks for it in {file}"));
                }
            }
        }
        if wanted.is_empty() {
            break stays;
        }
        for (place, why) in wanted {
            gone.remove(&place);
            kept.insert(place, why);
        }
    };
    let referenced = if task.prune.safe { scripts.referenced(&closure.packages, &stays)? } else { BTreeMap::new() };
    Ok(Selection { referenced, ..closure.split(&stays, &gone, kept, typescript) })
}

fn candidate(name: &str) -> Option<&'static Candidate> {
    CANDIDATES.iter().find(|candidate| candidate.name == name)
}

fn holds(candidate: &Candidate, task: &Task, typescript: Option<&String>) -> bool {
    task.prune.safe && (candidate.rule != Rule::Schemas || typescript.is_none())
}

/// Whether a package asks for another only for what the rule says nobody needs.
fn is_user(name: &str, user: &str) -> bool {
    candidate(name).is_some_and(|candidate| candidate.users.contains(&user))
}

/// The first of some files of a package that asks for another package as soon as it is loaded.
fn loading<'a>(tree: &Installed, place: &str, files: &'a [String], name: &str) -> io::Result<Option<&'a String>> {
    for file in files {
        let text = read_start(&tree.path(place).join(file), MAX_SCRIPT)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        if requires::on_load(&text).iter().any(|(specifier, _)| requires::package(specifier) == Some(name)) {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// Whether a native package has no binary and certainly fails without one: where it is loaded, it loads a binary, or what
/// finds one and ends in an error where there is none. Many do without.
fn cannot_load(tree: &Installed, place: &str, manifest: &Manifest) -> io::Result<bool> {
    const FINDERS: [&str; 3] = ["bindings", "node-gyp-build", "@mapbox/node-pre-gyp"];
    let (mut binaries, mut files) = (false, BTreeSet::new());
    walk::files(&tree.path(place), &mut |path, entry| {
        binaries |= path.ends_with(".node");
        if let Entry::File { .. } = entry {
            files.insert(path.to_owned());
        }
        Ok(path != "node_modules")
    })?;
    if binaries {
        return Ok(false);
    }
    let main = if manifest.main.is_empty() { "index.js" } else { &manifest.main };
    let mut queue: Vec<String> = resolved("", &format!("./{main}"), &files).into_iter().collect();
    let mut seen = BTreeSet::new();
    while let Some(file) = queue.pop() {
        if !is_script(&file) || !seen.insert(file.clone()) {
            continue;
        }
        let text = read_start(&tree.path(place).join(&file), MAX_SCRIPT)?.unwrap_or_default();
        for (specifier, _) in requires::on_load(&String::from_utf8_lossy(&text)) {
            if specifier.ends_with(".node") || FINDERS.contains(&specifier) {
                return Ok(true);
            }
            queue.extend(resolved(&file, specifier, &files));
        }
    }
    Ok(false)
}

/// The first package or workspace whose config schema is TypeScript: `config-loader` then needs the compiler at start.
fn typescript_schema(task: &Task, packages: &BTreeMap<String, Package>) -> Option<String> {
    let is_code = |schema: &String| [".ts", ".cts", ".mts"].iter().any(|end| schema.ends_with(end));
    let in_tree = packages.values().find(|package| package.manifest.config_schema.as_ref().is_some_and(is_code));
    let workspace = task.typescript_schemas.first().cloned();
    workspace.or_else(|| in_tree.map(|package| format!("{} {}", package.manifest.name, package.manifest.version)))
}

/// Everything that Node finds from the backend.
#[derive(Debug, Default)]
struct Closure {
    packages: BTreeMap<String, Package>,
    links: BTreeMap<String, String>,
    /// Packages for another platform.
    foreign: BTreeMap<String, Package>,
    /// Places that are reached without a package.
    roots: BTreeSet<String>,
}

impl Closure {
    fn of(tree: &Installed, task: &Task, cpu: &str) -> io::Result<Self> {
        let mut closure = Self::default();
        let mut missing: Vec<String> = Vec::new();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut queue: Vec<String> = task.workspaces.keys().cloned().collect();
        // Where a directory of the repository is linked from: Yarn knows it by that place.
        let mut linked_from: BTreeMap<String, String> = BTreeMap::new();
        while let Some(place) = queue.pop() {
            if !seen.insert(place.clone()) {
                continue;
            }
            let manifest = tree.manifest(&place)?.unwrap_or_default();
            let is_package = !task.workspaces.contains_key(&place) && is_installed(&place);
            if is_package && !manifest.is_for(cpu) {
                let package = Package { manifest, needs: BTreeSet::new(), native: false };
                closure.foreign.insert(place, package);
                continue;
            }
            let mut needs = BTreeSet::new();
            let known_as = linked_from.get(&place).unwrap_or(&place).clone();
            for (name, required) in wanted(tree, task, (&place, &known_as), &manifest) {
                match tree.find(&place, &name)? {
                    Some(Found::Package(at)) => drop(needs.insert(at)),
                    Some(Found::Link { at, to }) => {
                        needs.insert(to.clone());
                        linked_from.entry(to.clone()).or_insert_with(|| at.clone());
                        closure.links.insert(at, to);
                    }
                    None if required => missing.push(format!("{} needs `{name}`", described(&place, &manifest))),
                    None => {}
                }
            }
            // Yarn links every workspace under its own name, and Backstage counts on it: the backend looks its config schemas up
            // by the names of the workspaces, from the root. Where it finds none, it takes no value for a secret and logs all.
            if task.workspaces.contains_key(&place)
                && let Some(Found::Link { at, to }) = tree.find(&place, &manifest.name)?
                && to == place
            {
                closure.links.insert(at, to);
            }
            queue.extend(needs.iter().cloned());
            if is_package {
                let native = tree.path(&place).join("binding.gyp").is_file();
                closure.packages.insert(place, Package { manifest, needs, native });
            } else {
                closure.roots.extend(needs);
            }
        }
        if let Some(first) = missing.first() {
            let more = match missing.len() {
                1 => String::new(),
                count => format!(", and {} more like it", count.saturating_sub(1)),
            };
            return Err(io::Error::other(format!("the install lacks a production dependency: {first}{more}")));
        }
        Ok(closure)
    }

    /// The packages that are reached from the workspaces and from `more` without stepping on some.
    fn reachable<'a>(
        &'a self,
        more: impl Iterator<Item = &'a String>,
        is_gone: impl Fn(&str) -> bool,
    ) -> BTreeSet<String> {
        let mut stays = BTreeSet::new();
        let mut queue: Vec<String> = self.roots.iter().chain(more).cloned().collect();
        while let Some(place) = queue.pop() {
            let Some(package) = self.packages.get(&place).filter(|_| !is_gone(&place)) else { continue };
            if stays.insert(place) {
                queue.extend(package.needs.iter().cloned());
            }
        }
        stays
    }

    fn split(
        self,
        stays: &BTreeSet<String>,
        gone: &BTreeMap<String, (Rule, String)>,
        kept: BTreeMap<String, String>,
        typescript: Option<String>,
    ) -> Selection {
        let mut selection = Selection { kept, typescript, ..Selection::default() };
        for (place, package) in self.packages {
            if stays.contains(&place) {
                selection.packages.insert(place, package);
                continue;
            }
            let (rule, why) = gone.get(&place).cloned().unwrap_or_else(|| (Rule::Orphan, Rule::Orphan.to_string()));
            selection.left_out.insert(place, LeftOut { package, rule, why });
        }
        for (place, package) in self.foreign {
            let why = Rule::Platform.to_string();
            selection.left_out.insert(place, LeftOut { package, rule: Rule::Platform, why });
        }
        selection.links = self.links;
        let hoisted = hoisted(&selection);
        selection.links.extend(hoisted);
        selection
    }
}

/// What a package or workspace asks for, and whether it cannot do without it. The lockfile knows what `package.json` does
/// not: `packageExtensions`, `resolutions`, what the linker left out.
fn wanted(tree: &Installed, task: &Task, (place, known_as): (&str, &str), manifest: &Manifest) -> Vec<(String, bool)> {
    let known = task.workspaces.get(place).or_else(|| task.packages.get(tree.locator(known_as)?));
    let own;
    let needs = match known {
        Some(needs) => needs,
        // A directory that a `link:` leads to brings its own.
        None if !is_installed(place) => return Vec::new(),
        None => {
            own = Needs {
                dependencies: manifest.dependencies.clone(),
                optional: [manifest.optional.as_slice(), manifest.peers.as_slice()].concat(),
            };
            &own
        }
    };
    let required = needs.dependencies.iter().map(|name| (name.clone(), true));
    required.chain(needs.optional.iter().map(|name| (name.clone(), false))).collect()
}

/// Whether a place is one that a package manager fills.
fn is_installed(place: &str) -> bool {
    place.split('/').any(|part| part == "node_modules")
}

fn described(place: &str, manifest: &Manifest) -> String {
    if place.is_empty() { "the root".to_owned() } else { format!("{} ({place})", manifest.name) }
}

/// Links at the root for packages and links that lie deeper only, since the root has the version of a package which is not
/// for the image, or a workspace has a link of its own: an install of the production packages alone would have put one
/// there, and who forgets to declare what it asks for relies on it (`backend-plugin-api` looks for `app/package.json`).
fn hoisted(selection: &Selection) -> BTreeMap<String, String> {
    /// How many places a package of one version lies in, and the last of them.
    type Places<'a> = (usize, &'a str);
    let mut by_name: BTreeMap<&str, BTreeMap<String, Places<'_>>> = BTreeMap::new();
    for (place, package) in &selection.packages {
        let Some((_, name)) = place.rsplit_once("node_modules/") else { continue };
        let id = format!("{}@{}", package.manifest.name, package.manifest.version);
        let (count, last) = by_name.entry(name).or_default().entry(id).or_default();
        (*count, *last) = (count.saturating_add(1), place);
    }
    // The version that lies in most places, as Yarn's hoisting has it; over it what a workspace links to.
    let packages = by_name.into_iter().filter_map(|(name, versions)| Some((name, versions.into_values().max()?.1)));
    let links = selection.links.iter().filter_map(|(at, to)| Some((at.rsplit_once("node_modules/")?.1, to.as_str())));
    let mut wanted: BTreeMap<String, String> =
        packages.chain(links).map(|(name, to)| (join("node_modules", name), to.to_owned())).collect();
    wanted.retain(|at, _| !selection.packages.contains_key(at) && !selection.links.contains_key(at));
    wanted
}

/// What packages ask for, searched once for each.
struct Scripts<'a> {
    tree: &'a Installed,
    found: BTreeMap<String, Mentions>,
}

/// What the scripts of a package mention.
#[derive(Debug, Default)]
struct Mentions {
    /// Names of other packages, each with the files that mention it.
    packages: BTreeMap<String, Vec<String>>,
    /// Directories at the top of other packages that are for development, as `name/directory`.
    elsewhere: BTreeSet<String>,
    /// The same of its own, and Markdown.
    own: Referenced,
}

impl Scripts<'_> {
    /// Names of packages that one mentions, each with the files that do.
    fn of(&mut self, place: &str, own: &str) -> io::Result<&BTreeMap<String, Vec<String>>> {
        if !self.found.contains_key(place) {
            let mut mentions = Mentions::default();
            walk::files(&self.tree.path(place), &mut |path, entry| {
                if let Entry::File { from, .. } = entry
                    && (is_script(path) || may_refer(path))
                {
                    let text = read_start(from, MAX_SCRIPT)?.unwrap_or_default();
                    mentions.add(own, path, &text);
                }
                Ok(path != "node_modules")
            })?;
            self.found.insert(place.to_owned(), mentions);
        }
        Ok(&self.found.entry(place.to_owned()).or_default().packages)
    }

    /// What is asked for of packages besides code, by place.
    fn referenced(
        &mut self,
        packages: &BTreeMap<String, Package>,
        stays: &BTreeSet<String>,
    ) -> io::Result<BTreeMap<String, Referenced>> {
        for (place, package) in packages.iter().filter(|(place, _)| stays.contains(*place)) {
            self.of(place, &package.manifest.name)?;
        }
        let elsewhere: BTreeSet<&String> = self.found.values().flat_map(|mentions| &mentions.elsewhere).collect();
        let packages = self.found.iter().filter_map(|(place, found)| Some((place, found, packages.get(place)?)));
        let all = packages.map(|(place, mentions, Package { manifest, .. })| {
            // An alias is another name.
            let folder = place.rsplit_once("node_modules/").map_or("", |(_, folder)| folder);
            let named = |directory: &&str| {
                [folder, &manifest.name].iter().any(|name| elsewhere.contains(&format!("{name}/{directory}")))
                    || names_directory(manifest.entry_points.as_bytes(), directory)
            };
            let mut own = mentions.own.clone();
            own.directories.extend(DEVELOPMENT.into_iter().filter(named));
            (place.clone(), own)
        });
        Ok(all.collect())
    }
}

impl Mentions {
    /// Adds what a file of a package mentions.
    fn add(&mut self, own: &str, path: &str, text: &[u8]) {
        let code = if is_script(path) { text } else { &[] };
        for specifier in requires::mentioned(code) {
            let Some(name) = requires::package(specifier).filter(|name| *name != own) else { continue };
            match self.packages.get_mut(name) {
                None => drop(self.packages.insert(name.to_owned(), vec![path.to_owned()])),
                Some(files) if files.last().is_some_and(|last| last == path) => {}
                Some(files) => files.push(path.to_owned()),
            }
            let rest = specifier.get(name.len()..).unwrap_or_default();
            let directory = rest.split('/').nth(1).filter(|directory| DEVELOPMENT.contains(directory));
            self.elsewhere.extend(directory.map(|directory| format!("{name}/{directory}")));
        }
        self.own.markdown |=
            [".md", ".markdown"].iter().any(|end| memchr::memmem::find(code, end.as_bytes()).is_some());
        let top = path.split_once('/').map_or("", |(top, _)| top);
        let others = DEVELOPMENT.into_iter().filter(|directory| *directory != top);
        self.own.directories.extend(others.filter(|directory| names_directory(text, directory)));
    }
}

/// Whether a file that is no script may name other files of its package: data, and programs without an extension. What a
/// manifest names is looked at by itself.
fn may_refer(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_data = [".json", ".yaml", ".yml"].iter().any(|end| name.ends_with(end));
    path != "package.json" && (is_data || !name.contains('.'))
}

/// Whether a text names a directory, alone or in a path.
fn names_directory(text: &[u8], directory: &str) -> bool {
    let around = |at: Option<u8>| at.is_some_and(|byte| b"\"'`/".contains(&byte));
    memchr::memmem::find_iter(text, directory).any(|start| {
        let before = start.checked_sub(1).and_then(|at| text.get(at)).copied();
        let after = start.checked_add(directory.len()).and_then(|at| text.get(at)).copied();
        around(before) && around(after)
    })
}
