//! The request as a whole: which option reaches which field, what a user reads when one is wrong, what is refused.

use proptest::prelude::*;

use crate::diagnostic::Diagnostics;
use crate::path::ContextPath;

use super::*;

fn environment() -> RequestEnvironment {
    RequestEnvironment {
        session: "session".into(),
        default_platform: "linux/arm64".parse().unwrap(),
        inputs: BTreeSet::new(),
    }
}

fn options(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn try_parse(pairs: &[(&str, &str)]) -> Result<Request, Diagnostics> {
    Request::parse(&options(pairs), &environment())
}

#[track_caller]
fn parse(pairs: &[(&str, &str)]) -> Request {
    try_parse(pairs).unwrap()
}

#[test]
fn nothing_at_all_is_a_request() {
    let request = parse(&[]);
    assert_eq!(request.context.source, ContextSource::Local);
    assert_eq!(request.build_file.name.as_str(), "Dockerfile");
    assert_eq!(request.build_file.source, BuildFileSource::Local("dockerfile".into()));
    assert_eq!(request.platforms.all(), ["linux/arm64".parse().unwrap()]);
    assert_eq!(request.no_cache, NoCache::Off);
    assert_eq!(request.exec, ExecSettings::default());
    assert_eq!(request.refuse_unsupported(), Ok(()));
}

/// What `docker buildx build -f ci/backstage.build.yaml .` sends in a git work tree, and a few flags more.
#[test]
fn a_request_of_buildx() {
    let request = parse(&[
        ("filename", "backstage.build.yaml"),
        ("source", "registry.example.com/platform/backstage-build:1"),
        ("cmdline", "registry.example.com/platform/backstage-build:1"),
        ("attest:provenance", "mode=min,inline-only=true"),
        ("attest:sbom", "type=sbom"),
        ("build-arg:HTTP_PROXY", "http://proxy:3128"),
        ("build-arg:runtime.base", "slim"),
        ("build-arg:SOURCE_DATE_EPOCH", "1700000000"),
        ("build-arg:BUILDKIT_SYNTAX", "x"),
        ("build-arg:BUILDKIT_INLINE_CACHE", "1"),
        ("build-arg:BUILDKIT_CACHE_MOUNT_NS", "team"),
        ("build-arg:BUILDKIT_SANDBOX_HOSTNAME", "builder"),
        ("hostname", "other"),
        ("cache-imports", r#"[{"Type":"registry","Attrs":{"ref":"r/cache"}}]"#),
        ("cache-from", "r/cache,r/old"),
        ("force-network-mode", "host"),
        ("image-resolve-mode", "pull"),
        ("label:org.example.team", "a=b"),
        ("label:", "no name"),
        ("local-sessionid:context", "shared"),
        ("memory", "2147483648"),
        ("no-cache", "app"),
        ("platform", "linux/amd64"),
        ("multi-platform", "true"),
        ("shm-size", "67108864"),
        ("target", "frontend"),
        ("ulimit", "nofile=1024"),
        ("vcs:revision", "abc"),
        ("vcs:source", "https://token@github.com/a/b.git"),
        ("something-new", "?"),
    ]);
    assert_eq!(request.build_file.name.as_str(), "backstage.build.yaml");
    assert_eq!(request.build_args, options(&[("runtime.base", "slim")]));
    assert_eq!(request.exec.proxy.http.as_deref(), Some("http://proxy:3128"));
    assert_eq!(request.source_date_epoch, Some(SourceDateEpoch::Seconds(1_700_000_000)));
    assert_eq!(request.cache_namespace.as_deref(), Some("team"));
    assert_eq!(request.exec.hostname.as_deref(), Some("builder"));
    let refs: Vec<_> = request.cache_imports.iter().map(|c| c.attrs["ref"].as_str()).collect();
    assert_eq!(refs, ["r/cache", "r/old"]);
    assert_eq!(request.exec.network, NetworkMode::Host);
    assert_eq!(request.resolve_mode, ResolveMode::Pull);
    assert_eq!(request.labels, options(&[("org.example.team", "a=b")]));
    assert_eq!((request.sessions.of("context"), request.sessions.of("dockerfile")), ("shared", "session"));
    assert_eq!(request.exec.resources.memory, Some(2_147_483_648));
    assert!(request.no_cache.applies_to("APP") && !request.no_cache.applies_to("backend"));
    assert_eq!(request.platforms.all(), ["linux/amd64".parse().unwrap()]);
    assert_eq!(request.platforms.form, ResultForm::Map);
    assert_eq!(request.exec.shm_size, Some(67_108_864));
    assert_eq!(request.target.as_deref(), Some("frontend"));
    assert_eq!(request.exec.ulimits.len(), 1);
    assert_eq!(request.vcs.source.as_deref(), Some("https://github.com/a/b.git"));
    assert!(request.attestations.sbom.is_some());
    assert_eq!(request.attestations.provenance.as_ref().unwrap()["mode"], "min");
    assert_eq!(request.refuse_unsupported(), Ok(()));
}

#[test]
fn contexts() {
    let git = |pairs: &[(&str, &str)]| match parse(pairs).context.source {
        ContextSource::Git(git) => git,
        other => panic!("{other:?}"),
    };
    let plain = git(&[("context", "https://h/a.git#main:sub")]);
    assert_eq!((plain.keep_git_dir, plain.mtime), (None, None));
    let fixed = git(&[("context", "https://h/a.git"), ("build-arg:SOURCE_DATE_EPOCH", "0")]);
    assert_eq!(fixed.mtime, Some(GitMtime::Commit));
    let own = git(&[("context", "https://h/a.git?mtime=checkout"), ("build-arg:SOURCE_DATE_EPOCH", "0")]);
    assert_eq!(own.mtime, Some(GitMtime::Checkout));
    for (arg, keep) in [("1", Some(true)), ("0", None)] {
        let git = git(&[("context", "https://h/a.git"), ("build-arg:BUILDKIT_CONTEXT_KEEP_GIT_DIR", arg)]);
        assert_eq!(git.keep_git_dir, keep);
    }
    assert_eq!(git(&[("contextkey", "ctx"), ("ctx", "git@h:a.git")]).remote.as_str(), "git@h:a.git");
    assert_eq!(parse(&[("contextkey", "ctx"), ("context", "git@h:a.git")]).context.source, ContextSource::Local);

    let remote = parse(&[
        ("context", "https://h/a.git"),
        ("contextsubdir", "/x"),
        ("dockerfilekey", "dockerfile"),
        ("filename", "b.yaml"),
    ]);
    assert_eq!(remote.context.subdir.as_str(), "x");
    assert_eq!(remote.build_file.source, BuildFileSource::Local("dockerfile".into()));
    assert_eq!(parse(&[("contextsubdir", "x")]).context.subdir, ContextPath::root());
}

/// One wrong value per option, and what the user reads.
const WRONG: &[(&str, &str)] = &[
    ("filename", "../../etc/passwd"),
    ("target", "a b"),
    ("platform", "linux/amd64/v1/x"),
    ("multi-platform", "maybe"),
    ("build-arg:BUILDKIT_MULTI_PLATFORM", "maybe"),
    ("image-resolve-mode", "always"),
    ("no-cache", "a,,b"),
    ("requestid", "a b"),
    ("force-network-mode", "bridge"),
    ("add-hosts", "registry"),
    ("shm-size", "64m"),
    ("ulimit", "files=1"),
    ("cgroup-parent", "a b"),
    ("hostname", "a b"),
    ("build-arg:BUILDKIT_SANDBOX_HOSTNAME", "a b"),
    ("memory", "2g"),
    ("memswap", "0"),
    ("cpushares", "0"),
    ("cpuperiod", "-1"),
    ("cpuquota", "0"),
    ("cpusetcpus", "3-1"),
    ("cpusetmems", "x"),
    ("context", "https://h/a.git?reff=main"),
    ("dockerfilekey", ""),
    ("contextsubdir", "../x"),
    ("build-arg:BUILDKIT_CONTEXT_KEEP_GIT_DIR", "maybe"),
    ("cache-imports", "{"),
    ("cache-from", "a,"),
    ("build-arg:BUILDKIT_CACHE_MOUNT_NS", "a b"),
    ("attest:sbom", "generator=r.example/UP"),
    ("build-arg:BUILDKIT_ATTEST_PROVENANCE", "\"x"),
    ("build-arg:SOURCE_DATE_EPOCH", "-1"),
];

#[test]
fn every_wrong_value_names_option_flag_and_what_is_allowed() {
    let mut shown = String::new();
    for (name, value) in WRONG {
        let Diagnostics(problems) = try_parse(&[(*name, *value)]).expect_err(name);
        assert_eq!(problems.len(), 1, "{name}");
        let problem = &problems[0];
        assert!(problem.message.contains(&format!("\"{name}\"")), "{problem}");
        assert!(problem.labels.is_empty());
        shown.push_str(&format!("{}\n    {}\n", problem.message, problem.help.as_deref().unwrap()));
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn all_mistakes_are_told_at_once() {
    let Diagnostics(problems) = try_parse(WRONG).unwrap_err();
    assert_eq!(problems.len(), 20);
    let Diagnostics(problems) = try_parse(&[("shm-size", "x"), ("memory", "y"), ("target", "ok")]).unwrap_err();
    assert_eq!(problems.len(), 2);
    let conflict = try_parse(&[("platform", "linux/amd64,linux/arm64"), ("multi-platform", "0")]).unwrap_err();
    assert!(conflict.to_string().contains("several platforms"), "{conflict}");
}

/// Everything that this version refuses, and what the user reads.
#[test]
fn what_is_refused() {
    let mut shown = String::new();
    for pairs in [
        &[("requestid", "frontend.lint")] as &[_],
        &[("requestid", "frontend.outline")],
        &[("requestid", "frontend.targets")],
        &[("requestid", "frontend.own")],
        &[("platform", "linux/amd64,windows/amd64")],
        &[("platform", "windows/amd64")],
        &[("context", "http://buildkit-session/abc")],
        &[("context", "https://me:hunter2@h/a.tgz?token=hunter2")],
        &[("context:node", "docker-image://node:24"), ("source", "r.example/backstage-build")],
        &[("build-arg:SOURCE_DATE_EPOCH", "context")],
    ] {
        let refusal = parse(pairs).refuse_unsupported().expect_err(pairs[0].0);
        assert!(!refusal.to_string().contains("hunter2"));
        shown.push_str(&format!("{}\n    {}\n", refusal.message, refusal.help.unwrap()));
    }
    for inputs in [&["context"] as &[&str], &["node"]] {
        let inputs = inputs.iter().map(|i| (*i).to_owned()).collect();
        let request = Request::parse(&BTreeMap::new(), &RequestEnvironment { inputs, ..environment() }).unwrap();
        let refusal = request.refuse_unsupported().unwrap_err();
        shown.push_str(&format!("{}\n    {}\n", refusal.message, refusal.help.unwrap()));
    }
    insta::assert_snapshot!(shown);
}

/// The daemon itself has taken such a context already; it is still in the options.
#[test]
fn a_context_that_replaced_this_frontend_is_none_of_ours() {
    for name in ["context:r.example/backstage-build", "context:r.example/backstage-build::linux/amd64"] {
        let request =
            parse(&[("source", "r.example/backstage-build:latest"), (name, "docker-image://r.example/other")]);
        assert_eq!(request.refuse_unsupported(), Ok(()), "{name}");
    }
}

/// The table and the code say the same: what a row calls refused is refused, what it calls honoured is not.
#[test]
fn the_table_tells_the_truth() {
    let sample = |opt: &Opt| match opt.key.text() {
        "requestid" => ("requestid", "frontend.lint"),
        "context:" => ("context:node", "docker-image://node"),
        // These two say more about a named context or an input, and nothing alone.
        "input-metadata:" | "sharedkey:localdir:" => ("context:x", "input:x"),
        "build-arg:SOURCE_DATE_EPOCH" => ("build-arg:SOURCE_DATE_EPOCH", "context"),
        "context" => ("context", "https://h/a.tgz"),
        other => panic!("{other} is refused, but nothing here shows it"),
    };
    for opt in OPTIONS {
        if matches!(opt.status, Status::Refused | Status::Partly) {
            assert!(parse(&[sample(opt)]).refuse_unsupported().is_err(), "{:?}", opt.key);
        }
    }
}

#[test]
fn sizes_are_bounded() {
    let many: BTreeMap<_, _> = (0..=MAX_OPTIONS).map(|i| (format!("label:{i}"), String::new())).collect();
    let long = options(&[("label:x", &"y".repeat(MAX_BYTES))]);
    for options in [many, long] {
        let Diagnostics(problems) = Request::parse(&options, &environment()).unwrap_err();
        assert_eq!(problems[0].code, "request/too-large");
    }
}

#[test]
fn nothing_secret_is_in_the_debug_form() {
    let request = parse(&[
        ("build-arg:https_proxy", "http://me:hunter2@proxy"),
        ("context", "https://hunter2@h/a.git"),
        ("cache-imports", r#"[{"Type":"s3","Attrs":{"secret_access_key":"hunter2"}}]"#),
        ("context:x", "https://hunter2@h/a.git"),
        ("vcs:source", "https://hunter2@h/a.git"),
    ]);
    assert!(!format!("{request:?}").contains("hunter2"));
}

/// Names that mean something, so that their parsers are reached.
fn names() -> impl Strategy<Value = String> {
    let known: Vec<String> = OPTIONS.iter().map(|opt| opt.key.text().to_owned()).collect();
    (prop::sample::select(known), "[a-z:/.]{0,6}")
        .prop_map(|(name, rest)| if name.ends_with([':', '_']) { name + &rest } else { name })
}

proptest! {
    #[test]
    fn any_request_is_answered_in_printable_words(
        options in prop::collection::btree_map(names(), prop_oneof![".{0,40}", "[a-z0-9=,:/@#?.-]{0,40}"], 0..12),
    ) {
        let answer = Request::parse(&options, &environment());
        let words = match &answer {
            Ok(request) => request.refuse_unsupported().err().map(|e| e.to_string()).unwrap_or_default(),
            Err(problems) => problems.to_string(),
        };
        prop_assert!(words.lines().all(|line| !line.chars().any(char::is_control)), "{words:?}");
        prop_assert_eq!(answer, Request::parse(&options, &environment()));
    }
}
