//! Scalars with rules of their own: what is wanted, and what exactly is wrong with a text that does not fit.

use buildkit_llb::ImageRef;

use super::{duration, memory, mode, node_version};
use crate::path::{ContextPath, ImagePath, PathError};
use crate::spec::secret;
use crate::spec::words::quote;

/// The kinds of scalars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Argument,
    Base,
    CheckName,
    Command,
    ConfigFile,
    ConfigName,
    ContextName,
    Count,
    Destination,
    Directory,
    Duration,
    EnvName,
    EnvValue,
    File,
    Hosts,
    Image,
    LabelKey,
    LabelValue,
    Memory,
    Mode,
    ModulePattern,
    NodeOption,
    NodeVersion,
    OsPackage,
    PackageName,
    Pattern,
    Port,
    SecretId,
    Signal,
    Source,
    Url,
    User,
    Workspace,
    YarnVersion,
}

/// The names that `runtime.base` knows.
pub(crate) const PRESETS: [&str; 6] = ["distroless", "slim", "alpine", "wolfi", "ubi", "dhi"];

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
pub(crate) struct Misfit {
    /// A predicate: `is not a port`.
    pub what: String,
    /// What to do; empty where the predicate says it.
    pub help: String,
}

pub(super) fn misfit(what: impl Into<String>, help: impl Into<String>) -> Misfit {
    Misfit { what: what.into(), help: help.into() }
}

fn ensure(holds: bool, what: &str, help: &str) -> Result<(), Misfit> {
    if holds { Ok(()) } else { Err(misfit(what, help)) }
}

