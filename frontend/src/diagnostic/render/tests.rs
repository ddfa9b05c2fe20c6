use crate::diagnostic::{SourceFile, Span};

use super::*;

fn span(text: &str, needle: &str) -> Span {
    let file = SourceFile::new("backstage.build.yaml", text);
    let start = file.text.find(needle).unwrap();
    Span::new(&file, start..start + needle.len())
}

fn plain(diagnostic: Diagnostic) -> String {
    terminal(&[diagnostic], Colour::Never)
}

#[test]
fn nothing_to_show() {
    assert_eq!(terminal(&[], Colour::Never), "");
}

#[test]
fn without_a_place() {
    let shown = plain(Diagnostic::error("request/flag", "`--foo` cannot be used").help("leave it out"));
    insta::assert_snapshot!(shown, @"
    error[request/flag]: `--foo` cannot be used
     |
     = help: leave it out
    ");
}

#[test]
fn two_files() {
    let other = SourceFile::new("package.json", "{\n  \"name\": \"root\"\n}\n");
    let diagnostic = Diagnostic::error("repo/backend", "two backends")
        .label(span("# syntax=x\nbackend: a\n", "a\n"), "named here")
        .label(Span::line(&other, 2), "and here");
    insta::assert_snapshot!(plain(diagnostic), @r#"
    error[repo/backend]: two backends
     --> backstage.build.yaml:2:10
      |
    2 | backend: a
      |          ^ named here
      |
     ::: package.json:2:1
      |
    2 |   "name": "root"
      | ---------------- and here
    "#);
}

#[test]
fn far_places_have_excerpts_of_their_own() {
    let text = format!("first: 1\n{}last: 2\n", "\n".repeat(100_000));
    let file = SourceFile::new("f", text);
    let end = file.text.len();
    let diagnostic = Diagnostic::warning("a/b", "far apart")
        .label(Span::new(&file, 0..5), "here")
        .label(Span::new(&file, end - 8..end - 4), "there");
    insta::assert_snapshot!(plain(diagnostic), @"
    warning[a/b]: far apart
          --> f:1:1
           |
         1 | first: 1
           | ^^^^^ here
           |
          ::: f:100002:1
           |
    100002 | last: 2
           | ---- there
    ");
}

#[test]
fn a_long_line_is_cut_around_its_place() {
    let text = format!("config: [{}needle{}]\n", "é, ".repeat(5000), ", b".repeat(5000));
    let shown = plain(Diagnostic::error("a/b", "long").at(span(&text, "needle")));
    assert!(shown.contains("needle"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() < 200), "{shown}");
    let (line, marks) = shown.lines().zip(shown.lines().skip(1)).find(|(line, _)| line.contains("needle")).unwrap();
    let column = line.chars().position(|c| c == 'n').unwrap();
    assert_eq!(marks.chars().position(|c| c == '^'), Some(column), "{shown}");
}

#[test]
fn a_file_cannot_paint_the_terminal() {
    let text = "a: \u{1b}[31m\u{202e}\u{7}x\r\nb: 1\n";
    let diagnostic =
        Diagnostic::error("a/b", "bad \u{1b}[2J\nname").help("\u{202e}x").label(span(text, "x"), "\u{1b}]0;y");
    let shown = plain(diagnostic.clone());
    assert!(shown.chars().all(|c| c == '\n' || !is_harmful(c)), "{shown:?}");
    let sent = crate::gateway::Failure::from(diagnostic).status().message().to_owned();
    assert!(sent.chars().all(|c| c == '\n' || !is_harmful(c)), "{sent:?}");
}

#[test]
fn colours_only_where_asked() {
    let diagnostic = Diagnostic::error("a/b", "c").at(span("node: 22\n", "22"));
    assert!(terminal(std::slice::from_ref(&diagnostic), Colour::Always).contains("\u{1b}["));
    assert!(!plain(diagnostic).contains('\u{1b}'));
}

#[test]
fn many_are_counted() {
    let all: Vec<_> = (0..25).map(|i| Diagnostic::error("a/b", format!("number {i}"))).collect();
    let shown = terminal(&all, Colour::Never);
    assert!(shown.contains("number 19\n") && !shown.contains("number 20"), "{shown}");
    assert!(shown.ends_with("\nand 5 more\n"), "{shown}");
}

#[test]
fn strange_places_do_no_harm() {
    let file = SourceFile::new("f", "ü\n");
    for range in [0..0, 0..1, 1..2, 0..3, 2..3, 3..3, 3..9, 9..9] {
        let shown = plain(Diagnostic::error("a/b", "c").at(Span::new(&file, range)));
        assert!(shown.contains("error[a/b]: c"), "{shown}");
    }
}

#[test]
fn secrets_are_shown_nowhere() {
    let token = "ghp_0123456789abcdefghij0123";
    let text = format!("{{\"postinstall\": \"curl -H {token}\"}}");
    let diagnostic = Diagnostic::warning("a/b", format!("says {token}"))
        .help(format!("not https://me:{token}@host"))
        .label(span(&text, "\"postinstall\""), format!("here {token}"));
    let status = format!("{:?}", crate::gateway::Failure::from(diagnostic.clone()));
    for shown in [plain(diagnostic.clone()), diagnostic.to_string(), status] {
        assert!(!shown.contains(token), "{shown}");
    }
}

#[test]
fn long_texts_are_cut() {
    let long = "é".repeat(100_000);
    let diagnostic = Diagnostic::error("a/b", &*long).help(&*long).label(span(&long, "é"), &*long);
    assert!(diagnostic.message.ends_with('…'));
    assert!(plain(diagnostic.clone()).chars().count() < 5_000);
    assert!(diagnostic.to_string().chars().count() < 4_000);
}
