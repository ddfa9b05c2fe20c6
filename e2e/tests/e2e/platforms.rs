//! Several platforms in one build.

use std::fs;

use e2e::attestation::provenance;
use e2e::engine::{example_frontend, registry};
use e2e::{Build, Built, Image, Repo, report, run, unique};
use serde_json::{Value, json};

const BOTH: [&str; 2] = ["linux/amd64", "linux/arm64"];
/// Numbers of their machines in the head of a binary (`e_machine`).
const MACHINES: [u8; 2] = [62, 183];

fn both(repo: &Repo) -> Build {
    Build::of(repo).args(["--platform", "linux/amd64,linux/arm64"])
}

/// Every binary of the app in each image is for the image's machine. Answers how many native modules there are.
pub(super) fn binaries_fit(built: &Built) -> usize {
    let count = BOTH
        .into_iter()
        .zip(MACHINES)
        .map(|(platform, machine)| machine_fits(&built.image_of(platform), machine))
        .sum();
    assert!(count > 0, "no image has a native module");
    count
}

/// Every binary of the app in an image is for a machine. Answers how many native modules there are.
pub(super) fn machine_fits(image: &Image, machine: u8) -> usize {
    let mut count = 0;
    for (path, binary) in image.app() {
        let is_module = path.ends_with(".node");
        count += usize::from(is_module);
        if is_module || binary.starts_with(b"\x7fELF") {
            assert!(binary.starts_with(b"\x7fELF"), "{path}");
            assert_eq!(binary[18], machine, "{path}");
        }
    }
    count
}

/// No step of JavaScript is for one platform: what such a step runs Yarn for is a native module.
pub(super) fn javascript_ran_once(built: &Built) {
    for group in ["install", "app", "backend"] {
        let found = built.vertices.values().filter(|vertex| vertex.group() == group && vertex.name.contains("yarn"));
        let platforms: Vec<_> = found.map(|vertex| vertex.platform()).collect();
        assert_eq!(platforms, [None], "{group}: {:#?}", built.names());
    }
    let own = built.vertices.values().filter(|vertex| vertex.platform().is_some() && vertex.name.contains("yarn"));
    let own: Vec<_> = own.filter(|vertex| !vertex.group().starts_with("native ")).map(|vertex| &vertex.name).collect();
    assert!(own.is_empty(), "{own:?}");
}

#[test]
fn one_build_is_for_both() {
    let repo = Repo::mini();
    repo.refresh();
    // Steps of its own: another test may have the same ones run again meanwhile.
    repo.build_file(&format!("prune: {{drop: [x{}]}}\n", unique()));
    let built = both(&repo).args(["--provenance=mode=max", "--annotation=index:a=b", "--label=c=d"]).pass();
    report("platforms", format!("{:.1} s, ran {:?}", built.seconds, built.ran()));
    javascript_ran_once(&built);
    let [amd64, arm64] = BOTH.map(|platform| built.image_of(platform));
    for (image, architecture) in [(&amd64, "amd64"), (&arm64, "arm64")] {
        assert_eq!((&image.config["os"], &image.config["architecture"]), (&json!("linux"), &json!(architecture)));
        assert_eq!(image.setting("Labels")["c"], "d");
        // Each says which base it was made from.
        let digest = image.setting("Labels")["org.opencontainers.image.base.digest"].as_str().unwrap();
        assert!(digest.starts_with("sha256:"), "{digest}");
        let used = provenance(image).to_string();
        assert!(used.contains("distroless") && used.contains(&format!("linux/{architecture}")), "{used}");
    }
    assert_eq!(amd64.app(), arm64.app(), "JavaScript alone is the same for all");
    assert_ne!(amd64.layers()[0], arm64.layers()[0], "each has its own base");
    // The same image as alone, and no step of it is run again.
    for (platform, image) in [("linux/arm64", &arm64), ("linux/amd64", &amd64)] {
        let alone = Build::of(&repo).args(["--platform", platform]).pass();
        assert_eq!(alone.image().layers(), image.layers());
        assert_eq!(alone.ran(), Vec::<&str>::new(), "{platform}: both know what one has done");
    }
    let again = both(&repo).pass();
    assert_eq!(again.ran(), Vec::<&str>::new());
}

#[test]
fn natives_are_made_for_each() {
    let repo = super::natives::repo_with_natives();
    let built = both(&repo).within(600).pass();
    report("natives_are_made_for_each", format!("{:.1} s, ran {:?}", built.seconds, built.ran()));
    assert!(binaries_fit(&built) >= 6);
}

/// `bcrypt` brings binaries for both: its install script tries to load one, which this machine cannot do, and is satisfied all the
/// same. So nothing is compiled, and an image without a compiler, which the user names, will do.
#[test]
fn prebuilt_natives_are_chosen_for_each() {
    let repo = Repo::mini();
    repo.json("packages/backend/package.json", |backend| backend["dependencies"]["bcrypt"] = "6.0.0".into());
    repo.write("yarn.lock", include_str!("prebuilt.lock"));
    for text in
        ["install: {natives: prebuilt}\n", "install: {natives: prebuilt}\nbuild: {base: \"node:22-trixie-slim\"}\n"]
    {
        repo.build_file(text);
        let built = both(&repo).within(400).pass();
        report("prebuilt_natives", format!("{:.1} s, ran {:?}", built.seconds, built.ran()));
        assert!(binaries_fit(&built) >= 2);
        assert!(!built.names().iter().any(|name| name.contains("toolchain")), "{:#?}", built.names());
    }
}

