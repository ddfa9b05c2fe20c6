//! Writes a definition to standard output that uses every op and every kind of mount, and checks
//! from inside that each does what it says:
//!
//! ```text
//! every_op | buildctl build --no-cache --local context=DIR --secret id=token,src=FILE
//! ```
//!
//! DIR holds `a.txt`, `skip.log` and `packages/{one,two}/package.json`; FILE holds `hidden`. What
//! lacks its variable is left out:
//!
//! - `BASE_IMAGE`: an image with a POSIX shell and a user `node` of number 1000;
//!   node:22-trixie-slim by default.
//! - `HTTP_URL`, `HTTP_DIGEST`: a file to download.
//! - `GIT_URL`: a repository whose branch `main` holds `sub/file`.
//! - `LAYOUT_DIGEST`: an image that holds `from-layout`, in the client's OCI layout `layout`.
//! - `SSH_AUTH_SOCK`: an SSH agent, handed on with `--ssh default`.
//! - `FLOOR`: if set, nothing is used that BuildKit 0.17 does not have.

use std::env;
use std::error::Error;
use std::io::{Write as _, stdout};
use std::net::IpAddr;

use buildkit_llb::exec::{
    Bind, Cache, ContentCache, ExecOp, Network, ProxyEnv, Secret, SecretEnv, Sharing, Ssh, Tmpfs, Ulimit,
};
use buildkit_llb::file::{self, FileOp, Owner, Timestamp, User, Wildcard};
use buildkit_llb::source::{Differ, Git, Http, Image, Local, OciLayout, ResolveMode};
use buildkit_llb::{
    Definition, ImageRef, Input, LineRange, LinuxResources, Metadata, Output, ProgressGroup, SourceFile, diff, merge,
};
use prost::Message as _;

/// What is there to be used.
#[derive(Default)]
pub struct Settings {
    /// Instead of node:22-trixie-slim.
    pub base_image: Option<String>,
    /// URL and digest of a file.
    pub http: Option<(String, String)>,
    /// URL of a repository.
    pub git: Option<String>,
    /// Digest of an image in a layout.
    pub layout: Option<String>,
    /// Whether the client has an SSH agent.
    pub ssh: bool,
    /// Nothing that BuildKit 0.17 does not have.
    pub floor: bool,
}

#[allow(dead_code, reason = "a test uses this file as a module")]
fn main() -> Result<(), Box<dyn Error>> {
    let var = |name| env::var(name).ok();
    let settings = Settings {
        base_image: var("BASE_IMAGE"),
        http: var("HTTP_URL").zip(var("HTTP_DIGEST")),
        git: var("GIT_URL"),
        layout: var("LAYOUT_DIGEST"),
        ssh: var("SSH_AUTH_SOCK").is_some(),
        floor: var("FLOOR").is_some(),
    };
    stdout().write_all(&definition(&settings)?.to_pb().encode_to_vec())?;
    Ok(())
}

/// The graph.
pub fn definition(settings: &Settings) -> Result<Definition, Box<dyn Error>> {
    let modern = !settings.floor;
    let file = SourceFile::new("every_op.rs", "Rust", include_str!("every_op.rs"));
    let about = |name: &str, line: u32| Metadata::named(name).at(file.at([LineRange::line(line)]));

    let reference: ImageRef = settings.base_image.as_deref().unwrap_or("node:22-trixie-slim").parse()?;
    let base = Image::new(&reference).resolve_mode(ResolveMode::Default).metadata(about("base", 1)).build();
    let context = Local::new("context")
        .exclude_patterns(["*.log"])
        .include_patterns(["**"])
        .shared_key_hint("every-op")
        .differ(Differ::Metadata)
        .unique("1")
        .metadata(about("context", 2))
        .build();
    let followed = Local::new("context").follow_paths(["a.txt"]).shared_key_hint("every-op-a").build();

    let files = files(&base, &context, modern)?.metadata(about("files", 3)).build()?;
    let seen = ExecOp::new(&files, "sh")
        .args(["-ec", FILES])
        .env("MODERN", if modern { "1" } else { "" })
        .mount(Bind::read_only("/followed", &followed))
        .metadata(about("look at files", 4))
        .build()?;

    let mut parts: Vec<Input> = vec![
        mounts(&seen.root()?, &context, settings, about("mounts", 5))?,
        layers(&base, about("layers", 6))?,
        unhashed(&base, about("unhashed", 7))?.into(),
    ];
    for (source, script) in others(settings)? {
        let out = Bind::output("/out", Input::Scratch);
        let id = out.id();
        let check = ExecOp::new(&base, "sh")
            .args(["-ec", script])
            .mount(Bind::read_only("/in", &source))
            .mount(out)
            .metadata(about("another source", 8))
            .build()?;
        parts.push(check.output(&id)?.into());
    }
    Ok(Definition::new(merge(parts, about("everything", 9))))
}

