//! The tables.

use super::Format as F;
use super::Shape::{self, Any, List, Map, Object, Off, OneOf, Scalar, Single};
use super::Status::{Instead, NotYet, Required};
use super::{Key, Status, Word};

/// A key that can be used: name, shape, example, default, doc.
const fn key(name: &'static str, shape: Shape, example: &'static str, default: &'static str, doc: &'static str) -> Key {
    Key { name, shape, doc, default, example, status: Status::Optional }
}

const fn required(name: &'static str, shape: Shape, example: &'static str, doc: &'static str) -> Key {
    Key { name, shape, doc, default: "", example, status: Required }
}

const fn not_yet(name: &'static str, doc: &'static str, help: &'static str) -> Key {
    Key { name, shape: Shape::Nothing, doc, default: "", example: "", status: NotYet(help) }
}

const fn instead(name: &'static str, other: &'static str) -> Key {
    Key { name, shape: Shape::Nothing, doc: "", default: "", example: "", status: Instead(other) }
}

const fn word(text: &'static str, doc: &'static str) -> Word {
    Word { text, doc, status: Status::Optional }
}

const fn word_not_yet(text: &'static str, doc: &'static str, help: &'static str) -> Word {
    Word { text, doc, status: NotYet(help) }
}

/// The nouns.
pub(crate) const ROOT: &[Key] = &[
    key(
        "node",
        Scalar(F::NodeVersion),
        "22",
        "`.nvmrc`, `.node-version`, else the lowest maintained line that `engines.node` allows",
        "Node line or exact version, for build, native modules and runtime alike.",
    ),
    key(
        "backend",
        Scalar(F::Workspace),
        "packages/backend",
        "the one workspace whose `backstage.role` is `backend`",
        "The backend workspace, by path or by package name.",
    ),
    key("frontend", OneOf(FRONTEND), "none", "`bundled`", "How the frontend is shipped."),
    key(
        "config",
        List(&Any(&[Scalar(F::ConfigFile), Object(CONFIG_FILE)])),
        "[app-config.yaml, app-config.production.yaml]",
        "`app-config.yaml` and `app-config.production.yaml`, as far as they are there",
        "Run-time config files, in order; they become `--config` arguments.",
    ),
    key(
        "files",
        List(&Any(&[Scalar(F::File), Object(EXTRA_FILE)])),
        "[examples]",
        "file locations that the config names",
        "More files for the image, also such as an ignore file excludes. Secrets and local config are always left out, but for content of templates that is named by its own path.",
    ),
    key(
        "exclude",
        List(&Scalar(F::Pattern)),
        "[\"**/*.stories.tsx\"]",
        "",
        "More that the build must not see, as `.dockerignore` patterns. Secrets and local config are always left out.",
    ),
    key("install", Object(INSTALL), "{natives: prebuilt}", "", "How dependencies are installed."),
    key("build", Object(BUILD), "{packages: [git]}", "", "How the bundles are built."),
    key(
        "checks",
        Any(&[Off, List(&Any(&[OneOf(CHECKS), Object(CHECK), Single(F::CheckName, &Scalar(F::Command))]))]),
        "[typecheck, lint, {licences: yarn licences}]",
        "`[typecheck]`, where there is a tsconfig",
        "What must pass before there is an image; `false` or `[]` for nothing. Each check is also a target.",
    ),
    key("prune", Any(&[OneOf(PRUNE_MODES), Object(PRUNE)]), "off", "`safe`", "What is left out of the image."),
    key("sourceMaps", OneOf(SOURCE_MAPS), "keep", "`drop`", "What becomes of source maps."),
    key("runtime", Object(RUNTIME), "{base: slim}", "", "The image that runs."),
    key(
        "network",
        Object(NETWORK),
        "{ca: corporate-ca}",
        "",
        "How the build reaches the network. None of it is in the image unless said.",
    ),
    not_yet("techdocs", "A pinned mkdocs for TechDocs.", ""),
    not_yet("plugins", "Dynamic plugins to bundle.", ""),
    not_yet("stages", "Own stages in any language.", ""),
    not_yet("environments", "Config files by environment.", "name the files in `config`"),
    not_yet("registryMirror", "A mirror for base images.", "the builder's own configuration has mirrors"),
    instead("sqlite", "`install: {natives: {better-sqlite3: skip}}`"),
    instead("syntax", "`# syntax=IMAGE` as the first line of the file, a comment"),
];

