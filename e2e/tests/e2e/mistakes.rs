//! Mistakes: each is one message that says what, where and what to do, in a build and on the command line alike.

use std::path::Path;

use e2e::cli::{self, Complaint};
use e2e::engine::{Engine, frontend};
use e2e::{Build, Built, Repo, report, run};
use serde_json::json;

/// A mistake, and what is to be said of it.
struct Mistake {
    repo: Repo,
    /// Words of the headline.
    what: &'static [&'static str],
    /// `file:line`; empty where there is no line to point at.
    at: &'static str,
    /// Words of what to do.
    todo: &'static [&'static str],
}

impl Mistake {
    fn new(repo: Repo, what: &'static [&'static str], at: &'static str, todo: &'static [&'static str]) -> Self {
        Self { repo, what, at, todo }
    }

    fn check(&self, name: &str) {
        let told = cli::complaint(self.repo.path());
        let built = Build::of(&self.repo).dry().within(60).fail();
        report(name, format!("{} @ {} ({:.1} s)", told.headline, told.place, built.seconds));
        self.on_the_command_line(name, &told);
        self.in_the_build(name, &told, &built);
    }

    fn on_the_command_line(&self, name: &str, told: &Complaint) {
        for word in self.what {
            assert!(told.headline.contains(word), "{name}: {word:?} is not in the headline:\n{}", told.all);
        }
        for word in self.todo {
            assert!(told.help.contains(word), "{name}: {word:?} is not in the help:\n{}", told.all);
        }
        assert!(told.place.starts_with(self.at), "{name}: it is not at {}:\n{}", self.at, told.all);
        assert_eq!(told.all.matches("error[").count(), 1, "{name}: one message:\n{}", told.all);
        assert!(told.all.len() < 4000, "{name}: {} bytes", told.all.len());
        sound(name, &told.all);
    }

    fn in_the_build(&self, name: &str, told: &Complaint, built: &Built) {
        let text = &built.text;
        assert!(text.contains(&told.headline), "{name}: not the same headline as\n{}\nin\n{text}", told.all);
        assert!(text.contains(&told.help), "{name}: not the same help as\n{}\nin\n{text}", told.all);
        if !self.at.is_empty() {
            assert!(text.contains(&told.place), "{name}: {} is not said:\n{text}", told.place);
            // The line that the excerpt marks is that line of the file.
            let mut place = told.place.split(':');
            let (file, line) = (place.next().unwrap(), place.next().unwrap());
            let written = self.repo.read(file).lines().nth(line.parse::<usize>().unwrap() - 1).unwrap().to_owned();
            let mut marks = text.lines().filter_map(|line| line.split_once("| >>>"));
            let marked = marks.any(|(number, shown)| number.trim() == line && shown.trim() == written.trim());
            assert!(marked, "{name}: no excerpt marks {written:?}:\n{text}");
        }
        assert_eq!(text.matches("ERROR: ").count(), 1, "{name}: {text}");
        sound(name, text);
        assert!(built.ran().is_empty(), "{name}: nothing is to run: {:#?}", built.ran());
    }
}

/// Nothing of our own insides.
fn sound(name: &str, text: &str) {
    for inside in ["panicked", "src/", "rpc error", "unwrap", "Some(", "None", "\u{1b}"] {
        assert!(!text.contains(inside), "{name}: {inside:?} in\n{text}");
    }
}

fn written(text: &str) -> Repo {
    let repo = Repo::mini();
    repo.build_file(text);
    repo
}

fn changed(change: impl FnOnce(&Repo)) -> Repo {
    let repo = Repo::mini();
    change(&repo);
    repo
}

const FILE: &str = "backstage.build.yaml:2";

#[test]
fn an_unknown_key() {
    Mistake::new(written("nod: 22\n"), &["unknown key `nod`"], FILE, &["`node`"]).check("an_unknown_key");
    let deep = written("node: 22\nruntime:\n  prot: 8080\n");
    Mistake::new(deep, &["unknown key `prot`"], "backstage.build.yaml:4", &["`port`"]).check("an_unknown_key below");
}

#[test]
fn a_noun_of_later() {
    Mistake::new(written("techdocs: off\n"), &["`techdocs`", "not supported yet"], FILE, &[]).check("a_noun_of_later");
}

#[test]
fn a_wrong_type() {
    Mistake::new(written("runtime: 3\n"), &["runtime"], FILE, &[]).check("a_wrong_type");
    Mistake::new(written("node: newest\n"), &["newest"], FILE, &["22"]).check("a_wrong_value");
}

