//! Small pieces of the messages: quoted names, lists of words, near misses.

use std::borrow::Cow;

use crate::secret;

/// Bytes of a text of which a message quotes a few words.
const HEAD: usize = 16 << 10;

/// The beginning of a text, for a message that quotes a few words of it, without its tokens and passwords.
pub fn quotable(text: &str) -> Cow<'_, str> {
    secret::redacted(secret::head(text, HEAD))
}

/// Longest piece of the user's text that a message repeats, in characters.
const MAX_QUOTED: usize = 60;

/// The text in backticks: on one line, shortened if it is long, without secrets.
pub fn quote(text: &str) -> String {
    let text = &quotable(text);
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_QUOTED).collect();
    let cut = if text.chars().nth(MAX_QUOTED).is_some() { "…" } else { "" };
    format!("`{}{cut}`", line.trim())
}

/// `a`, `b` and `c` in backticks, joined by commas and `last`.
pub fn list<'a>(words: impl IntoIterator<Item = &'a str>, last: &str) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
    }
}

/// The candidate that was probably meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > MAX_QUOTED {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    let wanted = plain(word);
    candidates
        .into_iter()
        .map(|candidate| {
            let other = plain(candidate);
            let near = if wanted == other { 1.0 } else { strsim::jaro_winkler(&wanted, &other) };
            let steps = strsim::damerau_levenshtein(&wanted, &other);
            (candidate, near, steps)
        })
        .filter(|(candidate, near, steps)| *steps <= 1_usize.max(candidate.len() / 3) && *near > 0.7)
        .max_by(|a, b| b.2.cmp(&a.2).then(a.1.total_cmp(&b.1)))
        .map(|(candidate, ..)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses() {
        let keys = ["node", "config", "install", "runtime", "nodeOptions"];
        assert_eq!(nearest("nod", keys), Some("node"));
        assert_eq!(nearest("Node", keys), Some("node"));
        assert_eq!(nearest("node_options", keys), Some("nodeOptions"));
        assert_eq!(nearest("configs", keys), Some("config"));
        assert_eq!(nearest("banana", keys), None);
        assert_eq!(nearest("", keys), None);
    }

    #[test]
    fn quoting_is_short_and_on_one_line() {
        assert_eq!(quote("a\nb\u{1b}[31m"), "`a b [31m`");
        assert_eq!(quote(&format!("https://u:{}@host/x", "p".repeat(600))), "`https://***@host/x`");
        assert_eq!(quote(&"x".repeat(100)).chars().count(), MAX_QUOTED + 3);
        assert_eq!(list(["a", "b", "c"], "or"), "`a`, `b` or `c`");
    }
}
