//! Time and origin of what is built: `SOURCE_DATE_EPOCH`, the client's revision, the syntax line.

use std::collections::{BTreeMap, BTreeSet};

use super::text::without_credentials;
use super::value::{Invalid, name};

/// The time that files and image carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceDateEpoch {
    /// Seconds since 1970; at most [`MAX_EPOCH`].
    Seconds(u64),
    /// The time of `context`, of a named context or of a stage.
    Of(String),
}

impl SourceDateEpoch {
    /// Unix seconds, where they are given as such.
    pub fn seconds(&self) -> Option<i64> {
        match self {
            Self::Seconds(seconds) => i64::try_from(*seconds).ok(),
            Self::Of(_) => None,
        }
    }
}

/// The last second whose nanoseconds fit into what BuildKit counts them in, an `int64`.
pub const MAX_EPOCH: u64 = 9_223_372_036;

/// Build arg `SOURCE_DATE_EPOCH`.
pub(super) fn epoch(text: &str) -> Result<Option<SourceDateEpoch>, Invalid> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.starts_with(['-', '+']) || text.bytes().all(|b| b.is_ascii_digit()) {
        let seconds = text.parse().ok().filter(|seconds| *seconds <= MAX_EPOCH && !text.starts_with('+'));
        return seconds.map(|s| Some(SourceDateEpoch::Seconds(s))).ok_or_else(|| Invalid::Range(text.to_owned()));
    }
    Ok(Some(SourceDateEpoch::Of(name(text, 1024)?)))
}

/// The client's work tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vcs {
    /// The commit, with `-dirty` behind it where the client looked for changes.
    pub revision: Option<String>,
    /// The address of the remote, without credentials.
    pub source: Option<String>,
    /// The place in the work tree of each directory that the client offers, by the directory's name.
    pub local_dirs: BTreeMap<String, String>,
}

/// Options `vcs:*`, without their prefix.
pub(super) fn vcs<'a>(options: impl Iterator<Item = (&'a str, &'a str)>) -> Vcs {
    let mut vcs = Vcs::default();
    for (name, value) in options.filter(|(_, value)| !value.is_empty()) {
        match name {
            "revision" => vcs.revision = Some(value.to_owned()),
            "source" => vcs.source = Some(without_credentials(value)),
            _ => {
                if let Some(local) = name.strip_prefix("localdir:") {
                    vcs.local_dirs.insert(local.to_owned(), value.to_owned());
                }
            }
        }
    }
    vcs
}

/// How this frontend came to be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FrontendIdentity {
    /// The image that it came from, as it was written.
    pub source: Option<String>,
    /// The whole syntax line's value: an image and what follows it.
    pub cmdline: Option<String>,
    /// What the client expects of a frontend, without `+forward` and the like.
    pub required_caps: BTreeSet<String>,
}

/// Option `frontend.caps`.
pub(super) fn required_caps(text: &str) -> BTreeSet<String> {
    let name = |cap: &str| cap.split('+').next().unwrap_or_default().trim().to_owned();
    text.split(',').map(name).filter(|cap| !cap.is_empty()).collect()
}

/// A question about the build instead of a build (`--call`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subrequest {
    /// Which questions are answered.
    Describe,
    /// What a target takes.
    Outline,
    /// Which targets there are.
    Targets,
    /// What could be better (`--check`).
    Lint,
    /// The graph.
    ConvertLlb,
    /// One that is not known, by its id.
    Other(String),
}

impl Subrequest {
    /// Its id in BuildKit.
    pub fn id(&self) -> &str {
        match self {
            Self::Describe => "frontend.subrequests.describe",
            Self::Outline => "frontend.outline",
            Self::Targets => "frontend.targets",
            Self::Lint => "frontend.lint",
            Self::ConvertLlb => "frontend.convertllb",
            Self::Other(id) => id,
        }
    }
}

/// Option `requestid`.
pub(super) fn subrequest(text: &str) -> Result<Option<Subrequest>, Invalid> {
    Ok(Some(match text {
        "" => return Ok(None),
        "frontend.subrequests.describe" => Subrequest::Describe,
        "frontend.outline" => Subrequest::Outline,
        "frontend.targets" => Subrequest::Targets,
        "frontend.lint" => Subrequest::Lint,
        "frontend.convertllb" => Subrequest::ConvertLlb,
        other => Subrequest::Other(name(other, 256)?),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs() {
        for (text, expected) in [
            ("", None),
            ("0", Some(SourceDateEpoch::Seconds(0))),
            ("1700000000", Some(SourceDateEpoch::Seconds(1_700_000_000))),
            ("9223372036", Some(SourceDateEpoch::Seconds(MAX_EPOCH))),
            ("context", Some(SourceDateEpoch::Of("context".into()))),
        ] {
            assert_eq!(epoch(text), Ok(expected));
        }
        for text in ["-1", "+1", "9223372037", "99999999999999999999999"] {
            assert_eq!(epoch(text), Err(Invalid::Range(text.into())));
        }
        assert_eq!(epoch("a b"), Err(Invalid::Name("a b".into())));
    }

    #[test]
    fn work_trees() {
        let vcs = vcs([
            ("revision", "abc-dirty"),
            ("source", "https://token@github.com/a/b.git"),
            ("localdir:context", "."),
            ("localdir:dockerfile", "ci"),
            ("new", "x"),
        ]
        .into_iter());
        assert_eq!(vcs.revision.as_deref(), Some("abc-dirty"));
        assert_eq!(vcs.source.as_deref(), Some("https://github.com/a/b.git"));
        assert_eq!(vcs.local_dirs.len(), 2);
    }

    #[test]
    fn caps_without_what_follows() {
        let caps = required_caps("moby.buildkit.frontend.contexts+forward,,x");
        assert_eq!(caps, BTreeSet::from(["moby.buildkit.frontend.contexts".to_owned(), "x".to_owned()]));
        assert_eq!(required_caps(""), BTreeSet::new());
    }

    #[test]
    fn subrequests() {
        for id in ["describe", "outline", "targets", "lint", "convertllb", "new"] {
            let id =
                if id == "describe" { "frontend.subrequests.describe".to_owned() } else { format!("frontend.{id}") };
            assert_eq!(subrequest(&id).unwrap().unwrap().id(), id);
        }
        assert_eq!(subrequest(""), Ok(None));
        assert!(subrequest("a\nb").is_err());
    }
}