const FRONTEND: &[Word] = &[
    word("bundled", "Served by the backend, in the same image."),
    word_not_yet(
        "separate",
        "Built apart, for an image of its own (target `frontend`).",
        "use `bundled`, or `none` for an image without the app",
    ),
    word("none", "Not built."),
];

const CONFIG_FILE: &[Key] = &[
    required("from", Scalar(F::ConfigFile), "config/production.yaml", "The file in the repository."),
    key(
        "to",
        Scalar(F::ConfigName),
        "app-config.production.yaml",
        "the same path",
        "Its name in the image, relative to the working directory.",
    ),
    key("as", Scalar(F::ConfigName), "app-config.production.yaml", "", "The same as `to`."),
];

const EXTRA_FILE: &[Key] = &[
    required("from", Scalar(F::Source), "examples", "Path in the repository, or in the image or named context."),
    key(
        "to",
        Scalar(F::Destination),
        "/app/examples",
        "the same path below the working directory",
        "Path in the image; what does not begin with `/` is below the working directory.",
    ),
    key("mode", Scalar(F::Mode), "\"0644\"", "as it is", "Permission bits, octal."),
    key("image", Scalar(F::Image), "nginx:1.29", "", "Takes the files from this image."),
    not_yet(
        "context",
        "Takes the files from this named context (`--build-context`).",
        "take them from the repository or from an image: `{image: ref, from, to}`",
    ),
    not_yet("stage", "Takes the files from an own stage.", ""),
];

const INSTALL: &[Key] = &[
    key(
        "yarn",
        Scalar(F::YarnVersion),
        "4.9.2",
        "`yarnPath`, `packageManager`, else the lockfile's version",
        "The Yarn that installs: `auto` or an exact version.",
    ),
    key("registry", Scalar(F::Url), "https://npm.example.com", "`.yarnrc.yml`", "The npm registry."),
    key(
        "secrets",
        List(&Scalar(F::SecretId)),
        "[npmrc, npm_token]",
        "`npm_token`, `npmrc`, `yarnrc` and `ca`, when the build has them",
        "Ids of more secrets that the install may read. Ids, never values: pass them with `--secret`.",
    ),
    key(
        "natives",
        Any(&[OneOf(NATIVES), Map(F::PackageName, &OneOf(NATIVES))]),
        "{better-sqlite3: skip}",
        "`auto`, without SQLite where the config does not use it",
        "What becomes of packages with native code: for all, or by package. Where nothing is said of it, `better-sqlite3` is \
         left out if no database client of the config files and `runtime.env` is `better-sqlite3`: a container that is \
         told to use it then fails. `auto` builds it. It is built as well where a client is not certain, such as \
         `${DB_CLIENT}`, and where another package asks for it.",
    ),
    key("immutable", Shape::Bool, "false", "`true`", "Whether the install fails when the lockfile would change."),
    instead("native", "`install.natives`"),
    instead("binaryMirror", "`network.binaryMirror`"),
];

const NATIVES: &[Word] = &[
    word("auto", "A prebuilt binary if there is one, otherwise compiled."),
    word("prebuilt", "A prebuilt binary or a failed build."),
    word("source", "Always compiled."),
    word("skip", "Not built: the image does not need it."),
];

