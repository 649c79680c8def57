//! JSON as Kea reads it, with the place of every value.
//!
//! Kea's own dialect: comments `// …`, `# …` and `/* … */` between values, `<?include "file"?>` wherever a value or a member may
//! stand, and a comma too many. Not even the readers of JSON with comments know the second and the third, and none says where a
//! value stands in several files; so this is one.

use std::borrow::Cow;

use crate::adapter::{AdapterError, Complaint};
use crate::said::{self, MAX_DEPTH, Said};

/// Kea's own limit of includes within includes.
const MAX_INCLUDES: usize = 10;

/// A value, its file and its bytes.
#[derive(Debug)]
pub(crate) struct Node<'t> {
    pub(crate) value: Value<'t>,
    pub(crate) file: usize,
    /// As written; a text without its quotes.
    pub(crate) raw: &'t str,
}

#[derive(Debug)]
pub(crate) enum Value<'t> {
    Map(Vec<(Cow<'t, str>, Node<'t>)>),
    List(Vec<Node<'t>>),
    Text(Cow<'t, str>),
    /// A number, `true`, `false`, `null`.
    Word,
    /// A file that is included and was not given.
    Missing,
}

impl Node<'_> {
    /// The value of a member; the last one of that name.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(members) => members.iter().rev().find(|(own, _)| own == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The items of a list; none of anything else.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The items of the list in a member.
    pub(crate) fn list(&self, key: &str) -> &[Self] {
        self.get(key).map_or(&[], Self::items)
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is(&self, word: &str) -> bool {
        matches!(self.value, Value::Word) && self.raw == word
    }

    /// The includes in it that were not given.
    pub(crate) fn missing<'n>(&'n self, found: &mut Vec<&'n Self>) {
        match &self.value {
            Value::Missing => found.push(self),
            Value::Map(members) => members.iter().for_each(|(_, node)| node.missing(found)),
            Value::List(items) => items.iter().for_each(|item| item.missing(found)),
            _ => {}
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'t> {
    Mark(char),
    Text(&'t str),
    Word(&'t str),
    Include(&'t str),
}

/// The tokens of one text.
struct Tokens<'t> {
    text: &'t str,
    at: usize,
}

/// Why no token could be read: the rest of the text, and what is wrong with it.
type Unread<'t> = (&'t str, &'static str);

impl<'t> Tokens<'t> {
    fn skip(&mut self) -> Result<(), Unread<'t>> {
        loop {
            let rest = &self.text[self.at..];
            let trimmed = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{feff}');
            self.at += rest.len() - trimmed.len();
            let length = if trimmed.starts_with('#') || trimmed.starts_with("//") {
                trimmed.find('\n').unwrap_or(trimmed.len())
            } else if trimmed.starts_with("/*") {
                trimmed.find("*/").ok_or((trimmed, "this comment does not end"))? + 2
            } else {
                return Ok(());
            };
            self.at += length;
        }
    }

    fn next(&mut self) -> Result<Option<Token<'t>>, Unread<'t>> {
        self.skip()?;
        let rest = &self.text[self.at..];
        let Some(first) = rest.chars().next() else { return Ok(None) };
        let (token, length) = match first {
            '{' | '}' | '[' | ']' | ':' | ',' => (Token::Mark(first), 1),
            '"' => {
                let end = end_of_text(rest).ok_or((rest, "this text does not end on its line"))?;
                (Token::Text(&rest[1..end]), end + 1)
            }
            '<' => {
                let inner = rest.strip_prefix("<?include").and_then(|after| Some(&after[..after.find("?>")?]));
                let inner = inner.ok_or((rest, "this is no include"))?;
                (Token::Include(inner.trim().trim_matches('"')), "<?include".len() + inner.len() + 2)
            }
            c if c.is_ascii_alphanumeric() || c == '-' => {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')));
                let word = &rest[..end.unwrap_or(rest.len())];
                (Token::Word(word), word.len())
            }
            _ => return Err((rest, "Kea reads nothing like this here")),
        };
        self.at += length;
        Ok(Some(token))
    }
}

/// Where the text that begins a string ends: the place of its last quote.
fn end_of_text(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'\n' => return None,
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at),
            _ => {}
        }
    }
    None
}