#[test]
fn a_key_twice() {
    let twice = written("node: 22\nnode: 24\n");
    Mistake::new(twice, &["`node`"], "backstage.build.yaml:3", &[]).check("a_key_twice");
}

#[test]
fn a_tab() {
    let tab = written("runtime:\n\tport: 8080\n");
    Mistake::new(tab, &["tab"], "backstage.build.yaml:3", &["spaces"]).check("a_tab");
}

#[test]
fn an_unclosed_quote() {
    let open = written("runtime:\n  user: \"65532\nnode: 22\n");
    Mistake::new(open, &["quote"], "backstage.build.yaml:3", &[]).check("an_unclosed_quote");
}

#[test]
fn an_alias_bomb() {
    let mut text = "exclude: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        text.push_str(&format!("key{level}: &a{level} [{aliases}]\n"));
    }
    let bomb = Mistake::new(written(&text), &["alias"], "backstage.build.yaml:", &[]);
    let told = cli::complaint(bomb.repo.path());
    bomb.on_the_command_line("an_alias_bomb", &told);
    let built = Build::of(&bomb.repo).dry().within(30).fail();
    built.says(&[&told.headline]);
    report("an_alias_bomb", format!("{} @ {}, {:.1} s", told.headline, told.place, built.seconds));
}

#[test]
fn binary_after_the_first_line() {
    let repo = Repo::mini();
    let mut data = e2e::repo::with_syntax("").into_bytes();
    data.extend((0..4096_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8));
    repo.write("backstage.build.yaml", data);
    let told = cli::complaint(repo.path());
    sound("binary", &told.all);
    let built = Build::of(&repo).dry().fail();
    report("binary_after_the_first_line", &told.headline);
    built.says(&[&told.headline, &told.help, "backstage.build.yaml"]);
    assert!(!told.help.is_empty());
    sound("binary", &built.text);
}

#[test]
fn no_backend() {
    let repo = changed(|repo| {
        repo.edit("packages/backend/package.json", "\"role\": \"backend\"", "\"role\": \"node-library\"");
    });
    Mistake::new(repo, &["backstage.role: backend"], "backstage.build.yaml:1", &["backend:"]).check("no_backend");
}

#[test]
fn two_backends() {
    let repo = changed(|repo| {
        let second = "{\"name\": \"second\", \"version\": \"0.0.0\", \"backstage\": {\"role\": \"backend\"}}\n";
        repo.write("packages/second/package.json", second);
        lock_workspace(repo, "second", "packages/second");
    });
    let words = &["2 workspaces", "packages/backend", "packages/second"];
    Mistake::new(repo, words, "backstage.build.yaml:1", &["backend: packages/"]).check("two_backends");
}

/// What `yarn install` adds to the lockfile for a new workspace.
fn lock_workspace(repo: &Repo, name: &str, dir: &str) {
    let entry = format!(
        "\n\"{name}@workspace:{dir}\":\n  version: 0.0.0-use.local\n  resolution: \"{name}@workspace:{dir}\"\n  \
         languageName: unknown\n  linkType: soft\n"
    );
    repo.append("yarn.lock", &entry);
}

#[test]
fn a_missing_app() {
    // Asked for, and nothing depends on one.
    let repo = written("frontend: bundled\n");
    repo.edit("packages/backend/package.json", "    \"app\": \"link:../app\",\n", "");
    repo.edit("yarn.lock", "    app: \"link:../app\"\n", "");
    Mistake::new(repo, &["depends on no workspace"], FILE, &["link:../app", "frontend: none"]).check("a_missing_app");
    // The folder is gone, and the backend still links to it.
    let repo = changed(|repo| {
        repo.remove("packages/app");
    });
    Mistake::new(repo, &["packages/app"], "yarn.lock:20", &["yarn install"]).check("a_missing_app folder");
    let named = written("backend: packages/bakend\n");
    Mistake::new(named, &["`packages/bakend`"], FILE, &["`packages/backend`"]).check("a_missing_app workspace");
}

#[test]
fn no_lockfile() {
    let repo = changed(|repo| {
        repo.remove("yarn.lock");
    });
    Mistake::new(repo, &["yarn.lock"], "", &["yarn install"]).check("no_lockfile");
}

#[test]
fn an_empty_lockfile() {
    let repo = changed(|repo| {
        repo.write("yarn.lock", "");
    });
    Mistake::new(repo, &["yarn.lock"], "", &["yarn install"]).check("an_empty_lockfile");
}

