//! Which Node builds, compiles and runs, and the images that carry it.

use std::fmt;

use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics, Spanned};

use crate::repo::NodeHint;
use crate::repo::range::Range;
use crate::spec::Spec;
use crate::spec::model::NodeVersion;

use super::{BaseImage, Decision, ImageName, Origin, Planner, origin};

/// A Node line or an exact version: also the tag of its images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    /// The major version.
    pub major: u64,
    /// Minor and patch.
    pub exact: Option<(u64, u64)>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.exact {
            None => write!(f, "{}", self.major),
            Some((minor, patch)) => write!(f, "{}.{minor}.{patch}", self.major),
        }
    }
}

/// A Node line that has images on one Debian release, for building and for running: the same libc on both sides.
struct Release {
    major: u64,
    codename: &'static str,
    debian: u64,
    /// Whether the Node project still maintains it (<https://github.com/nodejs/release>, read 2026-11).
    maintained: bool,
    /// The name in `lts/NAME`.
    lts: &'static str,
}

const RELEASES: [Release; 4] = [
    Release { major: 18, codename: "bookworm", debian: 12, maintained: false, lts: "hydrogen" },
    Release { major: 20, codename: "bookworm", debian: 12, maintained: false, lts: "iron" },
    Release { major: 22, codename: "trixie", debian: 13, maintained: true, lts: "jod" },
    Release { major: 24, codename: "trixie", debian: 13, maintained: true, lts: "krypton" },
];

/// Taken where nothing says anything: the lowest maintained line, which natives' prebuilt binaries cover best.
const DEFAULT: u64 = 22;

/// Chooses the line: the build file, then `.nvmrc`, `.node-version`, `engines.node`, then the table.
pub(super) fn choose(spec: &Spec, hints: &[NodeHint], warnings: &mut Vec<Diagnostic>) -> Decision<Line> {
    if let Some(written) = &spec.node {
        warnings.extend(hints.iter().filter_map(|hint| refused(hint, written)));
        return written_line(written);
    }
    for hint in hints {
        match hinted(hint) {
            Some(line) => {
                let because = format!("{} says {}", hint.kind, hint.range);
                return Decision { value: line, because, origin: Origin::of_default("node") };
            }
            None => warnings.push(
                Diagnostic::warning(
                    "plan/node-hint",
                    format!("{} says `{}`, which no known Node line fits", hint.kind, hint.range),
                )
                .help("say which one to use with `node: 22` in the build file"),
            ),
        }
    }
    Decision {
        value: Line { major: DEFAULT, exact: None },
        because: "nothing in the repository says a Node version".to_owned(),
        origin: Origin::of_default("node: 22"),
    }
}

fn written_line(written: &Spanned<NodeVersion>) -> Decision<Line> {
    let line = Line { major: written.major, exact: written.exact };
    Decision { value: line, because: "it is set".to_owned(), origin: Origin::Explicit(written.span.clone()) }
}

/// What the repository says against a line that is set.
fn refused(hint: &NodeHint, written: &Spanned<NodeVersion>) -> Option<Diagnostic> {
    let range = Range::parse(hint.range.trim()).filter(|_| hint.kind == "engines.node")?;
    let message = format!("Node {} is set, and {} says `{}`", written.major, hint.kind, hint.range);
    (!range.allows_major(written.major)).then(|| {
        Diagnostic::warning("plan/node-engines", message)
            .help("set one that fits, or change what package.json says")
            .at(written.span.clone())
    })
}

fn release(major: u64) -> Option<&'static Release> {
    RELEASES.iter().find(|release| release.major == major)
}

/// The line that a statement of the repository asks for. Exact versions are taken as their line: the image of a line
/// gets its security fixes, an exact one never does.
fn hinted(hint: &NodeHint) -> Option<Line> {
    let text = hint.range.trim().trim_start_matches('v');
    let line = |major| Some(Line { major, exact: None });
    if let Some(name) = text.strip_prefix("lts/") {
        let newest = RELEASES.iter().rev().find(|release| release.maintained);
        let named = RELEASES.iter().find(|release| release.lts.eq_ignore_ascii_case(name));
        return (if name == "*" { newest } else { named }).and_then(|release| line(release.major));
    }
    if hint.kind != "engines.node" {
        let major = text.split('.').next().and_then(|major| major.parse().ok())?;
        return release(major).and_then(|release| line(release.major));
    }
    let range = Range::parse(text)?;
    let allowed = |release: &&Release| range.allows_major(release.major);
    let maintained = RELEASES.iter().filter(|release| release.maintained).find(allowed);
    maintained.or_else(|| RELEASES.iter().rev().find(allowed)).and_then(|release| line(release.major))
}