/// The text with passwords unreadable; what cannot be read is not shown at all.
pub(crate) fn shown(text: &str) -> String {
    const SECRETS: [&str; 5] = ["password", "secret", "key", "token", "basic-auth"];
    let mut tokens = Tokens { text, at: 0 };
    let mut parts = Vec::new();
    let mut from = 0;
    let mut last = [None; 2];
    loop {
        match tokens.next() {
            Ok(Some(token)) => {
                if let (Token::Text(value), [Some(Token::Text(key)), Some(Token::Mark(':'))]) = (token, last)
                    && SECRETS.iter().any(|secret| key.contains(secret))
                {
                    let hidden = said::range_of(text, value);
                    parts.push(from..hidden.start);
                    from = hidden.end;
                }
                last = [last[1], Some(token)];
            }
            Ok(None) => {
                parts.push(from..text.len());
                break;
            }
            Err((rest, _)) => {
                let place = said::range_of(text, said::first_word(rest));
                parts.push(from..place.end);
                break;
            }
        }
    }
    said::only(text, &mut parts)
}

/// The files that a text includes.
pub(crate) fn includes(text: &str) -> Vec<&str> {
    let mut tokens = Tokens { text, at: 0 };
    let next = || tokens.next().ok().flatten();
    std::iter::from_fn(next)
        .filter_map(|token| match token {
            Token::Include(name) => Some(name),
            _ => None,
        })
        .collect()
}

