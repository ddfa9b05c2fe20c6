use std::future::ready;

use buildkit_frontend::files::{MemoryFiles, Pending};

use super::*;

fn tree() -> MemoryFiles {
    let mut files = MemoryFiles::default();
    for path in [
        "packages/app",
        "packages/backend",
        "packages/.hidden",
        "plugins/a",
        "plugins/a-common",
        "plugins/group/b",
        "plugins/group/test/c",
        "plugins/a/node_modules/x",
        "other/deep/er/d",
        "pa[x]",
    ] {
        files = files.with(ContextPath::new(&format!("{path}/package.json")).unwrap(), "{}");
    }
    files.with(ContextPath::new("packages/README.md").unwrap(), "")
}

async fn expanded(base: &str, patterns: &[&str]) -> Result<Vec<String>, GlobError> {
    let base = ContextPath::new(base).unwrap();
    let found = expand(&tree(), &base, patterns, &mut Tree::default()).await?;
    Ok(found.into_iter().map(|dir| dir.to_string()).collect())
}

#[tokio::test(flavor = "current_thread")]
async fn patterns() {
    for (base, patterns, wanted) in [
        ("", &["packages/*"][..], &["packages/app", "packages/backend"][..]),
        ("", &["./packages/app/", "packages/app"], &["packages/app"]),
        ("", &["packages/.*"], &["packages/.hidden"]),
        ("", &["{packages,plugins}/a*"], &["packages/app", "plugins/a", "plugins/a-common"]),
        ("", &["plugins/{a,group/b}"], &["plugins/a", "plugins/group/b"]),
        ("", &["{plugins}/{a,group/{b,c}}"], &["plugins/a", "plugins/group/b", "plugins/group/c"]),
        ("", &["{{packages,other},plugins}/a"], &["other/a", "packages/a", "plugins/a"]),
        ("", &["plugins/{{a,b}}"], &["plugins/a"]),
        (
            "",
            &["plugins/**", "!**/test"],
            &["plugins", "plugins/a", "plugins/a-common", "plugins/group", "plugins/group/b"],
        ),
        ("", &["plugins/*", "!plugins/a"], &["plugins/a-common", "plugins/group"]),
        ("", &["plugins/*", "!plugins/group/**"], &["plugins/a", "plugins/a-common"]),
        ("plugins", &["group/*", "../packages/app"], &["packages/app", "plugins/group/b", "plugins/group/test"]),
        ("", &["pa\\[x\\]"], &["pa[x]"]),
        ("", &["plugins/[ag]*p"], &["plugins/group"]),
        ("", &["nowhere/*"], &[]),
        ("", &["packages/*/node_modules/*"], &[]),
    ] {
        assert_eq!(expanded(base, patterns).await.unwrap(), wanted, "{patterns:?}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn what_leaves_the_context_is_refused() {
    for pattern in ["../x", "packages/../../x", "/etc", "@(a|b)/c", "a/[", "{a,../b}"] {
        assert!(expanded("", &["ok", pattern]).await.is_err(), "{pattern}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_same_pattern_is_looked_for_once() {
    // 10^5 walks of the whole tree otherwise, and more steps than are allowed.
    let patterns: Vec<&str> = std::iter::repeat_n("**", 100_000).chain(["./**", "{**,**/}"]).collect();
    assert!(expanded("", &patterns).await.unwrap().contains(&"plugins/a".to_owned()));
}

#[tokio::test(flavor = "current_thread")]
async fn patterns_are_counted() {
    let many: Vec<String> = (0..=MAX_PATTERNS).map(|i| format!("p{i}")).collect();
    let braces: Vec<String> = (0..100).map(|i| format!("{}{i}", "{a,b}".repeat(8))).collect();
    let negative: Vec<String> = (0..=MAX_NEGATIVE).map(|i| format!("!p{i}")).collect();
    // One that would be matched for ever.
    let deep = vec![format!("packages/{}b", "{a,a,a,a,a,a,a,a,a,a}".repeat(40))];
    for patterns in [many, braces, negative, deep] {
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let error = expanded("", &patterns).await.unwrap_err();
        assert!(matches!(error, GlobError::TooManyPatterns), "{error}");
    }
}

/// A directory of directories without end, as links make it, that counts what it is asked for.
struct Fan(std::cell::Cell<usize>);

impl Files for Fan {
    fn read_many<'a>(&'a self, _: &'a [ContextPath], _: u64) -> Pending<'a, Vec<Option<bytes::Bytes>>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    fn list_many<'a>(&'a self, dirs: &'a [ContextPath]) -> Pending<'a, Vec<Option<Vec<Entry>>>> {
        self.0.set(self.0.get().saturating_add(dirs.len()));
        let names = || (0..140).map(|i| Entry { name: format!("l{i}"), kind: Kind::Symlink }).collect();
        Box::pin(ready(Ok(dirs.iter().map(|_| Some(names())).collect())))
    }

    fn stat<'a>(&'a self, _: &'a ContextPath) -> Pending<'a, Option<Kind>> {
        Box::pin(ready(Ok(None)))
    }
}

#[tokio::test(flavor = "current_thread")]
async fn fans_of_links_are_not_listed_to_their_end() {
    let fan = Fan(std::cell::Cell::new(0));
    let found = expand(&fan, &ContextPath::root(), &["patches/*/*/*"], &mut Tree::default()).await;
    assert!(matches!(found, Err(GlobError::TooMany)));
    assert!(fan.0.get() <= MAX_NAMES.div_ceil(140), "{}", fan.0.get());
}

#[tokio::test(flavor = "current_thread")]
async fn steps_are_counted_over_all_manifests() {
    let mut known = Tree::default();
    let mut last = Ok(BTreeSet::new());
    for i in 0..MAX_STEPS {
        last = expand(&tree(), &ContextPath::new(&format!("plugins/{i}")).unwrap(), &["../**"], &mut known).await;
        if last.is_err() {
            break;
        }
    }
    assert!(matches!(last, Err(GlobError::TooMany)));
}

#[tokio::test(flavor = "current_thread")]
async fn what_is_tried_is_counted() {
    let mut files = MemoryFiles::default();
    for i in 0..2_000 {
        files = files.with(ContextPath::new(&format!("packages/p{i}/package.json")).unwrap(), "{}");
    }
    let patterns: Vec<String> = (0..9_000).map(|i| format!("packages/?{i}*x")).collect();
    let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    let found = expand(&files, &ContextPath::root(), &patterns, &mut Tree::default()).await;
    assert!(matches!(found, Err(GlobError::TooMuch)));
    let negative: Vec<String> = (0..199).map(|i| format!("!packages/{}{i}", "?".repeat(900))).collect();
    let patterns: Vec<&str> = ["packages/*"].into_iter().chain(negative.iter().map(String::as_str)).collect();
    let found = expand(&files, &ContextPath::root(), &patterns, &mut Tree::default()).await;
    assert!(matches!(found, Err(GlobError::TooMuch)));
}

proptest::proptest! {
    #[test]
    fn no_pattern_panics(pattern in "[a-c*?{},!\\[\\]/.\\\\()@-]{0,24}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _ = runtime.block_on(expanded("plugins", &[&pattern]));
    }
}
