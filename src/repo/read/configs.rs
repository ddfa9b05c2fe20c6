//! The app-config files: those at the root and those that the build file names, with what they include.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics, Severity, SourceFile, Span, Spanned};
use buildkit_frontend::files::Files;
use buildkit_frontend::path::ContextPath;
use buildkit_frontend::text::nearest;
use bytes::Bytes;

use crate::repo::config::{self, Included, Size, resolve};
use crate::repo::yaml;
use crate::repo::{AppConfig, Ignores, Naming};

use super::ignores::learn;
use super::root::Root;
use super::{CONFIG, NOT_IN_CONTEXT, failed, read_each, source};

/// Rounds of `$include` followed.
const MAX_ROUNDS: usize = 8;

type Configs = BTreeMap<ContextPath, AppConfig>;

pub(super) async fn read(
    files: &dyn Files,
    root: &Root,
    named: &[Spanned<ContextPath>],
    mut ignores: Ignores,
) -> Result<(Configs, Ignores, Vec<Diagnostic>), Diagnostics> {
    let at_root = root.names.iter().filter(|name| is_app_config(name)).filter_map(|name| ContextPath::new(name).ok());
    let asked: BTreeMap<&ContextPath, &Spanned<ContextPath>> =
        named.iter().rev().map(|path| (&path.value, path)).collect();
    let paths: BTreeSet<ContextPath> = asked.keys().copied().cloned().chain(at_root).collect();
    let paths: Vec<ContextPath> = paths.into_iter().collect();
    let data = read_each(files, &paths, CONFIG).await.map_err(|error| failed(&error))?;
    let mut found = Vec::new();
    let mut configs = Configs::new();
    for (path, data) in paths.iter().zip(data) {
        let asked = asked.get(path).copied();
        // A file that the image does not take along must not end the build.
        let needed = asked.is_some() || path.as_str() == "app-config.yaml";
        match (data, asked) {
            (Ok(Some(data)), _) => match parse(path, data) {
                Ok(config) => drop(configs.insert(path.clone(), config)),
                Err(error) if !needed => found.push(Diagnostic { severity: Severity::Warning, ..error }),
                Err(error) => found.push(error),
            },
            (Ok(None), asked) if root.has(path.as_str()) => {
                let error = linked(path, asked);
                let severity = if needed { Severity::Error } else { Severity::Warning };
                found.push(Diagnostic { severity, ..error });
            }
            (Ok(None), Some(asked)) => found.push(missing(root, asked)),
            (Ok(None), None) => {}
            (Err(error), Some(asked)) => found.push(failed(&error).at(asked.span.clone())),
            (Err(error), None) if needed => found.push(failed(&error)),
            (Err(_), None) => {}
        }
    }
    include(files, &mut configs, &mut ignores).await.map_err(Diagnostics::from)?;
    if found.iter().any(|d| d.severity == Severity::Error) {
        return Err(Diagnostics(found));
    }
    Ok((configs, ignores, found))
}

fn is_app_config(name: &str) -> bool {
    name.starts_with("app-config") && name.ends_with(".yaml") && !name.ends_with(".local.yaml")
}

fn parse(path: &ContextPath, data: Bytes) -> Result<AppConfig, Diagnostic> {
    let file = source(&path.to_string(), data);
    let value = yaml::parse(&file.text).map_err(|error| {
        Diagnostic::error("repo/config", format!("{path} is not valid YAML"))
            .help("the line is not shown: config files may hold secrets")
            .label(Span::new(&blanked(&file), error.range), error.detail)
    })?;
    Ok(AppConfig { file, value, references: Vec::new(), unread: Vec::new() })
}

/// The same file with everything but its line breaks blanked: places stay, texts do not.
fn blanked(file: &SourceFile) -> Arc<SourceFile> {
    let text: String = file.text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    SourceFile::new(&*file.name, text)
}

fn missing(root: &Root, asked: &Spanned<ContextPath>) -> Diagnostic {
    let path = &asked.value;
    let others = root.names.iter().filter(|name| name.ends_with(".yaml") && !name.ends_with(".local.yaml"));
    let help = match nearest(path.as_str(), others.map(String::as_str)) {
        Some(name) => format!("did you mean `{name}`?"),
        None => NOT_IN_CONTEXT.to_owned(),
    };
    Diagnostic::error("repo/config-missing", format!("the config file {path} is not in the build context"))
        .help(help)
        .at(asked.span.clone())
}

/// Its name is at the root, and it cannot be read: a link, whose target nobody asked the client for.
fn linked(path: &ContextPath, asked: Option<&Spanned<ContextPath>>) -> Diagnostic {
    let error = Diagnostic::error(
        "repo/config-link",
        format!("the config file {path} is a link, which a build does not follow"),
    )
    .help(format!("name the file that it leads to: `config: [{{from: ..., to: {path}}}]`"));
    match asked {
        Some(asked) => error.at(asked.span.clone()),
        None => error,
    }
}

fn too_large(path: &ContextPath) -> Diagnostic {
    let message = format!("config files hold too much with all that they include: {path} is one too many");
    Diagnostic::error("repo/config-size", message)
        .help("they may hold 200,000 values and 8 MiB of text in all: is one of them generated?")
}

/// Follows `$include`, all files of a round in one call. What is withheld is not looked into, though it may be there. In the end
/// the ignore files are known above all that the configs name.
async fn include(files: &dyn Files, configs: &mut Configs, ignores: &mut Ignores) -> Result<(), Diagnostic> {
    let mut known: BTreeMap<ContextPath, Included> = BTreeMap::new();
    let originals: BTreeMap<ContextPath, serde_json::Value> =
        configs.iter().map(|(path, config)| (path.clone(), config.value.clone())).collect();
    for _ in 0..MAX_ROUNDS {
        let (mut wanted, mut size) = (BTreeSet::new(), Size::default());
        for (path, config) in configs.iter_mut() {
            let Some(original) = originals.get(path) else { continue };
            let resolved = resolve(original, &path.parent(), &known, &mut size);
            if size.is_too_large() {
                return Err(too_large(path));
            }
            wanted.extend(resolved.wanted);
            config.value = resolved.value;
            config.references = resolved.references.into_iter().collect();
            config.unread = resolved.unread.into_iter().collect();
        }
        let wanted: Vec<ContextPath> = wanted.into_iter().collect();
        if wanted.is_empty() {
            break;
        }
        learn(files, ignores, &wanted).await?;
        let (withheld, wanted): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|path| ignores.withholds(path, Naming::Reference).is_some());
        known.extend(withheld.into_iter().map(|path| (path, Included::Missing)));
        let data = read_each(files, &wanted, CONFIG).await.map_err(|error| failed(&error))?;
        for (path, data) in wanted.into_iter().zip(data) {
            let data = data.map_err(|error| failed(&error))?;
            let parsed = data.map(|data| parse(&path, data)).transpose()?;
            known.insert(path, parsed.map_or(Included::Missing, |config| Included::Value(config.value)));
        }
    }
    let mut named: BTreeSet<ContextPath> = configs.values().flat_map(|config| config.references.clone()).collect();
    for config in configs.values() {
        let targets = config::file_locations(&config.value);
        named.extend(targets.iter().filter_map(|target| Some(config::location(target)?.0)));
    }
    learn(files, ignores, &named.into_iter().collect::<Vec<_>>()).await
}
