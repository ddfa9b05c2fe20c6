//! Platforms, normalised and written as containerd does it, because a platform's text is a key: of
//! results, of metadata, of named contexts. Rules read in `github.com/containerd/platforms`
//! v1.0.0-rc.5 (`platforms.go`, `database.go`).

use std::fmt;
use std::str::FromStr;

use buildkit_proto::pb;

/// A platform in normal form. Its text is BuildKit's platform id:
/// `os[(version[+feature…])]/architecture[/variant]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    os: String,
    os_version: String,
    os_features: Vec<String>,
    architecture: String,
    variant: String,
}

/// What is wrong with a text that should be a platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a platform: expected os/architecture[/variant], such as linux/amd64 or linux/arm/v7")]
pub struct InvalidPlatform {
    /// The text as it was given.
    pub text: String,
}

impl Platform {
    /// A platform from its parts, put into normal form: `aarch64` becomes `arm64`, `arm` gets its
    /// variant.
    pub fn new(os: &str, architecture: &str, variant: &str) -> Self {
        let (architecture, variant) = normalize_architecture(architecture, variant);
        Self { os: normalize_os(os), os_version: String::new(), os_features: Vec::new(), architecture, variant }
    }

    /// With an operating system version, as Windows images have it.
    #[must_use]
    pub fn with_os_version(mut self, version: &str) -> Self {
        self.os_version = version.into();
        self
    }

    /// With operating system features, sorted and each once.
    #[must_use]
    pub fn with_os_features<S: Into<String>>(mut self, features: impl IntoIterator<Item = S>) -> Self {
        self.os_features = features.into_iter().map(Into::into).filter(|f: &String| !f.is_empty()).collect();
        self.os_features.sort();
        self.os_features.dedup();
        self
    }

    /// `linux`, `windows`, `darwin`…
    pub fn os(&self) -> &str {
        &self.os
    }

    /// Version of the operating system, mostly empty.
    pub fn os_version(&self) -> &str {
        &self.os_version
    }

    /// Features of the operating system, mostly none.
    pub fn os_features(&self) -> &[String] {
        &self.os_features
    }

    /// `amd64`, `arm64`, `arm`…
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// `v7` and the like, often empty.
    pub fn variant(&self) -> &str {
        &self.variant
    }

    /// As a message of LLB.
    pub fn to_pb(&self) -> pb::Platform {
        pb::Platform {
            architecture: self.architecture.clone(),
            os: self.os.clone(),
            variant: self.variant.clone(),
            os_version: self.os_version.clone(),
            os_features: self.os_features.clone(),
        }
    }
}

impl From<&pb::Platform> for Platform {
    fn from(platform: &pb::Platform) -> Self {
        Self::new(&platform.os, &platform.architecture, &platform.variant)
            .with_os_version(&platform.os_version)
            .with_os_features(platform.os_features.iter().cloned())
    }
}

impl FromStr for Platform {
    type Err = InvalidPlatform;

