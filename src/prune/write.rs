//! Writes what was selected: every file at its final path, readable by everybody, of one fixed time, so that the same
//! packages are the same layer.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::{AtFlags, CWD, OFlags, Timespec, Timestamps, futimens, utimensat};
use serde::{Deserialize, Serialize};

use crate::epoch::FIXED_TIME;

use super::patterns::{Decision, Patterns};
use super::rules::{FileRules, Owner, Rule};
use super::select::{Package, Selection};
use super::tree::{Installed, Manifest, join, named, with_parents};
use super::walk::{self, Entry};

/// How many files and bytes something comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Files.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, bytes: u64) {
        self.files = self.files.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn merge(&mut self, other: Self) {
        self.files = self.files.saturating_add(other.files);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// What was written, and what of packages that stay was left out.
#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    pub(super) written: Amount,
    pub(super) left_out: BTreeMap<Rule, Amount>,
    /// Files that a pattern of the build file left out, by place of their package.
    pub(super) dropped: BTreeMap<String, BTreeSet<String>>,
}

/// Writes packages and links below a directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) tree: &'a Installed,
    pub(super) selection: &'a Selection,
    pub(super) rules: FileRules<'a>,
    pub(super) patterns: &'a Patterns,
    pub(super) out: &'a Path,
}

impl Writer<'_> {
    /// Writes all of it, on as many threads as there are processors.
    pub(super) fn write(self) -> io::Result<Written> {
        let packages: Vec<(&String, &Package)> = self.selection.packages.iter().collect();
        let next = AtomicUsize::new(0);
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let work = || -> io::Result<Written> {
            let mut done = Written::default();
            while let Some((place, package)) = packages.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.package(place, package, &mut done)?;
            }
            Ok(done)
        };
        let parts: Vec<io::Result<Written>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let ended = || Err(io::Error::other("a thread ended"));
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| ended())).collect()
        });
        let mut all = Written::default();
        for part in parts {
            let part = part?;
            all.written.merge(part.written);
            part.left_out.into_iter().for_each(|(rule, amount)| all.left_out.entry(rule).or_default().merge(amount));
            all.dropped.extend(part.dropped);
        }
        for (at, to) in &self.selection.links {
            let target = relative(at, to);
            let at = self.out.join(at);
            at.parent().map_or(Ok(()), |dir| make_dirs(self.out, dir))?;
            link(&target, &at)?;
        }
        let links = self.selection.links.keys().filter_map(|at| at.rsplit_once('/')).map(|(dir, _)| dir);
        let places = self.selection.packages.keys().map(String::as_str);
        settle(self.out, places, links)?;
        Ok(all)
    }

    fn package(self, place: &str, package: &Package, done: &mut Written) -> io::Result<()> {
        let Self { tree, rules, patterns, out, .. } = self;
        let Manifest { name, .. } = &package.manifest;
        let referenced = self.selection.referenced.get(place);
        let owner = Owner { name, native: package.native, referenced };
        let to = out.join(place);
        make_dirs(out, &to)?;
        // Directories that are left out but for what is kept below them.
        let mut closed: BTreeMap<String, Rule> = BTreeMap::new();
        let mut made = Made::default();
        walk::files(&tree.path(place), &mut |path, entry| {
            let is_dir = matches!(entry, Entry::Directory);
            let whole = join(place, path);
            if is_dir && let Some(name) = inner_package(path) {
                // What the package manager put there is selected by itself, or not at all.
                return Ok(name.is_empty() || tree.is_bundled(&whole, name, &package.manifest));
            }
            let rule = match patterns.decide(&whole) {
                Decision::Keep => None,
                Decision::Drop => Some(Rule::Dropped),
                Decision::Open => {
                    let within = with_parents(path).skip(1).find_map(|dir| closed.get(dir).copied());
                    within.or_else(|| rules.rule(owner, path, is_dir))
                }
            };
            match (entry, rule) {
                (Entry::Directory, None) => return Ok(true),
                (Entry::Directory, Some(rule)) => {
                    closed.insert(path.to_owned(), rule);
                    return Ok(true);
                }
                (Entry::Link(target), None) if stays_inside(path, target) => {
                    made.dir_of(out, &to.join(path))?;
                    link(target, &to.join(path))?;
                    done.written.add(0);
                }
                (Entry::Link(_), rule) => done.left_out.entry(rule.unwrap_or(Rule::Link)).or_default().add(0),
                (Entry::File { from, executable }, None) => {
                    let at = to.join(path);
                    made.dir_of(out, &at)?;
                    done.written.add(copy(from, &at, *executable)?);
                }
                (Entry::File { from, .. }, Some(rule)) => {
                    let bytes = fs::symlink_metadata(from).map_or(0, |metadata| metadata.len());
                    done.left_out.entry(rule).or_default().add(bytes);
                    if rule == Rule::Dropped {
                        done.dropped.entry(place.to_owned()).or_default().insert(path.to_owned());
                    }
                }
            }
            Ok(false)
        })
    }
}

