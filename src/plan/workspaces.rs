//! Which workspaces are the backend and the app.

use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics, Span, Spanned};
use buildkit_frontend::text::nearest;

use crate::repo::{Manifest, Repository};
use crate::spec::model::Frontend;

use super::{Decision, Inputs, Origin};

/// The backend: the one named, otherwise the only one with the role.
///
/// It must have a name: Backstage's CLI builds what a package of that name depends on.
pub(super) fn backend<'a>(inputs: &Inputs<'a>) -> Result<Decision<&'a Manifest>, Diagnostics> {
    let backend = chosen(inputs)?;
    if backend.value.own_name().is_none() {
        return Err(Diagnostic::error("plan/backend-name", format!("{} has no name", backend.value.file.name))
            .help("give it one: `\"name\": \"backend\"`; Backstage's CLI builds a backend by its package's name")
            .at(backend.origin.span(Span::line(&backend.value.file, 1)))
            .into());
    }
    Ok(backend)
}

fn chosen<'a>(inputs: &Inputs<'a>) -> Result<Decision<&'a Manifest>, Diagnostics> {
    let repo = inputs.repo;
    if let Some(named) = &inputs.spec.backend {
        let value = find(repo, named)?;
        if let Some(role) = value.role.as_deref().filter(|role| *role != "backend") {
            let message = format!("{} is no backend: its `backstage.role` is `{role}`", value.dir);
            let help = match with_role(repo, "backend").first() {
                Some(backend) => format!("name the workspace with the role `backend`: `backend: {}`", backend.dir),
                None => "give the backend's package.json `\"backstage\": {\"role\": \"backend\"}`".to_owned(),
            };
            let mistake = Diagnostic::error("plan/no-backend", message).help(help).at(named.span.clone());
            return Err(mistake.label(value.place(&["backstage", "role"]), "says this").into());
        }
        return Ok(Decision { value, because: "it is named".to_owned(), origin: Origin::Explicit(named.span.clone()) });
    }
    let backends = with_role(repo, "backend");
    match backends.as_slice() {
        [backend] => Ok(Decision {
            value: backend,
            because: "the only workspace with `backstage.role: backend`".to_owned(),
            origin: Origin::of_default("backend"),
        }),
        [] => Err(Diagnostic::error("plan/no-backend", "no workspace has `backstage.role: backend`")
            .help("give the backend's package.json `\"backstage\": {\"role\": \"backend\"}`, or name it: `backend: packages/backend`")
            .at(inputs.spec.default_span())
            .label(Span::line(&repo.root.file, 1), "its workspaces were searched")
            .into()),
        several => Err(ambiguous(inputs, "backend", several)),
    }
}

/// The app that the backend ships: the only frontend in what it depends on.
pub(super) fn app<'a>(
    inputs: &Inputs<'a>,
    backend: &'a Manifest,
) -> Result<Option<Decision<&'a Manifest>>, Diagnostics> {
    let wanted = inputs.spec.frontend.as_ref();
    match wanted.map(|frontend| frontend.value) {
        Some(Frontend::None) => return Ok(None),
        Some(Frontend::Bundled) | None => {}
    }
    let shipped: Vec<&Manifest> =
        inputs.repo.dist_closure(&backend.name).into_iter().filter(|manifest| manifest.is_app()).collect();
    match (shipped.as_slice(), wanted) {
        ([app], _) => Ok(Some(Decision {
            value: app,
            because: format!("the frontend that {} depends on", backend.name),
            origin: wanted
                .map_or(Origin::of_default("frontend: bundled"), |frontend| Origin::Explicit(frontend.span.clone())),
        })),
        ([], None) => Ok(None),
        ([], Some(frontend)) => Err(missing_app(inputs, backend, frontend.span.clone())),
        (several, _) => Err(ambiguous(inputs, "frontend", several)),
    }
}

fn missing_app(inputs: &Inputs<'_>, backend: &Manifest, span: Span) -> Diagnostics {
    let apps = with_role(inputs.repo, "frontend");
    let diagnostic = Diagnostic::error(
        "plan/no-app",
        format!("{} depends on no workspace with `backstage.role: frontend`", backend.name),
    );
    let help = match apps.first() {
        Some(app) => format!(
            "add `\"{}\": \"link:../{}\"` to the dependencies in {}, or say `frontend: none`",
            app.name,
            app.dir.name(),
            backend.file.name
        ),
        None => "create the app, or say `frontend: none`".to_owned(),
    };
    diagnostic.help(help).at(span).into()
}

fn with_role<'a>(repo: &'a Repository, role: &str) -> Vec<&'a Manifest> {
    repo.workspaces.iter().filter(|manifest| manifest.role.as_deref() == Some(role)).collect()
}

/// A workspace by directory or by package name.
fn find<'a>(repo: &'a Repository, named: &Spanned<String>) -> Result<&'a Manifest, Diagnostics> {
    let wanted = named.value.trim_start_matches("./").trim_end_matches('/');
    let found =
        repo.workspaces.iter().find(|manifest| manifest.dir.as_str() == wanted || manifest.own_name() == Some(wanted));
    found.ok_or_else(|| {
        let names = repo
            .workspaces
            .iter()
            .flat_map(|manifest| std::iter::once(manifest.dir.as_str()).chain(manifest.own_name()));
        let help = match nearest(wanted, names) {
            Some(candidate) => format!("did you mean `{candidate}`?"),
            None => "name a workspace by its directory or by its package name".to_owned(),
        };
        Diagnostic::error("plan/no-workspace", format!("there is no workspace `{}`", named.value))
            .help(help)
            .at(named.span.clone())
            .into()
    })
}

fn ambiguous(inputs: &Inputs<'_>, role: &str, candidates: &[&Manifest]) -> Diagnostics {
    let dirs: Vec<_> = candidates.iter().map(|manifest| format!("`{}`", manifest.dir)).collect();
    let first = candidates.first().map_or("packages/backend", |manifest| manifest.dir.as_str());
    let mut diagnostic = Diagnostic::error(
        "plan/ambiguous",
        format!("{} workspaces have `backstage.role: {role}`: {}", candidates.len(), dirs.join(", ")),
    )
    .at(inputs.spec.default_span());
    diagnostic = if role == "backend" {
        diagnostic.help(format!("say which one to build: `backend: {first}`"))
    } else {
        diagnostic.help("let the backend depend on one of them only")
    };
    candidates
        .iter()
        .fold(diagnostic, |diagnostic, manifest| {
            diagnostic.label(manifest.place(&["backstage", "role"]), "one of them")
        })
        .into()
}