impl Planner<'_> {
    /// Whether the runtime's base is the distroless one that we choose.
    pub(super) fn is_our_distroless(&self) -> bool {
        self.spec().runtime.base.as_ref().is_none_or(|base| base.value == "distroless")
    }

    /// Whether the runtime's base is distroless: Node alone, in `/nodejs`, without a shell.
    pub(super) fn is_distroless(&self) -> bool {
        let named = self.spec().runtime.base.as_ref().is_some_and(|base| base.value.contains("distroless/nodejs"));
        named || self.is_our_distroless()
    }

    /// An exact version holds for builds only where the runtime's base has tags of lines only.
    pub(super) fn note_exact(&mut self) {
        if let (Some(node), true) = (&self.spec().node, self.is_our_distroless() && self.node.value.exact.is_some()) {
            self.warnings.push(
                Diagnostic::warning(
                    "plan/node-exact",
                    format!("builds use Node {}, the image the newest {}", self.node.value, self.node.value.major),
                )
                .help("distroless images have no tags of exact versions; `runtime: {base: slim}` has")
                .at(node.span.clone()),
            );
        }
    }

    /// The images to build in and to run.
    pub(super) fn base_images(&mut self) -> Result<(), Diagnostics> {
        let spec = self.spec();
        let node_origin = &self.node.origin;
        let build_origin =
            spec.build.base.as_ref().map_or(node_origin.clone(), |base| Origin::Explicit(base.span.clone()));
        let build = match &spec.build.base {
            Some(base) => base.value.clone(),
            None => self.node_image()?,
        };
        let runtime = self.runtime_base()?;
        let runtime_origin = origin(spec.runtime.base.as_ref().map(|base| &base.span), "runtime.base: distroless");
        self.images.extend([
            (ImageName::BUILD, BaseImage { reference: build, origin: build_origin }),
            (ImageName::RUNTIME, BaseImage { reference: runtime, origin: runtime_origin }),
        ]);
        Ok(())
    }

    /// The name of an image that the build file has for one thing only.
    pub(super) fn image_of(&mut self, reference: &str, origin: &Origin) -> ImageName {
        let name = ImageName::of_reference(reference);
        let image = || BaseImage { reference: reference.to_owned(), origin: origin.clone() };
        self.images.entry(name.clone()).or_insert_with(image);
        name
    }

    /// The image in which JavaScript is built and natives are compiled.
    fn node_image(&self) -> Result<String, Diagnostics> {
        let release = self.release()?;
        Ok(format!("docker.io/library/node:{}-{}-slim", self.node.value, release.codename))
    }

    /// The reference behind `runtime.base`: a preset's, or the user's own.
    fn runtime_base(&self) -> Result<String, Diagnostics> {
        let Some(base) = &self.spec().runtime.base else {
            return self.distroless();
        };
        match base.as_str() {
            "distroless" => self.distroless(),
            "slim" => self.node_image(),
            reference => Ok(reference.to_owned()),
        }
    }

    fn distroless(&self) -> Result<String, Diagnostics> {
        let release = self.release()?;
        Ok(format!("gcr.io/distroless/nodejs{}-debian{}:nonroot", release.major, release.debian))
    }

    /// The line's images, which are asked for only where the build file names none of its own.
    fn release(&self) -> Result<&'static Release, Diagnostics> {
        release(self.node.value.major).ok_or_else(|| {
            let known: Vec<_> = RELEASES.iter().map(|release| release.major.to_string()).collect();
            let message = format!("there is no base image for Node {}", self.node.value);
            Diagnostic::error("plan/node-line", message)
                .help(format!(
                    "known lines are {}; for another one set `build.base` and `runtime.base`",
                    known.join(", ")
                ))
                .at(self.node.origin.span(self.spec().default_span()))
                .into()
        })
    }
}

#[cfg(test)]
mod tests {
    use buildkit_frontend::diagnostic::SourceFile;

    use super::*;

    fn hint(kind: &'static str, range: &str) -> Option<u64> {
        let file = SourceFile::new("package.json", "");
        hinted(&NodeHint { file, range: range.to_owned(), kind }).map(|line| line.major)
    }

    #[test]
    fn engines_choose_the_lowest_maintained_line() {
        for (range, wanted) in [
            ("22 || 24", Some(22)),
            ("24 || 22", Some(22)),
            (">=18 <23", Some(22)),
            (">= 18.0.0", Some(22)),
            ("^24.1.0", Some(24)),
            ("18 || 20", Some(20)),
            ("20.x", Some(20)),
            ("18 - 24", Some(22)),
            ("*", Some(22)),
            ("~20.18.0", Some(20)),
            ("22.5 - 22.12", Some(22)),
            (">=22.4 <22.15", Some(22)),
            ("=22.11.0", Some(22)),
            (">24.0.0 <25", Some(24)),
            ("<=22", Some(22)),
            (">=99", None),
            ("nonsense", None),
        ] {
            assert_eq!(hint("engines.node", range), wanted, "{range}");
        }
    }

    #[test]
    fn version_files_choose_their_line() {
        for (text, wanted) in
            [("v22.11.0\n", Some(22)), ("24", Some(24)), ("lts/jod", Some(22)), ("lts/*", Some(24)), ("17", None)]
        {
            assert_eq!(hint(".nvmrc", text), wanted, "{text}");
        }
    }
}
