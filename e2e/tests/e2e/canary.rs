//! Secrets of every kind in one repository and one build, each with a text of its own, and the search for these texts in
//! everything that the build leaves.

use std::fs;
use std::path::Path;

use e2e::attestation::generator;
use e2e::canary::{Canaries, Hit, Search};
use e2e::npm::{self, Registry, TlsRegistry};
use e2e::{Build, Built, Engine, Repo, cli, report, run, unique};
use serde_json::Value;

/// Files that hold secrets, as people and tools name them.
const SECRET_FILES: [&str; 34] = [
    ".env",
    ".env.production",
    "prod.env",
    "Prod.ENV",
    "id_rsa",
    "ID_RSA",
    "id_ed25519",
    ".ssh/config",
    ".ssh/deploy",
    "tls/server-key.pem",
    "tls/private.pem",
    "portal.private-key.pem",
    "Portal.Private-Key.pem",
    "tls/server.key",
    "store.p12",
    "store.pfx",
    "store.jks",
    "Store.JKS",
    ".aws/credentials",
    ".kube/config",
    ".docker/config.json",
    "gcp-service-account.json",
    "serviceAccountKey.json",
    "my-credentials-prod.json",
    "terraform.tfstate",
    "terraform.tfstate.backup",
    ".yarnrc",
    ".npmrc",
    ".NPMRC",
    ".pgpass",
    ".netrc",
    ".git-credentials",
    "app-config.local.yaml",
    "github-app-portal-credentials.yaml",
];

/// Where they lie: in the root, in a workspace, in a folder that `files` names, in one that a location of the catalog names.
const FOLDERS: [&str; 4] = ["", "packages/backend/src/", "notes/", "catalog/"];

/// What is not secret, and has to be found by the same search.
struct Shown {
    /// In a file that is shipped.
    file: String,
    /// In a file's name.
    name: String,
    /// In the build file.
    label: String,
}

/// Files of every kind, settings, the build file; `port` is that of the registry that is asked.
fn repository(port: u16, canaries: &mut Canaries) -> (Repo, Shown) {
    let repo = npm::repo(&format!("http://127.0.0.1:{port}"));
    for folder in FOLDERS {
        for name in SECRET_FILES {
            let path = format!("{folder}{name}");
            let canary = canaries.put(&path);
            let text = if name.ends_with(".json") {
                format!("{{\"private_key\": \"{canary}\"}}\n")
            } else {
                format!("value: {canary}\n")
            };
            repo.write(&path, text);
        }
    }

    // What configs name: excluded by git, by Docker, or named like a secret; in folders that are copied whole.
    let mut config = "catalog:\n  locations:\n    - {type: file, target: ../../catalog/all.yaml}\nown:\n".to_owned();
    for (folder, key) in [("catalog", "a"), ("packages/backend/src", "b")] {
        for (name, how) in [
            ("of-git.yaml", "include"),
            ("of-docker.txt", "file"),
            ("session-token.txt", "file"),
            ("secrets/client", "file"),
        ] {
            let path = format!("{folder}/{name}");
            repo.write(&path, format!("value: {}\n", canaries.put(&path)));
            config.push_str(&format!("  {key}-{}: {{${how}: ./{path}}}\n", name.replace(['/', '.'], "-")));
        }
    }
    repo.append("app-config.yaml", &config);
    repo.write(".gitignore", "of-git.yaml\n").write(".dockerignore", "**/of-docker.txt\n");
    repo.write("catalog/all.yaml", "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: all}\n");

    // Yarn's settings. Only the scope `acme` is asked for anything.
    let mut put = |place: &str| canaries.put(place);
    repo.append(
        ".yarnrc.yml",
        &format!(
            "    npmAuthToken: '${{NPM_TOKEN}}'\n  literal:\n    npmRegistryServer: https://npm.literal.example\n    \
             npmAuthToken: {}\n  address:\n    npmRegistryServer: 'https://joe:{}@npm.address.example'\n  vault:\n    \
             npmRegistryServer: 'https://joe:${{VAULT_PASSWORD}}@npm.vault.example'\n\
             npmRegistries:\n  //npm.ident.example:\n    npmAuthIdent: 'joe:{}'\n# the token of the bot: {}\n",
            put(".yarnrc.yml, npmAuthToken"),
            put(".yarnrc.yml, a password in an address"),
            put(".yarnrc.yml, npmAuthIdent"),
            put(".yarnrc.yml, a comment"),
        ),
    );

    let shown = Shown { file: put("shown: a file"), name: put("shown: a file's name"), label: put("shown: a label") };
    repo.write("notes/shown.md", format!("{}\n", shown.file)).write(&format!("notes/{}.md", shown.name), "");
    e2e::git::commit(repo.path());
    let remote = format!("https://bot:{}@git.example/acme/portal.git", put("the address of the git remote"));
    let mut git = Engine::main().command("git");
    run(git.arg("-C").arg(repo.path()).args(["remote", "add", "origin", &remote]), 20).expect("git remote");
    (repo, shown)
}

