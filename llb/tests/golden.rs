//! The text of every graph of the corpus.

mod corpus;

#[test]
fn text() {
    for (name, definition) in corpus::all().unwrap() {
        insta::assert_snapshot!(name, definition.to_string());
    }
}