fn files(base: &Output, context: &Output, modern: bool) -> Result<FileOp, Box<dyn Error>> {
    let node = || Owner::user(User::Name("node".into()));
    let mut copy = file::Copy::new(context, "/packages", "/new/parent/p")
        .include_patterns(["**/package.json"])
        .exclude_patterns(["two"])
        .dir_contents()
        .create_dest_path()
        .mode(0o640)
        .owner(Owner::user(User::NameIn("node".into(), base.clone())).with_group(User::Id(0)))
        .timestamp(Timestamp::EPOCH);
    if modern {
        copy = copy.required_paths(["/packages/one/package.json"]);
    }
    let op =
        FileOp::new(base, file::Mkdir::new("/t/a/b", 0o700).make_parents().owner(node()).timestamp(Timestamp::EPOCH))
            .then(
                file::Mkfile::new("/t/f", 0o604, "text")
                    .owner(Owner::ids(7, 8))
                    .timestamp(Timestamp::from_unix_seconds(5)),
            )
            .then(file::Mkfile::new("/t/gone", 0o600, ""))
            .then(file::Rm::new("/t/gon*").allow_wildcard())
            .then(file::Rm::new("/t/never").allow_not_found())
            .then(copy)
            .then(
                file::Copy::new(context, "/a.*", "/t/wild/")
                    .wildcard(Wildcard::MustMatch)
                    .mode_str("u=rwX,go=")
                    .create_dest_path(),
            )
            .then(file::Copy::new(context, "/no-*", "/t/wild/").wildcard(Wildcard::MayBeEmpty))
            .then(
                file::Copy::new(context, "/packages", "/t/wild/a.txt")
                    .dir_contents()
                    .always_replace_existing_dest_paths(),
            )
            .then(
                file::Copy::new(context, "/a.txt", "/t/unpacked/").attempt_unpack().create_dest_path().follow_symlink(),
            );
    Ok(if modern { op.then(file::Symlink::new("f", "/t/link").owner(Owner::ids(1, 1))) } else { op })
}

const FILES: &str = r#"
same() { test "$1" = "$2" || { echo "$3: $1, not $2"; exit 1; }; }
same "$(stat -c '%a %U' /t/a)" "700 node" "made parent"
same "$(stat -c '%a %U %Y' /t/a/b)" "700 node 0" "made directory"
same "$(stat -c '%a %u %g %Y' /t/f)" "604 7 8 5" "made file"
same "$(cat /t/f)" text "its content"
test ! -e /t/gone
same "$(find /new/parent/p -type f)" /new/parent/p/one/package.json "patterns"
same "$(stat -c '%a %U %g %Y' /new/parent/p/one/package.json)" "640 node 0 0" "copied file"
test -d /t/wild/a.txt/one && test -f /t/unpacked/a.txt
test -z "$MODERN" || same "$(readlink /t/link)" f "symlink"
same "$(ls /followed)" a.txt "follow paths"
"#;

