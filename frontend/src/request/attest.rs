//! Attestations. The daemon makes them from the result; a frontend needs them only to say more, such as which parts of
//! the graph an SBOM is to be made of. Read as `frontend/attestations/parse.go` of BuildKit does.

use std::collections::BTreeMap;

use buildkit_llb::ImageRef;

use super::value::{Invalid, csv};

/// What makes an SBOM where the client does not say.
pub const DEFAULT_SBOM_GENERATOR: &str = "docker/buildkit-syft-scanner:stable-1";

/// Attestations that the client asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attestations {
    /// `--sbom`.
    pub sbom: Option<Sbom>,
    /// `--provenance`: its settings, such as `mode`.
    pub provenance: Option<BTreeMap<String, String>>,
}

/// An SBOM that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sbom {
    /// The image that makes it.
    pub generator: ImageRef,
    /// Settings for it.
    pub parameters: BTreeMap<String, String>,
}

/// Comma-separated settings; one without `=` has an empty value, and the last of a name holds.
pub(super) fn settings(text: &str) -> Result<BTreeMap<String, String>, Invalid> {
    let pair = |item: &String| {
        let (name, value) = item.split_once('=').unwrap_or((item, ""));
        (name.to_owned(), value.to_owned())
    };
    Ok(csv(text)?.iter().map(pair).collect())
}

/// An SBOM's settings.
pub(super) fn sbom(text: &str) -> Result<Sbom, Invalid> {
    let mut parameters = settings(text)?;
    let generator = parameters.remove("generator");
    let generator = super::image(generator.as_deref().unwrap_or(DEFAULT_SBOM_GENERATOR))?;
    Ok(Sbom { generator, parameters })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sboms() {
        let default = sbom("").unwrap();
        assert_eq!(default.generator.to_string(), format!("docker.io/{DEFAULT_SBOM_GENERATOR}"));
        let own = sbom("type=sbom,generator=r.example/scan,\"x=a,b\"").unwrap();
        assert_eq!(own.generator.to_string(), "r.example/scan:latest");
        assert_eq!(own.parameters, BTreeMap::from([("type".into(), "sbom".into()), ("x".into(), "a,b".into())]));
        assert!(matches!(sbom("generator="), Err(Invalid::Image(..))));
        assert_eq!(sbom("\"x"), Err(Invalid::Quotes));
    }

    #[test]
    fn provenance() {
        let expected = [("mode", "max"), ("inline-only", "")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(settings("mode=min,mode=max,inline-only"), Ok(BTreeMap::from(expected)));
    }
}
