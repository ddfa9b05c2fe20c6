//! An OCI archive: configuration, layers, files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

/// An image out of an OCI archive, whole in memory.
#[derive(Debug)]
pub struct Image {
    blobs: BTreeMap<String, Vec<u8>>,
    manifest: Value,
    /// Its configuration: `config`, `history`, `architecture` and the rest.
    pub config: Value,
    index: Vec<Value>,
}

impl Image {
    /// Reads an archive: its only platform, or the first.
    pub fn read(archive: &Path) -> Self {
        Self::found(archive, |_| true)
    }

    /// Reads one platform, such as `linux/arm64`, of an archive.
    pub fn of_platform(archive: &Path, platform: &str) -> Self {
        Self::found(archive, |entry| {
            let part = |name: &str| entry["platform"][name].as_str().unwrap_or_default();
            format!("{}/{}", part("os"), part("architecture")) == platform
        })
    }

    fn found(archive: &Path, wanted: impl Fn(&Value) -> bool) -> Self {
        let mut blobs = BTreeMap::new();
        for entry in tar::Archive::new(File::open(archive).unwrap()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            let mut data = Vec::new();
            entry.read_to_end(&mut data).unwrap();
            blobs.insert(path.strip_prefix("blobs/sha256/").unwrap_or(&path).to_owned(), data);
        }
        let json = |name: &str| -> Value { serde_json::from_slice(&blobs[name]).unwrap() };
        let mut index = json("index.json")["manifests"].as_array().unwrap().clone();
        if index[0]["mediaType"].as_str().unwrap().contains("index") {
            index = json(hex(&index[0]["digest"]))["manifests"].as_array().unwrap().clone();
        }
        let entry = index.iter().find(|entry| wanted(entry)).unwrap_or_else(|| panic!("not in the archive: {index:?}"));
        let digest = entry["digest"].clone();
        let manifest = json(hex(&digest));
        // What attests something of this one.
        let of = |entry: &Value| entry["annotations"]["vnd.docker.reference.digest"] == digest;
        index.retain(|entry| entry["digest"] == digest || of(entry));
        let config = json(hex(&manifest["config"]["digest"]));
        Self { manifest, config, index, blobs }
    }

    /// What is in `config.config` under a name.
    pub fn setting(&self, name: &str) -> &Value {
        &self.config["config"][name]
    }

    /// Its environment.
    pub fn env(&self) -> BTreeMap<&str, &str> {
        let entries = self.setting("Env").as_array().unwrap().iter();
        entries.filter_map(|entry| entry.as_str().unwrap().split_once('=')).collect()
    }

    /// Annotations of its manifest.
    pub fn annotations(&self) -> &Value {
        &self.manifest["annotations"]
    }

    /// Digests of its layers' contents.
    pub fn layers(&self) -> Vec<&str> {
        self.config["rootfs"]["diff_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect()
    }

    /// The in-toto statements beside it.
    pub fn statements(&self) -> Vec<Value> {
        let attests = |entry: &&Value| entry["annotations"]["vnd.docker.reference.type"] == "attestation-manifest";
        let mut statements = Vec::new();
        for entry in self.index.iter().filter(attests) {
            let manifest: Value = serde_json::from_slice(&self.blobs[hex(&entry["digest"])]).unwrap();
            for layer in manifest["layers"].as_array().unwrap() {
                statements.push(serde_json::from_slice(&self.blobs[hex(&layer["digest"])]).unwrap());
            }
        }
        statements
    }

    /// The files of the layers from `first` on, as the last of them left each, by path without a leading `/`.
    pub fn files(&self, first: usize) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for layer in self.manifest["layers"].as_array().unwrap().iter().skip(first) {
            let tar = unpacked(&self.blobs[hex(&layer["digest"])]);
            for entry in tar::Archive::new(tar.as_slice()).entries().unwrap() {
                let mut entry = entry.unwrap();
                let path = entry.path().unwrap().to_string_lossy().trim_end_matches('/').to_owned();
                if entry.header().entry_type().is_dir() {
                    continue;
                }
                let mut data = Vec::new();
                entry.read_to_end(&mut data).unwrap();
                files.insert(path, data);
            }
        }
        files
    }

    /// The files of `/app`.
    pub fn app(&self) -> BTreeMap<String, Vec<u8>> {
        let own = self.files(0).into_iter();
        own.filter_map(|(path, data)| Some((path.strip_prefix("app/")?.to_owned(), data))).collect()
    }

    /// Where a text stands: blobs of the archive, unpacked. Configuration, layers and attestations are all blobs.
    pub fn holds(&self, text: &str) -> Vec<&str> {
        let found = |blob: &&Vec<u8>| memchr::memmem::find(&unpacked(blob), text.as_bytes()).is_some();
        self.blobs.iter().filter(|(_, blob)| found(blob)).map(|(name, _)| name.as_str()).collect()
    }
}

fn hex(digest: &Value) -> &str {
    digest.as_str().unwrap().trim_start_matches("sha256:")
}

fn unpacked(blob: &[u8]) -> Vec<u8> {
    if !blob.starts_with(&[0x1f, 0x8b]) {
        return blob.to_owned();
    }
    let mut data = Vec::new();
    flate2::read::MultiGzDecoder::new(blob).read_to_end(&mut data).unwrap();
    data
}
