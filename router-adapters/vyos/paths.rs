//! The configuration of VyOS and EdgeOS as a list of paths: in braces, or as `set` commands.

use std::ops::Range;

use crate::adapter::{AdapterError, Complaint};
use crate::said::{self, MAX_DEPTH, Said};

/// Each looks at all that is set so far.
const MAX_DELETES: usize = 1_024;

/// One thing that is set: the words that lead to it, and its value as the last of them.
pub(super) type Path<'t> = Vec<&'t str>;

/// What a text sets, in order, as far as it is wanted.
#[derive(Debug, Default)]
pub(super) struct Paths<'t> {
    pub(super) all: Vec<Path<'t>>,
    /// Commands that were not followed.
    pub(super) unclear: bool,
    /// The lines that say what is wanted.
    pub(super) lines: Vec<Range<usize>>,
}

/// Reads a text. In both spellings a line says one thing.
pub(super) fn read<'t>(file: &Said<'t>, wanted: impl Fn(&[&str]) -> bool) -> Result<Paths<'t>, AdapterError> {
    let mut paths = Paths::default();
    // The words of each open brace, and its line until it is known that it is wanted.
    let mut open: Vec<(Path<'t>, Option<&'t str>)> = Vec::new();
    let mut comment = false;
    let mut deletes = 0;
    for whole in file.text.lines() {
        let line = whole.trim();
        if comment || line.starts_with("/*") {
            comment = !line.ends_with("*/");
            continue;
        }
        if line.starts_with("//") || line.starts_with('#') || line.is_empty() {
            continue;
        }
        let words = words(line);
        match words[..] {
            ["set", ref rest @ ..] if open.is_empty() => {
                paths.take(rest.to_vec(), file.text, whole, &wanted);
            }
            ["delete", ref rest @ ..] if open.is_empty() => {
                deletes += 1;
                if deletes > MAX_DELETES {
                    return Err(said::too_many().into());
                }
                paths.all.retain(|path| !path.starts_with(rest));
            }
            // Commands that are relative to another place, or that copy.
            ["edit" | "top" | "up" | "copy" | "rename" | "load" | "merge" | "source", ..] if open.is_empty() => {
                paths.unclear |= matches!(words[0], "edit" | "copy" | "rename");
            }
            ["}"] => {
                if open.pop().is_none() {
                    let message = "the configuration cannot be read".to_owned();
                    return Err(Complaint::at(file.span(line), "no block is open here", message).into());
                }
            }
            [ref rest @ .., "{"] if !rest.is_empty() => {
                if open.len() >= MAX_DEPTH {
                    return Err(said::too_deep(file, line).into());
                }
                open.push((rest.to_vec(), Some(whole)));
            }
            ref rest => {
                let path: Path<'t> = open.iter().flat_map(|(words, _)| words).chain(rest).copied().collect();
                if paths.take(path, file.text, whole, &wanted) {
                    let around = open.iter_mut().filter_map(|(_, line)| line.take());
                    paths.lines.extend(around.map(|line| said::range_of(file.text, line)));
                }
            }
        }
    }
    if open.is_empty() {
        return Ok(paths);
    }
    let message = "the configuration ends in the middle of a block".to_owned();
    Err(Complaint::whole(message).help("is it the whole file?").into())
}

impl<'t> Paths<'t> {
    /// Keeps a path that is wanted, and says whether it is.
    fn take(&mut self, path: Path<'t>, text: &'t str, line: &'t str, wanted: &impl Fn(&[&str]) -> bool) -> bool {
        let keeps = wanted(&path);
        if keeps {
            self.lines.push(said::range_of(text, line));
            self.all.push(path);
        }
        keeps
    }
}

/// The words of a line, without their quotes; what is in quotes is one word.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = if matches!(first, '"' | '\'') {
            let inner = &rest[1..];
            let end = inner.find(first).unwrap_or(inner.len());
            (&inner[..end], inner.get(end + 1..).unwrap_or_default())
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            (&rest[..end], &rest[end..])
        };
        words.push(word);
        rest = after.trim_start();
    }
    words
}
