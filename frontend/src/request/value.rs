//! What can be wrong with a value, and the small grammars that several options share: Go's booleans, decimal numbers,
//! one CSV record, plain names.

use crate::path::PathError;

use super::git_error::GitRefError;
use super::text::Quoted;

/// The highest processor or memory node that a set may name (`util/cpuset/cpuset.go` of BuildKit).
pub const MAX_CPU: u32 = 8192;
/// Items that one value may list.
pub const MAX_ITEMS: usize = 1024;

/// Why a value is not taken. Shown after the option's name, before what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A word that the option does not know.
    #[error("{} is none of its values", Quoted(.0))]
    Unknown(String),
    /// Not a boolean.
    #[error("{} is neither true nor false", Quoted(.0))]
    Bool(String),
    /// Not a decimal number, or one that does not fit.
    #[error("{} is not a whole number", Quoted(.0))]
    Number(String),
    /// A number that the option does not take.
    #[error("{} is out of range", Quoted(.0))]
    Range(String),
    /// No `=` where one is needed.
    #[error("{} has no \"=\"", Quoted(.0))]
    Pair(String),
    /// A list of CPUs or memory nodes that is not one.
    #[error("{} is not a number or a range of numbers up to {}", Quoted(.0), MAX_CPU)]
    CpuSet(String),
    /// A soft limit above the hard one.
    #[error("in {} the soft limit is above the hard one", Quoted(.0))]
    SoftAboveHard(String),
    /// Not an IP address.
    #[error("{} is not an IP address", Quoted(.0))]
    Address(String),
    /// A name with a space, a control character or nothing in it.
    #[error("{} is not a name", Quoted(.0))]
    Name(String),
    /// Not a platform.
    #[error("{} is not a platform", Quoted(.0))]
    Platform(String),
    /// Not an image reference.
    #[error("{} is not an image reference: {}", Quoted(.0), .1)]
    Image(String, buildkit_llb::ImageRefProblem),
    /// Not a path inside its root.
    #[error("{} is not a usable path: {}", Quoted(.0), .1)]
    Path(String, PathError),
    /// A git reference with a mistake in it.
    #[error(transparent)]
    Git(#[from] GitRefError),
    /// Not an address that a source can be had from; credentials have been taken out.
    #[error("{} is not an address of a kind that is known here", Quoted(.0))]
    Source(String),
    /// JSON that is not what is expected. The value itself may hold credentials and is not shown.
    #[error("its JSON is wrong at line {line}, column {column}")]
    Json {
        /// 1-based.
        line: usize,
        /// 1-based.
        column: usize,
    },
    /// A cache without its kind.
    #[error("entry {0} has no type")]
    CacheType(usize),
    /// Quotes that are not closed, or stand in the middle of an item.
    #[error("its quotes do not match")]
    Quotes,
    /// Nothing where something is needed.
    #[error("there is nothing in it")]
    Empty,
    /// An item of a list is empty.
    #[error("one of its items is empty")]
    EmptyItem,
    /// Too many items.
    #[error("it lists more than {MAX_ITEMS} items")]
    TooMany,
    /// A platform list together with `multi-platform=false`.
    #[error("it is false, but several platforms are asked for")]
    OnePlatform,
}

/// Go's `strconv.ParseBool`, which is what BuildKit takes.
pub fn boolean(text: &str) -> Result<bool, Invalid> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(Invalid::Bool(text.to_owned())),
    }
}

/// As [`boolean`], where an empty text says nothing.
pub fn optional_boolean(text: &str) -> Result<Option<bool>, Invalid> {
    if text.is_empty() { Ok(None) } else { boolean(text).map(Some) }
}

/// A decimal number.
pub fn number<N: std::str::FromStr>(text: &str) -> Result<N, Invalid> {
    text.parse().map_err(|_| Invalid::Number(text.to_owned()))
}

/// The items of one CSV record: separated by commas, in double quotes where they hold one.
pub fn csv(text: &str) -> Result<Vec<String>, Invalid> {
    let mut items = Vec::new();
    if text.is_empty() {
        return Ok(items);
    }
    let mut rest = Some(text);
    while let Some(text) = rest {
        if items.len() >= MAX_ITEMS {
            return Err(Invalid::TooMany);
        }
        let (item, after) = match text.strip_prefix('"') {
            Some(quoted) => quoted_item(quoted)?,
            None => match text.split_once(',') {
                Some((item, after)) => (item.to_owned(), Some(after)),
                None => (text.to_owned(), None),
            },
        };
        if !text.starts_with('"') && item.contains('"') {
            return Err(Invalid::Quotes);
        }
        items.push(item);
        rest = after;
    }
    Ok(items)
}

