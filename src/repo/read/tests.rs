//! Mistakes in repositories, as a person sees them.

use buildkit_frontend::diagnostic::{SourceFile, Span, Spanned};
use buildkit_frontend::files::{DirectoryFiles, MemoryFiles};
use buildkit_frontend::path::ContextPath;

use crate::repo::{Repository, config, project, read_set};

use super::read;

mod hostile;

const LOCK: &str = "# yarn\n\n__metadata:\n  version: 8\n  cacheKey: 10c0\n
\"a@npm:^1.0.0\":\n  version: 1.2.0\n  resolution: \"a@npm:1.2.0\"\n  languageName: node\n  linkType: hard\n
\"backend@workspace:packages/backend\":\n  version: 0.0.0-use.local\n  resolution: \"backend@workspace:packages/backend\"\n  \
                    dependencies:\n    a: \"npm:^1.0.0\"\n  languageName: unknown\n  linkType: soft\n
\"root@workspace:.\":\n  version: 0.0.0-use.local\n  resolution: \"root@workspace:.\"\n  languageName: unknown\n  linkType: soft\n";

fn path(text: &str) -> ContextPath {
    ContextPath::new(text).unwrap()
}

/// A small repository in which all is well, with some files changed; an empty text removes a file.
fn repository(changes: &[(&str, &str)]) -> MemoryFiles {
    let base = [
        (
            "package.json",
            "{\n  \"name\": \"root\",\n  \"workspaces\": [\n    \"packages/*\"\n  ],\n  \"packageManager\": \"yarn@4.13.0+sha512.abc\"\n}\n",
        ),
        (
            "packages/backend/package.json",
            "{\n  \"name\": \"backend\",\n  \"backstage\": { \"role\": \"backend\" },\n  \"dependencies\": {\n    \"a\": \"^1.0.0\"\n  }\n}\n",
        ),
        ("yarn.lock", LOCK),
        (".yarnrc.yml", "nodeLinker: node-modules\n"),
        ("app-config.yaml", "app:\n  title: x\n"),
    ];
    let mut files = MemoryFiles::default();
    for (name, text) in
        base.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name)).chain(changes)
    {
        if !text.is_empty() {
            files = files.with(path(name), (*text).to_owned());
        }
    }
    files
}

fn run(files: &MemoryFiles, named: &[&str]) -> Result<(Repository, Vec<String>), Vec<String>> {
    let spec = SourceFile::new("backstage.build.yaml", "# syntax=x\nconfig: [a, b]\n");
    let named: Vec<_> = named.iter().map(|name| Spanned::new(path(name), Span::line(&spec, 2))).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    match runtime.block_on(read(files, &named)) {
        Ok((repo, warnings)) => Ok((repo, warnings.iter().map(ToString::to_string).collect())),
        Err(errors) => Err(errors.0.iter().map(ToString::to_string).collect()),
    }
}

fn errors(changes: &[(&str, &str)]) -> String {
    run(&repository(changes), &[]).map(|_| ()).unwrap_err().join("\n")
}

#[test]
fn all_is_well() {
    let (repo, warnings) = run(&repository(&[]), &["app-config.yaml"]).unwrap();
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(repo.yarn.version.version.to_string(), "4.13.0");
    assert_eq!(repo.workspaces.len(), 1);
    assert!(repo.configs.contains_key(&path("app-config.yaml")));
}