const BUILD: &[Key] = &[
    key("base", Scalar(F::Image), "node:22-trixie", "the Node image of `node`", "Image that build steps run in."),
    key("packages", List(&Scalar(F::OsPackage)), "[git, cmake]", "", "OS packages that build steps need."),
    key(
        "command",
        Scalar(F::Command),
        "yarn build --filter=backend",
        "Backstage's own build of the backend",
        "The build command for the backend, a shell line.",
    ),
    key(
        "before",
        List(&Scalar(F::Command)),
        "[yarn codegen]",
        "",
        "Shell lines that run in the repository before each of the two builds, the app's and the backend's, in order.",
    ),
    key(
        "config",
        List(&Scalar(F::ConfigFile)),
        "[app-config.yaml]",
        "what the app's own build script names, else `app-config.yaml`",
        "Config files for the frontend build, in order.",
    ),
    key("env", Map(F::EnvName, &Scalar(F::EnvValue)), "{APP_VERSION: 1.10}", "", "Environment of build steps."),
    key("memory", Scalar(F::Memory), "4g", "`auto`", "Heap of each Node process: MiB, or a size such as `4g`."),
    key("minify", Shape::Bool, "true", "`false`", "Whether backend code is minified."),
    not_yet(
        "from",
        "Directory of an already built bundle (the host build); nothing is built then.",
        "leave it out: the bundle is built in the build",
    ),
    not_yet("git", "Whether build steps see the git history.", ""),
];

const CHECKS: &[Word] = &[
    word("typecheck", "`yarn tsc`."),
    word("lint", "`yarn lint:all`."),
    word("test", "`yarn test:all`, or `yarn test` where there is no such script."),
    word_not_yet("boot", "Starts the image and waits until it is ready.", ""),
    word_not_yet("audit", "`yarn npm audit`.", ""),
];

/// An own check in its long form.
pub(crate) const CHECK: &[Key] = &[
    required("name", Scalar(F::CheckName), "licences", "Unique name; also a target."),
    required("run", Scalar(F::Command), "yarn licences", "A shell line, run in the repository."),
    key("base", Scalar(F::Image), "cypress/included:15", "the image that build steps run in", "Image to run in."),
];

const PRUNE_MODES: &[Word] =
    &[word("safe", "Leaves out what no module can require."), word("off", "All of every package stays.")];

const PRUNE: &[Key] = &[
    key(
        "keep",
        List(&Scalar(F::ModulePattern)),
        "[\"some-plugin/docs/**\"]",
        "",
        "Patterns below `node_modules` that stay whatever the rules say.",
    ),
    key(
        "drop",
        List(&Scalar(F::ModulePattern)),
        "[\"**/*.flow\"]",
        "",
        "Patterns below `node_modules` that go as well.",
    ),
];

const SOURCE_MAPS: &[Word] = &[
    word("drop", "Not in the image."),
    word("keep", "In the image."),
    word_not_yet(
        "export",
        "Not in the image, but on the target `sourcemaps`.",
        "keep them with `keep`, or take them from the target `bundle`",
    ),
];

/// The names that `runtime.base` knows.
pub(crate) const BASES: &[Word] = &[
    word("distroless", "Node alone, without a shell."),
    word("slim", "The Node line on Debian, with a shell and npm."),
    word_not_yet("alpine", "The Node line on Alpine.", OTHER_BASE),
    word_not_yet("wolfi", "The Node line on Wolfi.", OTHER_BASE),
    word_not_yet("ubi", "The Node line on Red Hat's UBI.", OTHER_BASE),
    word_not_yet("dhi", "The Node line of Docker's hardened images.", OTHER_BASE),
];
const OTHER_BASE: &str =
    "use `distroless`, `slim` or the reference of an image with Node, built on the same libc as the build image";

