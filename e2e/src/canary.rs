//! Texts that must not get out of a repository, and the search for them in whatever a build leaves.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::memmem::Finder;
use serde_json::Value;

use crate::unique;

/// Base64 as anybody writes it: with padding or without, and cut off.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// How what is packed with gzip begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Digits behind the mark: which canary it is.
const DIGITS: usize = 3;

/// Texts that no other run has, one for each place. All begin with the run's mark, so that one search finds all of them, as
/// well as a piece of one. They are letters and digits: URLs, JSON and YAML have them as they are, and in base64, of either
/// alphabet, a text of these looks one of three ways, by where it begins.
#[derive(Debug)]
pub struct Canaries {
    mark: String,
    places: Vec<String>,
}

/// Where a canary was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// The place that it was put in.
    pub place: String,
    /// Where it is now: from archive to file, or to member of a document.
    pub at: String,
}

impl Canaries {
    /// None yet.
    #[expect(clippy::new_without_default, reason = "two of them are not the same")]
    pub fn new() -> Self {
        let random = RandomState::new();
        let mark = format!("k{:016x}{:016x}", random.hash_one(unique()), random.hash_one(unique()));
        Self { mark, places: Vec::new() }
    }

    /// A new one, for a place.
    pub fn put(&mut self, place: impl Into<String>) -> String {
        let number = self.places.len();
        self.places.push(place.into());
        format!("{}{number:0DIGITS$}", self.mark)
    }

    /// What all of them begin with.
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// A search, of which nothing is known yet.
    pub fn search(&self) -> Search<'_> {
        let needle = |begin: usize| {
            let all = BASE64.encode([&vec![0; begin][..], self.mark.as_bytes()].concat());
            // Without what depends on the bytes around it.
            let (from, to) = (if begin == 0 { 0 } else { 4 }, (begin + self.mark.len()) / 3 * 4);
            let decoded = self.mark[from / 4 * 3 - if begin == 0 { 0 } else { begin }..].to_owned();
            (Finder::new(&all[from..to]).into_owned(), decoded)
        };
        Search {
            canaries: self,
            raw: Finder::new(&self.mark).into_owned(),
            encoded: (0..3).map(needle).collect(),
            clean: BTreeSet::new(),
            hits: BTreeSet::new(),
        }
    }
}

/// The search through everything, unpacked: archives in archives, and texts in base64 in documents.
#[derive(Debug)]
pub struct Search<'a> {
    canaries: &'a Canaries,
    raw: Finder<'static>,
    /// What the mark looks like in base64, and how much of it that is.
    encoded: Vec<(Finder<'static>, String)>,
    /// Blobs, by digest, that hold none.
    clean: BTreeSet<String>,
    /// What was found so far.
    pub hits: BTreeSet<Hit>,
}

