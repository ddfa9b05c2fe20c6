//! Scalars with rules of their own: what is wanted of each kind.

use super::scalar::{
    ValueError, check_name, destination, directory, ensure, file, image, inside, is_name, package_name, pattern,
    secret_id, source, url, user, value_error, workspace, yarn_version,
};
use super::{duration, memory, mode, node_version};

/// The kinds of scalars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Argument,
    Base,
    CheckName,
    Command,
    ConfigFile,
    ConfigName,
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
    pub(crate) fn check(self, text: &str) -> Result<(), ValueError> {
        if text.trim().is_empty() && !matches!(self, Self::EnvValue | Self::LabelValue | Self::Argument) {
            return Err(value_error("is empty", format!("give {}, or leave it out", self.wanted())));
        }
        match self {
            Self::Argument | Self::Command | Self::EnvValue | Self::LabelValue | Self::Hosts => Ok(()),
            Self::Base | Self::Image => image(text),
            Self::CheckName => check_name(text),
            Self::ConfigFile | Self::File => file(text),
            Self::ConfigName => inside(text).map(drop),
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