/// Whether the text is not empty and has only letters, digits and `more`, and begins with a letter or digit.
fn is_name(text: &str, more: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

impl Format {
    /// What is wanted, with its article.
    pub(crate) fn wanted(self) -> &'static str {
        match self {
            Self::Argument => "an argument",
            Self::Base => "an image, or one of the names `distroless`, `slim`, `alpine`, `wolfi`, `ubi` and `dhi`",
            Self::CheckName => "a name",
            Self::Command => "a shell command",
            Self::ConfigFile => "the path of a config file",
            Self::ConfigName => "a file name",
            Self::ContextName => "the name of a build context",
            Self::Count => "a number of at least 1",
            Self::Destination => "a path in the image",
            Self::Directory => "an absolute path in the image",
            Self::Duration => "a duration such as `30s` or `1m30s`",
            Self::EnvName => "the name of a variable",
            Self::EnvValue => "text",
            Self::File => "a path in the repository",
            Self::Hosts => "host names separated by commas",
            Self::Image => "an image reference",
            Self::LabelKey => "a label's key",
            Self::LabelValue => "text",
            Self::Memory => "`auto`, a number of MiB or a size such as `4g`",
            Self::Mode => "permission bits such as `0644`",
            Self::ModulePattern | Self::Pattern => "a pattern",
            Self::NodeOption => "an option of Node",
            Self::NodeVersion => "a Node line such as `22` or a version such as `22.19.0`",
            Self::OsPackage => "the name of an OS package",
            Self::PackageName => "the name of an npm package",
            Self::Port => "a port from 1 to 65535",
            Self::SecretId => "the id of a secret",
            Self::Signal => "a signal such as `SIGTERM`",
            Self::Source => "a path",
            Self::Url => "a URL that begins with `https://` or `http://`",
            Self::User => "a user: `uid`, `uid:gid` or a name",
            Self::Workspace => "the path or package name of a workspace",
            Self::YarnVersion => "`auto` or an exact Yarn version",
        }
    }

    /// The same as a regular expression, where one says something that an editor can use.
    pub(crate) fn pattern(self) -> Option<&'static str> {
        Some(match self {
            Self::CheckName => "^[A-Za-z0-9][A-Za-z0-9._-]*$",
            Self::ConfigFile | Self::ConfigName | Self::File => "^[^/*]",
            Self::Count => "^[1-9][0-9]*$",
            Self::Directory => "^/.+",
            Self::Duration => "^([0-9]+(ms|s|m|h))+$",
            Self::EnvName => "^[A-Za-z_][A-Za-z0-9_]*$",
            Self::Image | Self::Base => "^[^-\\s]\\S*$",
            Self::Memory => "^(auto|[0-9]+([mMgG]([iI]?[bB])?)?)$",
            Self::Mode => "^(0o)?[0-7]{3,5}$",
            Self::NodeOption => "^-",
            Self::NodeVersion => "^[vV]?[0-9]+([.][0-9]+[.][0-9]+)?$",
            Self::OsPackage => "^[A-Za-z0-9]\\S*$",
            Self::PackageName => "^(@[^/]+/)?[A-Za-z0-9][A-Za-z0-9._~-]*$",
            Self::Port => "^[0-9]+$",
            Self::SecretId => "^[A-Za-z0-9][A-Za-z0-9._-]*$",
            Self::Signal => "^(SIG[A-Z0-9+-]+|[0-9]+)$",
            Self::Url => "^https?://[^/\\s]",
            _ => return None,
        })
    }

    /// The types of JSON that a value may have; what people write without quotes is often a number to an editor.
    pub(crate) fn types(self) -> &'static [&'static str] {
        match self {
            Self::EnvValue | Self::LabelValue | Self::Argument => &["string", "number", "boolean"],
            Self::Count | Self::Memory | Self::Mode | Self::NodeVersion | Self::Port | Self::User => {
                &["string", "integer"]
            }
            _ => &["string"],
        }
    }

    /// Whether an unquoted `true` is text here.
    pub(crate) fn takes_booleans(self) -> bool {
        matches!(self, Self::EnvValue | Self::LabelValue | Self::Argument)
    }

    /// Whether a list of these can be given as `a,b` in a build arg; commas may belong to a command.
    pub(crate) fn splits(self) -> bool {
        !matches!(self, Self::Command)
    }

    /// Whether the text fits.
    pub(crate) fn check(self, text: &str) -> Result<(), Misfit> {
        if text.trim().is_empty() && !matches!(self, Self::EnvValue | Self::LabelValue | Self::Argument) {
            return Err(misfit("is empty", format!("give {}, or leave it out", self.wanted())));
        }
        match self {
            Self::Argument | Self::Command | Self::EnvValue | Self::LabelValue | Self::Hosts => Ok(()),
            Self::Base | Self::Image => image(text),
            Self::CheckName => check_name(text),
            Self::ConfigFile | Self::File => file(text),
            Self::ConfigName => inside(text).map(drop),
            Self::ContextName => ensure(
                is_name(text, "._-/:@"),
                "is not the name of a build context",
                "give the name that `--build-context name=…` has",
            ),
            Self::Count => ensure(text.parse::<u32>().is_ok_and(|n| n > 0), "is not a number of at least 1", ""),
            Self::Destination => destination(text),
            Self::Directory => directory(text),
            Self::Duration => duration(text).map(drop),
            Self::EnvName => ensure(
                !text.starts_with(|c: char| c.is_ascii_digit())
                    && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
                "is not a name that a variable can have",
                "use letters, digits and `_`, and no digit first",
            ),
            Self::LabelKey => ensure(
                text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '=' | '"' | '\'')) && text.len() <= 256,
                "is not a key that a label can have",
                "use letters, digits, `.`, `-`, `_` and `/`, such as `org.opencontainers.image.vendor`",
            ),
            Self::Memory => memory(text).map(drop),
            Self::Mode => mode(text).map(drop),
            Self::ModulePattern | Self::Pattern => pattern(self, text),
            Self::NodeOption => ensure(
                text.starts_with('-'),
                "is not an option of Node",
                "options begin with `-`, such as `--max-old-space-size=1000`",
            ),
            Self::NodeVersion => node_version(text).map(drop),
            Self::OsPackage => ensure(
                is_name(text, "+-._:=~@/"),
                "is not the name of an OS package",
                "name one package per item, such as `git`",
            ),
            Self::PackageName => package_name(text),
            Self::Port => {
                ensure(text.parse::<u16>().is_ok_and(|n| n > 0), "is not a port", "a port is a number from 1 to 65535")
            }
            Self::SecretId => secret_id(text),
            Self::Signal => ensure(
                text.strip_prefix("SIG").is_some_and(|name| is_name(name, "+-") && !name.contains(char::is_lowercase))
                    || text.parse::<u8>().is_ok_and(|n| (1..=64).contains(&n)),
                "is not a signal",
                "write its name in capitals, such as `SIGTERM`, or its number",
            ),
            Self::Source => source(text),
            Self::Url => url(text),
            Self::User => user(text),
            Self::Workspace => workspace(text).map(drop),
            Self::YarnVersion => yarn_version(text),
        }
    }
}

fn image(text: &str) -> Result<(), Misfit> {
    if text.contains("://") {
        let (_, rest) = text.split_once("://").unwrap_or(("", text));
        return Err(misfit("is not an image reference", format!("leave the scheme out: {}", quote(rest))));
    }
    text.parse::<ImageRef>().map(drop).map_err(|error| {
        let help = format!("{}; write it as in `docker pull`, such as `node:22-trixie-slim`", error.problem);
        misfit("is not an image reference", help)
    })
}