impl Search<'_> {
    /// Looks into a file, or into all files of a directory.
    pub fn path(&mut self, at: &str, path: &Path) {
        if !path.is_dir() {
            return self.blob(at, &fs::read(path).unwrap());
        }
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            self.path(&format!("{at}/{}", entry.file_name().to_string_lossy()), &entry.path());
        }
    }

    /// Looks into a text or a document.
    pub fn text(&mut self, at: &str, text: &str) {
        self.bytes(at, text.as_bytes(), true);
    }

    /// What has its digest in its name is looked into once, if there is nothing in it.
    fn blob(&mut self, at: &str, data: &[u8]) {
        let digest = at.rsplit_once("blobs/sha256/").map(|(_, digest)| digest.to_owned());
        if digest.as_ref().is_some_and(|digest| self.clean.contains(digest)) {
            return;
        }
        let before = self.hits.len();
        self.bytes(at, data, true);
        self.clean.extend(digest.filter(|_| self.hits.len() == before));
    }

    /// `document` is whether JSON is to be taken apart, of which packages have a lot.
    fn bytes(&mut self, at: &str, data: &[u8], document: bool) {
        if data.starts_with(&GZIP) {
            let mut unpacked = Vec::new();
            // Packages have files that are spoilt on purpose: as far as it goes.
            let _ = flate2::read::MultiGzDecoder::new(data).read_to_end(&mut unpacked);
            return self.bytes(at, &unpacked, document);
        }
        let zstd = document && data.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
        assert!(!zstd, "{at} is packed with zstd, which this search cannot unpack");
        let earlier = std::mem::take(&mut self.hits);
        let mut found = self.scan(data);
        if data.get(257..262) == Some(b"ustar") {
            self.tar(at, data, !found.is_empty());
        } else if document && matches!(data.first(), Some(b'{' | b'[')) {
            for value in serde_json::Deserializer::from_slice(data).into_iter::<Value>().map_while(Result::ok) {
                self.member(&format!("{at} {}", kind(&value)), &value);
            }
        }
        // What is in no part: a text, and slack of what was taken apart.
        found.retain(|place| self.hits.iter().all(|hit| hit.place != *place));
        self.hit(found, at);
        self.hits.extend(earlier);
    }

    fn hit(&mut self, places: BTreeSet<String>, at: &str) {
        self.hits.extend(places.into_iter().map(|place| Hit { place, at: at.to_owned() }));
    }

    /// `holds` is whether there is a canary in it as it lies here: then each file is looked into, and else what is packed.
    fn tar(&mut self, at: &str, data: &[u8], holds: bool) {
        for entry in tar::Archive::new(data).entries().unwrap() {
            // A file that only begins like an archive.
            let Ok(entry) = entry else { return };
            let (start, size) = (entry.raw_file_position() as usize, entry.size() as usize);
            let Some(content) = data.get(start..start.saturating_add(size)) else { return };
            if !holds && !content.starts_with(&GZIP) && !content.starts_with(b"{") {
                continue;
            }
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let at = format!("{at}/{path}");
            if path.starts_with("blobs/") {
                self.blob(&at, content);
            } else if holds || content.starts_with(&GZIP) {
                self.bytes(&at, content, false);
            }
            let names = [&entry.path_bytes()[..], b" ", &entry.link_name_bytes().unwrap_or_default()].concat();
            self.hit(self.scan(&names), &format!("{at} (its name)"));
        }
    }

    fn member(&mut self, at: &str, value: &Value) {
        match value {
            Value::Object(map) => {
                for (name, value) in map {
                    let at = format!("{at}.{name}");
                    let names = self.scan(name.as_bytes());
                    self.hit(names, &format!("{at} (its name)"));
                    self.member(&at, value);
                }
            }
            Value::Array(list) => list.iter().for_each(|value| self.member(&format!("{at}[]"), value)),
            Value::String(text) => {
                // Most words are base64 of something.
                let encoded = Some(text).filter(|text| text.len() > self.canaries.mark.len());
                if let Some(data) = encoded.and_then(|text| BASE64.decode(text).ok()) {
                    self.bytes(at, &data, true);
                }
                self.text(at, text);
            }
            _ => {}
        }
    }

    /// The canaries in these bytes, as they are and in base64.
    fn scan(&self, data: &[u8]) -> BTreeSet<String> {
        let mark = self.canaries.mark.len();
        let mut found: BTreeSet<String> =
            self.raw.find_iter(data).map(|at| self.place(data.get(at + mark..).unwrap_or_default())).collect();
        for (finder, decoded) in &self.encoded {
            for at in finder.find_iter(data) {
                let window = &data[at..data.len().min(at + finder.needle().len() + 8)];
                // As the one alphabet has it or the other.
                let common = window.iter().map(|byte| match byte {
                    b'-' => b'+',
                    b'_' => b'/',
                    byte => *byte,
                });
                let common: Vec<u8> = common.take_while(|b| b.is_ascii_alphanumeric() || b"+/".contains(b)).collect();
                // Four characters are three bytes; one character is none.
                let end = common.len() - usize::from(common.len() % 4 == 1);
                let bytes = BASE64.decode(&common[..end]).unwrap_or_default();
                found.insert(self.place(bytes.strip_prefix(decoded.as_bytes()).unwrap_or_default()));
            }
        }
        found
    }

    /// The place of the canary whose number begins these bytes.
    fn place(&self, behind: &[u8]) -> String {
        let number = behind.get(..DIGITS).and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<usize>().ok());
        let place = number.and_then(|number| self.canaries.places.get(number));
        place.map_or_else(|| "a piece of one".to_owned(), Clone::clone)
    }
}

