use proptest::strategy::Strategy as _;

use super::*;

fn matches(patterns: &[&str], path: &str) -> bool {
    let patterns: Vec<String> = patterns.iter().map(|p| (*p).to_owned()).collect();
    PatternMatcher::new(&patterns).unwrap().matches(path)
}

#[test]
fn single_patterns() {
    for (pattern, path, wanted) in [
        ("a", "a", true),
        ("a", "b/a", false),
        ("a", "a/b/c", true),
        ("A", "a", false),
        ("a/", "a/b", true),
        ("./a", "a", true),
        ("*.md", "README.md", true),
        ("*.md", "docs/README.md", false),
        ("*/*.md", "docs/README.md", true),
        ("*", "a/b", true),
        ("**/*.md", "docs/x/README.md", true),
        ("**/*.md", "README.md", true),
        ("**/node_modules", "node_modules", true),
        ("**/node_modules", "a/b/node_modules/c", true),
        ("**/node_modules", "a/my_node_modules", false),
        ("**/*.env/x", "a/b.env/x", true),
        ("**/[^a]x", "a/bx", true),
        ("**/[^a]x", "a/ax", false),
        ("**/.e?v*", "a/.env.d/b", true),
        ("**foo", "barfoo", true),
        ("**fo?", "barfoo", false),
        ("a/**", "a/b/c", true),
        ("a/**", "a", false),
        ("a**", "abc/d", true),
        ("a/**/b", "a/b", true),
        ("a/**/b", "a/x/y/b", true),
        ("a/**/b", "a/xb", false),
        ("**/a/**", "x/a/y", true),
        ("**/a/**", "x/a", false),
        ("**", "anything/at/all", true),
        ("?.txt", "a.txt", true),
        ("?.txt", "/.txt", false),
        ("[a-c]x", "bx", true),
        ("[^a-c]x", "bx", false),
        ("[^a-c]x", "dx", true),
        (r"a\*b", "a*b", true),
        (r"a\*b", "axb", false),
        ("a.b", "axb", false),
        ("a+b(c)", "a+b(c)", true),
        ("**/.env*", "packages/app/.env.local", true),
        ("**/.env*", ".env", true),
        ("**/.env*", "x.env", false),
        (".git", ".gitignore", false),
        ("***x", "ax", true),
    ] {
        assert_eq!(matches(&[pattern], path), wanted, "{pattern} on {path}");
    }
}

#[test]
fn the_last_match_decides() {
    assert!(!matches(&["*.md", "!README.md"], "README.md"));
    assert!(matches(&["*.md", "!README*.md", "README-secret.md"], "README-secret.md"));
    assert!(!matches(&["*.md", "README-secret.md", "!README*.md"], "README-secret.md"));
    assert!(!matches(&["packages", "!packages/app"], "packages/app/src/x"));
    assert!(matches(&["packages", "!packages/app"], "packages/backend"));
    assert!(!matches(&["!a"], "a"));
    assert!(matches(&["!a", "a"], "a"));
}

#[test]
fn the_pattern_that_hides_is_named() {
    let patterns: Vec<String> = ["", "a", "!a/b", "a/b/c"].map(str::to_owned).to_vec();
    let matcher = PatternMatcher::new(&patterns).unwrap();
    assert_eq!(matcher.hidden_by("a/x"), Some(1));
    assert_eq!(matcher.hidden_by("a/b/x"), None);
    assert_eq!(matcher.hidden_by("a/b/c"), Some(3));
}

#[test]
fn bad_patterns_are_refused() {
    for pattern in ["!", "[", "[]", "[]a]", "[a-", "[-x]", "[b-a]", "a\\", "[^]", r"a\d", r"a[\d]", r"\é"] {
        assert!(PatternMatcher::new(&[pattern.to_owned()]).is_err(), "{pattern}");
    }
}

#[test]
fn ignore_files() {
    let text = "\u{feff}# c\n  a  \n\n/b\n!/c/../d\n #e\n!\n./f/\n/\n..\r\n";
    assert_eq!(parse_ignore_file(text), ["a", "b", "!d", "#e", "!", "f", "/", ".."]);
}

