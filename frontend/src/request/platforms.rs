//! Which platforms the result is for, and in which form it is handed back.

use buildkit_llb::Platform;

use super::value::{Invalid, list};

/// The platforms of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPlatforms {
    /// What was asked for, each once, in the order given; empty where nothing was.
    pub requested: Vec<Platform>,
    /// The worker's own, which holds where nothing was asked for.
    pub default: Platform,
    /// The form of the result.
    pub form: ResultForm,
}

impl TargetPlatforms {
    /// The platforms that are built for: those that were asked for, otherwise the worker's own.
    pub fn all(&self) -> &[Platform] {
        if self.requested.is_empty() { std::slice::from_ref(&self.default) } else { &self.requested }
    }
}

/// How a result is handed back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResultForm {
    /// One reference.
    #[default]
    Single,
    /// A reference by platform id, even if there is only one.
    Map,
}

/// Option `platform`: a list. A lone architecture is one of Linux.
pub(super) fn platforms(text: &str) -> Result<Vec<Platform>, Invalid> {
    let mut platforms = Vec::new();
    for item in list(text)? {
        let platform: Platform = item.parse().map_err(|_| Invalid::Platform(item.to_owned()))?;
        if !platforms.contains(&platform) {
            platforms.push(platform);
        }
    }
    Ok(platforms)
}

/// The form of the result for so many platforms. `multi` is `build-arg:BUILDKIT_MULTI_PLATFORM` or `multi-platform`.
pub(super) fn form(platforms: usize, multi: Option<bool>) -> Result<ResultForm, Invalid> {
    match (platforms > 1, multi) {
        (true, Some(false)) => Err(Invalid::OnePlatform),
        (true, _) | (false, Some(true)) => Ok(ResultForm::Map),
        (false, _) => Ok(ResultForm::Single),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_platforms() {
        let show = |text| platforms(text).map(|p| p.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(show("").unwrap(), Vec::<String>::new());
        assert_eq!(show("linux/aarch64").unwrap(), ["linux/arm64"]);
        assert_eq!(show("linux/arm64, Linux/x86_64,linux/arm64/v8").unwrap(), ["linux/arm64", "linux/amd64"]);
        assert_eq!(show("linux/arm").unwrap(), ["linux/arm/v7"]);
        for text in ["linux/", "a/b/c/d", "linux/am*", "li\u{1b}nux/amd64"] {
            assert_eq!(show(text), Err(Invalid::Platform(text.into())));
        }
        assert_eq!(show("linux/amd64,"), Err(Invalid::EmptyItem));
    }

    #[test]
    fn forms() {
        assert_eq!(form(0, None), Ok(ResultForm::Single));
        assert_eq!(form(1, Some(false)), Ok(ResultForm::Single));
        assert_eq!(form(1, Some(true)), Ok(ResultForm::Map));
        assert_eq!(form(2, None), Ok(ResultForm::Map));
        assert_eq!(form(2, Some(false)), Err(Invalid::OnePlatform));
    }
}
