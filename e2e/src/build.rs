//! One build, and what it showed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;

use crate::run::run;
use crate::{Engine, Image, Repo};

/// A `docker buildx build` that is not started yet.
#[derive(Debug)]
pub struct Build {
    engine: Engine,
    context: OsString,
    dir: PathBuf,
    file: Option<OsString>,
    output: Output,
    args: Vec<OsString>,
    envs: Vec<(String, String)>,
    seconds: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Archive,
    Directory,
    Nothing,
}

impl Build {
    /// The image of a repository, as an OCI archive, with the build file `backstage.build.yaml`.
    pub fn of(repo: &Repo) -> Self {
        Self::at(repo.path())
    }

    /// The same of a directory.
    pub fn at(dir: &Path) -> Self {
        Self {
            engine: Engine::main().clone(),
            context: ".".into(),
            dir: dir.to_owned(),
            file: Some("backstage.build.yaml".into()),
            output: Output::Archive,
            args: Vec::new(),
            envs: Vec::new(),
            seconds: 180,
        }
    }

    /// On another daemon.
    pub fn on(mut self, engine: &Engine) -> Self {
        self.engine = engine.clone();
        self
    }

    /// Another context than the directory.
    pub fn context(mut self, context: impl Into<OsString>) -> Self {
        self.context = context.into();
        self
    }

    /// The build file.
    pub fn file(mut self, file: impl Into<OsString>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// More arguments.
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// A variable of the client's environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.envs.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Another target than the image, as files.
    pub fn target(mut self, name: &str) -> Self {
        self.output = Output::Directory;
        self.args(["--target", name])
    }

    /// Without a result: for builds that fail, or whose vertices are all that is looked at.
    pub fn dry(mut self) -> Self {
        self.output = Output::Nothing;
        self
    }

    /// When it has to be over.
    pub fn within(mut self, seconds: u64) -> Self {
        self.seconds = seconds;
        self
    }

    /// Builds.
    pub fn run(self) -> Built {
        let out = tempfile::tempdir().unwrap();
        let archive = out.path().join("image.tar");
        let mut command = self.engine.command("docker");
        command.current_dir(&self.dir).args(["buildx", "build", "--progress=rawjson"]).args(&self.args);
        if let Some(file) = &self.file {
            command.arg("--file").arg(file);
        }
        let dest = |kind: &str, path: &Path| format!("--output=type={kind},dest={}", path.display());
        match self.output {
            Output::Archive => command.arg(dest("oci", &archive)),
            Output::Directory => command.arg(dest("local", &out.path().join("files"))),
            Output::Nothing => &mut command,
        };
        command.arg(&self.context).env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1");
        command.env_remove("SOURCE_DATE_EPOCH").envs(self.envs.iter().map(|(name, value)| (name, value)));
        let output = run(&mut command, self.seconds);
        let mut built = Built { ok: output.ok, seconds: output.seconds, ..Built::parse(&output.stderr) };
        built.raw.push_str(&output.stdout);
        built.out = Some(out);
        built
    }

    /// Builds what must succeed.
    pub fn pass(self) -> Built {
        let built = self.run();
        assert!(built.ok, "the build failed after {:.1} s:\n{}\n{}", built.seconds, built.logs(), built.text);
        assert!(!built.raw.contains("this plan is not remembered"), "the planning step failed:\n{}", built.text);
        built
    }

    /// Builds what must fail.
    pub fn fail(self) -> Built {
        let built = self.run();
        assert!(!built.ok, "the build was to fail; it ran:\n{}", built.names().join("\n"));
        built
    }
}

/// A build that ended.
#[derive(Debug, Default)]
pub struct Built {
    /// Whether it succeeded.
    pub ok: bool,
    /// How long it took.
    pub seconds: f64,
    /// Everything that buildx printed.
    pub raw: String,
    /// What of it is for people: errors, excerpts.
    pub text: String,
    /// Warnings, each on one line.
    pub warnings: Vec<String>,
    /// Vertices by digest.
    pub vertices: BTreeMap<String, Vertex>,
    out: Option<TempDir>,
}

/// A vertex, as the progress showed it.
#[derive(Debug, Clone, Default)]
pub struct Vertex {
    /// Its digest.
    pub digest: String,
    /// Its name.
    pub name: String,
    /// Whether it was started.
    pub started: bool,
    /// Whether its result came from the cache.
    pub cached: bool,
    /// What it failed with.
    pub error: String,
    /// What it printed.
    pub log: String,
    /// The most bytes that one of its transfers counted.
    pub bytes: u64,
}

impl Vertex {
    /// Whether it is a step that was run, and no source, transfer or export.
    pub fn ran(&self) -> bool {
        self.executed() && self.is_step()
    }

    /// Whether it was worked on, be it a step or not.
    pub fn executed(&self) -> bool {
        self.started && !self.cached
    }

