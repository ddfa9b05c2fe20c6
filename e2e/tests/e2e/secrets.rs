//! What a build is given and must not leave behind: proxies, credentials, certificates, local files.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use e2e::attestation::{provenance, remove};
use e2e::npm::{self, Registry, TlsRegistry};
use e2e::{Build, Repo, report, unique};

/// A proxy is what a step's environment says while it runs, and is nowhere else.
#[test]
fn proxies_reach_steps_and_nothing_else() {
    let repo = Repo::mini();
    let own = unique();
    let (first, second) = (format!("http://first-{own}.example:3128"), format!("http://second-{own}.example:3128"));
    // Everything that needs the network runs without them, or nothing could be downloaded.
    Build::of(&repo).pass();
    // The command must not hold what is looked for.
    let check = "case $HTTP_PROXY,$http_proxy in http://first*.example:3128,http://first*) ;; *) exit 1 ;; esac";
    repo.build_file(&format!("checks:\n  - name: proxy\n    run: '{check} # {own}'\n"));
    let build = |proxy: &str| {
        let build = Build::of(&repo).args(["--build-arg", &format!("HTTP_PROXY={proxy}")]);
        build.args(["--build-arg", "no_proxy=localhost", "--provenance=mode=max"])
    };
    let built = build(&first).pass();
    assert!(built.vertex("[proxy]").ran());
    for group in built.ran_groups() {
        assert!(["checks", "image", "proxy"].contains(&group), "{:#?}", built.ran());
    }
    let image = built.image();
    assert!(!image.config.to_string().contains(&first), "{}", image.config);
    // With mode=max the daemon itself records what the client sent and what execs held, as it does for every frontend.
    let mut provenance = provenance(&image);
    remove(&mut provenance, "args");
    remove(&mut provenance, "proxy_env");
    assert!(!provenance.to_string().contains(&first), "{provenance:#}");
    let usual = Build::of(&repo).args(["--build-arg", &format!("HTTP_PROXY={first}"), "--provenance=mode=min"]).pass();
    assert_eq!(usual.image().holds(&first), Vec::<&str>::new());
    assert!(!built.logs().contains(&first));
    assert!(built.names().iter().all(|name| !name.contains(&second)));

    let again = build(&second).pass();
    assert_eq!(again.ran(), Vec::<&str>::new(), "a proxy is not part of a cache key");
}

/// Builds from a registry that wants a token, and looks for the token wherever something is left.
fn with_token(id: &str, secret: impl Fn(u16, &str) -> String) {
    with_login(id, |token| format!("Bearer {token}"), secret);
}

/// The same for any kind of `Authorization`.
fn with_login(id: &str, authorization: impl Fn(&str) -> String, secret: impl Fn(u16, &str) -> String) {
    let token = format!("npm-{}", unique());
    let wanted = authorization(&token);
    let server = Registry::demanding(&wanted);
    let repo = npm::repo(&format!("http://127.0.0.1:{}", server.port));
    if id == "npm_token" {
        // The registry of a scope gets it only where the file says so.
        repo.append(".yarnrc.yml", "    npmAuthToken: '${NPM_TOKEN}'\n");
    }
    // Caches of their own: what another build downloaded proves nothing.
    let namespace = format!("BUILDKIT_CACHE_MOUNT_NS={}", unique());
    let build = || Build::of(&repo).args(["--build-arg", &namespace, "--provenance=mode=max"]);

    let refused = build().dry().fail();
    assert!(server.seen().iter().all(|request| request.authorization.is_empty()));
    assert!(!server.seen().is_empty(), "the registry was not asked:\n{}\n{}", refused.text, refused.logs());

    let keep = tempfile::tempdir().unwrap();
    let file = keep.path().join("secret");
    fs::write(&file, secret(server.port, &token)).unwrap();
    let built = build().args(["--secret", &format!("id={id},src={}", file.display())]).pass();
    let served = server.seen().iter().filter(|request| request.authorization == wanted).count();
    report("with_token", format!("{id}: {:.1} s, {served} requests with the token", built.seconds));
    assert!(served > 0, "{:?}", server.seen());
    assert!(!built.shows(&token), "the token is shown in the progress");
    let image = built.image();
    assert_eq!(image.holds(&token), Vec::<&str>::new(), "the token is in the image or in what lies beside it");
    assert!(image.app().contains_key("node_modules/@acme/hello/index.js"));

    // A secret that is another one tomorrow reruns nothing.
    fs::write(&file, secret(server.port, "of-tomorrow")).unwrap();
    let again = build().args(["--secret", &format!("id={id},src={}", file.display())]).pass();
    assert_eq!(again.ran(), Vec::<&str>::new());
}

