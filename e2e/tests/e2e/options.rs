//! The options of `docker buildx build`, each as a user gives it.

use std::collections::BTreeSet;
use std::fs;

use e2e::attestation::{generator, provenance, sbom};
use e2e::engine::{Engine, registry};
use e2e::git::GitServer;
use e2e::image::Image;
use e2e::repo::with_syntax;
use e2e::{Build, Repo, cli, report, run, unique};
use serde_json::{Value, json};

#[test]
fn the_small_image_boots() {
    let built = Build::of(&Repo::mini()).pass();
    let command = &mut std::process::Command::new(e2e::engine::hack("run-image"));
    command.arg(built.archive()).args(["--get", "/"]).env("SETTLE_SECONDS", "0");
    let ran: Value = serde_json::from_str(&run(command, 60).expect("running the image")).unwrap();
    report("the_small_image_boots", format!("built in {:.1} s: {ran}", built.seconds));
    assert_ne!(ran["uid"], 0);
    assert_eq!(ran["answers"][0]["html"], true);

    let image = built.image();
    let app: Vec<String> = image.app().into_keys().collect();
    for path in
        ["package.json", "app-config.yaml", "packages/app/dist/index.html", "packages/backend/dist/index.cjs.js"]
    {
        assert!(app.iter().any(|file| file == path), "{path} is not in {app:#?}");
    }
    for gone in
        ["yarn.lock", "README.md", ".yarnrc.yml", "packages/app/dist/static/main.js.map", "backstage.build.yaml"]
    {
        assert!(!app.iter().any(|file| file == gone), "{gone} is in {app:#?}");
    }
    assert!(!app.iter().any(|file| file.contains("clsx") || file.contains("/src/")), "{app:#?}");
}

#[test]
fn a_second_build_runs_nothing() {
    let repo = Repo::mini();
    Build::of(&repo).pass();
    let again = Build::of(&repo).pass();
    report("a_second_build_runs_nothing", format!("{:.1} s", again.seconds));
    assert_eq!(again.ran(), Vec::<&str>::new());
}

#[test]
fn file_anywhere() {
    let repo = Repo::mini();
    let wanted = Build::of(&repo).pass().image();
    let same = |name: &str, build: Build| {
        assert_eq!(build.pass().image().layers(), wanted.layers(), "{name}");
    };
    repo.remove("backstage.build.yaml");
    repo.write("deploy/images/backstage.build.yaml", with_syntax(""));
    same("a folder below", Build::of(&repo).file("deploy/images/backstage.build.yaml"));
    repo.write("portal.yml", with_syntax(""));
    same("another name", Build::of(&repo).file("portal.yml"));
    let outside = Repo::empty();
    outside.write("my portal.yaml", with_syntax(""));
    same("outside of the repository", Build::of(&repo).file(outside.at("my portal.yaml")));
    same(
        "the repository from elsewhere",
        Build::at(outside.path()).context(repo.path()).file(outside.at("my portal.yaml")),
    );
    // The place in messages is the file that the user named.
    repo.write("deploy/images/backstage.build.yaml", with_syntax("nod: 22\n"));
    Build::of(&repo)
        .dry()
        .file("deploy/images/backstage.build.yaml")
        .fail()
        .says(&["unknown key `nod`", ">>> nod: 22"]);
}

#[test]
fn the_ignore_file_beside_the_build_file_holds() {
    let repo = Repo::mini();
    repo.build_file("files: [notes]\n").write("notes/shown.md", "shown").write("notes/hidden.md", "hidden");
    repo.write("backstage.build.yaml.dockerignore", "notes/hidden.md\n");
    let files = Build::of(&repo).pass().image().app();
    assert!(files.contains_key("notes/shown.md"));
    assert!(!files.contains_key("notes/hidden.md"), "{:#?}", files.keys());
}

#[test]
fn targets() {
    let repo = Repo::mini();
    repo.build_file("checks:\n  - {name: smoke, run: test -f packages/backend/src/index.js}\n");
    let plan: Value = serde_json::from_str(&cli::plan(repo.path())).unwrap();
    let names: Vec<&str> = plan["targets"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    report("targets", names.join(" "));
    let holds = [
        ("image", "app/packages/backend/dist/index.cjs.js"),
        ("bundle", "packages/backend/dist/index.cjs.js"),
        ("deps", "node_modules/ms/index.js"),
        ("smoke", ""),
        ("checks", ""),
        ("plan", "plan.json"),
    ];
    let known: BTreeSet<&str> = holds.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.iter().copied().collect::<BTreeSet<_>>(), known);
    for (name, path) in holds {
        let built = Build::of(&repo).target(name).pass();
        let found = built.files().join(path);
        assert!(found.exists(), "target {name} has no {path}");
        let entries = fs::read_dir(built.files()).map_or(0, Iterator::count);
        assert_eq!(entries == 0, path.is_empty(), "target {name} has {entries} entries");
    }
    // A check alone does not need what it does not look at.
    let check = Build::of(&repo).target("smoke").pass();
    assert!(!check.names().iter().any(|name| name.starts_with("[image]")), "{:#?}", check.names());
    let unknown = Build::of(&repo).dry().args(["--target", "imag"]).fail();
    unknown.says(&["`imag`", "`image`", "bundle", "smoke"]);
}

