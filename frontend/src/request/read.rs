//! Takes options out of the request by their rows in the table, and collects what is wrong, so that a user sees all
//! mistakes at once.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Diagnostics};

use super::options::{Key, Opt};
use super::text::Quoted;
use super::value::Invalid;

/// Options that a request may have.
pub const MAX_OPTIONS: usize = 8192;
/// Bytes of one option: what Linux takes in one string of an environment, which is how options arrive.
pub const MAX_BYTES: usize = 128 * 1024;
/// Mistakes that are told at once.
const MAX_PROBLEMS: usize = 20;

/// Reads options.
pub(super) struct Reader<'a> {
    options: &'a BTreeMap<String, String>,
    problems: Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    /// A reader of some options, unless there are more, or larger ones, than any client sends.
    pub fn new(options: &'a BTreeMap<String, String>) -> Result<Self, Diagnostic> {
        let too_large = |what: String| {
            Diagnostic::error("request/too-large", what)
                .help("fewer or shorter `--build-arg` and `--label` values help")
        };
        if options.len() > MAX_OPTIONS {
            return Err(too_large(format!("the request has more than {MAX_OPTIONS} options")));
        }
        let size = |name: &str, value: &str| name.len().saturating_add(value.len());
        if let Some((name, _)) = options.iter().find(|(name, value)| size(name, value) > MAX_BYTES) {
            return Err(too_large(format!("the option {} is longer than {MAX_BYTES} bytes", Quoted(name))));
        }
        Ok(Self { options, problems: Vec::new() })
    }

    /// The value of an option, as it is.
    pub fn text(&self, opt: &Opt) -> Option<&'a str> {
        self.named(opt.key.text())
    }

    /// The value of the option of this name.
    pub fn named(&self, name: &str) -> Option<&'a str> {
        self.options.get(name).map(String::as_str)
    }

    /// All options that start with a prefix, by what follows it. The empty name is none.
    pub fn each(&self, opt: &Opt) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let prefix = match opt.key {
            Key::Prefix(prefix) | Key::Exact(prefix) | Key::AnyCase(prefix) => prefix,
        };
        self.options
            .range(prefix.to_owned()..)
            .map_while(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
            .filter(|(rest, _)| !rest.is_empty())
    }

    /// The same as owned texts.
    pub fn map(&self, opt: &Opt) -> BTreeMap<String, String> {
        self.each(opt).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// The value of an option, parsed; what its parser makes of nothing where it is absent or wrong.
    pub fn parse<T: Default>(&mut self, opt: &Opt, parser: impl FnOnce(&str) -> Result<T, Invalid>) -> T {
        match self.text(opt) {
            Some(text) => self.checked(opt, opt.key.text(), parser(text)).unwrap_or_default(),
            None => T::default(),
        }
    }

    /// A value, or its mistake put down.
    pub fn checked<T>(&mut self, opt: &Opt, name: &str, value: Result<T, Invalid>) -> Option<T> {
        value.map_err(|problem| self.problems.push(invalid(opt, &Quoted(name).to_string(), &problem))).ok()
    }

    /// What is wrong, if anything is.
    pub fn finish(&mut self) -> Result<(), Diagnostics> {
        self.problems.truncate(MAX_PROBLEMS);
        if self.problems.is_empty() { Ok(()) } else { Err(Diagnostics(std::mem::take(&mut self.problems))) }
    }
}

/// The message about a value that is not taken. `name` is the option's full name, quoted.
pub(super) fn invalid(opt: &Opt, name: &str, problem: &Invalid) -> Diagnostic {
    let message = match opt.flag {
        "" => format!("invalid option {name}: {problem}"),
        _ => format!("invalid {}: {problem} (option {name})", opt.subject()),
    };
    Diagnostic::error("request/invalid-option", message).help(format!("allowed: {}", opt.allowed))
}
