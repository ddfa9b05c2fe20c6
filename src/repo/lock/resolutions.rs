//! `resolutions` of the root manifest: ranges that are replaced wherever they are asked for.
//!
//! All that a line compares is compared for equality, so that the first line that matches is found by looking up the few
//! forms that it can have, however many there are.

use std::collections::BTreeMap;

use super::descriptor::is_name;
use super::{Descriptor, Locator};

/// One line of `resolutions`: `child`, `child@range`, `parent/child`, `parent@range/child@range`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// The key as written.
    pub key: String,
    /// The range or reference that is used instead.
    pub reference: String,
    from: Option<Pattern>,
    to: Pattern,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    name: String,
    range: Option<String>,
}

impl Resolution {
    /// Reads a line; `None` for keys that Yarn warns about and ignores.
    pub fn parse(key: &str, reference: &str) -> Option<Self> {
        if key.starts_with('*') {
            return None;
        }
        let (from, rest) = Pattern::parse(key)?;
        let (from, to) = match rest.strip_prefix('/') {
            Some(rest) => (Some(from), Pattern::parse(rest).filter(|(_, rest)| rest.is_empty())?.0),
            None if rest.is_empty() => (None, from),
            None => return None,
        };
        Some(Self { key: key.to_owned(), reference: reference.to_owned(), from, to })
    }

    /// Whether it says something about a package whoever asks for it.
    pub(crate) fn applies_everywhere_to(&self, name: &str) -> bool {
        self.from.is_none() && self.to.name == name
    }
}

impl Pattern {
    /// Reads a pattern and answers what is left.
    fn parse(text: &str) -> Option<(Self, &str)> {
        let scope = if text.starts_with('@') { text.find('/')?.saturating_add(1) } else { 0 };
        let rest = text.get(scope..)?;
        let end = scope.saturating_add(rest.find(['/', '@']).unwrap_or(rest.len()));
        let (name, rest) = text.split_at_checked(end)?;
        if !is_name(name) {
            return None;
        }
        let (range, rest) = match rest.strip_prefix('@') {
            Some(range) => {
                let (range, rest) = range.split_at_checked(range.find('/').unwrap_or(range.len()))?;
                (Some(range.to_owned()), rest)
            }
            None => (None, rest),
        };
        Some((Self { name: name.to_owned(), range }, rest))
    }

    /// The range as descriptors and locators have it.
    fn normalized(&self) -> Option<String> {
        self.range.as_ref().map(|range| Descriptor::new("", &**range).normalized().range.to_string())
    }
}

/// What a line asks for beside the name of the dependency: its range, and who asks, with its reference.
type Condition = (Option<String>, Option<(String, Option<String>)>);

/// All lines, in their order: the first that matches wins.
#[derive(Debug, Clone, Default)]
pub struct Resolutions {
    list: Vec<Resolution>,
    index: BTreeMap<String, BTreeMap<Condition, usize>>,
}

impl Resolutions {
    /// The lines.
    pub fn iter(&self) -> impl Iterator<Item = &Resolution> {
        self.list.iter()
    }

    /// A line by its index.
    pub fn get(&self, index: usize) -> Option<&Resolution> {
        self.list.get(index)
    }

    /// Whether any line says something about a package.
    pub(crate) fn name(&self, package: &str) -> bool {
        self.index.contains_key(package)
    }

    /// The first line that says something about a dependency of `parent`.
    pub(crate) fn first(&self, parent: &Locator, dependency: &Descriptor) -> Option<usize> {
        let lines = self.index.get(&*dependency.name)?;
        let froms = [
            None,
            Some((parent.name.to_string(), None)),
            Some((parent.name.to_string(), Some(parent.reference.to_string()))),
        ];
        let ranges = [None, Some(dependency.range.to_string())];
        let wanted = ranges.iter().flat_map(|range| froms.iter().map(move |from| (range.clone(), from.clone())));
        wanted.filter_map(|condition| lines.get(&condition).copied()).min()
    }
}

impl FromIterator<Resolution> for Resolutions {
    fn from_iter<I: IntoIterator<Item = Resolution>>(lines: I) -> Self {
        let mut all = Self { list: lines.into_iter().collect(), ..Self::default() };
        for (i, line) in all.list.iter().enumerate() {
            let from = line.from.as_ref().map(|from| (from.name.clone(), from.normalized()));
            let condition = (line.to.normalized(), from);
            all.index.entry(line.to.name.clone()).or_default().entry(condition).or_insert(i);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_lines_cost_no_more_than_one() {
        // All for one name: compared one by one these would be 10^9 comparisons.
        let line = |i: usize| Resolution::parse(&format!("p@{i}.0.0/zz@npm:{i}"), "1").unwrap();
        let lines: Resolutions = (0..30_000).map(line).collect();
        for i in 0..30_000 {
            let parent = Locator::parse(&format!("p@npm:{i}.0.0")).unwrap();
            assert_eq!(lines.first(&parent, &Descriptor::new("zz", format!("npm:{i}"))), Some(i));
            assert_eq!(lines.first(&parent, &Descriptor::new("zz", "npm:x")), None);
        }
    }

    #[test]
    fn the_first_line_wins() {
        let lines = ["a@npm:2", "p/a", "a", "p@npm:1/a@npm:2"].map(|key| Resolution::parse(key, "1").unwrap());
        let lines: Resolutions = lines.into_iter().collect();
        for (parent, range, wanted) in [("p@npm:1", "npm:2", 0), ("p@npm:1", "npm:3", 1), ("q@npm:1", "npm:3", 2)] {
            let first = lines.first(&Locator::parse(parent).unwrap(), &Descriptor::new("a", range));
            assert_eq!(first, Some(wanted), "{parent} {range}");
        }
    }
}