/// The build file, with a check that fails where a build step sees a canary. `.yarnrc.yml` is what installs need.
fn build_file(canaries: &Canaries, comments: &[String], shown: &Shown) -> String {
    // The command must not hold what it looks for.
    let (first, rest) = canaries.mark().split_at(canaries.mark().len() / 2);
    let (one, rest) = rest.split_at(1);
    let skipped = ["yarnrc.yml", "shown.md"].map(|name| format!("--exclude='*{name}'")).join(" ");
    format!(
        "{}files: [notes]\ninstall:\n  secrets: [vault-file]\nruntime:\n  labels: {{shown: {}}}\n\
         checks:\n  - name: look\n    run: |\n      : {}\n      cat notes/shown.md\n      ls -A /run/secrets 2>/dev/null\n      \
         ! grep -rl '{first}[{one}]{rest}' . --exclude-dir=node_modules --exclude=backstage.build.yaml {skipped}\n",
        comments.concat(),
        shown.label,
        shown.label,
    )
}

/// The secrets of the build, as files.
fn secrets(dir: &Path, canaries: &mut Canaries, token: &str) -> Vec<String> {
    let mut put = |place: &str| canaries.put(place);
    let server = TlsRegistry::start();
    let ca = fs::read_to_string(server.ca()).unwrap();
    let given = [
        ("NPM_TOKEN", token.to_owned()),
        ("VAULT_PASSWORD", put("secret VAULT_PASSWORD")),
        (
            "npmrc",
            format!(
                "# {}\n//npm.one.example/:_authToken={}\n//npm.two.example/:username=joe\n//npm.two.example/:_password={}\n",
                put("secret npmrc, a comment"),
                put("secret npmrc, _authToken"),
                put("secret npmrc, _password"),
            ),
        ),
        ("yarnrc", format!("npmScopes:\n  hidden:\n    npmAuthToken: {}\n", put("secret yarnrc"))),
        ("vault-file", put("secret of install.secrets")),
        ("ca", format!("# {}\n{ca}", put("secret ca"))),
    ];
    let write = |(id, text): (&str, String)| {
        fs::write(dir.join(id), text).unwrap();
        format!("--secret=id={id},src={}", dir.join(id).display())
    };
    given.into_iter().map(write).collect()
}

/// Looks into what BuildKit remembers of each build of a repository: its record, its provenance, which is that of `mode=max`,
/// its log, its trace. How many there are.
fn history(search: &mut Search<'_>, repo: &Repo) -> usize {
    let docker = |args: &[&str]| {
        let mut docker = Engine::main().command("docker");
        run(docker.args(["buildx", "history"]).args(args), 60).expect("the history of builds")
    };
    let dir = tempfile::tempdir().unwrap();
    let name = format!("{}/", repo.path().file_name().unwrap().to_str().unwrap());
    let all = docker(&["ls", "--format=json", "--no-trunc"]);
    let records = all.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_this = records.filter(|record| record["name"].as_str().unwrap().starts_with(&name));
    let references = of_this.map(|record| record["ref"].as_str().unwrap().rsplit('/').next().unwrap().to_owned());
    references.fold(0, |count, reference| {
        let bundle = dir.path().join(&reference);
        docker(&["export", "--finalize", &reference, "--output", bundle.to_str().unwrap()]);
        search.path("history", &bundle);
        count + 1
    })
}

/// Looks into what a build printed.
fn log(search: &mut Search<'_>, at: &str, built: &Built) {
    search.text(at, &built.raw);
    search.text(at, &built.logs());
    search.text(at, &built.warnings.join("\n"));
}

/// Whether the daemon itself wrote it down: with `mode=max`, and in its own records, it keeps what the client sent and what
/// execs had as a proxy, as it does for every frontend.
fn is_the_daemons(hit: &Hit) -> bool {
    let sent = ["build arg HTTP_PROXY", "build arg GITHUB_TOKEN"].contains(&hit.place.as_str());
    let kept = [".FrontendAttrs.build-arg:", ".args.build-arg:", ".proxy_env.", ".requestopts"];
    sent && hit.at.starts_with("history/") && kept.iter().any(|part| hit.at.contains(part))
}

/// Whether it is a comment of the build file that no rule can know for a secret. Provenance of `mode=max` holds the build file,
/// and so does the error that BuildKit keeps of a build that failed; in both what looks like a secret is blotted out.
fn is_the_repositorys(hit: &Hit) -> bool {
    hit.place == WORDS
        && (hit.at.ends_with(".source.infos[].data") || (hit.at.starts_with("history/") && !hit.at.contains(' ')))
}

/// A comment that no one but a reader knows for a secret.
const WORDS: &str = "build file, a comment in words";

