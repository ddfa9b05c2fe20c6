//! Version ranges as npm writes them: `^1.2`, `>=1 <2 || 3.x`, `1.0 - 2.5`, `*`.
//!
//! The semver crate reads Cargo's ranges, which lack `||`, hyphens and x-ranges. Prereleases count as versions like any
//! other, as Yarn's `satisfiesWithPrereleases` has it. Source of the grammar: node-semver's README.

use std::cmp::Ordering;

use semver::Version;

/// Whether a version lies in a range. A range or version that cannot be read holds nothing.
pub fn satisfies(version: &str, range: &str) -> bool {
    Version::parse(version).is_ok_and(|version| Range::parse(range).is_some_and(|range| range.contains(&version)))
}

/// A parsed range: alternatives, each a list of bounds that must all hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range(Vec<Vec<Bound>>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Bound {
    AtLeast(Version),
    Above(Version),
    Below(Version),
    AtMost(Version),
    Exactly(Version),
}

/// `1`, `1.2`, `1.x`, `1.2.3-rc.1`: what is not said is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Partial {
    major: Option<u64>,
    minor: Option<u64>,
    patch: Option<u64>,
    pre: semver::Prerelease,
}

impl Range {
    /// Reads a range; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        text.split("||").map(alternative).collect::<Option<_>>().map(Self)
    }

    /// Whether a version lies in it.
    pub fn contains(&self, version: &Version) -> bool {
        self.0.iter().any(|bounds| bounds.iter().all(|bound| bound.holds(version)))
    }

    /// Whether some version of a release line lies in it.
    pub fn allows_major(&self, major: u64) -> bool {
        // If any does, then the lowest that all lower bounds hold.
        self.0.iter().any(|bounds| {
            let lowest = bounds.iter().filter_map(Bound::lowest).chain([Version::new(major, 0, 0)]).max();
            lowest.is_some_and(|version| version.major == major && bounds.iter().all(|bound| bound.holds(&version)))
        })
    }
}

impl Bound {
    /// The lowest release that it holds, unless it holds all up to one.
    fn lowest(&self) -> Option<Version> {
        match self {
            Self::AtLeast(bound) | Self::Exactly(bound) => Some(bound.clone()),
            Self::Above(bound) => {
                let behind = u64::from(bound.pre.is_empty());
                Some(Version::new(bound.major, bound.minor, bound.patch.saturating_add(behind)))
            }
            Self::Below(_) | Self::AtMost(_) => None,
        }
    }

    fn holds(&self, version: &Version) -> bool {
        let order = |bound: &Version| version.cmp_precedence(bound);
        match self {
            Self::AtLeast(bound) => order(bound) != Ordering::Less,
            Self::Above(bound) => order(bound) == Ordering::Greater,
            Self::Below(bound) => order(bound) == Ordering::Less,
            Self::AtMost(bound) => order(bound) != Ordering::Greater,
            Self::Exactly(bound) => order(bound) == Ordering::Equal,
        }
    }
}

fn alternative(text: &str) -> Option<Vec<Bound>> {
    let text = text.trim();
    if let Some((low, high)) = text.split_once(" - ") {
        let low = Partial::parse(low.trim())?;
        let mut bounds = vec![Bound::AtLeast(low.floor())];
        bounds.extend(Partial::parse(high.trim())?.up_to());
        return Some(bounds);
    }
    let mut bounds = Vec::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        let version = word.trim_start_matches(['<', '>', '=', '^', '~']);
        let operator = word.strip_suffix(version)?;
        // `>= 1.2` is one comparator written in two words.
        let version = if version.is_empty() { words.next()? } else { version };
        bounds.extend(comparator(operator, &Partial::parse(version)?)?);
    }
    Some(bounds)
}

fn comparator(operator: &str, version: &Partial) -> Option<Vec<Bound>> {
    if version.major.is_none() {
        return Some(if matches!(operator, "<" | ">") {
            vec![Bound::Below(Version::new(0, 0, 0))]
        } else {
            Vec::new()
        });
    }
    let floor = version.floor();
    let between = |high: Version| vec![Bound::AtLeast(floor.clone()), Bound::Below(high)];
    Some(match operator {
        "" | "=" if version.patch.is_some() => vec![Bound::Exactly(floor)],
        "" | "=" => between(version.next()),
        ">=" => vec![Bound::AtLeast(floor)],
        ">" if version.patch.is_some() => vec![Bound::Above(floor)],
        ">" => vec![Bound::AtLeast(version.next())],
        "<" => vec![Bound::Below(floor)],
        "<=" => version.up_to(),
        "~" | "~>" => between(Partial { patch: None, ..version.clone() }.next()),
        "^" => between(version.caret()),
        _ => return None,
    })
}