#[test]
fn a_failing_check_stops_the_image_only() {
    let repo = Repo::mini();
    repo.build_file("node: 22\nchecks:\n  - {name: gate, run: 'echo looked; exit 3'}\n");
    let failed = Build::of(&repo).dry().fail();
    failed.says(&["backstage.build.yaml:4", "exit code: 3", ">>>   - {name: gate"]);
    assert!(failed.vertex("[gate]").log.contains("looked"));
    Build::of(&repo).target("bundle").pass();
}

/// Whatever a check does, nothing of it gets into the image; and the repository may have links that lead nowhere.
#[test]
fn a_check_leaves_no_trace() {
    let repo = Repo::mini();
    std::os::unix::fs::symlink("nowhere", repo.at("dangling")).unwrap();
    let gate = "/run/backstage-build/gate";
    repo.build_file(&format!(
        "checks:\n  - {{name: own, run: 'echo {} >{gate}/.gate-x; mkdir -p {gate}/.gate-d/etc {gate}/app; cp package.json {gate}/app/own.txt'}}\n",
        unique()
    ));
    let image = Build::of(&repo).pass().image();
    let files = image.files(0);
    let traces: Vec<_> = files.keys().filter(|path| path.contains("gate") || path.ends_with("own.txt")).collect();
    assert!(traces.is_empty(), "{traces:?}");
}

#[test]
fn platform() {
    let repo = Repo::mini();
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let own = Build::of(&repo).pass().image();
    assert_eq!((&own.config["os"], &own.config["architecture"]), (&json!("linux"), &json!(arch)));
    let named = Build::of(&repo).args(["--platform", &format!("linux/{arch}")]).pass();
    assert_eq!(named.image().layers(), own.layers());
    assert_eq!(named.ran(), Vec::<&str>::new());
    for list in ["windows/amd64", "linux/amd64,windows/amd64"] {
        let windows = Build::of(&repo).dry().args(["--platform", list]).fail();
        windows.says(&["`--platform windows/amd64`", "Linux"]);
    }
}

#[test]
fn labels_and_annotations() {
    let repo = Repo::mini();
    repo.build_file("runtime:\n  labels: {team: a, owner: b}\n");
    let image = Build::of(&repo).args(["--label", "team=c", "--label", "com.example.ref=x=y"]).pass().image();
    let labels = image.setting("Labels");
    assert_eq!(labels["team"], "c", "the command line wins: {labels}");
    assert_eq!(labels["owner"], "b");
    assert_eq!(labels["com.example.ref"], "x=y");
    let base = labels["org.opencontainers.image.base.name"].as_str().unwrap();
    assert!(base.contains("distroless/nodejs22"), "{labels}");
}

#[test]
fn build_args_override_scalars() {
    let repo = Repo::mini();
    repo.build_file("runtime:\n  port: 9000\n");
    let args = ["--build-arg", "runtime.port=8080", "--build-arg", "runtime.base=slim"];
    let image = Build::of(&repo).args(args).pass().image();
    assert_eq!(image.setting("ExposedPorts"), &json!({"8080/tcp": {}}));
    assert!(
        image.setting("Labels")["org.opencontainers.image.base.name"].as_str().unwrap().contains("node:22-trixie-slim")
    );
    assert_ne!(image.setting("User").as_str().unwrap_or("").split(':').next(), Some("0"));
    assert!(!image.setting("User").as_str().unwrap_or("").is_empty());

    let warned = Build::of(&repo).dry().args(["--build-arg", "NONSENSE=1"]).pass();
    assert!(warned.warnings.iter().any(|warning| warning.contains("NONSENSE")), "{:?}", warned.warnings);
    let wrong = Build::of(&repo).dry().args(["--build-arg", "runtime.prot=1"]).fail();
    wrong.says(&["--build-arg", "runtime.prot", "`port`"]);
    let wrong = Build::of(&repo).dry().args(["--build-arg", "runtime.port=many"]).fail();
    wrong.says(&["--build-arg", "runtime.port", "many"]);
    let whole = Build::of(&repo).dry().args(["--build-arg", "runtime=slim"]).fail();
    whole.says(&["--build-arg", "runtime"]);
}

