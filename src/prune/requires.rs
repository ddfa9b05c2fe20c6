//! Which packages a JavaScript file asks for.
//!
//! Two answers, each wrong on its safe side only. [`mentioned`] is all that a file may ever ask for: what it names stays.
//! [`on_load`] is what Node certainly asks for as soon as it loads the file: what is missing there ends the build, so that
//! nothing is guessed about functions, conditions and `try`.

use std::collections::BTreeSet;
use std::ops::Range;

/// Bytes of a file of JavaScript that is searched for what it asks for.
pub(super) const MAX_SCRIPT: u64 = 64 << 20;
/// Bytes of comments between a word and its specifier.
const MAX_COMMENT: usize = 4096;
/// Bytes of a specifier.
const MAX_SPECIFIER: usize = 300;

/// Whether Node takes a file for a script.
pub(super) fn is_script(path: &str) -> bool {
    [".js", ".cjs", ".mjs"].iter().any(|end| path.ends_with(end))
}

/// The file that a relative specifier in a file of a package means, of some files, as CommonJS resolves.
pub(super) fn resolved(file: &str, specifier: &str, files: &BTreeSet<String>) -> Option<String> {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in specifier.strip_prefix('.').map(|_| specifier.split('/'))? {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    let ends = ["", ".js", ".json", ".cjs", ".mjs", ".node", "/index.js", "/index.json"];
    ends.iter().map(|end| format!("{path}{end}")).find(|path| files.contains(path))
}

/// The package of a bare specifier; `None` for paths, URLs, Node's own modules and what is no name.
pub(super) fn package(specifier: &str) -> Option<&str> {
    let mut parts = specifier.splitn(3, '/');
    let first = parts.next().filter(|first| !first.is_empty() && !first.starts_with(['.', '#']))?;
    let end = match (first.starts_with('@'), parts.next()) {
        (true, Some(name)) => first.len().checked_add(name.len())?.checked_add(1)?,
        (true, None) => return None,
        (false, _) => first.len(),
    };
    specifier.get(..end).filter(|name| !name.contains(':') && crate::repo::is_name(name))
}

/// Specifiers of everything in a file that looks like `require`, `import` or `from` with a text behind it, comments and
/// strings included.
pub(super) fn mentioned(text: &[u8]) -> impl Iterator<Item = &str> {
    let words = ["require", "import", "from"].into_iter();
    words.flat_map(move |word| {
        memchr::memmem::find_iter(text, word).filter_map(move |at| {
            let mut rest = text.get(at.checked_add(word.len())?..)?;
            if word == "require" {
                rest = rest.strip_prefix(b".resolve").unwrap_or(rest);
            }
            rest = after_blanks(rest);
            rest = rest.strip_prefix(b"(").map_or(rest, after_blanks);
            quoted(rest)
        })
    })
}

/// What follows white space and block comments.
fn after_blanks(text: &[u8]) -> &[u8] {
    let near = text.get(..text.len().min(MAX_COMMENT)).unwrap_or_default();
    if !near.trim_ascii_start().starts_with(b"/*") {
        return text.trim_ascii_start();
    }
    let mut rest = near.trim_ascii_start();
    while let Some(comment) = rest.strip_prefix(b"/*") {
        let end = memchr::memmem::find(comment, b"*/").and_then(|end| comment.get(end.checked_add(2)?..));
        rest = end.unwrap_or_default().trim_ascii_start();
    }
    text.get(near.len().saturating_sub(rest.len())..).unwrap_or_default()
}

/// The text between quotes of any kind at the start.
fn quoted(text: &[u8]) -> Option<&str> {
    let (quote, rest) = text.split_first().filter(|(quote, _)| b"'\"`".contains(quote))?;
    let near = rest.get(..rest.len().min(MAX_SPECIFIER))?;
    let end = memchr::memchr2(*quote, b'\n', near).filter(|end| near.get(*end) == Some(quote))?;
    std::str::from_utf8(near.get(..end)?).ok()
}

/// A token of JavaScript, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    /// A string without its quotes, escapes as written.
    Text(&'a str),
    /// Anything else of which only the end counts: a regular expression, a template.
    Value,
    Sign(u8),
}

/// The specifiers that are asked for when a file is loaded, with their 1-based lines: `import` and `export … from`, and
/// `require` outside of all braces in a statement without a condition, a function or a `try`. What stands behind a `return`, or
/// behind what can be read in two ways, is not certain.
pub(super) fn on_load(text: &str) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    let (mut certain, mut is_import) = (true, false);
    let (mut depth, mut parens) = (0_usize, 0_usize);
    // Whether the outermost brace is that of a block: a statement ends with it. One of an expression ends nothing.
    let mut is_block = false;
    let [mut owner, mut before, mut last] = [Token::Sign(b';'); 3];
    // Lines are counted as they go by.
    let (mut line, mut counted) = (1_usize, 0_usize);
    let mut tokens = Tokens { text, at: 0, last: Token::Sign(b';'), templates: Vec::new(), braces: 0 };
    while let Some((token, start)) = tokens.next() {
        let passed = text.as_bytes().get(counted..start).unwrap_or_default();
        line = line.saturating_add(memchr::memchr_iter(b'\n', passed).count());
        counted = start;
        match token {
            Token::Sign(b'{' | b'}') if is_import => {}
            Token::Sign(b'{') => {
                if depth == 0 {
                    let of_value = |word: &str| ["return", "default", "in", "of", "typeof"].contains(&word);
                    is_block = parens == 0
                        && match last {
                            Token::Sign(sign) => b");}".contains(&sign),
                            Token::Word(word) => !of_value(word),
                            Token::Text(_) | Token::Value => false,
                        };
                }
                depth = depth.saturating_add(1);
            }
            Token::Sign(b'}') => {
                depth = depth.saturating_sub(1);
                certain |= depth == 0 && is_block;
            }
            Token::Sign(b';') if depth == 0 && parens == 0 => (certain, is_import) = (true, false),
            Token::Sign(b'?' | b'&' | b'|' | b'>') => certain = false,
            Token::Sign(b'/') if last == Token::Sign(b')') && tokens.is_ambiguous() => return found,
            Token::Word("return" | "throw") if depth == 0 => return found,
            Token::Word("if" | "else" | "function" | "try" | "catch" | "class" | "while" | "for" | "switch" | "do") => {
                (certain, is_import) = (false, false);
            }
            Token::Word("const" | "let" | "var" | "default" | "async") => is_import = false,
            Token::Word("import" | "export") if depth == 0 && last != Token::Sign(b'.') => {
                is_import = true;
                certain = true;
            }
            Token::Sign(b'(') => (parens, is_import) = (parens.saturating_add(1), false),
            Token::Sign(b')') => parens = parens.saturating_sub(1),
            Token::Sign(b'=' | b'.') => is_import = false,
            Token::Text(specifier) if depth == 0 && !specifier.is_empty() => {
                let imported = is_import && matches!(last, Token::Word("import" | "from"));
                let called = (owner != Token::Sign(b'.')).then_some((before, last));
                let required = certain && called == Some((Token::Word("require"), Token::Sign(b'(')));
                if imported || required {
                    found.push((specifier, line));
                }
                is_import = false;
            }
            _ => {}
        }
        [owner, before, last] = [before, last, token];
    }
    found
}

