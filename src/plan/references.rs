//! Files that configs name by `$file` and `$include`: which may be taken, and what is told of the others.

use std::collections::{BTreeMap, BTreeSet};

use buildkit_frontend::diagnostic::{Diagnostic, Span};
use buildkit_frontend::files::ignore_pattern;
use buildkit_frontend::path::ContextPath;

use crate::repo::{Naming, Withheld, config};

use super::Planner;

/// Files that are told one by one.
const MOST_TOLD: usize = 20;

impl Planner<'_> {
    /// Finds what the configs of the image and of the app's build name and nobody gets, and tells each file once.
    pub(super) fn withhold(&mut self) {
        let of_build = self.app.as_ref().map(|app| self.build_configs(app.value)).unwrap_or_default();
        let configs: BTreeSet<ContextPath> =
            self.runtime_configs().into_iter().map(|config| config.from).chain(of_build).collect();
        // With the place that is known best.
        let mut found: BTreeMap<ContextPath, (ContextPath, Withheld, Option<Span>)> = BTreeMap::new();
        for name in &configs {
            let Some(config) = self.repo().configs.get(name) else { continue };
            for path in &config.references {
                if found.get(path).is_some_and(|(.., place)| place.is_some()) || configs.contains(path) {
                    continue;
                }
                let Some(why) = self.repo().ignores.withholds(path, Naming::Reference) else { continue };
                // Each look is one through the file.
                let place = (found.len() <= MOST_TOLD).then(|| config::naming(config, &name.parent(), path)).flatten();
                found.insert(path.clone(), (name.clone(), why, place));
            }
        }
        let told = found.iter().take(MOST_TOLD);
        self.warnings.extend(told.map(|(path, (config, why, place))| told_of(path, config, why, place.as_ref())));
        let more = found.len().saturating_sub(MOST_TOLD);
        if more > 0 {
            let message = format!("config files name {more} more files that are not put into the image");
            self.warnings.push(Diagnostic::warning("plan/withheld", message).help(HELP));
        }
        self.withheld = found.into_keys().collect();
    }

    /// The files that some configs name and that may be taken, sorted.
    pub(super) fn references<'a>(&self, configs: impl IntoIterator<Item = &'a ContextPath>) -> Vec<ContextPath> {
        let known = configs.into_iter().filter_map(|path| self.repo().configs.get(path));
        let references: BTreeSet<&ContextPath> = known.flat_map(|config| &config.references).collect();
        let taken = references.into_iter().filter(|path| !path.is_root() && !self.withheld.contains(path));
        taken.filter(|path| self.repo().ignores.withholds(path, Naming::Reference).is_none()).cloned().collect()
    }

    /// Patterns that keep what is withheld out of folders that steps copy whole.
    pub(super) fn withheld_patterns(&self) -> Vec<String> {
        let copied = |path: &&ContextPath| path.with_parents().any(|dir| self.context.paths.contains(dir.as_str()));
        self.withheld.iter().filter(copied).map(|path| ignore_pattern(path.as_str())).collect()
    }
}

const HELP: &str = "mount it when the container starts; if the image is to have it, name it under `files`";

fn told_of(path: &ContextPath, config: &ContextPath, why: &Withheld, place: Option<&Span>) -> Diagnostic {
    let because = reason(why);
    let message = format!("`{path}`, which {config} names, is not put into the image: {because}");
    let help = match why {
        Withheld::Denied => "mount it beside the config files when the container starts",
        Withheld::Ignored { .. } | Withheld::LooksSecret => HELP,
    };
    let warning = Diagnostic::warning("plan/withheld", message).help(help);
    match place {
        Some(place) => warning.at(place.clone()),
        None => warning,
    }
}

/// Why a file is withheld, as the end of a sentence.
pub(super) fn reason(why: &Withheld) -> String {
    match why {
        Withheld::Denied => "files of that name hold secrets or local settings".to_owned(),
        Withheld::Ignored { file, line: Some(line) } => format!("line {line} of {file} excludes it"),
        Withheld::Ignored { file, line: None } => format!("{file} excludes it"),
        Withheld::LooksSecret => "its name is that of a secret".to_owned(),
    }
}