#[test]
fn no_cache() {
    let repo = Repo::mini();
    // A step that ignores the cache is one vertex with the same step of other builds: no other test builds here.
    let own = Engine::named("alone", "");
    let build = || Build::of(&repo).on(&own);
    let first = build().pass();
    let steps = |built: &e2e::Built| {
        built.vertices.values().filter(|v| v.is_step()).map(|v| v.name.clone()).collect::<BTreeSet<_>>()
    };
    let all = build().args(["--no-cache"]).pass();
    let ran: BTreeSet<String> = all.ran().into_iter().map(str::to_owned).collect();
    assert_eq!(ran, steps(&first), "--no-cache runs every step");
    let some = build().args(["--no-cache-filter", "app"]).pass();
    report("no_cache", format!("--no-cache-filter app: {:?}", some.ran()));
    assert!(some.vertex("[app] yarn").ran());
    for cached in ["[install] yarn", "[deps] production", "[backend] yarn"] {
        assert!(some.vertex(cached).cached, "{cached} ran");
    }
    // The bundle needs no app: nothing of it is in the graph.
    let bundle = build().args(["--no-cache"]).target("bundle").pass();
    assert!(!bundle.names().iter().any(|name| name.starts_with("[app]")), "{:#?}", bundle.names());
    let deps = build().args(["--no-cache-filter", "deps"]).pass();
    assert!(deps.vertex("[deps] production").ran());
    assert!(deps.vertex("[install] yarn").cached);
}

/// An install that comes to the same packages, as after a bump that only the frontend needs, makes the same layer of them.
#[test]
fn the_same_packages_are_the_same_layer() {
    let repo = Repo::mini();
    let layer = |image: &Image| {
        let history = image.config["history"].as_array().unwrap().iter();
        let mut layers = history.filter(|entry| entry["empty_layer"] != true);
        let at = layers.position(|entry| entry.to_string().contains("production dependencies")).unwrap();
        image.layers()[at].to_owned()
    };
    let before = layer(&Build::of(&repo).pass().image());
    repo.append(".yarnrc.yml", &format!("# {}\n", unique()));
    let built = Build::of(&repo).pass();
    assert!(built.vertex("[install] yarn").ran() && built.vertex("[deps] production").ran());
    assert_eq!(layer(&built.image()), before);
}

#[test]
fn pull_looks_anew() {
    let repo = Repo::mini();
    let name = format!("{}/e2e/base-{}:1", registry(), unique());
    let base = Repo::empty();
    let push = |mark: &str| {
        base.write("Dockerfile", format!("FROM gcr.io/distroless/nodejs22-debian13:nonroot\nLABEL mark={mark}\n"));
        let output = format!("--output=type=image,name={name},push=true,registry.insecure=true");
        let mut docker = Engine::main().command("docker");
        run(docker.args(["buildx", "build", "--quiet", "--provenance=false", &output]).arg(base.path()), 60)
            .expect("pushing a base");
    };
    push("one");
    repo.build_file(&format!("runtime:\n  base: {name}\n"));
    let mark =
        |args: &[&str]| Build::of(&repo).args(args.iter().copied()).pass().image().setting("Labels")["mark"].clone();
    assert_eq!(mark(&[]), "one");
    push("two");
    assert_eq!(mark(&["--pull"]), "two");
}

#[test]
fn cache_of_a_registry() {
    let repo = Repo::mini();
    repo.refresh();
    let reference = format!("type=registry,ref={}/e2e/cache:{}", registry(), unique());
    Build::of(&repo).dry().args(["--cache-to", &format!("{reference},mode=max")]).pass();
    let empty = Engine::named("empty", "");
    empty.empty();
    let cold = Build::of(&repo).on(&empty).args(["--cache-from", &reference]).pass();
    report("cache_of_a_registry", format!("on an empty daemon: {:.1} s, ran {:?}", cold.seconds, cold.ran()));
    assert_eq!(cold.ran(), Vec::<&str>::new());
    // An edit on the other machine: what it does not touch comes from the registry.
    empty.empty();
    repo.append("packages/backend/src/index.js", &format!("// {}\n", unique()));
    let edited = Build::of(&repo).on(&empty).args(["--cache-from", &reference]).pass();
    report("cache_of_a_registry", format!("after an edit: {:.1} s, ran {:?}", edited.seconds, edited.ran()));
    for name in ["[install] yarn", "[deps] production", "[app] yarn"] {
        assert!(!edited.vertex(name).ran(), "{name} ran");
    }
    assert!(edited.vertex("[backend] yarn").ran());
    empty.empty();
}

