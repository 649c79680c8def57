//! The statements of ISC's DHCP programs: words up to a `;`, or up to a block in braces. Comments begin with `#`.

use crate::adapter::{AdapterError, Complaint};
use crate::said::{self, MAX_DEPTH, Said};

/// One statement.
#[derive(Debug)]
pub(crate) struct Statement<'t> {
    /// Its words; a text is without its quotes, commas are left out.
    pub(crate) words: Vec<&'t str>,
    /// The file that says it.
    pub(crate) file: usize,
    pub(crate) block: Vec<Self>,
}

impl<'t> Statement<'t> {
    /// A word, or nothing.
    pub(crate) fn word(&self, number: usize) -> &'t str {
        self.words.get(number).copied().unwrap_or_default()
    }
}

/// Reads the statements of one file, with those of the files that it includes; the names of the files that were not given go
/// to `missing`.
pub(crate) fn read<'t>(
    files: &[Said<'t>],
    names: &[&'t str],
    start: usize,
    missing: &mut Vec<(usize, &'t str)>,
) -> Result<Vec<Statement<'t>>, AdapterError> {
    let mut reader = Reader { files, names, open: Vec::new(), missing };
    reader.file(start)
}

/// The files that a text includes.
pub(crate) fn includes(text: &str) -> Vec<&str> {
    let mut words = Words { text, at: 0 };
    let mut found = Vec::new();
    let mut last = Word::Mark(';');
    while let Ok(Some(word)) = words.next() {
        if let (Word::Plain("include"), Word::Text(name)) = (last, word) {
            found.push(name);
        }
        last = word;
    }
    found
}

#[derive(Debug, Clone, Copy)]
enum Word<'t> {
    Plain(&'t str),
    Text(&'t str),
    Mark(char),
}

struct Words<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Words<'t> {
    /// The next word; the rest of the text where a string in it does not end.
    fn next(&mut self) -> Result<Option<Word<'t>>, &'t str> {
        loop {
            let rest = &self.text[self.at..];
            let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',' || c == '\u{feff}');
            self.at += rest.len() - trimmed.len();
            let Some(first) = trimmed.chars().next() else { return Ok(None) };
            let (word, length) = match first {
                '#' => {
                    self.at += trimmed.find('\n').unwrap_or(trimmed.len());
                    continue;
                }
                '{' | '}' | ';' => (Word::Mark(first), 1),
                '"' => {
                    let end = trimmed.char_indices().skip(1).scan(false, |escaped, (at, c)| {
                        let ends = c == '"' && !*escaped;
                        *escaped = c == '\\' && !*escaped;
                        Some((at, ends))
                    });
                    let end = end.into_iter().find(|(_, ends)| *ends).map(|(at, _)| at).ok_or(trimmed)?;
                    (Word::Text(&trimmed[1..end]), end + 1)
                }
                _ => {
                    let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '{' | '}' | '"' | '#');
                    let end = trimmed.find(ends).unwrap_or(trimmed.len());
                    (Word::Plain(&trimmed[..end]), end)
                }
            };
            self.at += length;
            return Ok(Some(word));
        }
    }
}

struct Reader<'f, 'm, 't> {
    files: &'f [Said<'t>],
    names: &'f [&'t str],
    /// The files that are being read.
    open: Vec<usize>,
    missing: &'m mut Vec<(usize, &'t str)>,
}

impl<'t> Reader<'_, '_, 't> {
    fn file(&mut self, file: usize) -> Result<Vec<Statement<'t>>, AdapterError> {
        self.open.push(file);
        let mut words = Words { text: self.files[file].text, at: 0 };
        let statements = self.block(file, &mut words, 0)?;
        self.open.pop();
        Ok(statements)
    }

    fn block(&mut self, file: usize, words: &mut Words<'t>, depth: usize) -> Result<Vec<Statement<'t>>, AdapterError> {
        let mut statements = Vec::new();
        let mut own: Vec<&'t str> = Vec::new();
        let said = &self.files[file];
        loop {
            let word = words.next().map_err(|rest| {
                let message = "a text in quotes does not end".to_owned();
                AdapterError::from(Complaint::at(said.span(&rest[..1]), "it begins here", message))
            })?;
            match word {
                None if depth == 0 && own.is_empty() => return Ok(statements),
                None => {
                    let message = format!("{} ends in the middle of a statement", self.names[file]);
                    return Err(Complaint::whole(message).help("is it the whole file?").into());
                }
                Some(Word::Plain(word) | Word::Text(word)) => own.push(word),
                Some(Word::Mark(';')) => {
                    let words = std::mem::take(&mut own);
                    match words[..] {
                        // dhcpd reads `;` alone, too.
                        [] => {}
                        ["include", name] => self.include(file, name, &mut statements)?,
                        _ => statements.push(Statement { words, file, block: Vec::new() }),
                    }
                }
                Some(Word::Mark('{')) => {
                    let mark = &said.text[words.at - 1..words.at];
                    if depth >= MAX_DEPTH {
                        return Err(said::too_deep(said, mark).into());
                    }
                    let block = self.block(file, words, depth + 1)?;
                    statements.push(Statement { words: std::mem::take(&mut own), file, block });
                }
                Some(Word::Mark(_)) if depth > 0 && own.is_empty() => return Ok(statements),
                Some(Word::Mark(_)) => {
                    let mark = &said.text[words.at - 1..words.at];
                    let message = "the configuration cannot be read as dhcpd reads it".to_owned();
                    let what = if own.is_empty() { "no block is open here" } else { "a `;` is missing before this" };
                    return Err(Complaint::at(said.span(mark), what, message).into());
                }
            }
        }
    }

    fn include(&mut self, file: usize, name: &'t str, statements: &mut Vec<Statement<'t>>) -> Result<(), AdapterError> {
        let Some(found) = said::file_named(self.names, name) else {
            self.missing.push((file, name));
            return Ok(());
        };
        if self.open.contains(&found) {
            let message = format!("{name} includes itself");
            return Err(Complaint::at(self.files[file].span(name), "it is being read already", message).into());
        }
        statements.extend(self.file(found)?);
        Ok(())
    }
}
