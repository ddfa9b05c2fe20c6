//! The reference app, built once and looked at from every side; and the older one, whose natives are compiled.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use e2e::engine::hack;
use e2e::{Build, Built, Postgres, Repo, cli, report, run, unique};
use serde_json::{Value, json};

/// Two such apps and all other tests share the machine.
const LIMIT: u64 = 900;
/// `docker buildx build` of the app as it is, with a build file that holds its syntax line. Measured: 329.6 and 85.9 million
/// bytes, of which the base has 152 and 55, and more or less with each update of Debian's.
const UNPACKED: u64 = 340_000_000;
const COMPRESSED: u64 = 87_000_000;

/// The step that makes the plan.
const PLANNING: &str = "[internal] plan";

/// The image of the app, and its parts on disk.
struct App {
    _repo: Repo,
    built: Built,
    unpacked: tempfile::TempDir,
}

fn app() -> &'static App {
    static APP: OnceLock<App> = OnceLock::new();
    APP.get_or_init(|| {
        let repo = Repo::portal();
        let built = Build::of(&repo).within(LIMIT).pass();
        report("app", format!("built in {:.1} s, ran {:?}", built.seconds, built.ran_groups()));
        let unpacked = tempfile::tempdir().unwrap();
        let mut command = Command::new(hack("unpack-image"));
        run(command.arg(built.archive()).arg(unpacked.path()), LIMIT).expect("unpacking the image");
        App { _repo: repo, built, unpacked }
    })
}

/// Runs an image until it is ready and has answered `/`; asserts that it did, as it has to.
fn boots(image: &Path, args: impl IntoIterator<Item = String>) -> Value {
    let mut command = Command::new(hack("run-image"));
    command.arg(image).args(["--get", "/"]).args(args);
    let ran: Value = serde_json::from_str(&run(&mut command, 180).expect("running the image")).unwrap();
    report("boot", ran.to_string());
    assert_ne!(ran["uid"], 0);
    assert_eq!(ran["readOnlyRoot"], true);
    assert_eq!((&ran["answers"][0]["status"], &ran["answers"][0]["html"]), (&200.into(), &true.into()));
    ran
}

/// How many values of its config a backend takes for secrets, which its log then does not show: by what it says of them. It knows
/// them from the config schemas of all packages that it finds.
pub(super) fn secrets(log: &Path) -> u64 {
    let log = fs::read_to_string(log).unwrap();
    let found = log.lines().find_map(|line| {
        let (_, said) = line.split_once("Found ")?;
        said.split_once(" new secrets in config that will be redacted")?.0.parse().ok()
    });
    found.unwrap_or_else(|| panic!("nothing is said of secrets:\n{log}"))
}

/// Variables of an image, as arguments.
fn variables(settings: impl IntoIterator<Item = String>) -> impl Iterator<Item = String> {
    settings.into_iter().flat_map(|setting| ["--env".to_owned(), setting])
}

/// SQLite in memory, which wants a native module: a binary that belongs to this Node and this C library. For two platforms at
/// once, of which this machine runs one.
#[test]
fn a_compiled_natives_run_sqlite() {
    let repo = Repo::portal_with_natives();
    // Its config names Postgres, for which none would be wanted.
    repo.build_file("install: {natives: {better-sqlite3: source}}\n");
    let built = Build::of(&repo).args(["--platform", "linux/amd64,linux/arm64"]).within(LIMIT).pass();
    report("natives", format!("built in {:.1} s, ran {:?}", built.seconds, built.ran_groups()));
    super::platforms::binaries_fit(&built);
    super::platforms::javascript_ran_once(&built);
    let settings = ["client=better-sqlite3", "connection=:memory:"];
    boots(&built.archive(), variables(settings.map(|setting| format!("APP_CONFIG_backend_database_{setting}"))));
}