#[test]
fn canaries_are_found_nowhere() {
    let mut canaries = Canaries::new();
    let token = canaries.put("secret NPM_TOKEN");
    let wrong = canaries.put("secret NPM_TOKEN, a wrong one");
    let server = Registry::demanding(&format!("Bearer {token}"));
    let (repo, shown) = repository(server.port, &mut canaries);
    let comments = [
        format!("# npmAuthToken: {}\n", canaries.put("build file, a comment with a setting")),
        format!("# npm_{}\n", canaries.put("build file, a comment with a token")),
        format!("# see https://joe:{}@npm.example/\n", canaries.put("build file, a comment with an address")),
        format!("# the old password was {}\n", canaries.put(WORDS)),
    ];
    let keep = tempfile::tempdir().unwrap();
    let secrets = secrets(keep.path(), &mut canaries, &token);
    let proxy = format!("HTTP_PROXY=http://joe:{}@proxy.example:3128", canaries.put("build arg HTTP_PROXY"));
    let arg = format!("GITHUB_TOKEN={}", canaries.put("build arg GITHUB_TOKEN"));
    assert!(canaries.count() > 150);

    let text = build_file(&canaries, &comments, &shown);
    repo.build_file(&text);
    let namespace = format!("BUILDKIT_CACHE_MOUNT_NS={}", unique());
    let build = || Build::of(&repo).args(["--build-arg", &namespace]).args(&secrets);
    let mut search = canaries.search();

    // Refused by the registry: errors repeat much.
    fs::write(keep.path().join("NPM_TOKEN"), &wrong).unwrap();
    let refused = build().args(["--progress=plain"]).dry().fail();
    assert!(server.seen().iter().any(|request| request.authorization.contains(&wrong)), "{:?}", server.seen());
    log(&mut search, "log of the refused", &refused);
    fs::write(keep.path().join("NPM_TOKEN"), &token).unwrap();

    // All steps run.
    let sbom = format!("--attest=type=sbom,generator={}", generator());
    let first = build().args(["--progress=plain", "--attest=type=provenance,mode=max", &sbom]).pass();
    assert!(server.seen().iter().any(|request| request.authorization.contains(&token)), "{:?}", server.seen());
    log(&mut search, "log", &first);
    search.path("image", &first.archive());

    // Steps have a proxy, which needs none of them: what fetches ran before.
    repo.build_file(&text.replace("cat notes", "true another; cat notes"));
    let cache = keep.path().join("cache");
    let second = build()
        .args(["--build-arg", &proxy, "--build-arg", "no_proxy=127.0.0.1", "--build-arg", &arg])
        .args([
            "--attest=type=provenance,mode=min".into(),
            format!("--cache-to=type=local,mode=max,dest={}", cache.display()),
        ])
        .pass();
    assert!(second.vertex("[look]").ran());
    log(&mut search, "log of the second", &second);
    search.path("second image", &second.archive());
    search.path("cache", &cache);

    let planned = build().args(["--build-arg", &proxy, "--build-arg", &arg]).target("plan").pass();
    log(&mut search, "log of the plan", &planned);
    search.path("plan", &planned.files());
    search.text("plan of the command line", &cli::plan_text(repo.path()));
    search.text("plan of the command line", &cli::plan(repo.path()));
    assert_eq!(history(&mut search, &repo), 4);

    // The same search finds what is not secret, in each of these.
    let hits = std::mem::take(&mut search.hits);
    let (found, leaked): (Vec<Hit>, Vec<Hit>) = hits.into_iter().partition(|hit| hit.place.starts_with("shown: "));
    let (kept, leaked): (Vec<Hit>, Vec<Hit>) = leaked.into_iter().partition(is_the_daemons);
    let leaked: Vec<Hit> = leaked.into_iter().filter(|hit| !is_the_repositorys(hit)).collect();
    report("canaries_are_found_nowhere", format!("{} canaries; controls: {found:#?}", canaries.count()));
    assert_eq!(leaked, []);
    assert!(!kept.is_empty(), "the daemon keeps no build args any more: nothing is to be excused");
    for (place, at, what) in [
        ("shown: a file", "image/", "/app/notes/shown.md"),
        ("shown: a file", "cache/", "/app/notes/shown.md"),
        ("shown: a file", "log", ""),
        ("shown: a file", "log of the second", ""),
        ("shown: a file", "history/", ""),
        ("shown: a label", "image/", " config.config.Labels.shown"),
        ("shown: a label", "image/", " provenance."),
        ("shown: a file's name", "image/", " sbom.predicate.files[]"),
        ("shown: a label", "plan/plan.txt", ""),
        ("shown: a label", "plan/plan.json", ""),
        ("shown: a label", "plan of the command line", ""),
        ("shown: a label", "history/", " provenance."),
        ("shown: a label", "history/", " record."),
    ] {
        let hit = |hit: &&Hit| hit.place == place && hit.at.starts_with(at) && hit.at.contains(what);
        assert!(found.iter().any(|it| hit(&it)), "{place} is not found in {at}…{what}: {found:#?}");
    }
}