#[test]
fn a_lockfile_of_yarn_1() {
    let repo = changed(|repo| {
        let classic = "# THIS IS AN AUTOGENERATED FILE. DO NOT EDIT THIS FILE DIRECTLY.\n# yarn lockfile v1\n\n\n\
            ms@^2.1.3:\n  version \"2.1.3\"\n  resolved \"https://registry.yarnpkg.com/ms/-/ms-2.1.3.tgz#x\"\n";
        repo.write("yarn.lock", classic);
    });
    Mistake::new(repo, &["Yarn 1"], "yarn.lock:", &["yarn"]).check("a_lockfile_of_yarn_1");
}

#[test]
fn an_npm_repository() {
    let repo = changed(|repo| {
        repo.remove("yarn.lock").remove(".yarnrc.yml").write("package-lock.json", "{\"lockfileVersion\": 3}\n");
        repo.json("package.json", |root| {
            root.as_object_mut().unwrap().remove("packageManager");
        });
    });
    Mistake::new(repo, &["npm"], "", &["yarn"]).check("an_npm_repository");
}

#[test]
fn a_pnpm_repository() {
    let repo = changed(|repo| {
        repo.remove("yarn.lock").remove(".yarnrc.yml").write("pnpm-lock.yaml", "lockfileVersion: '9.0'\n");
        repo.write("pnpm-workspace.yaml", "packages:\n  - packages/*\n");
        repo.json("package.json", |root| root["packageManager"] = json!("pnpm@9.0.0"));
    });
    Mistake::new(repo, &["pnpm"], "", &["yarn"]).check("a_pnpm_repository");
}

#[test]
fn plug_n_play() {
    let repo = changed(|repo| {
        repo.edit(".yarnrc.yml", "node-modules", "pnp");
    });
    Mistake::new(repo, &["nodeLinker"], ".yarnrc.yml:1", &["nodeLinker: node-modules"]).check("plug_n_play");
    let repo = changed(|repo| {
        repo.remove(".yarnrc.yml").write(".pnp.cjs", "#!/usr/bin/env node\n");
    });
    Mistake::new(repo, &[], "", &["nodeLinker: node-modules"]).check("plug_n_play by default");
}

#[test]
fn a_broken_manifest() {
    let repo = changed(|repo| {
        repo.edit("packages/backend/package.json", "\"version\": \"0.0.0\",", "\"version\": \"0.0.0\"");
    });
    Mistake::new(repo, &["JSON"], "packages/backend/package.json:", &[]).check("a_broken_manifest");
    let repo = changed(|repo| {
        repo.write("package.json", "[]\n");
    });
    Mistake::new(repo, &["package.json"], "package.json:1", &[]).check("a manifest that is a list");
    let repo = changed(|repo| {
        repo.remove("package.json");
    });
    Mistake::new(repo, &["package.json"], "", &[]).check("no manifest");
}

#[test]
fn a_lockfile_that_misses_a_dependency() {
    let repo = changed(|repo| {
        repo.edit("packages/backend/package.json", "\"ms\":", "\"left-pad\": \"^1.3.0\",\n    \"ms\":");
    });
    let at = "packages/backend/package.json:15";
    Mistake::new(repo, &["left-pad", "yarn.lock"], at, &["yarn install"]).check("a_lockfile_that_misses_a_dependency");
}

#[test]
fn a_glob_that_leaves_the_context() {
    let repo = changed(|repo| {
        repo.edit("package.json", "\"packages/*\"", "\"../other/*\"");
    });
    Mistake::new(repo, &["leaves the build context"], "package.json:8", &["packages/*"])
        .check("a_glob_that_leaves_the_context");
}

#[test]
fn a_config_file_that_is_not_there() {
    let repo = written("config:\n  - app-config.yaml\n  - app-config.prodution.yaml\n");
    repo.write("app-config.production.yaml", "app: {}\n");
    let help = &["app-config.production.yaml"];
    Mistake::new(repo, &["app-config.prodution.yaml"], "backstage.build.yaml:4", help)
        .check("a_config_file_that_is_not_there");
    // A config file may hold secrets: its place is told, its lines are not.
    let broken = written("config: [app-config.yaml]\n");
    broken.write("app-config.yaml", "app:\n  title: [hidden-title\nbackend: {key: hidden-key}\n");
    let told = cli::complaint(broken.path());
    let built = Build::of(&broken).dry().fail();
    report("a config file that is no YAML", &told.headline);
    assert!(told.place.starts_with("app-config.yaml:"), "{}", told.all);
    built.says(&[&told.headline, &told.help, &told.place]);
    assert!(!told.all.contains("hidden-"), "{}", told.all);
    assert!(!built.shows("hidden-"), "{}", built.raw);
}

