//! The language: from the text of a build file to a [`model::Spec`].
//!
//! In: the file's bytes and the build args that override values by path. Out: plain values with their places, or
//! diagnostics. [`decode`] makes text of bytes; then [`parse`] reads the text into a tree, compares the tree with the
//! language's tables, reads the values and applies the rules that span several keys. All mistakes of a file are
//! reported together, in file order. Knows nothing of BuildKit or of the repository.

use std::collections::BTreeMap;
use std::sync::Arc;

use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics, SourceFile};

mod check;
mod comments;
mod decode;
mod language;
pub mod model;
mod overrides;
mod read;
pub mod reference;
mod report;
mod rules;
pub mod schema;
mod secret;
mod syntax;
mod tree;

pub(crate) use comments::without_comments;
pub use decode::{MAX_BYTES, decode};
pub use model::Spec;
pub use overrides::{consumes, suggestion};

use report::Report;

/// Where the image's files live, and what paths in it are relative to: the `installDir` of the Backstage charts.
pub const WORKDIR: &str = "/app";

/// Reads a build file, and the build args by name that override its values.
///
/// Build args that [`consumes`] does not know are left alone. Answers the warnings beside the specification.
///
/// # Errors
/// Every mistake that was found, those of the file in its order, then those of the build args.
pub fn parse(
    file: &Arc<SourceFile>,
    overrides: &BTreeMap<String, String>,
) -> Result<(Spec, Vec<Diagnostic>), Diagnostics> {
    let mut report = Report::new(file);
    let loaded = tree::load(file);
    report.file(loaded.mistakes);
    let Some(mut root) = loaded.root else { return report.finish(Spec::new(file)) };
    read::drop_foreign_keys(file, &mut root);
    report.secrets(&root);
    if loaded.anchored {
        return report.finish(Spec::new(file));
    }
    report.file(check::check(&root));
    let mut spec = Spec::new(file);
    report.file(read::read(&root, &mut spec));

    let line = spec.default_span();
    for (name, value) in overrides.iter().filter(|(name, _)| consumes(name)) {
        let line = line.clone().of_build_arg(name);
        match overrides::tree(name, value, &line) {
            Err((message, help)) => {
                report.build_arg(name, vec![Diagnostic::error("spec/build-arg", message).at(line).help(help)]);
            }
            Ok(tree) => {
                if report.secret_in_build_arg(name, &tree) {
                    continue;
                }
                report.build_arg(name, check::check(&tree));
                report.build_arg(name, read::read(&tree, &mut spec));
            }
        }
    }
    report.file(rules::apply(&spec));
    report.finish(spec)
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may panic")]
mod tests;
