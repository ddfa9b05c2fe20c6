//! What holds for every input: no panic, an end, and one meaning for one document however it is written.

use proptest::prelude::*;

use super::*;
use crate::spec::language::{Format, Key, ROOT, Shape, Status, usable};

fn survives(bytes: &[u8], args: &[(&str, &str)]) {
    match decode(NAME, bytes) {
        Ok(file) => {
            let args = args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            match parse(&file, &args) {
                Ok((_, warnings)) => drop(terminal(&warnings, Colour::Always)),
                Err(all) => check_errors(&all),
            }
        }
        Err(all) => check_errors(&all),
    }
}

/// What every refusal has: a place inside the file, and words that can be shown.
fn check_errors(all: &Diagnostics) {
    assert!(!all.0.is_empty());
    for diagnostic in &all.0 {
        assert!(!diagnostic.labels.is_empty(), "{diagnostic}");
        for label in &diagnostic.labels {
            let text = &label.span.file.text;
            assert!(text.get(label.span.range.clone()).is_some(), "{diagnostic} {:?}", label.span.range);
        }
    }
    let sent = Failure::from(all.clone()).into_status();
    for text in [&*terminal(&all.0, Colour::Never), sent.message()] {
        assert!(text.len() < 60_000, "{}", text.len());
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }
}

/// Pieces of build files, of YAML's syntax and of mischief.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "node",
        "runtime",
        "config",
        "files",
        "checks",
        "env",
        "from",
        "to",
        "base",
        "natives",
        "22",
        "true",
        "~",
        "x",
        ": ",
        ":",
        "- ",
        "-",
        "\n",
        "\n  ",
        "\n    ",
        "\t",
        ", ",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'",
        "#",
        " # ",
        "|\n",
        ">-\n",
        "&a ",
        "*a",
        "<<: ",
        "!x ",
        "!!str ",
        "%YAML",
        "---\n",
        "...\n",
        "? ",
        "@",
        "`",
        "\\",
        "\"\\0\"",
        "\u{1b}[31m",
        "\u{202e}",
        "ü",
        "\r\n",
        "\u{feff}",
        "\u{85}",
        "../",
        "ghp_0123456789abcdefghij0123",
        "http://a:b@c",
    ];
    prop_oneof![4 => prop::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => ".{0,8}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_end_in_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        survives(&bytes, &[]);
    }

    #[test]
    fn any_text_ends_in_an_answer(pieces in prop::collection::vec(piece(), 0..40)) {
        survives(pieces.concat().as_bytes(), &[]);
    }

    #[test]
    fn any_build_arg_ends_in_an_answer(
        name in prop::sample::select(vec!["node", "runtime", "checks", "files", "install.natives", "runtime.env", "network.proxy", "prune"]),
        rest in prop_oneof![Just(String::new()), "\\.[a-zA-Z.]{0,12}", Just(".env.A".to_owned())],
        value in ".{0,20}",
    ) {
        survives(b"# syntax=x\n", &[(&format!("{name}{rest}"), &value)]);
    }

    #[test]
    fn one_document_has_one_meaning(document in document()) {
        let (flow, block) = (flow(&document), format!("# syntax=x\n{}", block(&document, 0)));
        let (a, b) = (parse_text(&flow), parse_text(&block));
        match (a, b) {
            (Ok((a, _)), Ok((b, _))) => prop_assert_eq!(values(&a), values(&b), "{}\n{}", flow, block),
            (Err(a), Err(b)) => {
                // A document of valid parts can only be refused for what does not go together.
                for diagnostic in a.0.iter().chain(&b.0) {
                    let together = ["spec/conflict", "spec/duplicate", "spec/missing-key"].contains(&&*diagnostic.code);
                    prop_assert!(together || diagnostic.message.contains("ends in"), "{}\n{}", diagnostic, flow);
                }
                let codes = |all: &Diagnostics| {
                    let mut codes: Vec<_> = all.0.iter().map(|diagnostic| diagnostic.code.clone()).collect();
                    codes.sort_unstable();
                    codes
                };
                prop_assert_eq!(codes(&a), codes(&b));
            }
            (a, b) => prop_assert!(false, "{}\n{}\n{}\n{}", flow, render(a), block, render(b)),
        }
    }
}

