//! What the image does without: what the build file says of it. Which rules there are stands in [`crate::prune`].

use crate::prune::Prune;
use crate::spec::Spec;
use crate::spec::model::{PruneMode, SourceMaps};

/// The build file's `prune` and `sourceMaps`.
pub(super) fn settings(spec: &Spec) -> Prune {
    let safe = spec.prune.mode.as_ref().is_none_or(|mode| mode.value == PruneMode::Safe);
    Prune {
        safe,
        source_maps: !keeps_maps(spec) && (safe || spec.source_maps.is_some()),
        drop: spec.prune.drop.iter().map(|pattern| pattern.value.clone()).collect(),
        keep: spec.prune.keep.iter().map(|pattern| pattern.value.clone()).collect(),
    }
}

/// Whether source maps stay in the image: asked for, or needed by Node's own flag.
pub(super) fn keeps_maps(spec: &Spec) -> bool {
    match &spec.source_maps {
        Some(written) => written.value == SourceMaps::Keep,
        None => {
            spec.runtime.node_options.iter().any(|option| option.contains("--enable-source-maps"))
                || spec.prune.mode.as_ref().is_some_and(|mode| mode.value == PruneMode::Off)
        }
    }
}