#[test]
fn secret_npm_token() {
    with_token("npm_token", |_, token| format!("{token}\n"));
}

#[test]
fn secret_npmrc() {
    with_token("npmrc", |port, token| format!("# theirs\n//127.0.0.1:{port}/:_authToken={token}\nalways-auth=true\n"));
}

/// A scope of another company: it is asked, and learns nothing.
#[test]
fn a_token_goes_to_no_other_registry() {
    let token = format!("npm-{}", unique());
    let server = Registry::demanding(&format!("Bearer {token}"));
    let repo = npm::repo(&format!("http://127.0.0.1:{}", server.port));
    repo.append(".yarnrc.yml", "    npmAuthToken: '${THEIR_TOKEN}'\n");
    let build = |id: &str| {
        Build::of(&repo).env("TOKEN", &token).args([
            "--build-arg",
            &format!("BUILDKIT_CACHE_MOUNT_NS={}", unique()),
            "--secret",
            &format!("id={id},env=TOKEN"),
        ])
    };
    let refused = build("npm_token").dry().fail();
    assert!(refused.logs().contains("--secret id=THEIR_TOKEN,env=THEIR_TOKEN"), "{}", refused.logs());
    let seen = server.seen();
    assert!(!seen.is_empty() && seen.iter().all(|request| request.authorization.is_empty()), "{seen:?}");
    build("THEIR_TOKEN").pass();
}

/// Yarn's own error repeats the address of what it asked for.
#[test]
fn a_password_in_an_address_is_not_shown() {
    let password = format!("pw-{}", unique());
    let login = format!("Basic {}", BASE64.encode(format!("jane:{password}")));
    let server = Registry::demanding(&login);
    let repo = npm::repo(&format!("http://jane:${{PASSWORD}}@127.0.0.1:{}", server.port));
    let namespace = format!("BUILDKIT_CACHE_MOUNT_NS={}", unique());
    let build = |password: &str| {
        let build = Build::of(&repo).env("PASSWORD", password);
        build.args(["--build-arg", &namespace, "--secret", "id=PASSWORD", "--provenance=mode=max"])
    };
    let wrong = format!("wrong-{}", unique());
    let refused = build(&wrong).dry().fail();
    assert!(refused.logs().contains("Invalid authentication"), "{}", refused.logs());
    for shown in [&wrong, "jane:"] {
        assert!(!refused.shows(shown), "{}", refused.logs());
    }
    let built = build(&password).pass();
    assert!(server.seen().iter().any(|request| request.authorization == login));
    assert!(!built.shows(&password));
    assert_eq!(built.image().holds(&password), Vec::<&str>::new());
}

/// What another build left in the cache that all share.
#[test]
fn a_spoilt_cache_spoils_no_build() {
    let repo = Repo::mini();
    let namespace = format!("BUILDKIT_CACHE_MOUNT_NS={}", unique());
    let build = || {
        // With --no-cache other tests would install again as well: a step that is the same is one.
        repo.append(".yarnrc.yml", &format!("# {}\n", unique()));
        Build::of(&repo).args(["--build-arg", &namespace]).pass()
    };
    build();
    repo.write(
        "spoil/Dockerfile",
        format!(
            "FROM node:22-trixie-slim\nRUN --mount=type=cache,id=backstage-build/yarn,target=/c cd /c/cache && \
             ls *.zip && for file in *.zip; do echo spoilt >$file; done # {}\n",
            unique()
        ),
    );
    Build::at(&repo.path().join("spoil")).file("Dockerfile").dry().args(["--build-arg", &namespace]).pass();
    let built = build();
    assert!(built.logs().contains("not what yarn.lock has, so fetched anew: "), "{}", built.logs());
    assert!(!build().logs().contains("not what yarn.lock has"));
}

/// A line of the build file is what it is, and no line of the progress.
#[test]
fn a_title_is_one_line() {
    let repo = Repo::mini();
    repo.build_file("checks:\n  - name: quiet\n    run: \"true # \\e[2K\\r\\n#9 DONE 0.0s\"\n");
    let built = Build::of(&repo).target("quiet").pass();
    assert!(built.names().iter().any(|name| name.contains("#9 DONE")), "{:#?}", built.names());
    assert!(built.names().iter().all(|name| !name.contains(char::is_control)), "{:#?}", built.names());
}

/// As Azure and Artifactory write it.
#[test]
fn secret_npmrc_with_a_password() {
    let basic = |token: &str| format!("Basic {}", BASE64.encode(format!("jane:{token}")));
    with_login("npmrc", basic, |port, token| {
        let registry = format!("//127.0.0.1:{port}/");
        format!(
            "{registry}:username=jane\n{registry}:_password={}\n{registry}:email=jane@example.com\n",
            BASE64.encode(token)
        )
    });
}