/// What needs programs of a platform that the builder cannot run ends before anything runs.
#[test]
fn a_missing_emulator_is_told() {
    if fs::exists("/proc/sys/fs/binfmt_misc/qemu-aarch64").unwrap_or_default() {
        report("a_missing_emulator_is_told", "this machine runs arm64: left out");
        return;
    }
    let repo = Repo::mini();
    repo.build_file("runtime:\n  base: slim\n  packages: [curl]\n");
    let built = both(&repo).dry().fail();
    built.says(&["backstage.build.yaml:4", "linux/arm64", "cannot run", "binfmt"]);
    assert!(built.ran().is_empty(), "{:?}", built.ran());
}

#[test]
fn every_exporter() {
    let repo = Repo::mini();
    // Files: a folder for each platform.
    let built = both(&repo).target("bundle").pass();
    for platform in ["linux_amd64", "linux_arm64"] {
        assert!(built.files().join(platform).join("packages/backend/dist/index.cjs.js").is_file(), "{platform}");
    }
    let out = tempfile::tempdir().unwrap();
    let tar = out.path().join("plan.tar");
    both(&repo).dry().args(["--target=plan", &format!("--output=type=tar,dest={}", tar.display())]).pass();
    let mut archive = tar::Archive::new(fs::File::open(&tar).unwrap());
    let names: Vec<_> = archive.entries().unwrap().map(|e| e.unwrap().path().unwrap().display().to_string()).collect();
    assert!(names.iter().any(|name| name.contains("linux_arm64/plan.txt")), "{names:?}");
    // A registry.
    let name = format!("{}/e2e/platforms:{}", registry(), unique());
    both(&repo).dry().args([format!("--output=type=image,name={name},push=true,registry.insecure=true")]).pass();
    let mut skopeo = std::process::Command::new("skopeo");
    skopeo.args(["inspect", "--raw", "--tls-verify=false", &format!("docker://{name}")]);
    let index: Value = serde_json::from_str(&run(&mut skopeo, 60).expect("reading the index")).unwrap();
    let architectures: Vec<_> =
        index["manifests"].as_array().unwrap().iter().map(|entry| &entry["platform"]["architecture"]).collect();
    assert_eq!(architectures, [&json!("amd64"), &json!("arm64")]);
    // One platform as a list, and one that is given twice.
    let listed = Build::of(&repo).args(["--build-arg=BUILDKIT_MULTI_PLATFORM=true"]).pass();
    assert_eq!(listed.image_of("linux/amd64").config["architecture"], "amd64");
    let twice = Build::of(&repo).args(["--platform", "linux/amd64,linux/x86_64"]).pass();
    assert_eq!(twice.image().config["architecture"], "amd64");
}

/// A frontend of a hundred lines, upon the crate that ours is upon as well.
#[test]
fn another_frontend_is_as_good() {
    let repo = Repo::empty();
    let syntax = format!("# syntax={}\n", example_frontend());
    let spec = "base: gcr.io/distroless/nodejs22-debian13:nonroot\ncopy: src\ncommand: [node, src/index.js]\n";
    repo.write("build.yaml", format!("{syntax}{spec}")).write("src/index.js", "1\n").write("src/left.txt", "");
    repo.write("build.yaml.dockerignore", "**/*.txt\n");
    let build = || both(&repo).file("build.yaml");
    let built = build().args(["--label=a=b"]).pass();
    for platform in BOTH {
        let image = built.image_of(platform);
        assert_eq!(image.config["architecture"], platform.trim_start_matches("linux/"));
        assert_eq!(image.setting("Cmd"), &json!(["node", "src/index.js"]));
        assert_eq!(image.setting("Labels")["a"], "b");
        assert_eq!(image.app().into_keys().collect::<Vec<_>>(), ["src/index.js"]);
    }
    repo.write("build.yaml", format!("{syntax}{}", spec.replace("copy", "copi")));
    build().dry().fail().says(&["build.yaml:3", "copi", ">>> copi: src", "the keys are"]);
    repo.write("build.yaml", format!("{syntax}{}", spec.replace(":nonroot", ":no-such-tag")));
    build().dry().fail().says(&["no-such-tag", "cannot be had"]);
}

/// `--no-cache-filter` reaches a step for one platform or for all.
#[test]
fn steps_are_run_again_by_platform() {
    let repo = Repo::mini();
    // Steps of its own: another test may have the same ones run again meanwhile.
    repo.build_file(&format!("prune: {{drop: [x{}]}}\n", unique()));
    both(&repo).pass();
    let ran = |filter: &str| {
        let built = both(&repo).dry().args(["--no-cache-filter", filter]).pass();
        let steps = built.vertices.values().filter(|vertex| vertex.ran() && vertex.group() == "deps");
        let mut platforms: Vec<_> = steps.map(|vertex| vertex.platform().unwrap_or_default().to_owned()).collect();
        platforms.sort();
        platforms
    };
    assert_eq!(ran("deps"), BOTH);
    assert_eq!(ran("deps linux/arm64"), ["linux/arm64"]);
    assert_eq!(ran("deps linux/x86_64"), ["linux/amd64"]);
}