/// Files made to be slow.
#[test]
fn large_files_end() {
    let full = |piece: &str| piece.repeat(MAX_BYTES / piece.len());
    for piece in [
        "[",
        "{a: ",
        "- ",
        "\n",
        " \n",
        "a\n",
        "a: b\n",
        "'",
        "\"",
        "? ",
        "&a ",
        "*a ",
        "#",
        "a: &a\n",
        "\n\t",
        "!",
        "|\n",
        "a",
        " ",
        "://",
        "AKIA0123456789ABCDEF ",
        "http://a:b@c ",
        "a: [\n",
        "\r",
        "%",
        "---\n",
        "nod: 1\n",
        "ü",
    ] {
        survives(full(piece).as_bytes(), &[]);
        survives(format!("exclude: [{}]", full(piece).get(..MAX_BYTES / 2).unwrap_or("")).as_bytes(), &[]);
    }
    let keys: String = (0..60_000).map(|i| format!("k{i}: x\n")).collect();
    survives(keys.as_bytes(), &[]);
}

/// What a message repeats of a file is short.
#[test]
fn long_values_make_no_long_messages() {
    for value in ["1".repeat(MAX_BYTES / 2), "x".repeat(MAX_BYTES / 2), "*x".repeat(MAX_BYTES / 4), "a/".repeat(1000)] {
        for text in [
            format!("node: {value}"),
            format!("config: {value}"),
            format!("config: [{value}*]"),
            format!("exclude: [!{value}]"),
            format!("runtime: {{env: {{{value}: [a]}}}}"),
            format!("runtime:\n  env:\n    ? {value}-\n    : a"),
            format!("? {value}\n: a"),
            format!("network: {{ca: {value}/x}}"),
            format!("files: [{{from: {value}, to: /x/}}]"),
            format!("runtime: {{base: docker://{value}}}"),
            format!("install: {{registry: {value}}}"),
        ] {
            if let Err(all) = parse_text(&text) {
                assert!(all.0.iter().all(|one| one.to_string().len() < 2000), "{all}");
                check_errors(&all);
            }
        }
    }
}

