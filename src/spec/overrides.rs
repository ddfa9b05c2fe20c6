//! Build args that set a value by its path: `--build-arg runtime.base=slim`.
//!
//! Each becomes a small tree of its own, which is checked and read like the file, after it.

use buildkit_frontend::diagnostic::{Span, Spanned};
use buildkit_frontend::text::nearest;

use super::language::{self, Key, ROOT, Shape};
use super::tree::{Entry, Kind, Node};

/// Whether a build arg of this name sets a value of the build file: its first part is a noun.
pub fn consumes(key: &str) -> bool {
    let noun = key.split_once('.').map_or(key, |(noun, _)| noun);
    language::find(ROOT, noun).is_some()
}

/// The name of a build arg that was probably meant, where [`consumes`] does not know one.
pub fn suggestion(key: &str) -> Option<String> {
    near_path(ROOT, key)
}

fn near_path(keys: &'static [Key], path: &str) -> Option<String> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let near = nearest(name, keys.iter().map(|key| key.name))?;
    let Some(rest) = rest else { return Some(near.to_owned()) };
    let below = language::find(keys, near).and_then(|key| near_path(key.shape.keys()?, rest));
    Some(format!("{near}.{}", below.as_deref().unwrap_or(rest)))
}

/// What a build arg says, as a tree that begins at the root.
///
/// `Err` is why its path cannot be set: a message and what to do.
pub(crate) fn tree(name: &str, value: &str, span: &Span) -> Result<Node, (String, String)> {
    Setter { name, value, span }.object(ROOT, name)
}

struct Setter<'a> {
    name: &'a str,
    value: &'a str,
    span: &'a Span,
}

impl Setter<'_> {
    fn node(&self, kind: Kind) -> Node {
        Node { span: self.span.clone(), kind }
    }

    fn entry(&self, key: &str, value: Node) -> Node {
        let key = Spanned::new(key.to_owned(), self.span.clone());
        self.node(Kind::Map(vec![Entry { key, value }]))
    }

    fn scalar(&self, text: &str) -> Node {
        self.node(Kind::Scalar { text: text.trim().to_owned(), quoted: false })
    }

    fn object(&self, keys: &'static [Key], path: &str) -> Result<Node, (String, String)> {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        if name.is_empty() {
            let help = "write the name of a key after the dot, such as `--build-arg runtime.base=slim`";
            return Err((format!("`{}` names no key", self.name), help.to_owned()));
        }
        let value = match (language::find(keys, name), rest) {
            // The check says that the key is unknown, and which one is near.
            (None, _) => self.scalar(self.value),
            (Some(key), _) if !key.status.usable() => self.scalar(self.value),
            (Some(key), None) => self.leaf(&key.shape)?,
            (Some(key), Some(rest)) => self.below(key, rest)?,
        };
        Ok(self.entry(name, value))
    }

    fn below(&self, key: &'static Key, rest: &str) -> Result<Node, (String, String)> {
        if let Some(keys) = key.shape.keys() {
            return self.object(keys, rest);
        }
        // The rest is one key, dots and all: `runtime.labels.org.opencontainers.image.vendor`.
        let map = key.shape.alternatives().iter().find_map(|shape| match shape {
            Shape::Map(_, value) => Some(*value),
            _ => None,
        });
        match map {
            Some(value) => Ok(self.entry(rest, self.leaf(value)?)),
            None => {
                let parent = self.name.strip_suffix(rest).unwrap_or(self.name).trim_end_matches('.');
                Err((format!("`{parent}` has no keys"), format!("write `--build-arg {parent}=…`")))
            }
        }
    }

    fn leaf(&self, shape: &'static Shape) -> Result<Node, (String, String)> {
        let alternatives = shape.alternatives();
        let item = alternatives.iter().find_map(|shape| match shape {
            Shape::List(item) => Some(*item),
            _ => None,
        });
        let off = alternatives.iter().any(|shape| matches!(shape, Shape::Off)) && self.value.trim() == "false";
        if let Some(item) = item.filter(|_| !off) {
            return Ok(self.list(item));
        }
        if alternatives.iter().any(Shape::is_scalar) {
            return Ok(match shape {
                // Spaces may belong to the value of a variable.
                Shape::Scalar(format) if format.takes_booleans() => {
                    self.node(Kind::Scalar { text: self.value.to_owned(), quoted: false })
                }
                _ => self.scalar(self.value),
            });
        }
        let name = self.name;
        let example = shape.keys().and_then(|keys| keys.first());
        let help = match example {
            Some(key) => format!("give one of its keys, such as `--build-arg {name}.{}={}`", key.name, key.example),
            None => format!("give one of its keys: `--build-arg {name}.KEY=…`"),
        };
        Err((format!("`{name}` is a group of keys and has no value of its own"), help))
    }

    fn list(&self, item: &'static Shape) -> Node {
        let splits = match item {
            Shape::Scalar(format) => format.splits(),
            _ => true,
        };
        let items = if splits { self.value.split(',').collect() } else { vec![self.value] };
        let items = items.into_iter().filter(|item| !item.trim().is_empty()).map(|item| self.scalar(item)).collect();
        self.node(Kind::List(items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_nearly_one_is_suggested() {
        assert_eq!(suggestion("nodee").as_deref(), Some("node"));
        assert_eq!(suggestion("runtim.base").as_deref(), Some("runtime.base"));
        assert_eq!(suggestion("RUNTIME.BASE").as_deref(), Some("runtime.base"));
        assert_eq!(suggestion("runtim.banana").as_deref(), Some("runtime.banana"));
        assert_eq!(suggestion("banana"), None);
    }
}