#[test]
fn mistakes_are_explained() {
    let broken = LOCK.replace("a@npm:^1.0.0\":", "a@npm:^2.0.0\":");
    let gone =
        format!("{LOCK}\n\"x@workspace:plugins/x\":\n  resolution: \"x@workspace:plugins/x\"\n  linkType: soft\n");
    let conflict = LOCK.replace("\"a@npm", "<<<<<<< HEAD\n\"a@npm");
    let rc = |text: &'static str| [(".yarnrc.yml", text)];
    let root = |text: &'static str| [("package.json", text)];
    let mut all = String::new();
    for (name, said) in [
        ("no manifest", errors(&root(""))),
        ("broken manifest", errors(&root("{\n  \"name\": \"root\",\n}\n"))),
        ("broken workspace", errors(&[("packages/backend/package.json", "[]")])),
        ("no workspaces", errors(&root("{\n  \"name\": \"root\"\n}\n"))),
        ("escaping glob", errors(&root("{\n  \"workspaces\": [\n    \"packages/*\",\n    \"../other/*\"\n  ]\n}\n"))),
        ("escaping glob in an object", errors(&root("{\"workspaces\": {\"packages\": [\"/etc/*\"]}}"))),
        ("no lockfile", errors(&[("yarn.lock", "")])),
        ("npm", errors(&[("yarn.lock", ""), ("package-lock.json", "{}")])),
        ("pnpm", errors(&[("yarn.lock", ""), ("pnpm-workspace.yaml", "packages: []")])),
        ("bun", errors(&[("yarn.lock", ""), ("bun.lockb", "x")])),
        ("yarn 1 lockfile", errors(&[("yarn.lock", "# yarn lockfile v1\n\n\na@^1:\n  version \"1.0.0\"\n")])),
        ("conflict", errors(&[("yarn.lock", conflict.as_str())])),
        ("binary lockfile", errors(&[("yarn.lock", "\u{1}\u{2}")])),
        ("outdated lockfile", errors(&[("yarn.lock", broken.as_str())])),
        ("workspace gone", errors(&[("yarn.lock", gone.as_str())])),
        ("pnp", errors(&rc("nodeLinker: pnp\n"))),
        ("pnpm linker", errors(&rc("npmAuthToken: s3cret\nnodeLinker: pnpm\n"))),
        ("no linker", errors(&rc("enableTelemetry: false\n"))),
        ("no yarnrc", errors(&[(".yarnrc.yml", ""), (".pnp.cjs", "x")])),
        ("broken yarnrc", errors(&rc("nodeLinker: node-modules\nnpmAuthToken: [s3cret\n"))),
        ("yarnPath", errors(&rc("nodeLinker: node-modules\nyarnPath: .yarn/releases/yarn-4.1.0.cjs\n"))),
        (
            "packageManager",
            errors(&root("{\"name\": \"root\", \"workspaces\": [\"packages/*\"], \"packageManager\": \"yarn@4\"}")),
        ),
        ("duplicate", errors(&[("packages/b2/package.json", "{\"name\": \"backend\"}")])),
        ("broken config", errors(&[("app-config.yaml", "app:\n  title: [\n")])),
        ("broken backstage.json", errors(&[("backstage.json", "{")])),
    ] {
        all.push_str(&format!("# {name}\n{said}\n\n"));
        assert!(!said.contains("s3cret"), "{said}");
    }
    insta::assert_snapshot!(all);
}

#[test]
fn many_missing_dependencies_are_one_message() {
    let dependencies: Vec<String> = (0..8).map(|i| format!("    \"m{i}\": \"^1\"")).collect();
    let manifest =
        format!("{{\n  \"name\": \"backend\",\n  \"devDependencies\": {{\n{}\n  }}\n}}\n", dependencies.join(",\n"));
    let files = repository(&[("packages/backend/package.json", manifest.as_str())]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let errors = runtime.block_on(read(&files, &[])).unwrap_err().0;
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].labels.len(), 5);
    assert_eq!(errors[0].labels[1].span.first_line(), 5);
    assert_eq!(
        errors[0].to_string(),
        "packages/backend/package.json:4:5: yarn.lock has no entry for 8 dependencies, such as `m0@npm:^1`: `m0@npm:^1` has no \
         entry (3 more are missing; run `yarn install` and commit yarn.lock)"
    );
}

/// What a plugin makes of a dependency is not known here.
#[test]
fn with_a_plugin_a_missing_entry_only_warns() {
    let rc = "nodeLinker: node-modules\nplugins:\n  - path: .yarn/plugins/ours.cjs\n    spec: x\n";
    let lock = LOCK.replace("a@npm:^1.0.0\":", "a@npm:^2.0.0\":");
    let (_, warnings) = run(&repository(&[(".yarnrc.yml", rc), ("yarn.lock", lock.as_str())]), &[]).unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("`a@npm:^1.0.0`"), "{warnings:?}");
}