/// The directory that was made last: files of one directory come one after the other.
#[derive(Debug, Default)]
struct Made(PathBuf);

impl Made {
    fn dir_of(&mut self, root: &Path, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(dir) if dir != self.0 => {
                self.0 = dir.to_owned();
                make_dirs(root, dir)
            }
            _ => Ok(()),
        }
    }
}

/// The name of the package whose folder, below some `node_modules`, a path is; empty for a `node_modules` and a scope.
pub(super) fn inner_package(path: &str) -> Option<&str> {
    let name = match path.rsplit_once("node_modules/") {
        Some((before, name)) if before.is_empty() || before.ends_with('/') => name,
        _ => return (path == "node_modules" || path.ends_with("/node_modules")).then_some(""),
    };
    match (name.starts_with('@'), name.matches('/').count()) {
        (true, 0) => Some(""),
        (true, 1) | (false, 0) => Some(name),
        _ => None,
    }
}

/// Whether a link, by its path in a package, leads to something in that package. What goes up behind a name may have come
/// there by another link, so `..` comes first or not at all.
pub(super) fn stays_inside(path: &str, target: &Path) -> bool {
    let depth = path.matches('/').count();
    let mut parts = target.components().skip_while(|part| *part == Component::CurDir).peekable();
    let mut up = 0_usize;
    while parts.next_if(|part| *part == Component::ParentDir).is_some() {
        up = up.saturating_add(1);
    }
    up <= depth && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// The target of a link from one place to another.
fn relative(at: &str, to: &str) -> PathBuf {
    let from: Vec<&str> =
        at.rsplit_once('/').map_or("", |(dir, _)| dir).split('/').filter(|part| !part.is_empty()).collect();
    let to: Vec<&str> = to.split('/').filter(|part| !part.is_empty()).collect();
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", from.len().saturating_sub(common));
    let path: PathBuf = up.chain(to.into_iter().skip(common)).collect();
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path }
}

/// Copies a file, readable by everybody and as old as all others, and answers its length. The directory is there.
pub(super) fn copy(from: &Path, to: &Path, executable: bool) -> io::Result<u64> {
    let mode = if executable { 0o755 } else { 0o644 };
    let mut source = File::open(from).map_err(|error| named(from, &error))?;
    // A base may have something there already; what is a link is not followed.
    let mut options = File::options();
    options.write(true).create(true).truncate(true).custom_flags(NO_FOLLOW);
    let mut target = options.open(to).map_err(|error| named(to, &error))?;
    // On Linux the kernel copies, without a way through this program.
    let bytes = io::copy(&mut source, &mut target).map_err(|error| named(to, &error))?;
    // Whatever the umask is.
    target.set_permissions(Permissions::from_mode(mode))?;
    futimens(&target, &OLD)?;
    Ok(bytes)
}

