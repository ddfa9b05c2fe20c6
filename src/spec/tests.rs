use super::*;
use crate::diagnostic::render::{Colour, terminal};

fn show(text: &str) -> String {
    match parse(&SourceFile::new("backstage.build.yaml", text), &BTreeMap::new()) {
        Ok((spec, warnings)) => format!("{}\n{spec:#?}", terminal(&warnings, Colour::Never)),
        Err(Diagnostics(all)) => terminal(&all, Colour::Never),
    }
}

#[test]
fn try_it() {
    for text in std::env::var("TRY").unwrap_or_default().split("%%") {
        eprintln!("-----------\n{text}\n----\n{}", show(text));
    }
}
