use proptest::prelude::*;

use crate::path::PathError;

use super::super::git_url::UrlError;
use super::*;

fn git(text: &str) -> GitRef {
    GitRef::parse(text).unwrap().unwrap_or_else(|| panic!("{text} is not git"))
}

fn error(text: &str) -> GitRefError {
    GitRef::parse(text).expect_err(text)
}

#[test]
fn what_is_git() {
    for (text, remote) in [
        ("https://example.com/foo.git", "https://example.com/foo.git"),
        ("http://example.com/foo.git", "http://example.com/foo.git"),
        ("HTTPS://example.com/foo.git", "https://example.com/foo.git"),
        ("https://me:token@example.com:8443/a/b/foo.git", "https://me:token@example.com:8443/a/b/foo.git"),
        ("git://example.com/foo", "git://example.com/foo"),
        ("ssh://git@example.com:22/foo", "ssh://git@example.com:22/foo"),
        ("ssh://git@[::1]:22/foo", "ssh://git@[::1]:22/foo"),
        ("git@github.com:moby/buildkit", "git@github.com:moby/buildkit"),
        ("other-user@host.example:/srv/project.git", "other-user@host.example:/srv/project.git"),
        ("github.com/moby/buildkit", "https://github.com/moby/buildkit"),
    ] {
        let git = git(text);
        assert_eq!(git.remote.as_str(), remote);
        assert_eq!((git.reference, git.subdir), (None, ContextPath::root()), "{text}");
    }
}

#[test]
fn what_is_not_git() {
    for text in [
        "",
        ".",
        "./.git",
        "../x.git",
        ".git",
        "/srv/x.git",
        "context",
        "https://example.com/",
        "https://example.com",
        "https://example.com/foo",
        "https://example.com/foo.git/",
        "https://example.com/foo.git.bar",
        "https://example.com/foo?x=y.git",
        "http://github.com/docker/docker.git:#branch",
        "custom.xyz/moby/buildkit.git",
        "httpx://example.com/foo.git",
        "git+ssh://git@example.com/foo.git",
        "docker-image://alpine",
        "us er@host:path",
    ] {
        assert_eq!(GitRef::parse(text), Ok(None), "{text}");
    }
}

#[test]
fn fragments() {
    for (text, reference, subdir) in [
        ("https://h/a.git#main", Some("main"), ""),
        ("https://h/a.git#release/1.2:packages/app", Some("release/1.2"), "packages/app"),
        ("https://h/a.git#:sub", None, "sub"),
        ("https://h/a.git#:/sub/./x/", None, "sub/x"),
        ("https://h/a.git#", None, ""),
        ("https://h/a.git#a%2Fb", Some("a/b"), ""),
        ("https://h/a.git#a+b", Some("a+b"), ""),
        ("git@h:a#v1:sub", Some("v1"), "sub"),
        ("git@h:a#a%2Fb", Some("a%2Fb"), ""),
        ("github.com/a/b#main:sub", Some("main"), "sub"),
    ] {
        let git = git(text);
        assert_eq!((git.reference.as_deref(), git.subdir.as_str()), (reference, subdir), "{text}");
    }
}

#[test]
fn queries() {
    let full = git(
        "https://h/a.git?ref=v1&subdir=/x&commit=deadbeef&keep-git-dir&submodules=0&mtime=commit&fetch-by-commit=t",
    );
    assert_eq!(full.reference.as_deref(), Some("v1"));
    assert_eq!(full.subdir.as_str(), "x");
    assert_eq!(full.checksum.as_deref(), Some("deadbeef"));
    assert_eq!((full.keep_git_dir, full.submodules, full.fetch_by_commit), (Some(true), Some(false), true));
    assert_eq!(full.mtime, Some(GitMtime::Commit));

    let none = git("https://h/a.git?");
    assert_eq!((none.keep_git_dir, none.submodules, none.fetch_by_commit, none.mtime), (None, None, false, None));

    for (text, reference) in [
        ("https://h/a.git?tag=v1", "refs/tags/v1"),
        ("https://h/a.git?tag=refs/tags/v1", "refs/tags/v1"),
        ("https://h/a.git?branch=v1", "refs/heads/v1"),
        ("https://h/a.git?ref=main#main", "main"),
        ("https://h/a.git?ref=a%2Bb&&", "a+b"),
        ("git@h:a.git?tag=v1", "refs/tags/v1"),
        ("github.com/a/b?tag=v1", "refs/tags/v1"),
    ] {
        assert_eq!(git(text).reference.as_deref(), Some(reference), "{text}");
    }
    assert_eq!(git("git@h:a.git?subdir=x#v1").remote.as_str(), "git@h:a.git");
    assert_eq!(git("https://h/a.git?subdir=/x#v1:x").subdir.as_str(), "x");
}