/// Makes a link that is as old as all files.
pub(super) fn link(target: &Path, at: &Path) -> io::Result<()> {
    // A base may have one there already.
    if fs::symlink_metadata(at).is_ok_and(|metadata| metadata.is_symlink()) {
        fs::remove_file(at)?;
    }
    symlink(target, at).map_err(|error| named(at, &error))?;
    Ok(utimensat(CWD, at, &OLD, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Makes a directory below `root`, with `root` and those that it lies in. A link on the way there, which only a base image can
/// have, would lead out of it.
pub(super) fn make_dirs(root: &Path, dir: &Path) -> io::Result<()> {
    let below = dir.strip_prefix(root).unwrap_or(Path::new(""));
    let mut path = root.to_owned();
    let mut parts = below.components();
    loop {
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => {
                let message = "the base image has a link there, and packages go into a directory";
                return Err(io::Error::other(format!("{}: {message}", path.display())));
            }
            Ok(_) => {}
            Err(_) if path == root => fs::create_dir_all(&path).map_err(|error| named(&path, &error))?,
            Err(_) => match fs::create_dir(&path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(named(&path, &error)),
                _ => {}
            },
        }
        match parts.next() {
            Some(part) => path.push(part),
            None => return Ok(()),
        }
    }
}

/// Gives the directories of some places below `root`, those that they lie in, and some more, the one time and the bits
/// that an umask may have taken. Writing into a directory changes its time, so this comes last.
pub(super) fn settle<'a>(
    root: &Path,
    places: impl IntoIterator<Item = &'a str>,
    more: impl IntoIterator<Item = &'a str>,
) -> io::Result<()> {
    let mut dirs: BTreeSet<String> = BTreeSet::new();
    for place in places {
        walk::files(&root.join(place), &mut |path, entry| {
            let is_dir = matches!(entry, Entry::Directory);
            Ok(is_dir && dirs.insert(join(place, path)))
        })?;
        dirs.extend(with_parents(place).map(str::to_owned));
    }
    dirs.extend(more.into_iter().flat_map(with_parents).map(str::to_owned));
    for dir in dirs {
        let dir = if dir.is_empty() { root.to_owned() } else { root.join(dir) };
        fs::set_permissions(&dir, Permissions::from_mode(0o755)).map_err(|error| named(&dir, &error))?;
        utimensat(CWD, &dir, &OLD, AtFlags::SYMLINK_NOFOLLOW)?;
    }
    Ok(())
}

/// `O_NOFOLLOW`.
const NO_FOLLOW: i32 = OFlags::NOFOLLOW.bits().cast_signed();

const TIME: Timespec = Timespec { tv_sec: FIXED_TIME, tv_nsec: 0 };
const OLD: Timestamps = Timestamps { last_access: TIME, last_modification: TIME };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_packages_are_known() {
        for (path, wanted) in [
            ("node_modules", Some("")),
            ("node_modules/@s", Some("")),
            ("node_modules/a", Some("a")),
            ("node_modules/@s/a", Some("@s/a")),
            ("node_modules/a/lib", None),
            ("lib/node_modules/b", Some("b")),
            ("lib", None),
            ("not_node_modules/b", None),
        ] {
            assert_eq!(inner_package(path), wanted, "{path}");
        }
    }

    #[test]
    fn links_that_leave_their_package_are_known() {
        for (path, target, wanted) in [
            ("bin/x", "../lib/x.js", true),
            ("x", "lib/../y", false),
            ("x", "./y", true),
            ("a/b/c", "../../x/y", true),
            ("x", "s/s/../../y", false),
            ("x", "../y", false),
            ("a/b", "../../y", false),
            ("a/b", "/etc/passwd", false),
            ("a/b", "..", true),
        ] {
            assert_eq!(stays_inside(path, Path::new(target)), wanted, "{path} {target}");
        }
    }

    #[test]
    fn links_are_relative() {
        for (at, to, wanted) in [
            ("node_modules/app", "packages/app", "../packages/app"),
            ("node_modules/@s/a", "plugins/a", "../../plugins/a"),
            ("packages/b/node_modules/a", "packages/a", "../../a"),
            ("node_modules/x", "packages/b/node_modules/x", "../packages/b/node_modules/x"),
            ("node_modules/root", "", ".."),
        ] {
            assert_eq!(relative(at, to), Path::new(wanted), "{at}");
        }
    }
}