#[test]
fn git_context() {
    let repo = Repo::mini();
    repo.write("README.md", unique());
    let local = Build::of(&repo).pass().image();
    let server = GitServer::of(repo.path());
    let nowhere = Repo::empty();
    let build = |context: String| Build::at(nowhere.path()).context(context);
    let built = build(server.url()).pass();
    report("git_context", format!("{:.1} s", built.seconds));
    assert_eq!(built.image().app(), local.app(), "the same files as from a directory");
    let branch = build(format!("{}#main", server.url())).pass();
    assert_eq!(branch.ran(), Vec::<&str>::new());
    assert!(!branch.vertex("[internal] plan").executed());
    let commit = build(format!("{}#{}", server.url(), server.commit())).pass();
    assert_eq!(commit.ran(), Vec::<&str>::new());
    build(format!("{}#nope", server.url())).dry().fail().says(&["nope"]);
    // A build file of one's own for somebody else's repository.
    let own = Repo::empty();
    own.build_file("runtime: {port: 8123}\n");
    let theirs = build(server.url()).file(own.at("backstage.build.yaml")).pass();
    assert_eq!(theirs.image().setting("ExposedPorts"), &json!({"8123/tcp": {}}));
}

#[test]
fn git_context_below_the_root() {
    let repo = Repo::mini();
    let outer = Repo::empty();
    outer.remove("backstage.build.yaml").write("README.md", unique());
    let listing = fs::read_dir(repo.path()).unwrap().map(|entry| entry.unwrap().path());
    fs::create_dir_all(outer.at("apps/portal")).unwrap();
    for path in listing {
        fs::rename(&path, outer.at("apps/portal").join(path.file_name().unwrap())).unwrap();
    }
    let server = GitServer::of(outer.path());
    let built = Build::at(outer.path()).context(format!("{}#main:apps/portal", server.url())).pass();
    assert!(built.image().app().contains_key("packages/app/dist/index.html"));
}

#[test]
fn provenance_names_what_was_used() {
    let built = Build::of(&Repo::mini()).args(["--provenance=mode=max"]).pass();
    let provenance = provenance(&built.image());
    let text = provenance.to_string();
    for used in ["node@22-trixie-slim", "nodejs22-debian13"] {
        assert!(text.contains(used), "{used} is not among the materials: {provenance:#}");
    }
    assert!(text.contains("backstage.build.yaml"), "the build file is the config source: {provenance:#}");
    assert!(text.contains("yarn.mjs"), "mode=max holds the graph: {provenance:#}");
}

#[test]
fn sbom_generators_see_the_image() {
    let repo = Repo::mini();
    let built = Build::of(&repo).args([format!("--attest=type=sbom,generator={}", generator())]).pass();
    let files = sbom(&built.image())["files"].to_string();
    assert!(files.contains("app/node_modules/ms/index.js"), "{files}");
    assert!(files.contains("app/packages/backend/dist/index.cjs.js"), "{files}");
}

#[test]
fn refused_by_name() {
    let repo = Repo::mini();
    let refused = |args: &[&str], words: &[&str]| {
        let built = Build::of(&repo).dry().args(args.iter().copied()).run();
        assert!(!built.ok, "{args:?} was to be refused");
        built.says(words);
    };
    let other = format!("other={}", repo.path().display());
    // The label says that named contexts are not among what is implemented: the daemon answers.
    refused(&["--build-context", &other], &["--build-context"]);
    refused(&["--build-context", "base=docker-image://node:22-trixie-slim"], &["--build-context"]);
    refused(&["--call=outline"], &["`--call=outline`", "not supported yet"]);
    refused(&["--call=targets"], &["`--call=targets`", "not supported yet"]);
    refused(&["--check"], &["`--check`", "not supported yet"]);
}

#[test]
fn client_settings_reach_steps() {
    let repo = Repo::mini();
    let run =
        "grep -q 10.1.2.3.*portal.example /etc/hosts && test $(ulimit -n) = 2000 && df -k /dev/shm | grep -q 131072";
    repo.build_file(&format!("checks:\n  - {{name: settings, run: '{run}'}}\n"));
    let args = ["--add-host", "portal.example=10.1.2.3", "--ulimit", "nofile=2000", "--shm-size", "128m"];
    let built = Build::of(&repo).dry().args(args).pass();
    report("client_settings_reach_steps", format!("{:?}", built.ran()));
}