fn check_name(text: &str) -> Result<(), Misfit> {
    ensure(
        is_name(text, "._-") && text.len() <= 64,
        "is not a name that a check can have",
        "use letters, digits, `.`, `-` and `_`: the name is also a target",
    )?;
    if RESERVED_CHECKS.contains(&text.to_lowercase().as_str()) {
        return Err(misfit(
            "is the name of a built-in target",
            format!("give your check another name, such as `my-{text}`"),
        ));
    }
    Ok(())
}

fn outside(text: &str, error: PathError) -> Misfit {
    match error {
        PathError::Escapes => misfit(
            "leads out of the repository",
            "name a path inside the repository; what lies outside can come from a named context",
        ),
        PathError::Absolute => {
            let relative = text.trim_start_matches('/');
            misfit("is an absolute path", format!("paths are relative to the repository's root: {}", quote(relative)))
        }
        PathError::Relative => {
            misfit("is not an absolute path", format!("begin with `/`, such as {}", quote(&format!("/{text}"))))
        }
        PathError::Character => misfit("holds a backslash or a control character", "separate folders with `/`"),
        PathError::TooLong => misfit("is longer than 4096 bytes", ""),
    }
}

/// A path below the repository's root.
fn inside(text: &str) -> Result<ContextPath, Misfit> {
    if text.contains("://") {
        return Err(misfit("is a URL", "only files of the repository can be named here"));
    }
    let path = ContextPath::new(text).map_err(|error| outside(text, error))?;
    if path.is_root() {
        return Err(misfit("is the whole repository", "name a file or a folder in it"));
    }
    Ok(path)
}

fn file(text: &str) -> Result<(), Misfit> {
    let path = inside(text)?;
    if text.contains('*') {
        return Err(misfit("is a pattern", "name each file, or the folder that holds them"));
    }
    secret::local_file(&path)
}

fn source(text: &str) -> Result<(), Misfit> {
    ensure(!text.contains('*'), "is a pattern", "name each file, or the folder that holds them")?;
    let relative = text.trim_start_matches('/');
    inside(relative).map(drop).map_err(|misfit| match misfit.what.as_str() {
        "is the whole repository" => Misfit { what: "is everything there is".to_owned(), ..misfit },
        _ => misfit,
    })
}

fn destination(text: &str) -> Result<(), Misfit> {
    let result = if text.starts_with('/') { ImagePath::new(text).map(drop) } else { ContextPath::new(text).map(drop) };
    result.map_err(|error| match error {
        PathError::Escapes => {
            misfit("leads out of the working directory", "begin with `/` for a path elsewhere in the image")
        }
        error => outside(text, error),
    })
}

fn directory(text: &str) -> Result<(), Misfit> {
    let path = ImagePath::new(text).map_err(|error| outside(text, error))?;
    ensure(path.as_str() != "/", "is the whole image", "name the folders that are written to, such as `/tmp`")
}

fn pattern(format: Format, text: &str) -> Result<(), Misfit> {
    let body = text.strip_prefix('!').unwrap_or(text);
    if format == Format::ModulePattern && body.len() < text.len() {
        return Err(misfit("begins with `!`", "list what stays under `keep` and what goes under `drop`"));
    }
    if body.trim_matches('/').split('/').any(|part| part == "..") {
        return Err(misfit("leads out through `..`", "patterns are relative to the root"));
    }
    let open = body.rfind('[').is_some_and(|at| body.get(at..).is_some_and(|rest| !rest.contains(']')));
    ensure(!open, "has a `[` that is never closed", "close it with `]`, or write `\\[` for the character itself")
}

fn yarn_version(text: &str) -> Result<(), Misfit> {
    let exact = text == "auto" || semver::Version::parse(text).is_ok();
    ensure(exact, "is not an exact Yarn version", "write all three numbers, such as `4.9.2`, or `auto`")
}

fn package_name(text: &str) -> Result<(), Misfit> {
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

fn secret_id(text: &str) -> Result<(), Misfit> {
    if text.contains('/') || [".pem", ".crt", ".cer"].iter().any(|end| text.ends_with(end)) {
        return Err(misfit(
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

fn url(text: &str) -> Result<(), Misfit> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest else {
        return Err(misfit(
            "is not a URL",
            format!("begin with `https://` or `http://`, such as {}", quote(&format!("https://{text}"))),
        ));
    };
    let host = rest.split('/').next().unwrap_or("");
    let sane = !host.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    ensure(sane, "is not a URL", "write a host after `//`, and no spaces")
}

fn user(text: &str) -> Result<(), Misfit> {
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
pub(crate) fn workspace(text: &str) -> Result<String, Misfit> {
    if text.starts_with('@') {
        return package_name(text).map(|()| text.to_owned());
    }
    inside(text).map(|path| path.to_string())
}
