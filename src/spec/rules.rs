//! Rules that hold between several keys, wherever they were set.

use std::collections::BTreeMap;

use buildkit_frontend::diagnostic::{Diagnostic, Span, Spanned};
use buildkit_frontend::secret;
use buildkit_frontend::text::{nearest, quote};

use super::language::{BASES, Status, usable};
use super::model::{Check, Frontend, Spec};
use super::report::suspicious;

/// What does not go together in a specification.
pub(crate) fn apply(spec: &Spec) -> Vec<Diagnostic> {
    let mut rules = Rules { spec, found: Vec::new() };
    rules.config_targets();
    rules.check_names();
    rules.no_frontend();
    rules.node_options();
    rules.presets();
    rules.secrets_in_env();
    rules.found
}

struct Rules<'a> {
    spec: &'a Spec,
    found: Vec<Diagnostic>,
}

/// A label that names the build arg, where one has set the value.
fn says(span: &Span, text: &str) -> String {
    match &span.build_arg {
        Some(name) => format!("{text} (`--build-arg {name}`)"),
        None => text.to_owned(),
    }
}

impl Rules<'_> {
    fn conflict(&mut self, message: &str, a: (&str, Span), b: (&str, Span), help: &str) {
        let label = |(path, span): (&str, Span)| {
            let text = says(&span, &format!("`{path}` is set here"));
            (span, text)
        };
        let ((a, a_text), (b, b_text)) = (label(a), label(b));
        self.found.push(Diagnostic::error("spec/conflict", message).label(a, a_text).label(b, b_text).help(help));
    }

    fn config_targets(&mut self) {
        let mut seen = BTreeMap::new();
        for file in self.spec.config.iter().flat_map(|files| &files.value) {
            match seen.get(&file.to) {
                Some(first) => self.found.push(
                    Diagnostic::error("spec/duplicate", format!("two config files become {}", quote(file.to.as_str())))
                        .label(file.span.clone(), says(&file.span, "again here"))
                        .label(Span::clone(first), says(first, "first here"))
                        .help("remove one of them, or give it another name: `{from: …, to: …}`"),
                ),
                None => drop(seen.insert(&file.to, file.span.clone())),
            }
        }
    }

    fn check_names(&mut self) {
        let mut seen = BTreeMap::new();
        for check in self.spec.checks.iter().flat_map(|checks| &checks.value) {
            let name = match &check.value {
                Check::Typecheck => "typecheck",
                Check::Lint => "lint",
                Check::Test => "test",
                Check::Command { name, .. } => name,
            };
            match seen.get(&name.to_lowercase()) {
                Some(first) => self.found.push(
                    Diagnostic::error("spec/duplicate", format!("two checks are called {}", quote(name)))
                        .label(check.span.clone(), says(&check.span, "again here"))
                        .label(Span::clone(first), says(first, "first here"))
                        .help("each check is a target of its own: remove one, or give it another name"),
                ),
                None => drop(seen.insert(name.to_lowercase(), check.span.clone())),
            }
        }
    }

    fn no_frontend(&mut self) {
        let Some(Spanned { value: Frontend::None, span }) = &self.spec.frontend else { return };
        if let Some(config) = &self.spec.build.config {
            self.conflict(
                "`build.config` is for the frontend, which is not built",
                ("build.config", config.span.clone()),
                ("frontend", span.clone()),
                "remove `build.config`, or choose `frontend: bundled`; config for the backend belongs to `config`",
            );
        }
    }

    fn node_options(&mut self) {
        let runtime = &self.spec.runtime;
        let (Some(env), Some(option)) = (runtime.env.get("NODE_OPTIONS"), runtime.node_options.first()) else { return };
        self.conflict(
            "`NODE_OPTIONS` is set in two places",
            ("runtime.env.NODE_OPTIONS", env.span.clone()),
            ("runtime.nodeOptions", option.span.clone()),
            "keep `runtime.nodeOptions`, which is added to what the dependencies need",
        );
    }

    /// `distrolless` is a valid image name, and hardly meant as one.
    fn presets(&mut self) {
        let Some(base) = &self.spec.runtime.base else { return };
        let known = BASES.iter().find(|known| known.text == base.as_str());
        if let Some(Status::NotYet(help)) = known.map(|known| known.status) {
            let message = format!("{} in `runtime.base` is not supported yet", quote(base));
            self.found.push(Diagnostic::error("spec/not-supported", message).at(base.span.clone()).help(help));
            return;
        }
        let plain = !base.contains(['/', ':', '@', '.']) && known.is_none();
        if let Some(near) = nearest(base, usable(BASES)).filter(|_| plain) {
            let message = format!("{} is taken as the name of an image", quote(base));
            self.found.push(
                Diagnostic::warning("spec/preset", message)
                    .at(base.span.clone())
                    .help(format!("did you mean `{near}`? For an image of this name write `{}:latest`", base.value)),
            );
        }
    }

    fn secrets_in_env(&mut self) {
        let named = [("build.env", &self.spec.build.env), ("runtime.env", &self.spec.runtime.env)];
        for (path, env) in named {
            for (name, value) in env {
                if secret::is_secret_name(name) && !value.is_empty() {
                    self.found.push(suspicious(path, name, value.span.clone()));
                }
            }
        }
    }
}
