//! What this version does not do. Everything is parsed; this is the only place that says no, so that support is a
//! matter of taking a clause away.

use crate::diagnostic::Diagnostic;

use super::context::{ContextSource, is_stdin};
use super::named::key;
use super::options::Opt;
use super::source::{SourceDateEpoch, Subrequest};
use super::text::Quoted;
use super::{Request, table};

const CODE: &str = "request/not-supported";

impl Request {
    /// Fails on the first thing asked for that this version does not do.
    ///
    /// # Errors
    /// One diagnostic without a label, which names the flag.
    pub fn refuse_unsupported(&self) -> Result<(), Diagnostic> {
        self.refuse_subrequest()?;
        self.refuse_context()?;
        self.refuse_platforms()?;
        self.refuse_named_contexts()?;
        self.refuse_epoch()
    }

    fn refuse_subrequest(&self) -> Result<(), Diagnostic> {
        let flag = match &self.subrequest {
            None | Some(Subrequest::Describe) => return Ok(()),
            Some(Subrequest::Lint) => "--check",
            Some(Subrequest::Outline) => "--call=outline",
            Some(Subrequest::Targets) => "--call=targets",
            Some(Subrequest::ConvertLlb | Subrequest::Other(_)) => "--call",
        };
        // Not in the words of BuildKit's own refusal: on those, clients ask a Dockerfile frontend to read our file.
        Err(Diagnostic::error(CODE, format!("`{flag}` is not supported yet")).help("leave the flag out to build"))
    }

    fn refuse_context(&self) -> Result<(), Diagnostic> {
        match &self.context.source {
            ContextSource::Local | ContextSource::Git(_) => {}
            ContextSource::Http(url) if is_stdin(url) => {
                return Err(refusal(&table::CONTEXT, "an archive on standard input (`-`) as the build context")
                    .help("unpack it and give its directory, or give a git repository"));
            }
            ContextSource::Http(url) => {
                let what = format!("the address {} as the build context", Quoted(&url.to_string()));
                return Err(refusal(&table::CONTEXT, &what).help(
                    "give a directory or a git repository; the address of a git repository ends in .git before any # or ?",
                ));
            }
            ContextSource::Input => {
                return Err(refusal(&table::INPUT, "another target's result as the build context")
                    .help("give a directory or a git repository"));
            }
        }
        if let Some(input) = self.inputs.iter().next() {
            let what = format!("another target's result ({}) as an input", Quoted(input));
            return Err(refusal(&table::INPUT, &what).help("take `target:` out of the contexts of the bake target"));
        }
        Ok(())
    }

    fn refuse_platforms(&self) -> Result<(), Diagnostic> {
        match self.platforms.all().iter().find(|platform| platform.os() != "linux") {
            None => Ok(()),
            Some(platform) => {
                let message =
                    format!("`--platform {}`: images are for Linux only", platform.to_string().escape_default());
                Err(Diagnostic::error(CODE, message).help("name platforms such as linux/amd64 or linux/arm64"))
            }
        }
    }

    /// A context that replaces this frontend's own image has done so already: the daemon looked it up.
    fn refuse_named_contexts(&self) -> Result<(), Diagnostic> {
        let own = self.frontend.source.as_deref().and_then(key);
        let is_own = |name: &str| own.is_some() && name.split("::").next().and_then(key) == own;
        match self.named_contexts.names().find(|name| !is_own(name)) {
            None => Ok(()),
            Some(name) => {
                let what = format!("`--build-context` ({})", Quoted(name));
                Err(refusal(&table::NAMED_CONTEXT, &what).help("leave the flag out"))
            }
        }
    }

    fn refuse_epoch(&self) -> Result<(), Diagnostic> {
        match &self.source_date_epoch {
            None | Some(SourceDateEpoch::Seconds(_)) => Ok(()),
            Some(SourceDateEpoch::Of(name)) => {
                let what = format!("{} {}", table::SOURCE_DATE_EPOCH.subject(), Quoted(name));
                Err(refusal(&table::SOURCE_DATE_EPOCH, &what)
                    .help(format!("allowed: {}", table::SOURCE_DATE_EPOCH.allowed)))
            }
        }
    }
}

/// `what` names the flag or the words that stand for it.
fn refusal(opt: &Opt, what: &str) -> Diagnostic {
    Diagnostic::error(CODE, format!("{what} is not supported yet (option {})", Quoted(opt.key.text())))
}