/// A document of the language.
#[derive(Debug, Clone)]
enum Value {
    /// `true` and `false`: never quoted.
    Plain(&'static str),
    Text(&'static str),
    List(Vec<Value>),
    Map(Vec<(&'static str, Value)>),
}

fn samples(format: Format) -> &'static [&'static str] {
    match format {
        Format::Argument => &["--no-color", "a b", "1"],
        Format::Base => &[
            "slim",
            "gcr.io/distroless/nodejs22-debian13:nonroot",
            "node:22@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ],
        Format::CheckName => &["e2e", "licences", "a.b"],
        Format::Command => &["yarn foo", "echo a, b: c # d", "x && y | z"],
        Format::ConfigFile => &["app-config.yaml", "config/production.yaml"],
        Format::ConfigName => &["a.yaml", "b.yaml"],
        Format::Count => &["1", "12"],
        Format::Destination => &["/data/x", "x/y", "/app"],
        Format::Directory => &["/tmp", "/var/data"],
        Format::Duration => &["30s", "1m30s", "500ms"],
        Format::EnvName => &["A", "LOG_LEVEL", "_x"],
        Format::EnvValue | Format::LabelValue => &["", "1.10", "true", "a: b", "~", "'", "ü", "*", "012", "x\ny"],
        Format::File => &["examples", "packages/backend/dist", "2024"],
        Format::Hosts => &["localhost,.example.com"],
        Format::Image => &["node:22", "registry:5000/a/b"],
        Format::LabelKey => &["org.opencontainers.image.vendor", "a/b"],
        Format::Memory => &["auto", "4g", "2048"],
        Format::Mode => &["0644", "755"],
        Format::ModulePattern => &["some-plugin/docs/**", "**/*.flow"],
        Format::NodeOption => &["--max-old-space-size=1000"],
        Format::NodeVersion => &["22", "v22", "22.19.0"],
        Format::OsPackage => &["git", "g++", "libcairo2-dev"],
        Format::PackageName => &["better-sqlite3", "@scope/pkg"],
        Format::Pattern => &["**/*.stories.tsx", "!keep", "/a/b"],
        Format::Port => &["80", "8080"],
        Format::SecretId => &["npmrc", "npm_token"],
        Format::Signal => &["SIGTERM", "9"],
        Format::Source => &["a", "b/c", "usr/bin/x"],
        Format::Url => &["https://npm.example.com/", "http://proxy:3128"],
        Format::User => &["1001:0", "node", "65532"],
        Format::Workspace => &["packages/backend", "backend", "@internal/backend"],
        Format::YarnVersion => &["auto", "4.9.2"],
    }
}

fn document() -> BoxedStrategy<Value> {
    object(ROOT)
}

fn object(keys: &'static [Key]) -> BoxedStrategy<Value> {
    let keys: Vec<_> = keys.iter().filter(|key| key.status.usable()).collect();
    let fields: Vec<_> = keys
        .into_iter()
        .map(|key| {
            let value = value(&key.shape);
            let value = match key.status {
                Status::Required => value.prop_map(Some).boxed(),
                _ => prop::option::weighted(0.4, value).boxed(),
            };
            value.prop_map(|value| value.map(|value| (key.name, value)))
        })
        .collect();
    fields.prop_map(|fields| Value::Map(fields.into_iter().flatten().collect())).boxed()
}

fn value(shape: &'static Shape) -> BoxedStrategy<Value> {
    match shape {
        Shape::Bool => prop::sample::select(vec!["true", "false"]).prop_map(Value::Plain).boxed(),
        Shape::Off => Just(Value::Plain("false")).boxed(),
        Shape::Scalar(format) => prop::sample::select(samples(*format)).prop_map(Value::Text).boxed(),
        Shape::OneOf(words) => prop::sample::select(usable(words).collect::<Vec<_>>()).prop_map(Value::Text).boxed(),
        Shape::List(item) => prop::collection::vec(value(item), 0..3).prop_map(Value::List).boxed(),
        Shape::Map(name, item) => map(*name, item, 0..3),
        Shape::Single(name, item) => map(*name, item, 1..2),
        Shape::Object(keys) => object(keys),
        Shape::Any(shapes) => proptest::strategy::Union::new(shapes.iter().map(value)).boxed(),
        Shape::Nothing => Just(Value::Plain("~")).boxed(),
    }
}

fn map(name: Format, item: &'static Shape, size: std::ops::Range<usize>) -> BoxedStrategy<Value> {
    prop::collection::btree_map(prop::sample::select(samples(name)), value(item), size)
        .prop_map(|map| Value::Map(map.into_iter().collect()))
        .boxed()
}

/// As JSON.
fn flow(value: &Value) -> String {
    match value {
        Value::Plain(text) => (*text).to_owned(),
        Value::Text(text) => serde_json::to_string(text).unwrap(),
        Value::List(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let entries =
                entries.iter().map(|(key, value)| format!("{}: {}", serde_json::to_string(key).unwrap(), flow(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

/// As people write it.
fn block(value: &Value, indent: usize) -> String {
    let pad = " ".repeat(indent);
    match value {
        Value::Plain(text) => format!("{text}\n"),
        Value::Text(text) => {
            let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "._/@-".contains(c))
                && !["true", "false", "null"].contains(text);
            if plain { format!("{text}\n") } else { format!("{}\n", serde_json::to_string(text).unwrap()) }
        }
        Value::List(items) if items.is_empty() => "[]\n".to_owned(),
        Value::Map(entries) if entries.is_empty() => "{}\n".to_owned(),
        Value::List(items) => items.iter().fold(start(indent), |text, item| {
            text + &pad + "- " + block(item, indent + 2).trim_start_matches(['\n', ' '])
        }),
        Value::Map(entries) => entries.iter().fold(start(indent), |text, (key, value)| {
            text + &pad + &serde_json::to_string(key).unwrap() + ": " + &block(value, indent + 2)
        }),
    }
}

fn start(indent: usize) -> String {
    if indent == 0 { String::new() } else { "\n".to_owned() }
}