#[test]
fn what_decides_nothing_is_left_out() {
    let list = |patterns: &[&str]| patterns.iter().map(|pattern| (*pattern).to_owned()).collect::<Vec<_>>();
    let all =
        [".git", "a", "x/*/node_modules", "node_modules", "!a", "a", "!node_modules", "**/node_modules", "**/.git"];
    assert_eq!(drop_redundant(&list(&all)), ["!a", "a", "!node_modules", "**/node_modules", "**/.git"]);
    // Where `**` is part of a name it crosses a `/`, which need not be there; a class may hold one.
    for keeps in [["secrets**/.env*", "**/.env*"], ["**.log", "**/**.log"], ["[b/a]", "**/a]"], ["a/..", "**/.."]] {
        assert_eq!(drop_redundant(&list(&keeps)), keeps);
    }
    // What comes before is another thing.
    assert_eq!(drop_redundant(&list(&["**/a", "a", "!b", "b/a"])), ["**/a", "a", "!b", "b/a"]);
}

proptest::proptest! {
    #[test]
    fn a_name_in_any_directory_is_what_its_tokens_say(name in "[ab.*?]{1,8}", path in "[ab./]{1,12}") {
        let kind = compile(&format!("**/{name}")).unwrap();
        if let Kind::Name(name) = &kind {
            let tokens = Kind::Tokens([&[Token::Directories], name.as_slice()].concat());
            let [short, long] = [&kind, &tokens].map(|kind| kind.matches(&path));
            proptest::prop_assert_eq!(short, long);
        }
    }

    #[test]
    fn a_directory_is_matched_on_the_way(pattern in "[ab*?/]{1,8}", path in "[ab/]{1,12}") {
        if let Some(kind @ Kind::Tokens(_)) = compile(&pattern) {
            // None of these has a directory of its own to match.
            let each = with_parents(&path).any(|path| {
                kind.matches(path) && !with_parents(path).skip(1).any(|parent| kind.matches(parent))
            });
            proptest::prop_assert_eq!(kind.matches(&path), each);
        }
    }

    #[test]
    fn nothing_panics(patterns in proptest::collection::vec("[a-c*?/!\\\\.\\[\\]^-]{0,12}", 0..4), path in "[a-c/.]{0,16}") {
        if let Ok(matcher) = PatternMatcher::new(&patterns) {
            matcher.matches(&path);
        }
    }

    #[test]
    fn idle_patterns_decide_nothing(
        // The same few names with all that may stand before them.
        patterns in proptest::collection::vec(
            ("!?(\\*\\*/|[ab*/\\\\\\[\\]!.]{0,5})", "a|b\\*|\\.a\\*|\\?|\\*\\*|a\\]|\\*\\*a|\\.\\.|b/a").prop_map(|(pre, name)| pre + &name),
            0..6,
        ),
        path in "[ab./\\\\\\]]{1,8}",
    ) {
        if let Ok(whole) = PatternMatcher::new(&patterns) {
            let kept = drop_redundant(&patterns);
            let short = PatternMatcher::new(&kept).unwrap();
            proptest::prop_assert_eq!(whole.matches(&path), short.matches(&path), "{:?} {:?}", patterns, kept);
        }
    }

    #[test]
    fn what_reaches_no_path_hides_nothing_of_it(
        line in "(\\*\\*/|[ab*?/\\\\\\[\\]!. ]{0,6})[ab*. /]{0,3}",
        path in "[ab.]{1,2}(/[ab.]{1,2})?",
        below in "(/[ab.]{1,2}){0,2}",
    ) {
        let lines = parse_ignore_file(&line);
        if let Ok(matcher) = PatternMatcher::new(&lines) {
            let hides = with_parents(&format!("{path}{below}")).any(|path| matcher.matches(path));
            let reaches = lines.iter().any(|line| could_match(&cleaned(line), &path));
            proptest::prop_assert!(!hides || reaches, "{:?} {} {}", lines, path, below);
        }
    }

    #[test]
    fn any_text_is_read(text in ".{0,60}") {
        if let Ok(matcher) = PatternMatcher::new(&parse_ignore_file(&text)) {
            matcher.matches("a/b");
        }
    }
}