/// An item whose opening quote has been read, and what follows its comma.
fn quoted_item(mut text: &str) -> Result<(String, Option<&str>), Invalid> {
    let mut item = String::new();
    loop {
        let (part, after) = text.split_once('"').ok_or(Invalid::Quotes)?;
        item.push_str(part);
        if let Some(next) = after.strip_prefix('"') {
            item.push('"');
            text = next;
        } else if after.is_empty() {
            return Ok((item, None));
        } else {
            return after.strip_prefix(',').map(|after| (item, Some(after))).ok_or(Invalid::Quotes);
        }
    }
}

/// The items of a plain comma list, trimmed; none of them may be empty.
pub fn list(text: &str) -> Result<Vec<&str>, Invalid> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let items: Vec<&str> = text.split(',').map(str::trim).take(MAX_ITEMS.saturating_add(1)).collect();
    match items.iter().any(|item| item.is_empty()) {
        _ if items.len() > MAX_ITEMS => Err(Invalid::TooMany),
        true => Err(Invalid::EmptyItem),
        false => Ok(items),
    }
}

/// A text for one line of a file or one name: no control character, no white space, at most `max` bytes, and not
/// empty.
pub fn name(text: &str, max: usize) -> Result<String, Invalid> {
    if text.is_empty() || text.len() > max || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Invalid::Name(text.to_owned()));
    }
    Ok(text.to_owned())
}

/// As [`name`], where an empty text is as good as none.
pub fn optional_name(text: &str, max: usize) -> Result<Option<String>, Invalid> {
    if text.is_empty() { Ok(None) } else { name(text, max).map(Some) }
}

/// A text that is kept as it is; empty is as good as none.
pub fn optional_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_go_s() {
        for (text, value) in [("1", true), ("t", true), ("True", true), ("0", false), ("FALSE", false), ("f", false)] {
            assert_eq!(boolean(text), Ok(value));
        }
        for text in ["", "yes", "tRUE", " true"] {
            assert_eq!(boolean(text), Err(Invalid::Bool(text.into())));
        }
        assert_eq!(optional_boolean(""), Ok(None));
        assert_eq!(optional_boolean("0"), Ok(Some(false)));
    }

    #[test]
    fn csv_records() {
        for (text, items) in [
            ("", vec![]),
            ("a", vec!["a"]),
            ("a,b=c,", vec!["a", "b=c", ""]),
            (r#""a,b",c"#, vec!["a,b", "c"]),
            (r#""say ""hi""",x"#, vec!["say \"hi\"", "x"]),
            (r#""""#, vec![""]),
        ] {
            assert_eq!(csv(text).unwrap(), items, "{text}");
        }
        for text in [r#"a"b"#, r#""a"#, r#""a"b"#, "\"\"\""] {
            assert_eq!(csv(text), Err(Invalid::Quotes), "{text}");
        }
        assert_eq!(csv(&",".repeat(MAX_ITEMS)), Err(Invalid::TooMany));
    }

    #[test]
    fn lists_and_names() {
        assert_eq!(list("a, b,c").unwrap(), ["a", "b", "c"]);
        assert_eq!(list("a,,b"), Err(Invalid::EmptyItem));
        assert_eq!(list(&"a,".repeat(MAX_ITEMS)), Err(Invalid::TooMany));
        assert_eq!(name("a-b", 3).unwrap(), "a-b");
        for text in ["", "a b", "a\n", "abcd"] {
            assert_eq!(name(text, 3), Err(Invalid::Name(text.into())));
        }
        assert_eq!(optional_name("", 3), Ok(None));
    }

    proptest::proptest! {
        #[test]
        fn any_items_survive_csv(items in proptest::collection::vec("[a-z\",=\n ]{0,6}", 1..6)) {
            let text = items.iter().map(|i| format!("\"{}\"", i.replace('"', "\"\""))).collect::<Vec<_>>().join(",");
            proptest::prop_assert_eq!(csv(&text).unwrap(), items);
        }

        #[test]
        fn csv_never_panics(text in ".{0,64}") {
            let _ = csv(&text);
        }
    }
}
