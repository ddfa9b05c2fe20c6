//! Comments: nobody's business but the reader's.

use std::borrow::Cow;

use buildkit_frontend::secret;
use granit_parser::{Event, Parser};

/// A build file's text with its comments blotted out behind their `#`. Values, lines and offsets stay what they are.
///
/// What stands in a graph is in layers that a cache exports, in provenance and in BuildKit's records. Values have to; a comment may
/// tell anything and no step needs it.
pub(crate) fn without_comments(text: &str) -> Cow<'_, str> {
    let options = granit_parser::options! {
        emit_unresolved_aliases: true,
        emit_comments: true,
        max_buffered_comment_events: usize::MAX,
    };
    // Behind a mistake nothing is known: such a file is never part of a graph.
    let events = Parser::new_from_str_with_options(text, options).map_while(Result::ok);
    let comments = events.filter(|(event, _)| matches!(event, Event::Comment(..)));
    let behind =
        comments.filter_map(|(_, mark)| mark.byte_range()).map(|range| range.start.saturating_add(1)..range.end);
    secret::mask_in_place(text, behind.collect())
}

#[cfg(test)]
mod tests {
    use buildkit_frontend::diagnostic::SourceFile;
    use proptest::prelude::*;

    use crate::spec::tree::{Kind, Node, load};

    use super::*;

    /// What a text means, with the places.
    fn meaning(text: &str) -> Option<String> {
        fn write(node: &Node, out: &mut String) {
            out.push_str(&format!("{:?} ", node.span.range));
            match &node.kind {
                Kind::List(items) => items.iter().for_each(|item| write(item, out)),
                Kind::Map(entries) => entries.iter().for_each(|entry| {
                    out.push_str(&format!("{:?} {:?}: ", entry.key.span.range, entry.key.value));
                    write(&entry.value, out);
                }),
                kind => out.push_str(&format!("{kind:?}")),
            }
        }
        let loaded = load(&SourceFile::new("backstage.build.yaml", text));
        let mut out = String::new();
        write(&loaded.root.filter(|_| loaded.mistakes.is_empty())?, &mut out);
        Some(out)
    }

    #[test]
    fn comments_go_and_values_stay() {
        let text = "# syntax=hidden\r\n#hidden é\nfiles: # hidden\n  - a#kept # hidden: hidden\n  # - hidden\n  - 'b # kept' #hidden\n\
            runtime: {env: {A: \"c # kept\", # hidden\n  B: d}} # hidden # hidden\n\
            build:\n  before:\n    - | # hidden\n      echo # kept\n      #kept too\n    - >-\n      # kept\n  # hidden\n\
            checks:\n  - name: x\n    run: echo a\n      b\n# hidden";
        let without = without_comments(text);
        assert!(!without.contains("hidden"), "{without}");
        assert_eq!(without.matches("kept").count(), text.matches("kept").count(), "{without}");
        assert_eq!(without.matches('#').count(), text.matches('#').count() - 1, "{without}");
        assert_eq!(without.match_indices('\n').collect::<Vec<_>>(), text.match_indices('\n').collect::<Vec<_>>());
        assert!(meaning(text).is_some());
        assert_eq!(meaning(&without), meaning(text));
        // However many there are.
        let many = "# hidden\n".repeat(100_000) + "node: 22\n";
        assert!(!without_comments(&many).contains("hidden"));
        assert_eq!(without_comments("node: 22\n"), "node: 22\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

        #[test]
        fn a_text_without_comments_means_the_same(pieces in prop::collection::vec(prop::sample::select(vec![
            "a: ", "b:", "\n", "\n  ", "\n    ", "- ", "#", " # c", "#c\n", "'", "\"", "x", " ", "|", "|2", ">-\n", "{", "}", "[", "]", ", ", "é", "\r\n", "? ", "\t", "\\",
        ]), 0..24)) {
            let text = pieces.concat();
            if let Some(meant) = meaning(&text) {
                let without = without_comments(&text);
                prop_assert_eq!(without.len(), text.len());
                prop_assert_eq!(meaning(&without), Some(meant), "{}", without);
                // What is left behind a `#` that begins one is nothing.
                prop_assert_eq!(without_comments(&without), without.as_ref());
            }
        }
    }
}