struct Tokens<'a> {
    text: &'a str,
    at: usize,
    last: Token<'a>,
    /// For each open `${`, how many braces were open.
    templates: Vec<usize>,
    braces: usize,
}

impl<'a> Tokens<'a> {
    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at.checked_add(ahead)?).copied()
    }

    /// The next token and where it begins.
    fn next(&mut self) -> Option<(Token<'a>, usize)> {
        self.skip_blanks();
        let start = self.at;
        let byte = self.byte(0)?;
        let token = match byte {
            b'"' | b'\'' => {
                let inner = self.text_until(byte).and_then(|inner| self.text.get(inner));
                inner.map_or(Token::Value, Token::Text)
            }
            b'`' => {
                self.step(1);
                self.template();
                Token::Value
            }
            b'/' if self.starts_value() => {
                self.regex();
                Token::Value
            }
            b'}' if self.templates.last() == Some(&self.braces) => {
                self.templates.pop();
                self.step(1);
                self.template();
                Token::Value
            }
            _ if is_word(byte) => {
                let rest = self.text.as_bytes().get(start..).unwrap_or_default();
                let length = rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len());
                self.step(length);
                Token::Word(self.text.get(start..self.at).unwrap_or_default())
            }
            _ => {
                match byte {
                    b'{' => self.braces = self.braces.saturating_add(1),
                    b'}' => self.braces = self.braces.saturating_sub(1),
                    _ => {}
                }
                self.step(1);
                Token::Sign(byte)
            }
        };
        self.last = token;
        Some((token, start))
    }

    /// Whether a slash behind a closing parenthesis, just passed, may begin a regular expression that holds a quote: then what
    /// follows is text or code, as one takes it.
    fn is_ambiguous(&self) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        rest.iter().take_while(|byte| **byte != b'\n').any(|byte| b"'\"`".contains(byte))
    }

    fn step(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    /// White space and comments.
    fn skip_blanks(&mut self) {
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let rest = rest.get(blanks..).unwrap_or_default();
            let comment = if rest.starts_with(b"//") || (self.at == 0 && rest.starts_with(b"#!")) {
                memchr::memchr(b'\n', rest).unwrap_or(rest.len())
            } else if rest.starts_with(b"/*") {
                memchr::memmem::find(rest, b"*/").map_or(rest.len(), |end| end.saturating_add(2))
            } else {
                0
            };
            self.step(blanks.saturating_add(comment));
            if comment == 0 {
                return;
            }
        }
    }

    /// Goes behind a string and answers where its text stands, if it ends on its line.
    fn text_until(&mut self, quote: u8) -> Option<Range<usize>> {
        self.step(1);
        let start = self.at;
        while let Some(byte) = self.byte(0) {
            match byte {
                b'\\' => self.step(2),
                b'\n' => break,
                _ if byte == quote => {
                    let end = self.at;
                    self.step(1);
                    return Some(start..end);
                }
                _ => self.step(1),
            }
        }
        None
    }

    /// Goes behind a template, or to the first expression in it.
    fn template(&mut self) {
        while let Some(byte) = self.byte(0) {
            match (byte, self.byte(1)) {
                (b'\\', _) => self.step(2),
                (b'`', _) => return self.step(1),
                (b'$', Some(b'{')) => {
                    self.templates.push(self.braces);
                    return self.step(2);
                }
                _ => self.step(1),
            }
        }
    }

    fn regex(&mut self) {
        self.step(1);
        let mut in_class = false;
        while let Some(byte) = self.byte(0) {
            match byte {
                b'\\' => self.step(1),
                b'[' => in_class = true,
                b']' => in_class = false,
                b'\n' => return,
                b'/' if !in_class => return self.step(1),
                _ => {}
            }
            self.step(1);
        }
    }

    /// Whether what stands here begins a value, so that a slash begins a regular expression.
    fn starts_value(&self) -> bool {
        match self.last {
            Token::Sign(sign) => !b")]}".contains(&sign),
            Token::Word(word) => {
                ["return", "typeof", "case", "in", "of", "delete", "void", "do", "else", "await", "yield", "instanceof"]
                    .contains(&word)
            }
            Token::Text(_) | Token::Value => false,
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_$".contains(&byte) || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_specifiers_find_files() {
        let dropped: BTreeSet<String> = ["lib/a.js", "lib/b/index.js", "data.json"].map(str::to_owned).into();
        for (file, specifier, wanted) in [
            ("index.js", "./lib/a", true),
            ("index.js", "./lib/a.js", true),
            ("lib/c.js", "./a", true),
            ("lib/c.js", "../lib/b/", true),
            ("lib/c.js", "../data.json", true),
            ("lib/c.js", "./data.json", false),
            ("lib/c.js", "a", false),
            ("lib/c.js", "../../../../lib/a", true),
        ] {
            assert_eq!(resolved(file, specifier, &dropped).is_some(), wanted, "{file} {specifier}");
        }
    }

    #[test]
    fn packages_of_specifiers() {
        for (specifier, wanted) in [
            ("a", Some("a")),
            ("a/b/c.js", Some("a")),
            ("@s/a", Some("@s/a")),
            ("@s/a/b", Some("@s/a")),
            ("./a", None),
            ("../a", None),
            ("/a", None),
            ("#internal", None),
            ("node:fs", None),
            ("https://x/y", None),
            ("@s", None),
            ("", None),
        ] {
            assert_eq!(package(specifier), wanted, "{specifier}");
        }
    }

    #[test]
    fn everything_that_may_be_asked_for_is_mentioned() {
        let text = "var a=require('a'),b=__require(\"b\");import c from'c';import \"d\";export*from `e`;import(/* x */ 'f')\n\
                    require.resolve( \"g/package.json\" );// require('h')\nrequire(name);from'\n'";
        let mut found: Vec<_> = mentioned(text.as_bytes()).collect();
        found.sort_unstable();
        assert_eq!(found, ["a", "b", "c", "d", "e", "f", "g/package.json", "h"]);
    }

    fn loaded(text: &str) -> Vec<&str> {
        on_load(text).into_iter().map(|(specifier, _)| specifier).collect()
    }

    #[test]
    fn what_is_asked_for_on_load() {
        for (text, wanted) in [
            ("'use strict';\nvar a = require('a');\nconst b = __importDefault(require(\"b\"))", vec!["a", "b"]),
            (
                "#!/usr/bin/env node\nimport a from 'a';\nimport * as b from \"b\"; import {c, d as e} from 'c'\nimport 'd'",
                vec!["a", "b", "c", "d"],
            ),
            ("export { x } from 'a'; export * from 'b'; export const y = 'c'; export default 'd'", vec!["a", "b"]),
            ("const x = `${ {a: `}`} } require('no')`; require('yes')", vec!["yes"]),
            ("x = a / b; y = /['\"`{]/; z = require('a')", vec!["a"]),
            ("// require('no')\n/* import 'no' */ const s = \"require('no')\"; require('a')", vec!["a"]),
            (
                "const {a} = require('a'); class X { m() { return require('no') } } const b = require('b')",
                vec!["a", "b"],
            ),
            ("function f() { return 1 }\nvar a = require('a')\nif (x) { y() }\nvar b = require('b')", vec!["a", "b"]),
            ("export const a = require('a'); const x = (1 + 2) / 3;\nrequire('b')", vec!["a", "b"]),
        ] {
            assert_eq!(loaded(text), wanted, "{text}");
        }
        assert_eq!(on_load("\n\nrequire('a')"), [("a", 3)]);
    }

    #[test]
    fn what_may_never_be_asked_for_is_not() {
        for text in [
            "try { require('a') } catch {}",
            "function f() { return require('a') }",
            "const f = () => require('a')",
            "process.env.X && require('a')",
            "const x = cond ? require('a') : require('b')",
            "if (x) require('a')",
            "if (x) y(); else require('a')",
            "import('a')",
            "const x = import.meta.resolve('a')",
            "x.require('a', 'b').from('c')",
            "require(`a${b}`)",
            "exports.from = 'a'",
            "module.exports = process.env.X ? {a: 1} : require('a');",
            "exports.load = () => Object.assign({}, require('a'));",
            "if (process.env.X) return;\nrequire('a');",
            "if (x) throw y\nrequire('a')",
            "if (x) /`/.test(y);\nconst t = `\nimport z from 'a'\n`;",
            "if (x) y({a: 1}), require('a')",
            "export class A { a; b = require('a') }",
            "for (;;) require('a')",
            "export default { a: () => require('a') }",
        ] {
            let found = loaded(text);
            assert!(found.is_empty(), "{text}: {found:?}");
        }
    }

    #[test]
    fn hostile_files_are_read_in_linear_time() {
        // Quadratic, these would be 10^11 steps.
        for text in
            ["from /*".repeat(200_000), "require('a')\n".repeat(200_000), "`${".repeat(200_000), "/*".repeat(500_000)]
        {
            mentioned(text.as_bytes()).count();
            on_load(&text);
        }
    }

    proptest::proptest! {
        /// Whatever a file holds, both come to an end, and nothing is asked for that is not mentioned.
        #[test]
        fn any_text_is_read(text in "[a-c'\"`(){}$/*\\\\ \n;=?.]{0,80}|(require|import|from|[ ('\"`;{}a]){0,30}") {
            let all: Vec<_> = mentioned(text.as_bytes()).collect();
            for (specifier, _) in on_load(&text) {
                let known = specifier.contains('\\') || specifier.len() > MAX_SPECIFIER || specifier.contains('\n') || all.contains(&specifier);
                proptest::prop_assert!(known, "{specifier:?} of {text:?}");
            }
        }
    }
}
