//! The language as JSON Schema, for editors and for `--call=schema`. Written from the same tables as the checks.

use std::sync::Arc;

use buildkit_frontend::diagnostic::SourceFile;
use serde_json::{Map, Value, json};

use super::language::{self, BASES, Format, Key, ROOT, Shape, Status};
use super::tree::{self, Kind, Node};

/// The schema of a build file, draft 7 (which every editor knows).
pub fn schema() -> Value {
    let mut root = object(ROOT);
    if let Some(root) = root.as_object_mut() {
        root.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        root.insert("title".to_owned(), json!("Backstage build file"));
        root.insert(
            "description".to_owned(),
            json!("How an image is made of a Backstage app. Every key has a default."),
        );
        root.insert("type".to_owned(), json!(["object", "null"]));
        if let Some(properties) = root.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("$schema".to_owned(), json!({"type": "string"}));
        }
    }
    root
}

/// The schema as text, as it is published: indented, with a final line break.
pub fn text() -> String {
    let mut text = serde_json::to_string_pretty(&schema()).unwrap_or_default();
    text.push('\n');
    text
}

fn object(keys: &'static [Key]) -> Value {
    let usable = || keys.iter().filter(|key| key.status.usable());
    let properties: Map<String, Value> = usable().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> = usable().filter(|key| key.status == Status::Required).map(|key| key.name).collect();
    let mut object = json!({"type": "object", "additionalProperties": false, "properties": properties});
    if !required.is_empty() {
        add(&mut object, "required", json!(required));
    }
    object
}

fn property(key: &'static Key) -> Value {
    let mut value = shape(&key.shape);
    if key.status != Status::Required {
        nullable(&mut value);
    }
    let default = if key.default.is_empty() { String::new() } else { format!(" Default: {}.", key.default) };
    add(&mut value, "description", json!(format!("{}{default}", key.doc)));
    if let Some(example) = example(key.example) {
        add(&mut value, "examples", json!([example]));
    }
    value
}

/// A key without a value is as if it were not there.
fn nullable(value: &mut Value) {
    let Some(map) = value.as_object_mut() else { return };
    if let Some(Value::Array(shapes)) = map.get_mut("anyOf") {
        shapes.push(json!({"type": "null"}));
    }
    if let Some(Value::Array(words)) = map.get_mut("enum") {
        words.push(Value::Null);
    }
    match map.get_mut("type") {
        Some(Value::Array(types)) => types.push(json!("null")),
        Some(one) => *one = json!([one.clone(), "null"]),
        None => {}
    }
}

fn shape(shape: &'static Shape) -> Value {
    match shape {
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Off => json!({"enum": [false]}),
        Shape::Scalar(format) => scalar(*format),
        Shape::OneOf(words) => {
            let docs: Vec<&str> = words.iter().filter(|word| word.status.usable()).map(|word| word.doc).collect();
            // The second keyword is Visual Studio Code's; others pass over it.
            json!({"enum": language::usable(words).collect::<Vec<_>>(), "enumDescriptions": docs})
        }
        Shape::List(item) => json!({"type": "array", "items": self::shape(item)}),
        Shape::Map(name, value) => map(*name, value),
        Shape::Single(name, value) => {
            let mut one = map(*name, value);
            add(&mut one, "minProperties", json!(1));
            add(&mut one, "maxProperties", json!(1));
            one
        }
        Shape::Object(keys) => object(keys),
        Shape::Any(shapes) => json!({"anyOf": shapes.iter().map(self::shape).collect::<Vec<_>>()}),
        Shape::Nothing => json!(false),
    }
}

fn map(name: Format, value: &'static Shape) -> Value {
    let mut map = json!({"type": "object", "additionalProperties": shape(value)});
    if let Some(pattern) = name.pattern() {
        add(&mut map, "propertyNames", json!({"pattern": pattern}));
    }
    map
}

fn scalar(format: Format) -> Value {
    let types = format.types();
    let mut value = match types {
        [one] => json!({"type": one}),
        types => json!({"type": types}),
    };
    if let Some(pattern) = format.pattern() {
        add(&mut value, "pattern", json!(pattern));
    }
    match format {
        Format::Port => {
            add(&mut value, "minimum", json!(1));
            add(&mut value, "maximum", json!(65535));
        }
        Format::Base => {
            let names: Vec<&str> = language::usable(BASES).collect();
            return json!({"anyOf": [{"enum": names}, value]});
        }
        _ => {}
    }
    value
}

fn add(value: &mut Value, key: &str, entry: Value) {
    if let Some(map) = value.as_object_mut() {
        map.insert(key.to_owned(), entry);
    }
}

/// An example of the tables as JSON.
fn example(text: &str) -> Option<Value> {
    let file: Arc<SourceFile> = SourceFile::new("example", text);
    (!text.is_empty()).then(|| tree::load(&file).root).flatten().map(|node| plain(&node))
}

fn plain(node: &Node) -> Value {
    match &node.kind {
        Kind::Null | Kind::Broken => Value::Null,
        Kind::Scalar { text, quoted } => match (node.boolean(), text.parse::<u64>()) {
            (Some(boolean), _) => json!(boolean),
            (None, Ok(number)) if !quoted => json!(number),
            _ => json!(text),
        },
        Kind::List(items) => items.iter().map(plain).collect(),
        Kind::Map(entries) => {
            entries.iter().map(|entry| (entry.key.value.clone(), plain(&entry.value))).collect::<Map<_, _>>().into()
        }
    }
}
