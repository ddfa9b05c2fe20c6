//! Tests of the language as a user meets it: text in, values or rendered messages out.

mod forms;
mod generated;
mod mistakes;
mod overrides;
mod properties;

use buildkit_frontend::diagnostic::render::{Colour, terminal};
use buildkit_frontend::gateway::Failure;

use super::*;

pub(super) const NAME: &str = "backstage.build.yaml";

pub(super) fn parse_text(text: &str) -> Result<(Spec, Vec<Diagnostic>), Diagnostics> {
    parse(&SourceFile::new(NAME, text), &BTreeMap::new())
}

/// The specification of a text that has nothing wrong with it.
pub(super) fn spec(text: &str) -> Spec {
    match parse_text(text) {
        Ok((spec, warnings)) => {
            assert!(warnings.is_empty(), "{text}\n{}", terminal(&warnings, Colour::Never));
            spec
        }
        Err(Diagnostics(all)) => panic!("{text}\n{}", terminal(&all, Colour::Never)),
    }
}

pub(super) fn with_args(text: &str, args: &[(&str, &str)]) -> Result<(Spec, Vec<Diagnostic>), Diagnostics> {
    let args = args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    parse(&SourceFile::new(NAME, text), &args)
}

/// What the terminal shows about a text.
pub(super) fn shown(text: &str) -> String {
    render(parse_text(text))
}

pub(super) fn render(result: Result<(Spec, Vec<Diagnostic>), Diagnostics>) -> String {
    match result {
        Ok((_, warnings)) if warnings.is_empty() => "(nothing)\n".to_owned(),
        Ok((_, warnings)) => terminal(&warnings, Colour::Never),
        Err(Diagnostics(all)) => {
            assert!(!all.is_empty(), "an error without a word");
            terminal(&all, Colour::Never)
        }
    }
}

/// A specification without its places and file, for comparing.
pub(super) fn values(spec: &Spec) -> String {
    let mut spec = spec.clone();
    let file = SourceFile::new("", "");
    spec.file = Arc::clone(&file);
    let text = format!("{spec:#?}");
    let mut out = String::new();
    let mut skip = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        if skip.is_some_and(|skip| indent > skip) {
            continue;
        }
        if skip.take() == Some(indent) {
            continue;
        }
        if line.trim_start().starts_with("span: Span {") {
            skip = Some(indent);
            continue;
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}