fn mounts(base: &Output, context: &Output, settings: &Settings, about: Metadata) -> Result<Input, Box<dyn Error>> {
    let owned = FileOp::new(Input::Scratch, file::Mkdir::new("/cache", 0o700).owner(Owner::ids(1000, 1000))).build()?;
    let (out, changed) = (Bind::output("/out", Input::Scratch), Bind::output("/changed", context).selector("/"));
    let (out_id, changed_id) = (out.id(), changed.id());
    let group = ProgressGroup { id: "every-op".into(), name: "every mount".into(), weak: false };
    let about = about.in_group(group).exporting_cache(false).with_description("com.example", "x").ignoring_cache(true);
    let limits = LinuxResources { memory: 1 << 30, ..LinuxResources::default() };
    let about = if !settings.floor { about.limited_to(limits) } else { about };
    let exec = ExecOp::new(base, "sh")
        .args(["-c", MOUNTS])
        .env("A", "1")
        .env("AGENT", if settings.ssh { "1" } else { "" })
        .cwd("/work")
        .user("node")
        .network(Network::None)
        .proxy_env(ProxyEnv { http_proxy: "http://proxy".into(), ..ProxyEnv::default() })
        .ulimit(Ulimit { name: "nofile".into(), soft: 1000, hard: 1001 })
        .extra_host("example.test", IpAddr::from([192, 0, 2, 1]))
        .hostname("every-op")
        .valid_exit_codes([0, 3])
        .remove_mount_stubs_recursive(true)
        .secret_env(SecretEnv::new("TOKEN", "token"))
        .secret_env(SecretEnv::new("MISSING", "missing").optional())
        .mount(out)
        .mount(changed)
        .mount(Bind::read_only("/ro", context))
        .mount(Bind::read_only("/one", context).selector("/packages/one").content_cache(ContentCache::On))
        .mount(Bind::read_only("/quick", context).content_cache(ContentCache::Off))
        .mount(Bind::read_only("/nothing", Input::Scratch))
        .mount(Bind::discard("/scrap", context))
        .mount(Cache::new("/shared", "every-op/shared"))
        .mount(Cache::new("/private", "every-op/private").sharing(Sharing::Private))
        .mount(Cache::new("/locked", "every-op/locked").sharing(Sharing::Locked).from(&owned).selector("/cache"))
        .mount(Tmpfs::new("/mem"))
        .mount(Tmpfs::new("/mem1").size(1 << 20))
        .mount(Secret::new("/run/token", "token").uid(1000).mode(0o440))
        .mount(Secret::new("/run/missing", "missing").optional())
        .mount(Ssh::new("/run/agent").uid(1000).optional())
        .metadata(about)
        .build()?;
    let after = Bind::output("/after", &exec.output(&out_id)?);
    let after_id = after.id();
    let check = ExecOp::new(&exec.root()?, "sh")
        .args(["-ec", AFTER])
        .read_only_root()
        .root_content_cache(ContentCache::On)
        .mount(Bind::read_only("/changed", &exec.output(&changed_id)?))
        .mount(after)
        .build()?;
    Ok(check.output(&after_id)?.into())
}

const MOUNTS: &str = r#"
fail() { echo "wrong: $*"; exit 1; }
same() { test "$1" = "$2" || fail "$3: $1, not $2"; }
same "$(id -un):$PWD:$A:$(hostname)" node:/work:1:every-op process
same "$(ls /sys/class/net)" lo network
same "$http_proxy$HTTP_PROXY" http://proxyhttp://proxy proxy
same "$(ulimit -Sn):$(ulimit -Hn)" 1000:1001 ulimit
same "$(getent hosts example.test | cut -d' ' -f1)" 192.0.2.1 host
same "$TOKEN:${MISSING-unset}:$(cat /run/token)" hidden::hidden secrets
same "$(stat -c %a:%u /run/token)" 440:1000 "secret file"
test ! -e /run/missing || fail "optional secret"
test -z "$AGENT" || same "$(stat -c %F:%a:%u /run/agent)" socket:600:1000 agent
same "$(cat /ro/a.txt)" a bind
test ! -e /ro/skip.log || fail exclude
touch /ro/x 2>/dev/null && fail "read-only bind"
same "$(ls /one)" package.json selector
same "$(ls -A /nothing)" "" "scratch bind"
same "$(stat -c %a:%U /locked)" 700:node "cache owner"
same "$(df -k --output=size /mem1 | tail -1 | tr -d ' ')" 1024 tmpfs
exit 3
"#;