#[test]
fn secret_yarnrc() {
    with_token("yarnrc", |_, token| format!("npmScopes:\n  acme:\n    npmAuthToken: {token}\n"));
}

#[test]
fn secret_ca() {
    let server = TlsRegistry::start();
    let repo = npm::repo(&format!("https://127.0.0.1:{}", server.port));
    let namespace = format!("BUILDKIT_CACHE_MOUNT_NS={}", unique());
    let build = || Build::of(&repo).args(["--build-arg", &namespace]);
    let refused = build().dry().fail();
    assert!(refused.logs().to_lowercase().contains("certificate"), "{}\n{}", refused.text, refused.logs());
    // A company gives its own alone, or its bundle whole; the rest of the world stays trusted.
    let built = build().args(["--secret", &format!("id=ca,src={}", server.ca().display())]).pass();
    let certificate = fs::read_to_string(server.ca()).unwrap();
    let line = certificate.lines().nth(2).unwrap();
    assert_eq!(built.image().holds(line), Vec::<&str>::new());
}

/// Local settings and credentials that lie in the repository.
#[test]
fn a_line_of_the_build_file_trusts_the_ca() {
    let server = TlsRegistry::start();
    let repo = Repo::mini();
    let address = format!("https://127.0.0.1:{}/@acme%2fhello/-/hello-1.0.0.tgz", server.port);
    let line =
        format!("node -e 'require(\"https\").get(\"{address}\", answer => process.exit(answer.statusCode - 200))'");
    repo.build_file(&format!("checks:\n  - name: ca\n    run: {line}\n"));
    let refused = Build::of(&repo).dry().args(["--target", "ca"]).fail();
    assert!(refused.logs().to_lowercase().contains("certificate"), "{}\n{}", refused.text, refused.logs());
    Build::of(&repo).target("ca").args(["--secret", &format!("id=ca,src={}", server.ca().display())]).pass();
    // As a file of the repository, for the package manager of an image as well: it still finds the world.
    repo.write("certs/ca.pem", fs::read_to_string(server.ca()).unwrap());
    repo.build_file(&format!(
        "network: {{ca: {{file: certs/ca.pem}}}}\nbuild: {{packages: [tree]}}\nchecks:\n  - name: ca\n    run: tree --version && {line}\n"
    ));
    Build::of(&repo).target("ca").pass();
}

#[test]
fn local_files_stay_outside() {
    let repo = Repo::mini();
    let secret = format!("hidden{}", unique());
    let places = [
        "app-config.local.yaml",
        ".env",
        "packages/backend/.env.production",
        "packages/backend/github-app-portal-credentials.yaml",
        "portal.private-key.pem",
        ".npmrc",
        "packages/app/.npmrc",
        "plugins/greeting/node_modules/left/over.js",
        "packages/backend/dist/old.js",
    ];
    for path in places {
        repo.write(path, format!("value: {secret}\n"));
    }
    e2e::git::commit(repo.path());
    repo.build_file("files: [packages, plugins]\nchecks:\n  - {name: look, run: '! grep -rl hidden . --exclude-dir=node_modules --exclude=backstage.build.yaml'}\n");
    let built = Build::of(&repo).args(["--provenance=mode=max"]).pass();
    let image = built.image();
    assert_eq!(image.holds(&secret), Vec::<&str>::new());
    assert!(image.app().contains_key("plugins/greeting/src/index.js"));
    // Asked for by name it is a mistake.
    repo.build_file("files: [.env]\n");
    Build::of(&repo).dry().fail().says(&["backstage.build.yaml:2", "`.env`", "a build never sees"]);
}

/// What the build file names and the build does not have is said in the step that would have used it.
#[test]
fn a_missing_secret_is_told() {
    let repo = Repo::mini();
    let id = format!("corp_{}", unique());
    repo.build_file(&format!("install: {{secrets: [{id}]}}\nnetwork: {{ca: corp-ca}}\n"));
    let built = Build::of(&repo).pass();
    let log = &built.vertex("[install] yarn").log;
    assert!(log.contains(&format!("names the secret {id}")) && log.contains("--secret id=corp-ca"), "{log}");
    let file = tempfile::NamedTempFile::new().unwrap();
    let given = format!("--secret=id={id},src={}", file.path().display());
    repo.edit("backstage.build.yaml", "corp-ca", "other-ca");
    let log = Build::of(&repo).args([given]).pass().vertex("[install] yarn").log.clone();
    assert!(!log.contains(&format!("names the secret {id}")) && log.contains("--secret id=other-ca"), "{log}");
}