    /// Reads `os[(version[+feature…])]/architecture[/variant]`. A lone architecture means Linux; a
    /// lone operating system is refused, since containerd then takes the architecture of the
    /// process that asks.
    fn from_str(text: &str) -> Result<Self, InvalidPlatform> {
        parse(text).ok_or_else(|| InvalidPlatform { text: text.into() })
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Platform {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Platform {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn parse(text: &str) -> Option<Platform> {
    let mut parts = text.split('/');
    let (first, second, third) = (parts.next()?, parts.next(), parts.next());
    if parts.next().is_some() {
        return None;
    }
    let Some(architecture) = second else {
        let platform = Platform::new("linux", first, "");
        return KNOWN_ARCHITECTURES.contains(&platform.architecture()).then_some(platform);
    };
    let (os, options) = match first.split_once('(') {
        Some((os, rest)) => (os, rest.strip_suffix(')')?),
        None => (first, ""),
    };
    let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    if !word(os) || os.contains('.') || !word(architecture) || !third.is_none_or(word) {
        return None;
    }
    let (version, features) = options.split_once('+').unwrap_or((options, ""));
    let features = if features.is_empty() {
        Vec::new()
    } else {
        features.split('+').map(decode_option).collect::<Option<Vec<_>>>()?
    };
    Some(
        Platform::new(os, architecture, third.unwrap_or(""))
            .with_os_version(&decode_option(version)?)
            .with_os_features(features),
    )
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.os)?;
        if !self.os_version.is_empty() || !self.os_features.is_empty() {
            write!(f, "({}", encode_option(&self.os_version))?;
            for feature in &self.os_features {
                write!(f, "+{}", encode_option(feature))?;
            }
            f.write_str(")")?;
        }
        for part in [&self.architecture, &self.variant] {
            if !part.is_empty() {
                write!(f, "/{part}")?;
            }
        }
        Ok(())
    }
}

const KNOWN_ARCHITECTURES: &[&str] = &[
    "386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64",
    "s390x", "wasm",
];

fn normalize_os(os: &str) -> String {
    match os.to_lowercase().as_str() {
        "macos" => "darwin".into(),
        other => other.into(),
    }
}

fn normalize_architecture(architecture: &str, variant: &str) -> (String, String) {
    let (architecture, variant) = (architecture.to_lowercase(), variant.to_lowercase());
    let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64" | "amd64", v) => ("amd64", v),
        ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
        ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
        ("aarch64" | "arm64", v) => ("arm64", v),
        ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
        ("armel", _) | ("arm", "6") => ("arm", "v6"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "8") => ("arm", "v8"),
        (a, v) => (a, v),
    };
    (architecture.into(), variant.into())
}

/// The characters that the text form itself uses, percent-encoded.
fn encode_option(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '%' => out.push_str("%25"),
            '+' => out.push_str("%2B"),
            '(' => out.push_str("%28"),
            ')' => out.push_str("%29"),
            '/' => out.push_str("%2F"),
            _ => out.push(c),
        }
    }
    out
}

fn decode_option(text: &str) -> Option<String> {
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.%-".contains(&b)) {
        return None;
    }
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            out.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn id(text: &str) -> String {
        text.parse::<Platform>().unwrap().to_string()
    }

    #[test]
    fn normal_forms() {
        for (text, expected) in [
            ("linux/amd64", "linux/amd64"),
            ("Linux/x86_64", "linux/amd64"),
            ("linux/amd64/v1", "linux/amd64"),
            ("linux/amd64/v2", "linux/amd64/v2"),
            ("linux/aarch64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/arm64/9", "linux/arm64/v9"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/armhf", "linux/arm/v7"),
            ("linux/armel", "linux/arm/v6"),
            ("linux/arm/6", "linux/arm/v6"),
            ("linux/i386", "linux/386"),
            ("macos/arm64", "darwin/arm64"),
            ("arm64", "linux/arm64"),
            ("windows(10.0.17763)/amd64", "windows(10.0.17763)/amd64"),
            ("windows(10.0.17763+win32k+a)/amd64", "windows(10.0.17763+a+win32k)/amd64"),
            ("windows(+win32k)/amd64", "windows(+win32k)/amd64"),
            ("linux(a%2Bb)/amd64", "linux(a%2Bb)/amd64"),
        ] {
            assert_eq!(id(text), expected, "{text}");
            assert_eq!(id(&id(text)), expected, "twice: {text}");
        }
    }

    #[test]
    fn refused() {
        for text in [
            "",
            "linux",
            "linux/",
            "/amd64",
            "a/b/c/d",
            "linux/am*",
            "linux(/amd64",
            "linux(%zz)/amd64",
            "lin ux/amd64",
        ] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }

    #[test]
    fn through_the_message() {
        let platform: Platform = "windows(10.0.17763+win32k)/amd64".parse().unwrap();
        assert_eq!(Platform::from(&platform.to_pb()), platform);
    }
}
