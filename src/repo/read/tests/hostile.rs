//! Repositories that nobody writes by hand.

use super::*;

/// A repository whose backend has more dependencies, each with its entry.
fn depending(dependencies: &[(String, String)]) -> MemoryFiles {
    let lines: Vec<String> = dependencies.iter().map(|(name, range)| format!("    \"{name}\": \"{range}\"")).collect();
    let manifest = format!("{{\n  \"name\": \"backend\",\n  \"dependencies\": {{\n{}\n  }}\n}}\n", lines.join(",\n"));
    let mut lock = LOCK.to_owned();
    for (name, range) in dependencies {
        let locator = format!("{name}@{range}::locator=backend%40workspace%3Apackages%2Fbackend");
        lock.push_str(&format!(
            "\n\"{locator}\":\n  version: 0.0.0-use.local\n  resolution: \"{locator}\"\n  linkType: soft\n"
        ));
    }
    repository(&[("packages/backend/package.json", &manifest), ("yarn.lock", &lock)])
}

#[test]
fn what_lies_outside_is_one_message() {
    let dependency = |i: usize| (format!("d{i}"), format!("link:../../../x{i}"));
    let one = run(&depending(&[dependency(0)]), &[]).map(|_| ()).unwrap_err();
    assert_eq!(
        one,
        [
            "packages/backend/package.json:4:5: a dependency names packages/backend/../../../x0, which is no path in the \
          repository: the path leaves its root through `..` (move what it names into the repository)"
        ]
    );
    // Each of them looked for in each line would be 10^8 comparisons.
    let many: Vec<_> = (0..10_000).map(dependency).collect();
    let many = run(&depending(&many), &[]).map(|_| ()).unwrap_err();
    assert_eq!(many.len(), 1);
    assert!(many[0].contains("10000 dependencies name what is no path"), "{many:?}");
}

#[test]
fn a_dependency_on_a_secret_is_refused_where_it_is_written() {
    for target in [".git", ".git/hooks", ".env.local", ".npmrc", ".yarnrc.yml", "app-config.local.yaml"] {
        for protocol in ["link:", "portal:", "file:"] {
            let said =
                run(&depending(&[("zz".into(), format!("{protocol}../../{target}"))]), &[]).map(|_| ()).unwrap_err();
            assert_eq!(said.len(), 1, "{said:?}");
            let wanted = format!("packages/backend/package.json:4:5: a dependency names {target}, which no build sees");
            assert!(said[0].starts_with(&wanted), "{said:?}");
        }
    }
    assert!(run(&depending(&[("zz".into(), "link:../../.gitlab".into())]), &[]).is_ok());
}

#[test]
fn extensions_are_counted() {
    let rows: String = (0..=1000).map(|i| format!("  \"a@{i}\":\n    dependencies:\n      b: 1\n")).collect();
    let rc = format!("nodeLinker: node-modules\npackageExtensions:\n{rows}");
    assert!(errors(&[(".yarnrc.yml", &rc)]).starts_with(".yarnrc.yml:2:1: `packageExtensions` adds more than 1000"));
}

#[test]
fn secrets_of_manifests_are_not_repeated() {
    let range = "npm:^1 ghp_0123456789abcdefghij0123";
    let manifest = format!("{{\"name\": \"backend\", \"dependencies\": {{\"zz\": \"{range}\"}}}}");
    let said = errors(&[("packages/backend/package.json", &manifest)]);
    assert!(said.contains("yarn.lock has no entry for `zz@npm:^1 ***`"), "{said}");
}

/// A tree with directories, sockets and files where others are expected.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test may write")]
fn what_nobody_named_may_be_anything() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let small = repository(&[]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    std::fs::create_dir_all(at("packages/backend")).unwrap();
    for name in ["package.json", "packages/backend/package.json", "yarn.lock", ".yarnrc.yml", "app-config.yaml"] {
        let data =
            runtime.block_on(buildkit_frontend::files::Files::read(&small, &path(name), 1 << 20)).unwrap().unwrap();
        std::fs::write(at(name), data).unwrap();
    }
    std::fs::create_dir(at("config")).unwrap();
    std::os::unix::fs::symlink("config", at("app-config.dir.yaml")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("app-config.socket.yaml")).unwrap();
    std::fs::write(at("patches"), "x").unwrap();
    let read = |named: &[&str]| {
        let spec = SourceFile::new("backstage.build.yaml", "# syntax=x\n");
        let named: Vec<_> = named.iter().map(|name| Spanned::new(path(name), Span::line(&spec, 1))).collect();
        let files = DirectoryFiles::new(dir.path(), &read_set(&[], None)).unwrap();
        let found = runtime.block_on(read(&files, &named));
        found.map(|(repo, _)| repo).map_err(|errors| errors.0.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let repo = read(&[]).unwrap();
    assert_eq!(repo.configs.keys().map(ContextPath::as_str).collect::<Vec<_>>(), ["app-config.yaml"]);
    assert!(repo.yarn.inputs.is_empty());
    let said = read(&["app-config.socket.yaml"]).unwrap_err();
    let wanted = "backstage.build.yaml:1:1: app-config.socket.yaml is not a file (a build reads it wherever it is there: make it a \
                  file, or move it away)";
    assert!(said[0].starts_with("the config file app-config.dir.yaml is a link"), "{said:?}");
    assert_eq!(said[1..], [wanted]);
    std::fs::create_dir(at(".nvmrc")).unwrap();
    assert!(read(&[]).unwrap_err()[0].starts_with(".nvmrc is not a file ("));
}
