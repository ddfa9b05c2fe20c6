//! That nothing which stays loads what a pattern of the build file left out. (What our own rules leave out nobody asks
//! for: they leave nothing out that is asked for.)

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::requires::{self, MAX_SCRIPT, is_script, resolved};
use super::rules::Rule;
use super::select::{LeftOut, Package, Selection};
use super::tree::{Found, Installed, read_start};
use super::walk::{self, Entry};

/// Mistakes that are looked for.
const MAX_MISTAKES: usize = 1_000;
/// Mistakes that a message lists.
const MAX_LISTED: usize = 10;

/// Checks a selection. `dropped` are the files that patterns left out, by place of their package.
///
/// # Errors
/// When something that is left out is loaded, and when files cannot be read.
pub(super) fn check(
    tree: &Installed,
    selection: &Selection,
    dropped: &BTreeMap<String, BTreeSet<String>>,
) -> io::Result<()> {
    let gone: BTreeMap<&str, &LeftOut> = selection
        .left_out
        .iter()
        .filter(|(_, left)| left.rule == Rule::Dropped)
        .map(|(place, left)| (place.as_str(), left))
        .collect();
    if gone.is_empty() && dropped.is_empty() {
        return Ok(());
    }
    // By the folder's name too: an alias is asked for by that.
    let folder = |place: &'_ str| place.rsplit_once("node_modules/").map_or(place, |(_, name)| name).to_owned();
    let names = gone.iter().flat_map(|(place, left)| [left.package.manifest.name.clone(), folder(place)]);
    let names: BTreeSet<String> = names.chain(dropped.keys().map(|place| folder(place))).collect();
    let mut mistakes: Vec<String> = Vec::new();
    for (place, package) in &selection.packages {
        let own = dropped.get(place);
        walk::files(&tree.path(place), &mut |path, entry| {
            let Entry::File { from, .. } = entry else { return Ok(path != "node_modules") };
            if !is_script(path) || own.is_some_and(|own| own.contains(path)) {
                return Ok(false);
            }
            let text = read_start(from, MAX_SCRIPT)?.unwrap_or_default();
            let may = own.is_some()
                || requires::mentioned(&text).filter_map(requires::package).any(|name| names.contains(name));
            if !may {
                return Ok(false);
            }
            for (specifier, line) in requires::on_load(&String::from_utf8_lossy(&text)) {
                let loads = match requires::package(specifier) {
                    Some(name) => match tree.find(place, name)? {
                        Some(Found::Package(at)) => {
                            gone.contains_key(at.as_str())
                                || lacks(specifier, name, dropped.get(&at), selection.packages.get(&at))
                        }
                        _ => false,
                    },
                    None => own.is_some_and(|own| resolved(path, specifier, own).is_some()),
                };
                if loads && mistakes.len() < MAX_MISTAKES {
                    mistakes.push(format!("{} loads `{specifier}` ({place}/{path}:{line})", package.manifest.name));
                }
            }
            Ok(false)
        })?;
    }
    match listed(mistakes) {
        None => Ok(()),
        Some(list) => Err(io::Error::other(format!(
            "`prune.drop` leaves out what the backend loads:{list}\nleave these out of `prune.drop`, or name them in `prune.keep`"
        ))),
    }
}

/// Whether a specifier leads to a file of a package that patterns left out. Of a package with `exports` that is not known.
fn lacks(specifier: &str, name: &str, dropped: Option<&BTreeSet<String>>, package: Option<&Package>) -> bool {
    let (Some(dropped), Some(Package { manifest, .. })) = (dropped, package) else { return false };
    let file = match specifier.strip_prefix(name).unwrap_or_default() {
        "" if manifest.main.is_empty() => "./index.js".to_owned(),
        "" => format!("./{}", manifest.main.trim_start_matches("./")),
        rest => format!(".{rest}"),
    };
    !manifest.has_exports && resolved("", &file, dropped).is_some()
}

/// Mistakes, each on a line of its own below what is said of them; `None` if there are none.
pub(super) fn listed(mut mistakes: Vec<String>) -> Option<String> {
    let more = mistakes.len().saturating_sub(MAX_LISTED);
    mistakes.truncate(MAX_LISTED);
    if more > 0 {
        mistakes.push(format!("and {more} more"));
    }
    (!mistakes.is_empty()).then(|| mistakes.iter().map(|mistake| format!("\n  {mistake}")).collect())
}