fn facts() -> Value {
    let text = run(Command::new(hack("image-facts")).arg(app().unpacked.path()), 120).expect("the image's facts");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_image_is_small_and_bare() {
    let facts = facts();
    let (unpacked, compressed) = (facts["unpacked"].as_u64().unwrap(), facts["compressed"].as_u64().unwrap());
    report("image", format!("{unpacked} bytes unpacked, {compressed} compressed: {}", facts["layers"]));
    for kind in ["shells", "compilers", "packageManagers"] {
        assert_eq!(facts["tools"][kind].as_array().unwrap().len(), 0, "{kind}: {}", facts["tools"][kind]);
    }
    assert!(unpacked <= UNPACKED, "{unpacked} bytes unpacked");
    assert!(compressed <= COMPRESSED, "{compressed} bytes compressed");
}

/// The charts start `node packages/backend --config …` in `/app`.
#[test]
fn a_config_fits_the_charts() {
    let config = app().built.image().config;
    let setting = |name: &str| &config["config"][name];
    assert_eq!(setting("WorkingDir"), "/app");
    assert!(setting("Entrypoint").as_array().is_none_or(Vec::is_empty), "{config}");
    let command: Vec<&str> = setting("Cmd").as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect();
    let expected =
        ["node", "packages/backend", "--config", "app-config.yaml", "--config", "app-config.production.yaml"];
    assert_eq!(command, expected);
    let env: Vec<&str> = setting("Env").as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect();
    assert!(env.contains(&"NODE_ENV=production"), "{env:?}");
    let path = env.iter().find_map(|entry| entry.strip_prefix("PATH=")).unwrap();
    let root = app().unpacked.path().join("bundle/rootfs");
    let node = path.split(':').map(|dir| root.join(dir.trim_start_matches('/')).join("node"));
    assert!(node.clone().any(|node| node.exists()), "no node in {path}");
    assert_ne!(setting("User").as_str().unwrap(), "");
    assert_eq!(setting("ExposedPorts")["7007/tcp"], json!({}));
}

/// The app's own production config, with the variables that it asks for and nothing else: its plugins make their databases.
#[test]
fn a_image_boots_on_postgres() {
    let image = app().unpacked.path();
    let postgres = Postgres::start();
    let log = tempfile::NamedTempFile::new().unwrap();
    let more = ["--network", postgres.network(), "--log", log.path().to_str().unwrap()].map(str::to_owned);
    let ran = boots(image, variables(postgres.settings()).chain(more));
    assert_ne!(secrets(log.path()), 0, "the password of Postgres is no secret");
    assert_eq!(ran["added"], json!(["POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_USER", "POSTGRES_PASSWORD"]));
}

#[test]
fn a_plan_is_the_same_in_a_build_and_on_the_command_line() {
    super::plans::equal("the app", &Repo::portal());
    let older = Repo::portal_with_natives();
    super::plans::equal("the older app", &older);
    let text = cli::plan_text(older.path());
    assert!(text.contains("better-sqlite3"), "{text}");
}

/// One edit after the other, each of which says what it reruns.
#[test]
fn a_incremental() {
    app();
    let repo = Repo::portal();
    let build = || Build::of(&repo).dry().within(LIMIT);
    let first = build().pass();
    report("incremental", format!("the same app from another folder: {:.1} s, ran {:?}", first.seconds, first.ran()));
    assert_eq!(first.ran(), Vec::<&str>::new(), "another copy of the same app");
    let again = build().pass();
    report("incremental", format!("again: {:.1} s", again.seconds));
    assert_eq!(again.ran(), Vec::<&str>::new());
    assert!(!again.vertex(PLANNING).executed(), "an unchanged repository was planned");

    repo.append("README.md", &unique());
    let built = build().pass();
    report("incremental", format!("README.md: {:.1} s", built.seconds));
    assert_eq!(built.ran(), Vec::<&str>::new());

    repo.append("packages/backend/src/index.ts", &format!("// {}\n", unique()));
    let built = build().pass();
    report("incremental", format!("packages/backend/src: {:.1} s, ran {:?}", built.seconds, built.ran()));
    only(&built, &["backend", "checks", "typecheck"], "packages/backend/src");
    assert!(built.vertex("[backend] yarn").ran());
    assert!(built.vertex("[typecheck]").ran());

    repo.append("packages/app/src/App.test.tsx", &format!("// {}\n", unique()));
    let built = build().pass();
    report("incremental", format!("a test of the app: {:.1} s, ran {:?}", built.seconds, built.ran()));
    only(&built, &["checks", "typecheck"], "a test of the app");

    repo.json("package.json", |root| {
        root["version"] = format!("1.0.{}", std::process::id()).into();
        root["scripts"]["hello"] = format!("echo {}", unique()).into();
    });
    let built = build().pass();
    report("incremental", format!("a script and the version: {:.1} s, ran {:?}", built.seconds, built.ran()));
    assert!(built.vertex(PLANNING).executed());
    for group in built.ran_groups() {
        let installs =
            ["install", "deps", "natives", "yarn", "toolchain"].contains(&group) || group.starts_with("native");
        assert!(!installs, "[{group}] ran: {:#?}", built.ran());
    }
}

/// Asserts that only steps of these groups ran, and in the image only its last layer.
fn only(built: &Built, groups: &[&str], edit: &str) {
    for name in built.ran() {
        let group = name.trim_start_matches('[').split(']').next().unwrap();
        let last = name == "[image] the backend";
        assert!(last || groups.contains(&group), "an edit of {edit} ran {name}");
    }
}

#[test]
fn b_failing_typecheck_points_at_what_asked_for_it() {
    app();
    let repo = Repo::portal();
    repo.append("packages/backend/src/index.ts", "const wrong: number = 'text';\nexport { wrong };\n");
    let build = || Build::of(&repo).dry().within(LIMIT).args(["--target", "typecheck"]);
    let built = build().fail();
    built.says(&["backstage.build.yaml:1", ">>> # syntax="]);
    let check = built.vertex("[typecheck]");
    assert!(check.name.contains("default: checks: [typecheck]"), "{}", check.name);
    assert!(check.log.contains("TS2322") && check.log.contains("packages/backend/src/index.ts"), "{}", check.log);
    assert!(!check.error.is_empty());
    repo.build_file("node: 22\n\nchecks: [typecheck]\n");
    let built = build().fail();
    built.says(&["backstage.build.yaml:4", ">>> checks: [typecheck]"]);
    assert!(!built.vertex("[typecheck]").name.contains("default"), "{}", built.vertex("[typecheck]").name);
}

#[test]
fn b_failing_app_build_points_at_what_asked_for_it() {
    app();
    let repo = Repo::portal();
    repo.append("packages/app/src/index.tsx", "import './nowhere';\n");
    let built = Build::of(&repo).dry().within(LIMIT).fail();
    built.says(&["backstage.build.yaml:1", ">>> # syntax="]);
    let failed = built.vertex("[app] yarn");
    assert!(failed.name.contains("default: frontend: bundled"), "{}", failed.name);
    assert!(failed.log.contains("nowhere"), "{}", failed.log);
}