#[test]
fn a_file_that_is_not_there() {
    let repo = written("files: [exmples]\n");
    // Only the build can see it: what the command line reads is the declared set.
    let built = Build::of(&repo).dry().fail();
    built.says(&["backstage.build.yaml:2", "exmples", ">>> files: [exmples]"]);
    sound("a_file_that_is_not_there", &built.text);
}

#[test]
fn a_base_image_that_is_not_there() {
    let repo = written("node: 22\nruntime: {base: docker.io/library/nope:1}\n");
    let built = Build::of(&repo).dry().fail();
    built.says(&["backstage.build.yaml:3", "docker.io/library/nope:1", ">>> runtime: {base"]);
    repo.build_file("");
    let built = Build::of(&repo).dry().args(["--build-arg", "runtime.base=docker.io/library/nope:1"]).fail();
    built.says(&["--build-arg", "runtime.base", "docker.io/library/nope:1"]);
    repo.build_file("build:\n  base: docker.io/library/nope:2\n");
    let built = Build::of(&repo).dry().fail();
    built.says(&["backstage.build.yaml:3", "docker.io/library/nope:2"]);
    // The default one that a written line chose.
    repo.build_file("node: 22.0.1\n");
    let built = Build::of(&repo).dry().fail();
    built.says(&["backstage.build.yaml:2", "22.0.1", ">>> node: 22.0.1"]);
}

#[test]
fn a_failing_app_build() {
    let repo = Repo::mini();
    repo.append("packages/app/build.mjs", "throw new Error('no such loader');\n");
    let built = Build::of(&repo).dry().fail();
    built.says(&["backstage.build.yaml:1", ">>> # syntax="]);
    let app = built.vertex("[app] yarn");
    assert!(app.name.contains("default: frontend: bundled"), "{}", app.name);
    assert!(app.error.contains("exit code: 1") && app.log.contains("no such loader"), "{app:#?}");
    repo.build_file("node: 22\nfrontend: bundled\n");
    Build::of(&repo).dry().fail().says(&["backstage.build.yaml:3", ">>> frontend: bundled"]);
}

/// Files that a syntax line could never name: they reach us by `BUILDKIT_SYNTAX` and by buildctl.
#[test]
fn files_without_a_syntax_line() {
    let repo = Repo::mini();
    repo.write("comment.yaml", "# nothing yet\nnode: 22\n");
    repo.write("empty.yaml", "");
    repo.write(
        "binary.yaml",
        (0..100_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>(),
    );
    repo.write("large.yaml", "# filling\n".repeat(10 << 20));
    let refused = [
        ("empty.yaml", "the build file is empty"),
        ("binary.yaml", "binary.yaml"),
        ("large.yaml", "large.yaml is larger than"),
    ];
    let syntax = format!("BUILDKIT_SYNTAX={}", frontend());
    let build = |file: &str| Build::of(&repo).dry().file(file).args(["--build-arg", &syntax]);
    build("comment.yaml").pass();
    for (file, words) in refused {
        let built = build(file).fail();
        report("files_without_a_syntax_line", format!("{file}: {:.1} s", built.seconds));
        built.says(&[words]);
        sound(file, &built.text);
        let told = buildctl(repo.path(), file);
        assert!(!told.ok);
        assert!(told.stderr.contains(words), "{}", told.stderr);
        sound_log(&told.stderr);
    }
    assert!(buildctl(repo.path(), "comment.yaml").ok);
    let none = buildctl(repo.path(), "none.yaml");
    assert!(!none.ok && none.stderr.contains("there is no file none.yaml"), "{}", none.stderr);
}

fn buildctl(dir: &Path, file: &str) -> e2e::Output {
    let mut command = Engine::main().command("buildctl");
    command.current_dir(dir).args(["build", "--progress=plain", "--frontend=gateway.v0", "--local=context=."]);
    command.args(["--local=dockerfile=.", &format!("--opt=source={}", frontend()), &format!("--opt=filename={file}")]);
    run(&mut command, 120)
}

fn sound_log(text: &str) {
    assert!(!text.contains("panicked") && text.len() < 20_000, "{} bytes: {text}", text.len());
}
