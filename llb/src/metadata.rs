//! What is said about an op and is no part of it: it changes neither digest nor cache key.

use std::collections::BTreeMap;

use buildkit_proto::pb;

use crate::caps::{self, Caps};
use crate::location::Location;

/// Key of the name that user interfaces show for a vertex.
const CUSTOM_NAME: &str = "llb.customname";

/// What is said about an op. Every part is optional.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// Free text by key; [`Metadata::named`] and [`Metadata::name`] use one of the keys.
    pub description: BTreeMap<String, String>,
    /// No cache lookup for this op; its result is stored all the same. An exec with it also empties
    /// its cache mounts.
    pub ignore_cache: bool,
    /// Whether the result goes to a remote cache: `None` leaves it to the cache's mode.
    pub export_cache: Option<bool>,
    /// Shown as one line together with other vertices.
    pub progress_group: Option<ProgressGroup>,
    /// Limits of an exec.
    pub linux_resources: Option<LinuxResources>,
    /// Where it comes from. Shown when it fails.
    pub locations: Vec<Location>,
}

impl Metadata {
    /// Metadata that holds a name.
    pub fn named(name: impl Into<String>) -> Self {
        Self::default().with_name(name)
    }

    /// The name that user interfaces show. Without one they show argv, identifier or actions.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.description.insert(CUSTOM_NAME.into(), name.into());
        self
    }

    /// Another text.
    #[must_use]
    pub fn with_description(mut self, key: impl Into<String>, text: impl Into<String>) -> Self {
        self.description.insert(key.into(), text.into());
        self
    }

    /// Adds a location.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.locations.push(location);
        self
    }

    /// No cache lookup.
    #[must_use]
    pub fn ignoring_cache(mut self, ignore: bool) -> Self {
        self.ignore_cache = ignore;
        self
    }

    /// Forces or forbids export to a remote cache.
    #[must_use]
    pub fn exporting_cache(mut self, export: bool) -> Self {
        self.export_cache = Some(export);
        self
    }

    /// Joins a progress group.
    #[must_use]
    pub fn in_group(mut self, group: ProgressGroup) -> Self {
        self.progress_group = Some(group);
        self
    }

    /// Limits an exec.
    #[must_use]
    pub fn limited_to(mut self, resources: LinuxResources) -> Self {
        self.linux_resources = Some(resources);
        self
    }

    /// The name, if there is one.
    pub fn name(&self) -> Option<&str> {
        self.description.get(CUSTOM_NAME).map(String::as_str)
    }

    /// What of this needs a capability.
    pub(crate) fn caps(&self) -> Caps {
        [
            (self.ignore_cache, caps::META_IGNORE_CACHE),
            (!self.description.is_empty(), caps::META_DESCRIPTION),
            (self.export_cache.is_some(), caps::META_EXPORT_CACHE),
            (self.linux_resources.is_some(), caps::EXEC_META_LINUX_RESOURCES),
        ]
        .into_iter()
        .filter_map(|(used, cap)| used.then_some(cap))
        .collect()
    }

    /// Takes in what was said about an equal op: what is there stays, what is missing is added.
    pub(crate) fn absorb(&mut self, other: &Self) {
        for (key, text) in &other.description {
            self.description.entry(key.clone()).or_insert_with(|| text.clone());
        }
        self.ignore_cache |= other.ignore_cache;
        self.export_cache = self.export_cache.or(other.export_cache);
        self.progress_group = self.progress_group.take().or_else(|| other.progress_group.clone());
        self.linux_resources = self.linux_resources.take().or_else(|| other.linux_resources.clone());
        for location in &other.locations {
            if !self.locations.contains(location) {
                self.locations.push(location.clone());
            }
        }
    }

    pub(crate) fn to_pb(&self, caps: &Caps) -> pb::OpMetadata {
        pb::OpMetadata {
            ignore_cache: self.ignore_cache,
            description: self.description.clone(),
            export_cache: self.export_cache.map(|value| pb::ExportCache { value }),
            caps: caps.iter().map(|cap| (cap.as_str().to_owned(), true)).collect(),
            progress_group: self.progress_group.as_ref().map(ProgressGroup::to_pb),
            linux_resources: self.linux_resources.as_ref().map(LinuxResources::to_pb),
        }
    }

    pub(crate) fn from_pb(metadata: &pb::OpMetadata, locations: Vec<Location>) -> Self {
        Self {
            description: metadata.description.clone(),
            ignore_cache: metadata.ignore_cache,
            export_cache: metadata.export_cache.as_ref().map(|export| export.value),
            progress_group: metadata.progress_group.as_ref().map(ProgressGroup::from_pb),
            linux_resources: metadata.linux_resources.as_ref().map(LinuxResources::from_pb),
            locations,
        }
    }
}

/// Vertices with one id are shown as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgressGroup {
    /// What joins them.
    pub id: String,
    /// What is shown.
    pub name: String,
    /// A group that has weak members only is not shown.
    pub weak: bool,
}

impl ProgressGroup {
    fn to_pb(&self) -> pb::ProgressGroup {
        pb::ProgressGroup { id: self.id.clone(), name: self.name.clone(), weak: self.weak }
    }

    fn from_pb(group: &pb::ProgressGroup) -> Self {
        Self { id: group.id.clone(), name: group.name.clone(), weak: group.weak }
    }
}

/// Limits of an exec's cgroup. 0 and the empty text mean none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinuxResources {
    /// Bytes.
    pub memory: i64,
    /// Bytes of memory and swap together, -1 for no limit.
    pub memory_swap: i64,
    /// Weight against other cgroups.
    pub cpu_shares: u64,
    /// Microseconds.
    pub cpu_period: u64,
    /// Microseconds per period.
    pub cpu_quota: i64,
    /// CPUs to run on, as `0-3,7`.
    pub cpuset_cpus: String,
    /// Memory nodes to use, likewise.
    pub cpuset_mems: String,
}

impl LinuxResources {
    fn to_pb(&self) -> pb::LinuxResources {
        pb::LinuxResources {
            memory: self.memory,
            memory_swap: self.memory_swap,
            cpu_shares: self.cpu_shares,
            cpu_period: self.cpu_period,
            cpu_quota: self.cpu_quota,
            cpuset_cpus: self.cpuset_cpus.clone(),
            cpuset_mems: self.cpuset_mems.clone(),
        }
    }

    fn from_pb(resources: &pb::LinuxResources) -> Self {
        Self {
            memory: resources.memory,
            memory_swap: resources.memory_swap,
            cpu_shares: resources.cpu_shares,
            cpu_period: resources.cpu_period,
            cpu_quota: resources.cpu_quota,
            cpuset_cpus: resources.cpuset_cpus.clone(),
            cpuset_mems: resources.cpuset_mems.clone(),
        }
    }
}