/// Reads one file, with those that it includes.
///
/// # Errors
/// When Kea would not read it, or it is nested deeper than the limit.
pub(crate) fn read<'t>(files: &[Said<'t>], names: &[&'t str], start: usize) -> Result<Node<'t>, AdapterError> {
    let mut reader =
        Reader { files, names, open: vec![(start, Tokens { text: files[start].text, at: 0 })], ahead: None };
    let node = reader.value(0)?;
    match reader.take()? {
        None => Ok(node),
        Some((file, token)) => Err(reader.wrong(file, token, "the configuration has ended before this")),
    }
}

struct Reader<'f, 't> {
    files: &'f [Said<'t>],
    names: &'f [&'t str],
    /// The files that are being read, the innermost last.
    open: Vec<(usize, Tokens<'t>)>,
    ahead: Option<(usize, Token<'t>)>,
}

impl<'t> Reader<'_, 't> {
    /// The next token, from whichever file it comes.
    fn take(&mut self) -> Result<Option<(usize, Token<'t>)>, AdapterError> {
        if let Some(token) = self.ahead.take() {
            return Ok(Some(token));
        }
        loop {
            let Some((file, tokens)) = self.open.last_mut() else { return Ok(None) };
            let file = *file;
            match tokens.next() {
                Ok(None) => {
                    self.open.pop();
                }
                Ok(Some(Token::Include(name))) => {
                    let Some(found) = said::file_named(self.names, name) else {
                        return Ok(Some((file, Token::Include(name))));
                    };
                    if self.open.len() > MAX_INCLUDES {
                        let message = format!("files are included more than {MAX_INCLUDES} deep, which Kea refuses");
                        return Err(Complaint::at(self.files[file].span(name), "this is deeper", message).into());
                    }
                    self.open.push((found, Tokens { text: self.files[found].text, at: 0 }));
                }
                Ok(Some(token)) => return Ok(Some((file, token))),
                Err((rest, what)) => {
                    let part = said::first_word(rest);
                    let message = "the configuration cannot be read as Kea's JSON".to_owned();
                    return Err(Complaint::at(self.files[file].span(part), what, message).into());
                }
            }
        }
    }

    fn wrong(&self, file: usize, token: Token<'t>, what: &str) -> AdapterError {
        let text = self.files[file].text;
        let part = match token {
            Token::Text(part) | Token::Word(part) | Token::Include(part) => part,
            // The mark has just been read.
            Token::Mark(_) => {
                let open = self.open.iter().rev().find(|(own, _)| *own == file);
                let at = open.map_or(text.len(), |(_, tokens)| tokens.at);
                text.get(at.saturating_sub(1)..at).unwrap_or_default()
            }
        };
        let message = "the configuration cannot be read as Kea's JSON".to_owned();
        Complaint::at(self.files[file].span(part), what, message).into()
    }

    /// A brace or bracket as the place of all that is within it.
    fn mark(&self, file: usize, at: usize) -> &'t str {
        self.files[file].text.get(at..=at).unwrap_or_default()
    }

    fn ended(&self) -> AdapterError {
        let name = self.names.first().copied().unwrap_or("the file");
        Complaint::whole(format!("{name} ends before its configuration does")).help("is it the whole file?").into()
    }

    fn value(&mut self, depth: usize) -> Result<Node<'t>, AdapterError> {
        let (file, token) = self.take()?.ok_or_else(|| self.ended())?;
        let node = |value, raw| Ok(Node { value, file, raw });
        let begin = self.open.last().map_or(0, |(_, tokens)| tokens.at.saturating_sub(1));
        match token {
            Token::Text(raw) => node(Value::Text(unescaped(raw)), raw),
            Token::Word(raw) => node(Value::Word, raw),
            Token::Include(raw) => node(Value::Missing, raw),
            Token::Mark('{' | '[') if depth >= MAX_DEPTH => {
                Err(said::too_deep(&self.files[file], self.mark(file, begin)).into())
            }
            Token::Mark('{') => {
                let members = self.members(depth)?;
                node(Value::Map(members), self.mark(file, begin))
            }
            Token::Mark('[') => {
                let items = self.list(depth)?;
                node(Value::List(items), self.mark(file, begin))
            }
            Token::Mark(_) => Err(self.wrong(file, token, "a value is expected here")),
        }
    }

    fn members(&mut self, depth: usize) -> Result<Vec<(Cow<'t, str>, Node<'t>)>, AdapterError> {
        let mut members = Vec::new();
        let mut wants_comma = false;
        loop {
            let (file, token) = self.take()?.ok_or_else(|| self.ended())?;
            match token {
                Token::Mark('}') => return Ok(members),
                Token::Mark(',') => wants_comma = false,
                Token::Include(raw) => {
                    members.push((Cow::Borrowed(""), Node { value: Value::Missing, file, raw }));
                    wants_comma = false;
                }
                Token::Text(key) if !wants_comma => {
                    match self.take()?.ok_or_else(|| self.ended())? {
                        (_, Token::Mark(':')) => {}
                        (file, token) => return Err(self.wrong(file, token, "a `:` is expected here")),
                    }
                    members.push((unescaped(key), self.value(depth + 1)?));
                    wants_comma = true;
                }
                _ if wants_comma => return Err(self.wrong(file, token, "a comma is missing before this")),
                _ => return Err(self.wrong(file, token, "the name of a value is expected here")),
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node<'t>>, AdapterError> {
        let mut items: Vec<Node<'t>> = Vec::new();
        let mut wants_comma = false;
        loop {
            let (file, token) = self.take()?.ok_or_else(|| self.ended())?;
            match token {
                Token::Mark(']') => return Ok(items),
                Token::Mark(',') => wants_comma = false,
                _ if wants_comma && !matches!(token, Token::Include(_)) => {
                    return Err(self.wrong(file, token, "a comma is missing before this"));
                }
                _ => {
                    self.ahead = Some((file, token));
                    let item = self.value(depth + 1)?;
                    wants_comma = !matches!(item.value, Value::Missing);
                    items.push(item);
                }
            }
        }
    }
}

fn unescaped(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match rest.next() {
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('r') => text.push('\r'),
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('u') => {
                let digits: String = rest.by_ref().take(4).collect();
                let number = u32::from_str_radix(&digits, 16).ok();
                text.push(number.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => text.push(other),
            None => {}
        }
    }
    Cow::Owned(text)
}
