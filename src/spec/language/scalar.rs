//! What exactly is wrong with a text that does not fit.

use buildkit_frontend::files::PatternMatcher;
use buildkit_frontend::path::{ContextPath, ImagePath, PathError};
use buildkit_frontend::text::quote;
use buildkit_llb::ImageRef;

use crate::spec::secret;

use super::Format;

/// Names of targets and checks that an own check may not have.
const RESERVED_CHECKS: [&str; 14] = [
    "audit",
    "boot",
    "bundle",
    "cache-seed",
    "checks",
    "debug",
    "deps",
    "frontend",
    "image",
    "lint",
    "plan",
    "sourcemaps",
    "test",
    "typecheck",
];

/// Why a text does not fit: `{text} {what}`, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ValueError {
    /// A predicate: `is not a port`.
    pub what: String,
    /// What to do; empty where the predicate says it.
    pub help: String,
}

pub(super) fn value_error(what: impl Into<String>, help: impl Into<String>) -> ValueError {
    ValueError { what: what.into(), help: help.into() }
}

pub(super) fn ensure(holds: bool, what: &str, help: &str) -> Result<(), ValueError> {
    if holds { Ok(()) } else { Err(value_error(what, help)) }
}

/// Whether the text is not empty and has only letters, digits and `more`, and begins with a letter or digit.
pub(super) fn is_name(text: &str, more: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

pub(super) fn image(text: &str) -> Result<(), ValueError> {
    if text.contains("://") {
        let (_, rest) = text.split_once("://").unwrap_or(("", text));
        return Err(value_error("is not an image reference", format!("leave the scheme out: {}", quote(rest))));
    }
    text.parse::<ImageRef>().map(drop).map_err(|error| {
        let help = format!("{}; write it as in `docker pull`, such as `node:22-trixie-slim`", error.problem);
        value_error("is not an image reference", help)
    })
}

pub(super) fn check_name(text: &str) -> Result<(), ValueError> {
    ensure(
        is_name(text, "._-") && text.len() <= 64,
        "is not a name that a check can have",
        "use letters, digits, `.`, `-` and `_`: the name is also a target",
    )?;
    if RESERVED_CHECKS.contains(&text.to_lowercase().as_str()) {
        return Err(value_error(
            "is the name of a built-in target",
            format!("give your check another name, such as `my-{text}`"),
        ));
    }
    Ok(())
}

pub(super) fn outside(text: &str, error: PathError) -> ValueError {
    match error {
        PathError::Escapes => value_error(
            "leads out of the repository",
            "name a path inside the repository: no build sees what lies outside",
        ),
        PathError::Absolute => {
            let relative = text.trim_start_matches('/');
            value_error(
                "is an absolute path",
                format!("paths are relative to the repository's root: {}", quote(relative)),
            )
        }
        PathError::Relative => {
            value_error("is not an absolute path", format!("begin with `/`, such as {}", quote(&format!("/{text}"))))
        }
        PathError::Character => value_error("holds a backslash or a control character", "separate folders with `/`"),
        PathError::TooLong => value_error("is longer than 4096 bytes", ""),
    }
}

/// A path below the repository's root.
pub(super) fn inside(text: &str) -> Result<ContextPath, ValueError> {
    if text.contains("://") {
        return Err(value_error("is a URL", "only files of the repository can be named here"));
    }
    let path = ContextPath::new(text).map_err(|error| outside(text, error))?;
    if path.is_root() {
        return Err(value_error("is the whole repository", "name a file or a folder in it"));
    }
    Ok(path)
}

pub(super) fn file(text: &str) -> Result<(), ValueError> {
    let path = inside(text)?;
    if text.contains('*') {
        return Err(value_error("is a pattern", "name each file, or the folder that holds them"));
    }
    secret::local_file(&path)
}

pub(super) fn source(text: &str) -> Result<(), ValueError> {
    ensure(!text.contains('*'), "is a pattern", "name each file, or the folder that holds them")?;
    let relative = text.trim_start_matches('/');
    inside(relative).map(drop).map_err(|value_error| match value_error.what.as_str() {
        "is the whole repository" => ValueError { what: "is everything there is".to_owned(), ..value_error },
        _ => value_error,
    })
}

pub(super) fn destination(text: &str) -> Result<(), ValueError> {
    let result = if text.starts_with('/') { ImagePath::new(text).map(drop) } else { ContextPath::new(text).map(drop) };
    result.map_err(|error| match error {
        PathError::Escapes => {
            value_error("leads out of the working directory", "begin with `/` for a path elsewhere in the image")
        }
        error => outside(text, error),
    })
}

pub(super) fn directory(text: &str) -> Result<(), ValueError> {
    let path = ImagePath::new(text).map_err(|error| outside(text, error))?;
    ensure(path.as_str() != "/", "is the whole image", "name the folders that are written to, such as `/tmp`")
}

pub(super) fn pattern(format: Format, text: &str) -> Result<(), ValueError> {
    let body = text.strip_prefix('!').unwrap_or(text);
    if format == Format::ModulePattern && body.len() < text.len() {
        return Err(value_error("begins with `!`", "list what stays under `keep` and what goes under `drop`"));
    }
    if body.trim_matches('/').split('/').any(|part| part == "..") {
        return Err(value_error("leads out through `..`", "patterns are relative to the root"));
    }
    let open = body.rfind('[').is_some_and(|at| body.get(at..).is_some_and(|rest| !rest.contains(']')));
    ensure(!open, "has a `[` that is never closed", "close it with `]`, or write `\\[` for the character itself")?;
    let valid = body.is_empty() || PatternMatcher::new(&[body.to_owned()]).is_ok();
    ensure(
        valid,
        "is not a pattern",
        "write it as in .dockerignore; a backslash stands only before a character such as `*`",
    )
}

pub(super) fn yarn_version(text: &str) -> Result<(), ValueError> {
    if text == "auto" {
        return Ok(());
    }
    let help = "write all three numbers, such as `4.9.2`, or `auto`";
    let version = semver::Version::parse(text).map_err(|_| value_error("is not an exact Yarn version", help))?;
    ensure(version.major > 1, "is Yarn 1, which is not supported", help)
}

pub(super) fn package_name(text: &str) -> Result<(), ValueError> {
    let (scope, name) = match text.strip_prefix('@').and_then(|rest| rest.split_once('/')) {
        Some((scope, name)) => (Some(scope), name),
        None => (None, text),
    };
    let sane = is_name(name, "._-~") && scope.is_none_or(|scope| is_name(scope, "._-~"));
    ensure(
        sane,
        "is not the name of an npm package",
        "write it as in package.json, such as `better-sqlite3` or `@scope/name`",
    )
}

pub(super) fn secret_id(text: &str) -> Result<(), ValueError> {
    if text.contains('/') || [".pem", ".crt", ".cer"].iter().any(|end| text.ends_with(end)) {
        return Err(value_error(
            "is a path, not the id of a secret",
            format!("write {} for a file of the repository", quote(&format!("{{file: {text}}}"))),
        ));
    }
    ensure(
        is_name(text, "._-") && text.len() <= 128,
        "is not the id of a secret",
        "give the id that `--secret id=…` has: letters, digits, `.`, `-` and `_`",
    )
}

pub(super) fn url(text: &str) -> Result<(), ValueError> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest else {
        return Err(value_error(
            "is not a URL",
            format!("begin with `https://` or `http://`, such as {}", quote(&format!("https://{text}"))),
        ));
    };
    let host = rest.split('/').next().unwrap_or("");
    let sane = !host.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    ensure(sane, "is not a URL", "write a host after `//`, and no spaces")
}

pub(super) fn user(text: &str) -> Result<(), ValueError> {
    let part = |part: &str| {
        if part.starts_with(|c: char| c.is_ascii_digit()) {
            part.parse::<u32>().is_ok()
        } else {
            part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && is_name(part.trim_start_matches('_'), "_-.")
        }
    };
    let sane = match text.split_once(':') {
        Some((user, group)) => part(user) && part(group),
        None => part(text),
    };
    ensure(sane, "is not a user", "write `uid`, `uid:gid` or a name, such as `1001:0`")
}

/// A package name as it is, or a clean path: `./packages/backend/` is `packages/backend`.
pub(crate) fn workspace(text: &str) -> Result<String, ValueError> {
    if text.starts_with('@') {
        return package_name(text).map(|()| text.to_owned());
    }
    inside(text).map(|path| path.to_string())
}
