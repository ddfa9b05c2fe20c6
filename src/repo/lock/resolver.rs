//! What each entry depends on, once a project's rules were applied.

use std::cell::OnceCell;

use super::extensions::added;
use super::rules::Reduced;
use super::{Descriptor, Entry, Locator, Lockfile, Place, Rules};

/// One edge of the graph.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Where what is asked for stands.
    pub(crate) place: Option<Place>,
    /// Whether the parent can do without it (`dependenciesMeta.*.optional`).
    pub(crate) optional: bool,
    /// What is asked for; `None` for what the registry has and the file knows, of which there is nothing more to tell.
    pub(crate) reduced: Option<Box<Reduced>>,
}

/// The edges of a lockfile's entries under one set of rules, worked out when they are first asked for.
#[derive(Debug, Clone, Default)]
pub struct Edges(Vec<OnceCell<Box<[Edge]>>>);

impl Edges {
    /// Of a lockfile.
    pub fn of(lock: &Lockfile) -> Self {
        Self(vec![OnceCell::new(); lock.entries.len()])
    }
}

/// A lockfile, the rules of a project, and what was worked out from both.
#[derive(Debug, Clone, Copy)]
pub struct Resolver<'a> {
    pub(super) lock: &'a Lockfile,
    pub(super) rules: &'a Rules,
    edges: &'a Edges,
}

impl<'a> Resolver<'a> {
    /// For a lockfile and rules, with the edges of these two and no others.
    pub fn new(lock: &'a Lockfile, rules: &'a Rules, edges: &'a Edges) -> Self {
        debug_assert_eq!(lock.entries.len(), edges.0.len(), "edges of another lockfile");
        Self { lock, rules, edges }
    }

    /// The dependencies of an entry that is no workspace, those that Yarn adds included.
    pub(crate) fn edges(&self, index: usize) -> &'a [Edge] {
        let known = self.edges.0.get(index).zip(self.lock.entries.get(index));
        known.map_or(&[], |(edges, entry)| edges.get_or_init(|| self.of_entry(entry)))
    }

    fn of_entry(&self, entry: &Entry) -> Box<[Edge]> {
        let own = entry.dependencies.iter().map(|(name, range)| (&**name, &**range, true));
        let more = added(entry, &self.rules.extensions).map(|(name, range)| (name, range, false));
        own.chain(more)
            .map(|(name, range, certain)| {
                let optional = entry.optional.contains(name);
                let plain = self.lock.version > 6 && self.rules.leave(name, range);
                let known = plain.then(|| self.lock.known(name, range)).flatten();
                let edge = match known {
                    Some(place) => Edge { place: Some(place), optional, reduced: None },
                    None => self.edge(&entry.locator, Descriptor::new(name, range), optional),
                };
                (edge, certain)
            })
            // Which dependencies are added depends on Yarn's release: the file decides.
            .filter(|(edge, certain)| *certain || edge.place.is_some())
            .map(|(edge, _)| edge)
            .collect()
    }

    /// One dependency of `parent` as its manifest writes it.
    pub(crate) fn edge(&self, parent: &Locator, wanted: Descriptor, optional: bool) -> Edge {
        let reduced = self.rules.reduce(self.lock, parent, wanted);
        Edge { place: self.lock.place(&reduced.descriptor), optional, reduced: Some(Box::new(reduced)) }
    }
}