const RUNTIME: &[Key] = &[
    key(
        "base",
        Scalar(F::Base),
        "slim",
        "`distroless`",
        "`distroless`, `slim` (the Node line on Debian, with a shell and npm), or any image with `node` in its path.",
    ),
    key("packages", List(&Scalar(F::OsPackage)), "[git]", "", "OS packages in the image."),
    key("user", Scalar(F::User), "1001:0", "the base's non-root user", "`uid`, `uid:gid` or a name that the base has."),
    key(
        "env",
        Map(F::EnvName, &Scalar(F::EnvValue)),
        "{LOG_LEVEL: info}",
        "",
        "More environment. Never secrets: everyone who can pull the image can read it.",
    ),
    key(
        "nodeOptions",
        List(&Scalar(F::NodeOption)),
        "[--max-old-space-size=1000]",
        "what the dependencies need",
        "More `NODE_OPTIONS`.",
    ),
    key(
        "preload",
        List(&Scalar(F::File)),
        "[instrumentation.js]",
        "",
        "Modules that Node requires before the backend, relative to the working directory. A module of the repository is put there.",
    ),
    key("args", List(&Scalar(F::Argument)), "[--no-color]", "", "Arguments after the config arguments."),
    key("entrypoint", List(&Scalar(F::Argument)), "[/usr/bin/tini, --]", "`[]`", "The image's entrypoint."),
    key(
        "port",
        Scalar(F::Port),
        "8080",
        "`backend.listen` of the config and of `APP_CONFIG_…` in `env`, else 7007",
        "The port that is exposed and that the health check asks. The backend listens where its config says.",
    ),
    key(
        "healthcheck",
        Any(&[Shape::Bool, Object(HEALTHCHECK)]),
        "{interval: 30s}",
        "`false`",
        "Whether, and how, the image says that it is healthy: `/.backstage/health/v1/readiness` answers 200.",
    ),
    not_yet(
        "init",
        "Whether a small init is process 1.",
        "the backend handles SIGTERM itself; start the container with `--init` where you need one",
    ),
    key("writable", List(&Scalar(F::Directory)), "[/tmp]", "`[/tmp]`", "Directories that the user may write to."),
    key(
        "labels",
        Map(F::LabelKey, &Scalar(F::LabelValue)),
        "{org.opencontainers.image.vendor: Acme}",
        "source and revision of the repository, name and digest of the base",
        "Image labels.",
    ),
    key(
        "annotations",
        Map(F::LabelKey, &Scalar(F::LabelValue)),
        "{org.opencontainers.image.vendor: Acme}",
        "",
        "Manifest annotations.",
    ),
    key("stopSignal", Scalar(F::Signal), "SIGINT", "the base's", "Signal that stops the container."),
    not_yet("workdir", "The working directory; it is `/app`.", ""),
    not_yet("pip", "Python packages in the image.", ""),
];

const HEALTHCHECK: &[Key] = &[
    key("interval", Scalar(F::Duration), "30s", "30s", "Time between checks."),
    key("timeout", Scalar(F::Duration), "5s", "30s", "Time that a check may take."),
    key("start", Scalar(F::Duration), "1m", "0s", "Time before failures count."),
    key("retries", Scalar(F::Count), "3", "3", "Failures in a row that make it unhealthy."),
];

const NETWORK: &[Key] = &[
    key(
        "ca",
        Any(&[Scalar(F::SecretId), Object(CA)]),
        "corporate-ca",
        "",
        "A CA bundle for build steps: the id of a secret, or where it is.",
    ),
    key(
        "proxy",
        Any(&[Scalar(F::Url), Object(PROXY)]),
        "http://proxy.example.com:3128",
        "the build args of the same meaning",
        "Proxy for build steps. Build args (`--build-arg HTTPS_PROXY=…`) win.",
    ),
    key(
        "binaryMirror",
        Scalar(F::Url),
        "https://mirror.example.com/binaries",
        "",
        "Base URL of a mirror of prebuilt native binaries.",
    ),
];

const CA: &[Key] = &[
    key("secret", Scalar(F::SecretId), "corporate-ca", "", "The id of a secret."),
    key("file", Scalar(F::File), "certs/ca.pem", "", "A file in the repository."),
    not_yet(
        "runtime",
        "Whether the bundle is also put into the image.",
        "put it into the base, or mount it when the container starts",
    ),
];

const PROXY: &[Key] = &[
    key("http", Scalar(F::Url), "http://proxy.example.com:3128", "", "For http."),
    key("https", Scalar(F::Url), "http://proxy.example.com:3128", "", "For https."),
    key(
        "noProxy",
        Scalar(F::Hosts),
        "\"localhost,.example.com\"",
        "",
        "Hosts that are reached directly, separated by commas.",
    ),
];
