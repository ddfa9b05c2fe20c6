//! What the builders refuse, and what they make of input that is odd but legal.

use buildkit_llb::exec::{Bind, Cache, ContentCache, ExecOp, Tmpfs};
use buildkit_llb::file::{self, FileOp, Owner, User};
use buildkit_llb::source::{Http, Image, Local, OciLayout, resolved};
use buildkit_llb::{Caps, Definition, Error, Input, LineRange, Metadata, Output, caps, diff, merge};
use buildkit_proto::pb;

fn base() -> Output {
    Local::new("base").build()
}

#[test]
fn processes_that_cannot_be() {
    let relative = ExecOp::new(base(), "x").cwd("app").build().unwrap_err();
    assert_eq!(relative.to_string(), "working directory `app` is not absolute");
    let relative = ExecOp::new(base(), "x").mount(Tmpfs::new("tmp")).build().unwrap_err();
    assert_eq!(relative.to_string(), "mount `tmp` is not absolute");
    let twice = ExecOp::new(base(), "x").mount(Tmpfs::new("/a")).mount(Cache::new("/a", "id")).build().unwrap_err();
    assert_eq!(twice, Error::DuplicateMount { dest: "/a".into() });
    let root = ExecOp::new(base(), "x").mount(Tmpfs::new("/")).build().unwrap_err();
    assert_eq!(root, Error::DuplicateMount { dest: "/".into() });
    let empty = ExecOp::new(Input::Scratch, "x").read_only_root().build().unwrap_err();
    assert_eq!(empty, Error::EmptyReadOnlyRoot);
    let cached = Bind::output("/a", base()).selector("/b").content_cache(ContentCache::On);
    let cached = ExecOp::new(base(), "x").mount(cached).build().unwrap_err();
    assert_eq!(cached, Error::ContentCache { dest: "/a".into() });
}

#[test]
fn outputs_are_those_of_this_process() {
    let (kept, read) = (Bind::output("/kept", Input::Scratch), Bind::read_only("/read", base()));
    let (kept_id, read_id) = (kept.id(), read.id());
    let exec = ExecOp::new(base(), "x").read_only_root().mount(read).mount(kept).build().unwrap();
    assert_eq!(exec.output(&kept_id).unwrap().index(), 0);
    assert_eq!(exec.output(&read_id), Err(Error::NoOutput { dest: "/read".into() }));
    assert_eq!(exec.root(), Err(Error::NoOutput { dest: "/".into() }));
    let other = ExecOp::new(base(), "x").build().unwrap();
    assert_eq!(other.output(&kept_id), Err(Error::NoOutput { dest: "/kept".into() }));
}

#[test]
fn a_path_makes_the_default_path_unneeded() {
    let needs = |exec: ExecOp| exec.build().unwrap().node().caps().contains(&caps::EXEC_META_SETS_DEFAULT_PATH);
    assert!(needs(ExecOp::new(base(), "x")));
    assert!(!needs(ExecOp::new(base(), "x").env("PATH", "/bin")));
    assert!(!needs(ExecOp::new(base(), "x").platform(&"windows/amd64".parse().unwrap())));
}

#[test]
fn files_that_cannot_be() {
    assert_eq!(FileOp::of(base(), Vec::<file::Action>::new()).unwrap_err(), Error::NoActions);
    let by_name = || file::Mkdir::new("/a", 0o755).owner(Owner::user(User::Name("node".into())));
    let error = FileOp::new(Input::Scratch, by_name()).build().unwrap_err();
    assert_eq!(error, Error::NameOnScratch { name: "node".into() });
    assert!(FileOp::new(base(), by_name()).build().is_ok());
    let elsewhere = Owner::user(User::NameIn("node".into(), base()));
    let made = FileOp::new(Input::Scratch, file::Mkdir::new("/a", 0o755).owner(elsewhere)).build().unwrap();
    assert_eq!(made.node().inputs(), [base()]);
}

#[test]
fn sources_that_cannot_be() {
    for url in ["", "example.com", "ftp://example.com", "http://", "https:///a"] {
        assert!(matches!(Http::new(url), Err(Error::InvalidHttpUrl { .. })), "{url}");
    }
    let error = OciLayout::new(&"a:b".parse().unwrap(), "store").unwrap_err();
    assert_eq!(error.to_string(), "`docker.io/library/a:b` has no digest");
}

#[test]
fn what_the_daemon_resolved_is_the_same_op() {
    let platform = "linux/arm64".parse().unwrap();
    let image = Image::new(&"node:22".parse().unwrap()).platform(&platform).build();
    let Some(pb::op::Op::Source(source)) = image.node().op().op.clone() else { panic!("no source") };
    assert_eq!(resolved(source, Some(&platform), Metadata::default()), image);

    // Rewritten by policy: another scheme, which has no platform, and attributes in any order, some without a value.
    let attr = |key: &str, value: Option<&str>| pb::StringEntry { key: Some(key.into()), value: value.map(Into::into) };
    let attrs = vec![attr("http.uid", Some("1")), attr("http.filename", None)];
    let rewritten = pb::SourceOp { identifier: "https://example.com/a".into(), attrs };
    let output = resolved(rewritten, Some(&platform), Metadata::default());
    let expected = Http::new("https://example.com/a").unwrap().filename("").uid(1).build();
    assert_eq!(output, expected);
    assert_eq!(output.node().caps(), &Caps::from([caps::SOURCE_HTTP, caps::SOURCE_HTTP_UID_GID]));
}

#[test]
fn layers_of_nothing_are_no_ops() {
    let base = Input::from(base());
    assert_eq!(merge(Vec::<Input>::new(), Metadata::default()), Input::Scratch);
    assert_eq!(merge([Input::Scratch, base.clone()], Metadata::default()), base);
    assert_eq!(diff(Input::Scratch, &base, Metadata::default()), base);
    assert_eq!(diff(Input::Scratch, Input::Scratch, Metadata::default()), Input::Scratch);
}

#[test]
fn lines_have_two_ends_in_order() {
    let range = LineRange::lines(7, 3).to_pb();
    assert_eq!((range.start.unwrap().line, range.end.unwrap().line), (7, 7));
    assert_eq!(LineRange::line(u32::MAX).first(), i32::MAX);
}

#[test]
fn metadata_does_not_change_the_op() {
    let named = |name| Local::new("a").metadata(Metadata::named(name)).build();
    assert_eq!(named("one").node().digest(), named("two").node().digest());
    assert_eq!(Definition::new(named("one")).head(), Some(named("two").node().digest()));
}
