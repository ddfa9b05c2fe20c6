//! Graphs that between them hold every op, every mount and every field that the builders can set.

use std::net::IpAddr;
use std::num::NonZeroU32;

use buildkit_llb::exec::{
    Bind, Cache, ContentCache, Device, ExecOp, Network, ProxyEnv, Secret, SecretEnv, Security, Sharing, Ssh, Tmpfs,
    Ulimit,
};
use buildkit_llb::file::{self, FileOp, Owner, Timestamp, User, Wildcard};
use buildkit_llb::source::{Differ, Git, GitSignature, Http, Image, Local, MTime, OciLayout, RecordType, ResolveMode};
use buildkit_llb::{
    Definition, Digest, ImageRef, Input, LineRange, LinuxResources, Metadata, Output, Platform, ProgressGroup,
    SourceFile, diff, merge,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Each graph by the name of its golden file.
pub fn all() -> Result<Vec<(&'static str, Definition)>> {
    Ok(vec![
        ("scratch", Definition::new(Input::Scratch)),
        ("sources", sources()?),
        ("exec", exec()?),
        ("mounts", mounts()?),
        ("file", file()?),
        ("unhashed", unhashed()?),
        ("layers", layers()?),
        ("metadata", metadata()?),
    ])
}

fn image(name: &str) -> Result<Output> {
    Ok(Image::new(&name.parse()?).platform(&"linux/amd64".parse()?).build())
}

fn sources() -> Result<Definition> {
    let digest = Digest::of(b"a");
    let pinned: ImageRef = "example.com:5000/a/b:c".parse::<ImageRef>()?.with_digest(digest.clone());
    let windows: Platform = "windows(10.0.17763+win32k)/amd64".parse()?;
    let two = NonZeroU32::new(2).ok_or("zero")?;
    let signature = GitSignature {
        public_key: "key".into(),
        reject_expired_keys: true,
        require_signed_tag: true,
        ignore_signed_tag: true,
    };
    let sources = [
        Image::new(&"node".parse()?).build(),
        Image::new(&pinned)
            .platform(&windows)
            .resolve_mode(ResolveMode::Pull)
            .record_type(RecordType::Internal)
            .layer_limit(two)
            .checksum(&digest)
            .build(),
        Image::new(&"node".parse()?).resolve_mode(ResolveMode::Local).build(),
        OciLayout::new(&pinned, "store")?.session("s").platform(&"linux/arm".parse()?).layer_limit(two).build(),
        Local::new("context").build(),
        Local::new("context")
            .session("")
            .unique("")
            .include_patterns(["a/**", "ü<>&\"\\"])
            .exclude_patterns(["**/node_modules", "!keep"])
            .follow_paths(["package.json"])
            .shared_key_hint("hint")
            .differ(Differ::Metadata)
            .metadata_transfer(["*.json"])
            .build(),
        Local::new("context").include_patterns(Vec::<String>::new()).differ(Differ::None).build(),
        Git::new("https://github.com/moby/buildkit.git")?.build(),
        Git::new("git@github.com:moby/buildkit.git")?
            .reference("v1")
            .subdir("a/b")
            .keep_git_dir()
            .auth_token_secret("t")
            .auth_header_secret("h")
            .known_ssh_hosts("github.com ssh-ed25519 AAAA\n")
            .ssh_agent("agent")
            .checksum("abcdef0")
            .skip_submodules()
            .mtime(MTime::Commit)
            .fetch_by_commit()
            .checkout_bundle()
            .signature(&signature)
            .bundle(&pinned)?
            .build(),
        Git::new("https://h/a.git")?.bundle_of_layout(&digest, "store", "session").mtime(MTime::Checkout).build(),
        Http::new("https://example.com/a.tgz?b=c")?
            .checksum(&digest)
            .filename("a")
            .perm(0o644)
            .uid(0)
            .gid(1000)
            .auth_header_secret("s")
            .accept("*/*")
            .user_agent("x")
            .signature("key", "sig")
            .build(),
    ];
    Ok(Definition::new(merge(sources, Metadata::default())))
}

fn exec() -> Result<Definition> {
    let base = image("node:22")?;
    let plain = ExecOp::new(&base, "true").build()?;
    let full = ExecOp::new(&plain.root()?, "/bin/sh")
        .args(["-c", "echo \"$A\"\n"])
        .arg("")
        .env("A", "1")
        .env("PATH", "/bin")
        .env("EMPTY", "")
        .envs([("A", "2=3")])
        .cwd("/work dir")
        .user("node:1000")
        .network(Network::None)
        .security(Security::Insecure)
        .proxy_env(ProxyEnv { http_proxy: "http://p".into(), no_proxy: "localhost".into(), ..ProxyEnv::default() })
        .ulimit(Ulimit { name: "nofile".into(), soft: 1024, hard: -1 })
        .extra_host("a", IpAddr::from([127, 0, 0, 1]))
        .extra_host("b", "::1".parse::<IpAddr>()?)
        .hostname("h")
        .valid_exit_codes([0, 3, -1])
        .cgroup_parent("/c")
        .remove_mount_stubs_recursive(true)
        .secret_env(SecretEnv::new("TOKEN", "token").optional())
        .secret_env(SecretEnv::new("OTHER", "other"))
        .device(Device { name: "example.com/a=b".into(), optional: true })
        .platform(&"linux/arm64".parse()?)
        .build()?;
    let host = ExecOp::new(&full.root()?, "x")
        .network(Network::Host)
        .proxy_env(ProxyEnv::default())
        .platform(&"windows/amd64".parse()?)
        .build()?;
    Ok(Definition::new(host.root()?))
}

fn mounts() -> Result<Definition> {
    let base = image("node:22")?;
    let context = Local::new("context").build();
    let owned = FileOp::new(Input::Scratch, file::Mkdir::new("/cache", 0o700).owner(Owner::ids(1000, 1000))).build()?;
    let out = Bind::output("/z/out", Input::Scratch);
    let changed = Bind::output("/b", &context).selector("/sub").content_cache(ContentCache::Off);
    let (out_id, changed_id) = (out.id(), changed.id());
    let exec = ExecOp::new(&base, "true")
        .mount(out)
        .mount(changed)
        .mount(Bind::read_only("/a", &context))
        .mount(Bind::read_only("/a/selected", &context).selector("/x").content_cache(ContentCache::On))
        .mount(Bind::discard("/c", &context))
        .mount(Bind::discard("/d", Input::Scratch))
        .mount(Bind::read_only("/e", Input::Scratch))
        .mount(Cache::new("/f", "id"))
        .mount(Cache::new("/g", "").sharing(Sharing::Private))
        .mount(Cache::new("/h", "owned").sharing(Sharing::Locked).from(&owned).selector("/cache"))
        .mount(Tmpfs::new("/i"))
        .mount(Tmpfs::new("/j").size(1 << 30))
        .mount(Secret::new("/k", "npmrc"))
        .mount(Secret::new("/l", "other").uid(1).gid(2).mode(0).optional())
        .mount(Ssh::new("/m"))
        .mount(Ssh::new("/n").id("agent").uid(1).gid(2).mode(0o666).optional())
        .build()?;
    let read_only = ExecOp::new(&exec.output(&changed_id)?, "true")
        .read_only_root()
        .root_content_cache(ContentCache::Off)
        .mount(Bind::output("/out", &exec.output(&out_id)?))
        .build()?;
    let result = Bind::output("/out", Input::Scratch).id();
    Ok(Definition::new(merge([read_only.output(&result)?, exec.root()?], Metadata::default())))
}

fn file() -> Result<Definition> {
    let base = image("node:22")?;
    let context = Local::new("context").build();
    let day = Timestamp::from_unix_seconds(1_700_000_000);
    let op = FileOp::new(&base, file::Mkdir::new("/a/b", 0o1755).make_parents().owner(Owner::ids(0, 0)).timestamp(day))
        .then(file::Mkdir::new("/c", 0))
        .then(file::Mkfile::new("/a/f", 0o644, "text\n").timestamp(Timestamp::EPOCH))
        .then(file::Mkfile::new("/a/g", 0o600, vec![0, 255]).owner(Owner::user(User::Name("node".into()))))
        .then(file::Mkfile::new("/a/empty", 0, ""))
        .then(file::Copy::new(&context, "/", "/src/"))
        .then(
            file::Copy::new(&context, "/packages/*", "/p")
                .include_patterns(["**/*.js", "a b"])
                .exclude_patterns(["**/node_modules"])
                .required_paths(["x"])
                .owner(Owner::user(User::Id(1)).with_group(User::NameIn("staff".into(), base.clone())))
                .mode(0o640)
                .mode_str("u=rwX")
                .follow_symlink()
                .dir_contents()
                .attempt_unpack()
                .create_dest_path()
                .wildcard(Wildcard::MustMatch)
                .timestamp(Timestamp::from_unix_nanos(-2))
                .always_replace_existing_dest_paths(),
        )
        .then(file::Copy::new(&context, "/.gate-*", "/").wildcard(Wildcard::MayBeEmpty).mode(0))
        .then(file::Copy::new(&base, "/etc/passwd", "/p").owner(Owner::group(User::Name("node".into()))))
        .then(file::Rm::new("/tmp/x"))
        .then(file::Rm::new("/tmp/*").allow_not_found().allow_wildcard())
        .then(file::Symlink::new("../a", "/link").owner(Owner::ids(1, 2)).timestamp(day))
        .build()?;
    Ok(Definition::new(op))
}

fn unhashed() -> Result<Definition> {
    let base = image("node:22")?;
    let tree = ExecOp::new(&base, "make").build()?.root()?;
    let gate = Bind::output("/out", Input::Scratch);
    let gate_id = gate.id();
    let check = ExecOp::new(&tree, "check").read_only_root().mount(gate).build()?;
    let layer = FileOp::new(&base, file::Copy::new(&tree, "/app", "/app").exclude_patterns(["**/*.map"]))
        .then(file::Copy::new(&check.output(&gate_id)?, "/.gate-*", "/").wildcard(Wildcard::MayBeEmpty))
        .without_content_hash(&tree)
        .without_content_hash(&tree)
        .build()?;
    Ok(Definition::new(layer))
}

fn layers() -> Result<Definition> {
    let base = image("node:22")?;
    let after = ExecOp::new(&base, "make").build()?.root()?;
    let made = diff(&base, &after, Metadata::named("what make made"));
    let nothing = diff(&base, &base, Metadata::default());
    let deleted = diff(&base, Input::Scratch, Metadata::default());
    let kept = diff(Input::Scratch, &after, Metadata::default());
    Ok(Definition::new(merge([made, nothing, deleted, Input::Scratch, kept], Metadata::named("all"))))
}

fn metadata() -> Result<Definition> {
    let file =
        SourceFile::new("build.yaml", "YAML", "a: 1\nb: 2\n").produced_by(&Definition::new(Local::new("d").build()));
    let other = SourceFile::new("other.yaml", "YAML", "");
    let group = |weak| ProgressGroup { id: "g".into(), name: "a group".into(), weak };
    let limits = LinuxResources { memory: 1 << 30, memory_swap: -1, cpuset_cpus: "0-1".into(), ..Default::default() };
    let step = |name: &str, line| -> Result<Output> {
        let metadata = Metadata::named(name)
            .with_description("com.example.key", "a text")
            .at(file.at([LineRange::line(line), LineRange::lines(4, 3)]))
            .in_group(group(line == 1))
            .ignoring_cache(line == 2);
        Ok(ExecOp::new(&image("node:22")?, "true").metadata(metadata).build()?.root()?)
    };
    let (first, second) = (step("first", 1)?, step("second", 2)?);
    let last = ExecOp::new(&first, "true")
        .mount(Bind::read_only("/m", &second))
        .metadata(Metadata::default().exporting_cache(false).limited_to(limits).at(other.at([])))
        .build()?;
    Ok(Definition::new(last.root()?))
}