#[test]
fn named_configs_must_be_there() {
    let said = run(&repository(&[]), &["app-config.yml", "config/prod.yaml"]).map(|_| ()).unwrap_err();
    assert_eq!(
        said,
        [
            "backstage.build.yaml:2:1: the config file app-config.yml is not in the build context (did you mean `app-config.yaml`?)",
            "backstage.build.yaml:2:1: the config file config/prod.yaml is not in the build context (check its path, which is \
             relative to the repository's root, and that no ignore file hides it)",
        ]
    );
}

#[test]
fn a_config_that_nobody_named_only_warns() {
    let (repo, warnings) = run(&repository(&[("app-config.other.yaml", "a: [\n")]), &[]).unwrap();
    assert_eq!(repo.configs.len(), 1);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("app-config.other.yaml"), "{warnings:?}");
}

#[test]
fn includes_are_followed_or_told() {
    let files = repository(&[
        (
            "app-config.yaml",
            "catalog:\n  $include: config/catalog.yaml\nother:\n  $include: config/none.yaml\nk:\n  $file: ./key\n",
        ),
        ("config/catalog.yaml", "locations:\n  - { type: file, target: ../../examples/a.yaml }\n"),
    ]);
    let (repo, _) = run(&files, &[]).unwrap();
    let config = &repo.configs[&path("app-config.yaml")];
    assert_eq!(config::file_locations(&config.value), ["../../examples/a.yaml"]);
    let names =
        |paths: Vec<&ContextPath>| paths.into_iter().map(ContextPath::as_str).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(names(config.references.iter().collect()), ["config/catalog.yaml", "config/none.yaml", "key"]);
    assert_eq!(names(config::config_references(&repo).iter().collect()), ["config/none.yaml"]);
}

#[test]
fn yarn_settings() {
    let rc = "nodeLinker: node-modules\nnpmRegistryServer: https://registry.example.com\nyarnPath: .yarn/releases/yarn-4.9.1.cjs\n\
              plugins:\n  - path: .yarn/plugins/x.cjs\n    spec: x\nnpmScopes:\n  a:\n    npmAuthToken: ${TOKEN}\n    \
              npmRegistryServer: \"${URL:-https://x}\"\nsupportedArchitectures:\n  cpu: [x64, arm64]\n";
    let files = repository(&[(".yarnrc.yml", rc), (".yarn/releases/yarn-4.9.1.cjs", "x"), ("patches/a.patch", "x")]);
    let (repo, _) = run(&files, &[]).unwrap();
    assert_eq!(repo.yarn.version.version.to_string(), "4.9.1");
    assert_eq!(repo.yarn.variables, ["TOKEN"]);
    assert_eq!(repo.yarn.registry.as_deref(), Some("https://registry.example.com"));
    assert!(repo.yarn.architectures);
    let inputs: Vec<_> = repo.yarn.inputs.iter().map(ContextPath::as_str).collect();
    assert_eq!(inputs, [".yarn/plugins/x.cjs", ".yarn/releases/yarn-4.9.1.cjs", "patches"]);
}

#[test]
fn hints_of_node() {
    let root = "{\"name\": \"root\", \"workspaces\": [\"packages/*\"], \"engines\": {\"node\": \"22 || 24\"}}";
    let (repo, _) = run(&repository(&[("package.json", root), (".nvmrc", "# lts\nv22.3.0 # why\n")]), &[]).unwrap();
    let hints: Vec<_> = repo.node_hints.iter().map(|hint| (hint.kind, hint.range.as_str())).collect();
    assert_eq!(hints, [(".nvmrc", "v22.3.0"), ("engines.node", "22 || 24")]);
}

