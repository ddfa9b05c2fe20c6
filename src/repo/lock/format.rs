//! Which Yarn writes which format of the lockfile.
//!
//! An immutable install compares bytes, and `__metadata.version` is among them: a Yarn that writes another format would
//! change the file and fails. What Yarn derives from the format of the file that it finds (`enableScripts`,
//! `approvedGitRepositories`, `npmMinimalAgeGate`) stays as it is with the file's own Yarn and the file's own format, which
//! a cut keeps.
//!
//! Tried with the releases of `@yarnpkg/cli-dist`: 4 is written by 2.4 and 3.0, 5 by 3.1, 6 by 3.2 to 3.8, 7 by the release
//! candidates of 4.0 before 48, 8 from there to 4.13, 9 by 4.14, 10 by 4.15 to 4.18.

use semver::Version;

use super::Lockfile;

/// The oldest format that is read.
pub(super) const OLDEST: u32 = 4;

/// The last release of Yarn that writes each format, oldest format first. All are on npm.
const RELEASES: [(u32, &str); 7] =
    [(OLDEST, "3.0.2"), (5, "3.1.1"), (6, "3.8.7"), (7, "4.0.0-rc.45"), (8, "4.13.0"), (9, "4.14.1"), (10, "4.18.1")];

/// Format 4 as Yarn 2 writes it: checksums are those of its own cache, which its `cacheKey` tells.
const YARN_2: (u32, &str) = (7, "2.4.2");

impl Lockfile {
    /// The last release of Yarn that writes the file's format, as long as that is known; the newest one for a newer format.
    pub fn written_by(&self) -> Version {
        let [.., newest] = RELEASES;
        let (_, release) = RELEASES.into_iter().find(|(format, _)| *format == self.version).unwrap_or(newest);
        let yarn_2 = self.version == OLDEST && self.cache_generation().is_some_and(|key| key <= YARN_2.0);
        let release = if yarn_2 { YARN_2.1 } else { release };
        Version::parse(release).unwrap_or(Version::new(4, 18, 1))
    }

    /// The newest known format and the line of the file that names one newer than that.
    pub fn newer(&self) -> Option<(u32, usize)> {
        let [.., (newest, _)] = RELEASES;
        let line = (1..).zip(self.preamble.lines()).find(|(_, line)| line.starts_with("  version:"));
        (self.version > newest).then(|| (newest, line.map_or(1, |(number, _)| number)))
    }

    /// The number that `__metadata.cacheKey` begins with; what follows tells how archives are compressed.
    fn cache_generation(&self) -> Option<u32> {
        let key = self.preamble.lines().find_map(|line| line.strip_prefix("  cacheKey:"))?.trim();
        let key = key.trim_matches('"');
        key.get(..key.find(|c: char| !c.is_ascii_digit()).unwrap_or(key.len()))?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use buildkit_frontend::diagnostic::SourceFile;

    use super::*;

    #[test]
    fn each_format_has_a_yarn_that_writes_it() {
        for (format, key, wanted) in [
            ("4", "7", "2.4.2"),
            ("4", "7c0", "2.4.2"),
            ("4", "8", "3.0.2"),
            ("5", "8", "3.1.1"),
            ("6", "8c0", "3.8.7"),
            ("7", "9", "4.0.0-rc.45"),
            ("8", "10c0", "4.13.0"),
            ("9", "10c0", "4.14.1"),
            ("10", "10c0", "4.18.1"),
            ("11", "11", "4.18.1"),
            ("4294967295", "10c0", "4.18.1"),
        ] {
            let text = format!("# comment\n\n__metadata:\n  version: {format}\n  cacheKey: {key}\n");
            let lock = Lockfile::parse(&SourceFile::new("yarn.lock", text)).unwrap();
            assert_eq!(lock.written_by().to_string(), wanted, "{format}, {key}");
            assert_eq!(lock.newer(), (format.parse::<u32>().unwrap() > 10).then_some((10, 4)), "{format}");
        }
    }

    #[test]
    fn releases_are_releases_in_order() {
        let known: Vec<_> = RELEASES.iter().map(|(format, text)| (*format, Version::parse(text).unwrap())).collect();
        assert!(known.is_sorted() && known.iter().map(|(_, release)| release).is_sorted());
        assert!(Version::parse(YARN_2.1).unwrap() < known[0].1);
    }
}