#[test]
fn mistakes() {
    use GitRefError::*;
    let s = |text: &str| text.to_owned();
    for (text, expected) in [
        ("https://h/a.git?invalid=1", UnknownKey(s("invalid"))),
        ("https://h/a.git?invalid", UnknownKey(s("invalid"))),
        ("https://h/a.git?ref=a&ref=a", RepeatedKey(s("ref"))),
        ("https://h/a.git?ref=", NoValue(s("ref"))),
        ("https://h/a.git?subdir", NoValue(s("subdir"))),
        ("https://h/a.git?submodules=maybe", Flag(s("submodules"), s("maybe"))),
        ("https://h/a.git?mtime=now", Mtime(s("now"))),
        ("https://h/a.git?ref=v1#v2", Conflict(s("v2"), s("v1"))),
        ("https://h/a.git?ref=v1&tag=v1", Conflict(s("v1"), s("refs/tags/v1"))),
        ("https://h/a.git?subdir=a#:b", SubdirConflict(s("b"), s("a"))),
        ("https://h/a.git?tag=a&branch=b", TagAndBranch),
        ("https://h/a.git#--upload-pack=x", Reference(s("--upload-pack=x"))),
        ("https://h/a.git?ref=-x", Reference(s("-x"))),
        ("git@h:a#a b", Reference(s("a b"))),
        ("https://h/a.git?checksum=main", Checksum(s("main"))),
        ("https://h/a.git#main:../x", Subdir(s("../x"), PathError::Escapes)),
        ("https://h/a.git?subdir=a%00b", Subdir(s("a\0b"), PathError::Character)),
        ("https://h/a.git?ref=%zz", Url(UrlError::Encoding(s("%zz")))),
        ("https://h/a.git#%ff", Url(UrlError::Encoding(s("%ff")))),
        ("https://h/a.git?a;b", Url(UrlError::Semicolon)),
        ("https:///a.git", Url(UrlError::NoHost)),
        ("ssh://git@:22/a", Url(UrlError::NoHost)),
        ("ssh://h:port/a", Url(UrlError::Port)),
        ("git://h o/a", Url(UrlError::Character)),
        ("git@h:a\n", Url(UrlError::Character)),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
    let many = format!("https://h/a.git?{}", (0..100).map(|i| format!("k{i}&")).collect::<String>());
    assert_eq!(error(&many), Url(UrlError::TooManyKeys));
}

#[test]
fn no_error_shows_a_password() {
    for tail in ["?ref=%zz", "?x", "#-x", "#:../y", "?ref=a#b"] {
        let text = format!("https://me:hunter2@h/a.git{tail}");
        assert!(!error(&text).to_string().contains("hunter2"), "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_answered(text in "\\PC{0,80}") {
        let _ = GitRef::parse(&text);
    }

    #[test]
    fn any_tail_is_answered(text in "(https://h/a.git|git@h:a|github.com/a/b)[?#]([a-z%&=;:/#?+.-]|\\PC){0,40}") {
        let _ = GitRef::parse(&text);
    }

    #[test]
    fn what_was_put_together_comes_apart(
        remote in prop::sample::select(vec!["https://h.example/o/r.git", "ssh://git@h:22/r", "git@h:o/r.git", "git://h/r"]),
        reference in prop::option::of("[a-zA-Z0-9][a-zA-Z0-9._/-]{0,20}"),
        subdir in prop::option::of("[a-z]{1,5}(/[a-z]{1,5}){0,3}"),
        keep in prop::option::of(any::<bool>()),
        commit in prop::option::of("[0-9a-f]{7,40}"),
        in_query in any::<bool>(),
    ) {
        let mut query = Vec::new();
        let mut fragment = String::new();
        if in_query {
            query.extend(reference.iter().map(|r| format!("ref={r}")));
            query.extend(subdir.iter().map(|d| format!("subdir={d}")));
        } else {
            fragment.push_str(reference.as_deref().unwrap_or_default());
            fragment.extend(subdir.iter().map(|d| format!(":{d}")));
        }
        query.extend(keep.iter().map(|k| format!("keep-git-dir={k}")));
        query.extend(commit.iter().map(|c| format!("commit={c}")));
        let mut text = remote.to_owned();
        if !query.is_empty() {
            text = format!("{text}?{}", query.join("&"));
        }
        if !fragment.is_empty() {
            text = format!("{text}#{fragment}");
        }
        let git = GitRef::parse(&text).unwrap().unwrap();
        prop_assert_eq!(git.remote.as_str(), remote);
        prop_assert_eq!(git.reference, reference);
        prop_assert_eq!(git.subdir.as_str(), subdir.unwrap_or_default());
        prop_assert_eq!(git.keep_git_dir, keep);
        prop_assert_eq!(git.checksum, commit);
    }
}
