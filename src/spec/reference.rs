//! The language as a page to read: docs/reference.md. Written from the same tables as the checks.

use std::fmt::Write as _;

use super::language::{BASES, Key, ROOT, Shape, Status, Word};

const HEAD: &str = "\
# The build file

<!-- Written from src/spec/language; `UPDATE_GENERATED=1 cargo test -p backstage-build --lib generated` rewrites it. -->

A build file is YAML. Its first line names the frontend; everything else has a default that is worked out from the
repository, so this is a whole build file:

```yaml
# syntax=registry.example.com/platform/backstage-build:1
```

Anchors, aliases, merges, tags and several documents are not used: a build file says everything where it is needed.
Scalars are taken as they are written: `1.10` stays `1.10`. A key without a value is as if it were not there. A file has
at most 1 MiB.
";

const BUILD_ARGS: &str = "\
## Build args

`--build-arg PATH=VALUE` sets a value by its path and wins over the file:

| build arg | sets |
| --- | --- |
| `--build-arg node=24` | a scalar |
| `--build-arg runtime.base=slim` | a scalar below a noun |
| `--build-arg checks=typecheck,lint` | a list of scalars, separated by commas; an empty value is the empty list |
| `--build-arg runtime.env.LOG_LEVEL=debug` | one entry of a mapping; the others stay |
| `--build-arg install.natives.better-sqlite3=skip` | the same |

A list of shell commands takes the value as one command, commas and all. Lists of mappings can only be written in the
file. A build arg that begins with a noun but names no key is an error.
";

/// The page.
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n## Nouns\n\n");
    table(&mut page, ROOT);
    for key in ROOT.iter().filter(|key| key.status.usable()) {
        section(&mut page, key.name, key, 2);
    }
    page.push('\n');
    page.push_str(BUILD_ARGS);
    page.push_str("\n## Not supported yet\n\n");
    let _ = writeln!(page, "These are refused with a message of their own:\n");
    later(&mut page, "", ROOT);
    page
}

fn section(page: &mut String, path: &str, key: &'static Key, level: usize) {
    let _ = write!(page, "\n{} `{path}`\n\n{}", "#".repeat(level), key.doc);
    if !key.default.is_empty() {
        let _ = write!(page, " Default: {}.", key.default);
    }
    page.push('\n');
    if !key.example.is_empty() {
        let (mut indent, mut yaml) = (String::new(), String::new());
        for part in path.split('.') {
            if !yaml.is_empty() {
                indent.push_str("  ");
                yaml.push('\n');
            }
            let _ = write!(yaml, "{indent}{part}:");
        }
        let _ = write!(page, "\n```yaml\n{yaml} {}\n```\n", key.example);
    }
    let mut shown: Vec<&'static [Word]> = Vec::new();
    for words in choices(&key.shape) {
        if shown.iter().any(|other| std::ptr::eq(*other, words)) {
            continue;
        }
        shown.push(words);
        page.push_str("\n| value | |\n| --- | --- |\n");
        for word in words.iter().filter(|word| word.status.usable()) {
            let _ = writeln!(page, "| `{}` | {} |", word.text, word.doc);
        }
    }
    for keys in objects(&key.shape) {
        page.push('\n');
        table(page, keys);
        let nested = |key: &&'static Key| !choices(&key.shape).is_empty() || !objects(&key.shape).is_empty();
        for key in keys.iter().filter(nested).filter(|key| key.status.usable()) {
            section(page, &format!("{path}.{}", key.name), key, level.saturating_add(1));
        }
    }
}

fn table(page: &mut String, keys: &'static [Key]) {
    page.push_str("| key | takes | default | |\n| --- | --- | --- | --- |\n");
    for key in keys.iter().filter(|key| key.status.usable()) {
        let default = if key.status == Status::Required { "required" } else { key.default };
        let takes = match key.shape.keys() {
            Some(_) if !matches!(key.shape, Shape::Any(_)) => "a mapping".to_owned(),
            _ => key.shape.wanted(),
        };
        let _ = writeln!(page, "| `{}` | {takes} | {default} | {} |", key.name, key.doc);
    }
}

/// The words that a value, or an item of it, can be.
fn choices(shape: &'static Shape) -> Vec<&'static [Word]> {
    inner(shape, &|shape| match shape {
        Shape::OneOf(words) => Some(*words),
        _ => None,
    })
}

/// The mappings that a value, or an item of it, can be.
fn objects(shape: &'static Shape) -> Vec<&'static [Key]> {
    inner(shape, &|shape| match shape {
        Shape::Object(keys) => Some(*keys),
        _ => None,
    })
}

fn inner<T>(shape: &'static Shape, pick: &impl Fn(&'static Shape) -> Option<T>) -> Vec<T> {
    match shape {
        Shape::Any(shapes) => shapes.iter().flat_map(|shape| inner(shape, pick)).collect(),
        Shape::List(item) | Shape::Map(_, item) => inner(item, pick),
        shape => pick(shape).into_iter().collect(),
    }
}

fn later(page: &mut String, path: &str, keys: &'static [Key]) {
    for key in keys {
        let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
        if matches!(key.status, Status::NotYet(_)) {
            let _ = writeln!(page, "- `{path}`: {}", key.doc);
        }
        let bases = if path == "runtime.base" { BASES } else { &[] };
        let words = choices(&key.shape).into_iter().flatten().chain(bases);
        for word in words.filter(|word| matches!(word.status, Status::NotYet(_))) {
            let _ = writeln!(page, "- `{path}: {}`: {}", word.text, word.doc);
        }
        for keys in objects(&key.shape) {
            later(page, &path, keys);
        }
    }
}