impl Partial {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim_start_matches(['v', '=']);
        let text = text.split_once('+').map_or(text, |(version, _)| version);
        let (numbers, pre) = text.split_once('-').map_or((text, ""), |(numbers, pre)| (numbers, pre));
        let mut partial = Self { pre: semver::Prerelease::new(pre).ok()?, ..Self::default() };
        let mut parts = numbers.split('.');
        for field in [&mut partial.major, &mut partial.minor, &mut partial.patch] {
            *field = match parts.next() {
                None | Some("" | "x" | "X" | "*") => break,
                Some(number) => Some(number.parse().ok()?),
            };
        }
        (parts.count() <= 2).then_some(partial)
    }

    fn floor(&self) -> Version {
        Version {
            pre: self.pre.clone(),
            ..Version::new(self.major.unwrap_or(0), self.minor.unwrap_or(0), self.patch.unwrap_or(0))
        }
    }

    /// The first version behind everything that the written parts cover.
    fn next(&self) -> Version {
        let first = |major, minor, patch| Version { pre: lowest_pre(), ..Version::new(major, minor, patch) };
        match (self.major, self.minor, self.patch) {
            (Some(major), Some(minor), Some(patch)) => first(major, minor, patch.saturating_add(1)),
            (Some(major), Some(minor), None) => first(major, minor.saturating_add(1), 0),
            (Some(major), None, _) => first(major.saturating_add(1), 0, 0),
            (None, ..) => first(u64::MAX, 0, 0),
        }
    }

    fn caret(&self) -> Version {
        let kept = match (self.major, self.minor, self.patch) {
            (Some(0), Some(0), Some(_)) => return self.next(),
            (Some(0), Some(_), _) => Self { patch: None, ..self.clone() },
            _ => Self { minor: None, patch: None, ..self.clone() },
        };
        kept.next()
    }

    fn up_to(&self) -> Vec<Bound> {
        match (self.major, self.patch) {
            (None, _) => Vec::new(),
            (_, Some(_)) => vec![Bound::AtMost(self.floor())],
            (_, None) => vec![Bound::Below(self.next())],
        }
    }
}

/// `-0`: so that `<2` does not hold `2.0.0-rc.1`.
fn lowest_pre() -> semver::Prerelease {
    semver::Prerelease::new("0").unwrap_or(semver::Prerelease::EMPTY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (range, inside, outside) in [
            ("^1.2.3", "1.9.0", "2.0.0"),
            ("^0.2.3", "0.2.9", "0.3.0"),
            ("^0.0.3", "0.0.3", "0.0.4"),
            ("~1.2", "1.2.9", "1.3.0"),
            ("1.x", "1.9.9", "2.0.0"),
            ("1.2", "1.2.9", "1.3.0"),
            ("1.0 - 2", "2.9.9", "3.0.0"),
            (">= 18 <23", "22.1.0", "23.0.0"),
            ("22 || 24", "24.4.1", "23.0.0"),
            ("<=6.3.4", "6.3.4", "6.3.5"),
            ("<10", "9.2.2", "10.0.0"),
            ("<2.14.0-next.1", "2.14.0-next.0", "2.14.0-next.1"),
            ("10.0.x <10.0.2", "10.0.1", "10.0.2"),
            (">1.2", "1.3.0", "1.2.9"),
            ("v1.2.3", "1.2.3", "1.2.4"),
            ("=1.2.3", "1.2.3", "1.2.4"),
        ] {
            assert!(satisfies(inside, range), "{inside} in {range}");
            assert!(!satisfies(outside, range), "{outside} not in {range}");
        }
        assert!(satisfies("1.0.0", "*") && satisfies("1.0.0", "") && satisfies("1.0.0", "x"));
        assert!(!satisfies("1.0.0", "nonsense") && !satisfies("nonsense", "*") && !satisfies("1.0.0", "<*"));
        let lines = |range: &str| {
            let range = Range::parse(range).unwrap();
            (17..26).filter(|major| range.allows_major(*major)).collect::<Vec<_>>()
        };
        assert_eq!(lines("24 || ^22.3"), [22, 24]);
        assert_eq!(lines(">=18.2 <20 || 22 - 23"), [18, 19, 22, 23]);
        assert_eq!(lines(">20.1.0 <=22"), [20, 21, 22]);
        assert_eq!(lines(">24.99.99"), [24, 25]);
        assert_eq!(lines("~20.18.0"), [20]);
        assert_eq!(lines(">20.1.0-rc.1 <=20.1.0"), [20]);
        // Each bound against each would be 10^10.
        assert_eq!(lines(&format!("{}<1", ">=22 ".repeat(100_000))), [0; 0]);
        assert_eq!(lines(">=21 <20"), [0; 0]);
    }

    proptest::proptest! {
        #[test]
        fn no_range_panics(version in ".{0,20}", range in "[0-9.xX*^~<>=|v+ a-c-]{0,30}") {
            satisfies(&version, &range);
        }
    }
}