/// What an install does not depend on must not reach what it is keyed by.
#[test]
fn only_what_an_install_reads_changes_its_project() {
    let manifests = |root: &str, backend: &str| {
        let changes = [("package.json", root), ("packages/backend/package.json", backend)];
        let (repo, _) = run(&repository(&changes), &[]).unwrap();
        (project::development(&repo), project::Production::of(&repo, "backend").project())
    };
    let root =
        "{\"name\": \"root\", \"version\": \"1.0.0\", \"workspaces\": [\"packages/*\"], \"scripts\": {\"a\": \"b\"}}";
    let same = "{\"scripts\": {\"a\": \"c\", \"postinstall\": \"husky\"}, \"workspaces\": [\"packages/*\"], \"version\": \"2.0.0\", \
                \"description\": \"x\", \"name\": \"root\", \"license\": \"MIT\", \"prettier\": {}, \"lint-staged\": {}}";
    let backend = "{\"name\": \"backend\", \"version\": \"1.0.0\", \"dependencies\": {\"a\": \"^1.0.0\"}}";
    let backend_same = "{\"main\": \"x\", \"dependencies\": {\"a\": \"^1.0.0\"}, \"files\": [], \"name\": \"backend\", \"version\": \"3.0.0\", \
                        \"scripts\": {\"build\": \"x\"}, \"backstage\": {\"role\": \"backend\"}}";
    let before = manifests(root, backend);
    assert_eq!(before, manifests(same, backend_same));
    let (_, production) = &before;
    assert!(production.files[&path("yarn.lock")].contains("a@npm:^1.0.0"));
    let dev = "{\"name\": \"backend\", \"dependencies\": {}, \"devDependencies\": {\"a\": \"^1.0.0\"}}";
    let (development, production) = manifests(root, dev);
    assert!(development.files[&path("packages/backend/package.json")].contains("devDependencies"));
    assert!(!production.files[&path("yarn.lock")].contains("a@npm"));
    assert_ne!(before.0, development);
}

#[test]
fn a_directory_shows_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        #[allow(clippy::disallowed_methods)]
        {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    };
    write(
        "package.json",
        "{\"name\": \"root\", \"workspaces\": [\"packages/*\"], \"packageManager\": \"yarn@4.13.0\"}",
    );
    write("packages/backend/package.json", "{\"name\": \"backend\", \"dependencies\": {\"a\": \"^1.0.0\"}}");
    write("packages/node_modules/package.json", "{\"name\": \"never\"}");
    write("yarn.lock", LOCK);
    write(".yarnrc.yml", "nodeLinker: node-modules\n");
    write("app-config.local.yaml", "secret: 1\n");
    write(".env", "SECRET=1\n");
    let files = DirectoryFiles::new(dir.path(), &read_set(&[], None)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (repo, _) = runtime.block_on(read(&files, &[])).unwrap();
    assert_eq!(repo.workspaces.len(), 1);
    assert!(repo.configs.is_empty());
    let names: Vec<_> = repo.root_files.iter().map(String::as_str).collect();
    assert_eq!(names, [".yarnrc.yml", "package.json", "yarn.lock"]);
}

/// The client sends a link as a link, and what it leads to only where somebody asks for that.
#[test]
fn a_link_is_told() {
    for name in ["package.json", "yarn.lock", ".yarnrc.yml"] {
        let dir = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("package.json", "{\"name\": \"root\", \"packageManager\": \"yarn@4.13.0\"}"),
            ("yarn.lock", LOCK),
            (".yarnrc.yml", "nodeLinker: node-modules\n"),
        ] {
            #[allow(clippy::disallowed_methods)]
            std::fs::write(dir.path().join(file), text).unwrap();
        }
        std::fs::rename(dir.path().join(name), dir.path().join("other.txt")).unwrap();
        std::os::unix::fs::symlink("other.txt", dir.path().join(name)).unwrap();
        let files = DirectoryFiles::new(dir.path(), &read_set(&[], None)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let buildkit_frontend::diagnostic::Diagnostics(errors) = runtime.block_on(read(&files, &[])).unwrap_err();
        assert_eq!(errors.first().unwrap().message, format!("{name} is a link, which a build does not follow"));
    }
}