    /// Whether it is a step: a program that is run, or files that are written.
    pub fn is_step(&self) -> bool {
        self.name.starts_with('[') && !["internal", "base", "build base"].contains(&self.group())
    }

    /// The group that it belongs to: what stands in brackets, behind the platform.
    pub fn group(&self) -> &str {
        let group = self.name.strip_prefix('[').and_then(|name| name.split(']').next()).unwrap_or_default();
        self.platform().and_then(|platform| group.strip_prefix(platform)).map_or(group, str::trim_start)
    }

    /// The platform that it is for, where a build has several.
    pub fn platform(&self) -> Option<&str> {
        self.name.strip_prefix('[')?.split([' ', ']']).next().filter(|word| word.starts_with("linux/"))
    }
}

impl Built {
    fn parse(stderr: &str) -> Self {
        let mut built = Self { raw: stderr.to_owned(), ..Self::default() };
        for line in stderr.lines() {
            match serde_json::from_str::<Value>(line) {
                Ok(status) if status.is_object() => built.status(&status),
                // buildx's own log, now and then: the build ended while a connection of its session was still being opened
                // (docker/buildx#3238).
                _ if line.contains(" http2: server: error reading preface from client ") => {}
                _ => {
                    built.text.push_str(line);
                    built.text.push('\n');
                }
            }
        }
        built
    }

    fn status(&mut self, status: &Value) {
        let list = |name: &str| status[name].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let decoded = |value: &Value| {
            let bytes = STANDARD.decode(value.as_str().unwrap_or_default()).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        for shown in list("vertexes") {
            let vertex = self.vertices.entry(text(&shown["digest"])).or_default();
            vertex.digest = text(&shown["digest"]);
            vertex.name = text(&shown["name"]);
            vertex.started |= shown["started"].is_string();
            vertex.cached |= shown["cached"] == true;
            vertex.error.push_str(shown["error"].as_str().unwrap_or_default());
        }
        for shown in list("statuses") {
            let vertex = self.vertices.entry(text(&shown["vertex"])).or_default();
            vertex.bytes = vertex.bytes.max(shown["current"].as_u64().unwrap_or_default());
        }
        for log in list("logs") {
            let vertex = self.vertices.entry(text(&log["vertex"])).or_default();
            vertex.log.push_str(&decoded(&log["data"]));
        }
        for warning in list("warnings") {
            let detail: Vec<String> = warning["detail"].as_array().iter().flat_map(|d| d.iter()).map(decoded).collect();
            self.warnings.push(format!("{} {}", decoded(&warning["short"]), detail.join(" ")));
        }
    }

    /// The image.
    pub fn image(&self) -> Image {
        Image::read(&self.archive())
    }

    /// The image of one of its platforms.
    pub fn image_of(&self, platform: &str) -> Image {
        Image::of_platform(&self.archive(), platform)
    }

    /// The archive that it was exported to.
    pub fn archive(&self) -> PathBuf {
        self.out.as_ref().unwrap().path().join("image.tar")
    }

    /// The directory that a target's files were exported to.
    pub fn files(&self) -> PathBuf {
        self.out.as_ref().unwrap().path().join("files")
    }

    /// The steps that ran, by name, sorted.
    pub fn ran(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.vertices.values().filter(|v| v.ran()).map(|v| v.name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// Their groups, sorted, each once.
    pub fn ran_groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = self.vertices.values().filter(|v| v.ran()).map(Vertex::group).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// All names, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.vertices.values().map(|v| v.name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The vertex whose name starts so.
    pub fn vertex(&self, start: &str) -> &Vertex {
        let mut found = self.vertices.values().filter(|vertex| vertex.name.starts_with(start));
        found.next().unwrap_or_else(|| panic!("no vertex starts with {start}: {:#?}", self.names()))
    }

    /// Digests of the steps by name: what BuildKit knows them by.
    pub fn step_digests(&self) -> BTreeMap<&str, &str> {
        self.vertices.values().filter(|v| v.is_step()).map(|v| (v.name.as_str(), v.digest.as_str())).collect()
    }

    /// What the steps printed.
    pub fn logs(&self) -> String {
        self.vertices.values().map(|v| v.log.as_str()).collect()
    }

    /// Whether a text stands anywhere in what buildx printed, encoded or not.
    pub fn shows(&self, text: &str) -> bool {
        self.raw.contains(text) || self.logs().contains(text) || self.warnings.iter().any(|w| w.contains(text))
    }

    /// Asserts that the text for people holds every one of these.
    pub fn says(&self, texts: &[&str]) {
        let missing: Vec<_> = texts.iter().filter(|text| !self.text.contains(**text)).collect();
        assert!(missing.is_empty(), "{missing:?} is not said in:\n{}", self.text);
    }
}