/// What a document of BuildKit's is.
fn kind(value: &Value) -> &str {
    let has = |name: &str| value.get(name).is_some();
    match value["predicateType"].as_str() {
        Some(name) if name.contains("provenance") => "provenance",
        Some(_) => "sbom",
        None if has("rootfs") => "config",
        None if has("buildDefinition") => "provenance",
        None if has("FrontendAttrs") => "record",
        None if has("SpanContext") => "trace",
        None => "document",
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use serde_json::json;

    use super::*;

    fn packed(data: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(data).unwrap();
        packer.finish().unwrap()
    }

    fn archive(path: &str, data: &[u8]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(data.len() as u64);
        tar.append_data(&mut header, path, data).unwrap();
        tar.into_inner().unwrap()
    }

    #[test]
    fn a_canary_is_found_however_it_is_wrapped() {
        let mut canaries = Canaries::new();
        let other = canaries.put("other");
        let text = canaries.put("here");
        let hits = |data: &[u8]| {
            let mut search = canaries.search();
            search.blob("x", data);
            search.hits
        };
        let hit = |at: &str| BTreeSet::from([Hit { place: "here".to_owned(), at: at.to_owned() }]);
        assert_eq!(hits(format!("token: {text}\n").as_bytes()), hit("x"));
        assert_eq!(hits(b"nothing"), BTreeSet::new());
        for before in ["", "a", "ab", "abc", "jane:", "joe:%2B"] {
            for behind in ["", "z", "zz", "@host"] {
                let wrapped = format!("{before}{text}{behind}");
                assert_eq!(hits(wrapped.as_bytes()), hit("x"));
                let encoded = BASE64.encode(&wrapped);
                assert_eq!(hits(format!("Basic {encoded}, then").as_bytes()), hit("x"), "{wrapped}");
                assert_eq!(hits(encoded.trim_end_matches('=').as_bytes()), hit("x"), "{wrapped}");
                let twice = json!({"a": [{"b": BASE64.encode(&encoded)}]}).to_string();
                assert_eq!(hits(twice.as_bytes()), hit("x document.a[].b"), "{wrapped}");
            }
        }
        let file = archive("app/a.txt", format!("{text} {other}").as_bytes());
        let places = |hits: BTreeSet<Hit>| hits.into_iter().map(|hit| (hit.place, hit.at)).collect::<Vec<_>>();
        let both = |at: &str| vec![("here".to_owned(), at.to_owned()), ("other".to_owned(), at.to_owned())];
        assert_eq!(places(hits(&file)), both("x/app/a.txt"));
        let inside = archive("dist/bundle.tar.gz", &packed(&file));
        assert_eq!(places(hits(&packed(&inside))), both("x/dist/bundle.tar.gz/app/a.txt"));
        assert_eq!(hits(&archive(&format!("app/{text}"), b"")).len(), 1);
        let document =
            json!({"predicateType": "x/provenance", "llb": {"data": BASE64.encode(packed(text.as_bytes()))}});
        assert_eq!(hits(document.to_string().as_bytes()), hit("x provenance.llb.data"));
        let lines = format!("{{\"a\":1}}\n{{\"{text}\":2}}\nno document: {other}\n");
        assert_eq!(hits(lines.as_bytes()).len(), 2);
        let piece = &text[..text.len() - 2];
        assert_eq!(hits(piece.as_bytes()).first().unwrap().place, "a piece of one");
    }
}
