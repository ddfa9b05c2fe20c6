//! What git itself says is the measure.
#![allow(clippy::disallowed_methods, reason = "a test's own files")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;

fn ignored(text: &str, path: &str, is_directory: bool) -> Option<bool> {
    GitIgnore::new(text.as_bytes()).verdict(path, is_directory).map(|verdict| verdict.ignored)
}

#[test]
fn what_patterns_mean() {
    for (text, path, is_directory, wanted) in [
        ("secrets/", "secrets", true, Some(true)),
        ("secrets/", "secrets", false, None),
        ("secrets/", "config/secrets", true, Some(true)),
        ("/secrets", "config/secrets", true, None),
        ("config/*.txt", "config/a.txt", false, Some(true)),
        ("config/*.txt", "x/config/a.txt", false, None),
        ("*.txt\n!a.txt", "b/a.txt", false, Some(false)),
        ("!a.txt\n*.txt", "b/a.txt", false, Some(true)),
        ("**/a", "a", false, Some(true)),
        ("x/**/a", "x/a", false, Some(true)),
        ("x/**/a", "x/y/z/a", false, Some(true)),
        ("x/**", "x", true, None),
        ("x/**", "x/y", false, Some(true)),
        ("x**/a", "xy/a", false, Some(true)),
        ("x**/a", "x/y/a", false, Some(true)),
        ("a**/**", "a", false, Some(true)),
        ("?**/a", "x/y/a", false, None),
        ("[[:upper:]]*", "Ab", false, Some(true)),
        ("[!a-c]x", "bx", false, None),
        ("[]-]x", "]x", false, Some(true)),
        ("[a", "[a", false, None),
        ("a\\", "a\\", false, None),
        ("\\#a\r\n", "#a", false, Some(true)),
        ("#a", "#a", false, None),
        ("a\\ ", "a ", false, Some(true)),
        ("a  ", "a", false, Some(true)),
        ("\u{feff}a", "a", false, Some(true)),
        ("/", "a", true, None),
    ] {
        assert_eq!(ignored(text, path, is_directory), wanted, "{text:?} {path}");
    }
    let line = GitIgnore::new(b"# x\n\na\n*.b\n").verdict("x/c.b", false).unwrap().line;
    assert_eq!(line, 4);
}

#[test]
fn a_hostile_pattern_takes_no_longer() {
    let text = format!("{}b", "*a".repeat(20_000));
    assert_eq!(ignored(&text, &"a".repeat(3_000), false), None);
}

/// What git says of paths: each file is there, so that directories are known.
fn by_git(root: &Path, paths: &[String]) -> BTreeSet<String> {
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command.args(args).current_dir(root).env("HOME", root).env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("XDG_CONFIG_HOME", root).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    assert!(git(&["init", "-q"]).wait().unwrap().success());
    let mut child = git(&["check-ignore", "--no-index", "-z", "--stdin"]);
    let mut input = child.stdin.take().unwrap();
    paths.iter().for_each(|path| input.write_all(format!("{path}\0").as_bytes()).unwrap());
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.code().is_some_and(|code| code < 2), "{:?}", output.status);
    output.stdout.split(|byte| *byte == 0).map(|path| String::from_utf8_lossy(path).into_owned()).collect()
}

fn pattern() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "a",
        "b",
        "B",
        "ab",
        ".",
        "*",
        "**",
        "***",
        "?",
        "[ab]",
        "[!a]",
        "[^b-]",
        "[a-c]",
        "[[:alpha:]]",
        "[[:x:]]",
        "[]a]",
        "[\\]a]",
        "[",
        "\\a",
        "\\*",
        "/",
        "/",
        "/",
        "**/",
        "/**",
        "!",
        "#",
        " ",
        "\\ ",
        "\r",
        "é",
        "-",
    ]);
    prop::collection::vec(part, 1..6).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// The root's file and one in a directory, over the same small tree.
    #[test]
    fn git_says_the_same(
        root in prop::collection::vec(pattern(), 1..5),
        nested in prop::collection::vec(pattern(), 0..3),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let names = ["a", "b", "ab", "B", "a.b", "*", "é", "#", "[", "-", "!a", "b "];
        let mut paths: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        for outer in ["d", "a1", "ab2"] {
            std::fs::create_dir_all(dir.path().join(outer).join("a")).unwrap();
            paths.extend(names.iter().filter(|name| **name != "a").map(|name| format!("{outer}/{name}")));
            paths.extend(names.iter().map(|name| format!("{outer}/a/{name}")));
        }
        for path in &paths {
            std::fs::write(dir.path().join(path), "").unwrap();
        }
        let (root, nested) = (root.join("\n"), nested.join("\n"));
        std::fs::write(dir.path().join(".gitignore"), &root).unwrap();
        std::fs::write(dir.path().join("d/.gitignore"), &nested).unwrap();
        let files = [("", GitIgnore::new(root.as_bytes())), ("d", GitIgnore::new(nested.as_bytes()))];
        let files: Vec<(ContextPath, GitIgnore)> =
            files.into_iter().map(|(dir, file)| (ContextPath::new(dir).unwrap(), file)).collect();
        let git = by_git(dir.path(), &paths);
        for path in &paths {
            let known = ContextPath::new(path).unwrap();
            let ours = ignored_by(&known, |dir| files.iter().find(|(at, _)| at == dir).map(|(_, file)| file));
            prop_assert_eq!(ours.is_some(), git.contains(path), "{:?} {:?} {}", root, nested, path);
        }
    }
}
