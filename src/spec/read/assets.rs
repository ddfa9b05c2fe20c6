//! Reads `config`, `files` and `checks`: lists whose items have a short and a long form.

use buildkit_frontend::diagnostic::{Diagnostic, Span, Spanned};
use buildkit_frontend::path::{ContextPath, ImagePath};
use buildkit_frontend::text::quote;

use crate::spec::WORKDIR;
use crate::spec::language::{self, CHECK, mode};
use crate::spec::model::{Check, ConfigFile, ExtraFile, FileSource};
use crate::spec::secret;
use crate::spec::tree::{Kind, Node};

use super::{fitting, path, text};

pub(super) fn config(node: &Node, mistakes: &mut Vec<Diagnostic>) -> Option<Spanned<Vec<Spanned<ConfigFile>>>> {
    if !matches!(node.kind, Kind::List(_)) {
        return None;
    }
    let files = node.items().iter().filter_map(|item| config_file(item, mistakes)).collect();
    Some(Spanned::new(files, node.span.clone()))
}

fn config_file(node: &Node, mistakes: &mut Vec<Diagnostic>) -> Option<Spanned<ConfigFile>> {
    if node.text().is_some() {
        return path(Some(node)).map(|path| path.map(|from| ConfigFile { to: from.clone(), from }));
    }
    let from = path(node.get("from"))?;
    let to = path(node.get("to"));
    let other = path(node.get("as"));
    if let (Some(to), Some(other)) = (&to, &other) {
        mistakes.push(
            Diagnostic::error("spec/conflict", "`as` and `to` say the same")
                .label(other.span.clone(), "`as`")
                .label(to.span.clone(), "`to`")
                .help("keep `to`"),
        );
    }
    let to = to.or(other).map_or_else(|| from.value.clone(), |to| to.value);
    Some(from.map(|from| ConfigFile { from, to }))
}

pub(super) fn files(node: &Node, mistakes: &mut Vec<Diagnostic>) -> Vec<Spanned<ExtraFile>> {
    node.items().iter().filter_map(|item| extra_file(item, mistakes)).collect()
}

fn extra_file(node: &Node, mistakes: &mut Vec<Diagnostic>) -> Option<Spanned<ExtraFile>> {
    if node.text().is_some() {
        let file = |from| ExtraFile { source: FileSource::Context, from, to: None, mode: None };
        return path(Some(node)).map(|path| path.map(file));
    }
    let written = text(node.get("from"))?;
    let source = source(node);
    let from = ContextPath::new(written.trim_start_matches('/')).ok()?;
    if source == FileSource::Context {
        if written.starts_with('/') {
            mistakes.push(
                Diagnostic::error("spec/wrong-value", format!("`files`: {} is an absolute path", quote(&written)))
                    .at(written.span.clone())
                    .help(format!("paths are relative to the repository's root: {}", quote(from.as_str()))),
            );
        }
        if let Err(value_error) = secret::local_file(&from) {
            mistakes.push(
                Diagnostic::error("spec/wrong-value", format!("`files`: {} {}", quote(&written), value_error.what))
                    .at(written.span.clone())
                    .help(value_error.help),
            );
        }
    }
    let to = node.get("to").and_then(|to| destination(to, &from, mistakes));
    let mode = fitting(node.get("mode"), mode).map(|mode| mode.value);
    Some(Spanned::new(ExtraFile { source, from, to, mode }, written.span))
}

fn source(node: &Node) -> FileSource {
    text(node.get("image")).map_or(FileSource::Context, |image| FileSource::Image(image.value))
}

/// Where a copy lands. A path that ends in `/` would mean "into", which only the file tree could tell from "as".
fn destination(node: &Node, from: &ContextPath, mistakes: &mut Vec<Diagnostic>) -> Option<ImagePath> {
    let text = node.text()?;
    let to = ImagePath::new(WORKDIR).ok()?.join(text).ok()?;
    let into =
        text.len() > 1 && text.ends_with('/') && !to.as_str().ends_with(&from.rooted()) && last(&to) != from.name();
    if into {
        let whole = format!("{}/{}", text.trim_end_matches('/'), from.name());
        mistakes.push(
            Diagnostic::error("spec/wrong-value", format!("`files[].to`: {} ends in `/`", quote(text)))
                .at(node.span.clone())
                .help(format!(
                    "`to` is the path of the copy itself: write {}, or leave the `/` out to give the folder a new name",
                    quote(&whole)
                )),
        );
    }
    Some(to)
}

fn last(path: &ImagePath) -> &str {
    path.as_str().rsplit('/').next().unwrap_or("")
}

pub(super) fn checks(node: &Node) -> Option<Spanned<Vec<Spanned<Check>>>> {
    if node.boolean() == Some(false) {
        return Some(Spanned::new(Vec::new(), node.span.clone()));
    }
    if !matches!(node.kind, Kind::List(_)) {
        return None;
    }
    Some(Spanned::new(node.items().iter().filter_map(check).collect(), node.span.clone()))
}

fn check(node: &Node) -> Option<Spanned<Check>> {
    let known = [("typecheck", Check::Typecheck), ("lint", Check::Lint), ("test", Check::Test)];
    if let Some(text) = node.text() {
        let (_, check) = known.into_iter().find(|(name, _)| *name == text)?;
        return Some(Spanned::new(check, node.span.clone()));
    }
    let long = node.entries().iter().any(|entry| language::find(CHECK, &entry.key).is_some());
    if !long {
        let [entry] = node.entries() else { return None };
        let run = entry.value.text()?.to_owned();
        let check = Check::Command { name: entry.key.value.clone(), run, base: None };
        return Some(Spanned::new(check, entry.key.span.clone()));
    }
    let name = text(node.get("name"))?;
    let run = text(node.get("run"))?.value;
    let base = text(node.get("base")).map(|base| base.value);
    let span: Span = name.span;
    Some(Spanned::new(Check::Command { name: name.value, run, base }, span))
}
