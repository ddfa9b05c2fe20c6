//! Whom the image runs as.

use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics};

use super::Planner;

/// `nonroot` of the distroless images.
const NONROOT: &str = "65532:65532";
/// `node` of Node's own images.
const NODE: &str = "1000:1000";

impl Planner<'_> {
    /// The user of an image whose base would run as root, and for which nobody wrote one.
    pub(super) fn fallback_user(&self) -> &'static str {
        let is_nodes_own = self.spec().runtime.base.as_ref().is_some_and(|base| base.value == "slim");
        if is_nodes_own { NODE } else { NONROOT }
    }

    /// A user that the base does not know by name: such an image cannot be started.
    pub(super) fn refuse_unknown_user(&self) -> Result<(), Diagnostics> {
        let runtime = &self.spec().runtime;
        let Some(user) = runtime.user.as_ref().filter(|_| self.is_our_distroless()) else { return Ok(()) };
        let name = name(&user.value);
        if name.bytes().all(|byte| byte.is_ascii_digit()) || ["root", "nobody", "nonroot"].contains(&name) {
            return Ok(());
        }
        Err(Diagnostic::error("plan/no-user", format!("a distroless base has no user `{name}`"))
            .help("write a number such as `65532`, or choose a base that has it: `runtime: {base: slim}` has `node`")
            .at(user.span.clone())
            .into())
    }

    /// A user that is root.
    pub(super) fn as_root(&self) -> Option<Diagnostic> {
        let user = self.spec().runtime.user.as_ref()?;
        ["0", "root"].contains(&name(&user.value)).then(|| {
            Diagnostic::warning("plan/root", "the image runs as root")
                .help("leave `runtime.user` out, or write a number such as `65532`")
                .at(user.span.clone())
        })
    }
}

/// Of `user:group`, the user.
fn name(user: &str) -> &str {
    user.split(':').next().unwrap_or_default()
}