const AFTER: &str = r#"
test ! -e /shared && test ! -e /run/token || { echo "mount stubs are left"; ls / /run; exit 1; }
test -f /changed/a.txt
touch /after/done
"#;

fn layers(base: &Output, about: Metadata) -> Result<Input, Box<dyn Error>> {
    let after = ExecOp::new(base, "sh").args(["-ec", "touch /made; rm -r /opt"]).build()?.root()?;
    let made = diff(base, &after, about.clone());
    let other = FileOp::new(Input::Scratch, file::Mkfile::new("/other", 0o600, "")).build()?;
    let all = merge([Input::from(base), made, other.into(), diff(base, Input::Scratch, Metadata::default())], about);
    let out = Bind::output("/out", Input::Scratch);
    let id = out.id();
    // The last part deletes all that the base has, so the shell comes from the base and looks at
    // the merge.
    let script = "test -e /in/made && test -e /in/other && test ! -e /in/bin/sh; touch /out/layers";
    let check = ExecOp::new(base, "sh").args(["-ec", script]).mount(Bind::read_only("/in", all)).mount(out).build()?;
    Ok(check.output(&id)?.into())
}

fn unhashed(base: &Output, about: Metadata) -> Result<Output, Box<dyn Error>> {
    let tree = ExecOp::new(base, "sh").args(["-ec", "mkdir /tree; touch /tree/a /tree/b.map"]).build()?.root()?;
    let gate = Bind::output("/out", Input::Scratch);
    let gate_id = gate.id();
    let check = ExecOp::new(&tree, "true").read_only_root().mount(gate).build()?;
    let copied = FileOp::new(Input::Scratch, file::Copy::new(&tree, "/tree", "/copied").exclude_patterns(["**/*.map"]))
        .then(file::Copy::new(&check.output(&gate_id)?, "/.gate-*", "/").wildcard(Wildcard::MayBeEmpty))
        .without_content_hash(&tree)
        .metadata(about)
        .build()?;
    let out = Bind::output("/out", Input::Scratch);
    let id = out.id();
    let script = "test \"$(cd /in && find . -type f)\" = ./copied/a; touch /out/unhashed";
    let look =
        ExecOp::new(base, "sh").args(["-ec", script]).mount(Bind::read_only("/in", copied)).mount(out).build()?;
    Ok(look.output(&id)?)
}

/// Sources that need something to be there, each with a script that looks at it.
fn others(settings: &Settings) -> Result<Vec<(Output, &'static str)>, Box<dyn Error>> {
    let mut others = Vec::new();
    if let Some((url, digest)) = &settings.http {
        let file = Http::new(url)?.checksum(&digest.parse()?).filename("named").perm(0o604).uid(5).gid(6);
        others.push((file.build(), "test \"$(stat -c %a:%u:%g /in/named)\" = 604:5:6"));
    }
    if let Some(url) = &settings.git {
        let git = || Git::new(url).map(|git| git.reference("main"));
        others.push((git()?.keep_git_dir().build(), "test -d /in/.git && test -f /in/sub/file"));
        others.push((git()?.subdir("sub").build(), "test \"$(ls -A /in)\" = file"));
    }
    if let Some(digest) = &settings.layout {
        let reference: ImageRef = format!("layout/image@{digest}").parse()?;
        others.push((OciLayout::new(&reference, "layout")?.build(), "test -f /in/from-layout"));
    }
    Ok(others)
}
