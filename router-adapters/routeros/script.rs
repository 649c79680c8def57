//! A script of RouterOS as the entries that its commands make, menu by menu.
//!
//! Lines that go on are joined; the place of each word in the file stays known. What a script computes is not run: the menus that it
//! may change are told as doubtful.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::said;

/// The text with the lines that go on joined, and where its parts stood.
pub(super) struct Joined {
    pub(super) text: String,
    /// From this byte on, the text stood so far behind.
    shifts: Vec<(usize, usize)>,
}

impl Joined {
    pub(super) fn of(text: &str) -> Self {
        let mut joined = Self { text: String::with_capacity(text.len()), shifts: vec![(0, 0)] };
        let mut rest = text;
        let mut from = 0;
        while let Some(at) = rest[from..].find('\\').map(|at| from + at) {
            let end = match rest.as_bytes().get(at + 1..) {
                Some([b'\n', ..]) => at + 2,
                Some([b'\r', b'\n', ..]) => at + 3,
                _ => {
                    from = at + 1;
                    continue;
                }
            };
            joined.text.push_str(&rest[..at]);
            rest = rest[end..].trim_start_matches([' ', '\t']);
            from = 0;
            joined.shifts.push((joined.text.len(), text.len() - rest.len() - joined.text.len()));
        }
        joined.text.push_str(rest);
        joined
    }

    /// The bytes of the original that a part of the joined text stood in.
    pub(super) fn original<'t>(&self, text: &'t str, part: &str) -> &'t str {
        let own = said::range_of(&self.text, part);
        let shifted = |at: usize| {
            let known = self.shifts.partition_point(|(from, _)| *from <= at).saturating_sub(1);
            at + self.shifts.get(known).map_or(0, |(_, shift)| *shift)
        };
        let end = if own.is_empty() { shifted(own.start) } else { shifted(own.end - 1) + 1 };
        text.get(shifted(own.start)..end).unwrap_or_default()
    }
}

/// The menus that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Menu {
    Pool,
    Server,
    Network,
    Lease,
    Relay,
    Address,
    Vlan,
    SixPool,
    SixServer,
    SixBinding,
    SixRelay,
    SixAddress,
    Advertised,
}

pub(super) fn menu(path: &[&str]) -> Option<Menu> {
    Some(match path {
        ["ip", "pool"] => Menu::Pool,
        ["ip", "dhcp-server"] => Menu::Server,
        ["ip", "dhcp-server", "network"] => Menu::Network,
        ["ip", "dhcp-server", "lease"] => Menu::Lease,
        ["ip", "dhcp-relay"] => Menu::Relay,
        ["ip", "address"] => Menu::Address,
        ["interface", "vlan"] => Menu::Vlan,
        ["ipv6", "pool"] => Menu::SixPool,
        ["ipv6", "dhcp-server"] => Menu::SixServer,
        ["ipv6", "dhcp-server", "binding"] => Menu::SixBinding,
        ["ipv6", "dhcp-relay"] => Menu::SixRelay,
        ["ipv6", "address"] => Menu::SixAddress,
        ["ipv6", "nd"] => Menu::Advertised,
        _ => return None,
    })
}

/// What one `add` says.
#[derive(Debug, Default)]
pub(super) struct Entry<'j>(Vec<(&'j str, &'j str)>);

impl<'j> Entry<'j> {
    /// A value as written, without its quotes.
    pub(super) fn get(&self, key: &str) -> Option<&'j str> {
        self.0.iter().rev().find(|(own, _)| *own == key).map(|(_, value)| *value).filter(|value| !value.is_empty())
    }

    pub(super) fn is(&self, key: &str, value: &str) -> bool {
        self.get(key) == Some(value)
    }

    /// The word itself that says a value.
    pub(super) fn key(&self, key: &str) -> Option<&'j str> {
        self.0.iter().rev().find(|(own, _)| *own == key).map(|(own, _)| *own)
    }
}

/// The commands of a line, each a list of words; what stands in quotes, brackets and braces is one word.
fn commands(line: &str) -> Vec<Vec<&str>> {
    let mut commands = vec![Vec::new()];
    let (mut start, mut depth, mut quoted, mut escaped) = (None, 0usize, false, false);
    for (at, c) in line.char_indices() {
        let ends = !quoted && depth == 0 && (c.is_whitespace() || c == ';');
        if !ends && start.is_none() {
            start = Some(at);
        }
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '[' | '{' | '(' if !quoted => depth += 1,
            ']' | '}' | ')' if !quoted => depth = depth.saturating_sub(1),
            _ if ends => {
                if let (Some(start), Some(command)) = (start.take(), commands.last_mut()) {
                    command.push(&line[start..at]);
                }
                if c == ';' {
                    commands.push(Vec::new());
                }
            }
            _ => {}
        }
    }
    if let (Some(start), Some(command)) = (start, commands.last_mut()) {
        command.push(&line[start..]);
    }
    commands.retain(|command| !command.is_empty());
    commands
}

/// A value without its quotes.
fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').map_or(value, |inner| inner.strip_suffix('"').unwrap_or(inner))
}

/// What a name is, whether it was written with escapes or without.
pub(super) fn plain(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
        let hex = rest.get(..2).filter(|two| *first == b'\\' && two.iter().all(digit));
        let hex = hex.and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        match (hex, rest.split_first().filter(|_| *first == b'\\')) {
            (Some(byte), _) => {
                bytes.push(byte);
                rest = &rest[2..];
            }
            (None, Some((own, after))) => {
                bytes.push(if matches!(own, b'_' | b'n' | b'r' | b't') { b' ' } else { *own });
                rest = after;
            }
            (None, None) => bytes.push(*first),
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    Cow::Owned(text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
}

/// Entries by one of their values.
pub(super) type By<'r, 'j> = HashMap<String, Vec<&'r Entry<'j>>>;

pub(super) struct Export<'j> {
    entries: HashMap<Menu, Vec<Entry<'j>>>,
    /// Something was computed, or found by more than a name.
    pub(super) unclear: bool,
    /// The same of IPv6.
    pub(super) unclear_six: bool,
    /// How many entries were changed later.
    changes: usize,
    /// How many braces are open: what stands in them may never be run.
    open: usize,
}

impl<'j> Export<'j> {
    pub(super) fn all(&self, menu: Menu) -> &[Entry<'j>] {
        self.entries.get(&menu).map_or(&[], Vec::as_slice)
    }

    pub(super) fn by(&self, menu: Menu, key: &str) -> By<'_, 'j> {
        let mut by = By::new();
        for entry in self.all(menu) {
            if let Some(value) = entry.get(key) {
                by.entry(plain(value).into_owned()).or_default().push(entry);
            }
        }
        by
    }

    pub(super) fn of(joined: &'j str) -> Self {
        let mut export = Self { entries: HashMap::new(), unclear: false, unclear_six: false, changes: 0, open: 0 };
        let mut path: Vec<&str> = Vec::new();
        for line in joined.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            for words in commands(line) {
                export.command(&mut path, &words);
            }
            export.open = braces(line, export.open);
        }
        export
    }

    fn command(&mut self, path: &mut Vec<&'j str>, words: &[&'j str]) {
        let is_verb = |word: &&str| {
            matches!(*word, "add" | "set" | "remove" | "disable" | "enable" | "edit" | "print" | "export")
        };
        let mut own: Vec<&'j str> = if words[0].starts_with('/') { Vec::new() } else { path.clone() };
        let mut rest = words;
        while let Some((word, after)) = rest.split_first() {
            let parts: Vec<&str> = word.split('/').filter(|part| !part.is_empty()).collect();
            if is_verb(word) || word.contains(['=', '[', '"', '$', ':', '{', '}']) {
                break;
            }
            // In the newer spelling the verb is the last part of the path.
            let verb = parts.last().is_some_and(is_verb);
            own.extend(&parts[..parts.len() - usize::from(verb)]);
            // Deeper than any menu is no menu.
            own.truncate(6);
            if verb {
                break;
            }
            rest = after;
        }
        let Some((first, arguments)) = rest.split_first() else {
            *path = own;
            return;
        };
        let verb = first.rsplit('/').next().unwrap_or_default();
        let Some(menu) = menu(&own) else {
            // A script may add anything; one that has nothing to do with addresses is none of ours.
            let scripted = first.starts_with(':') || first.contains('$');
            let means =
                |parts: &[&str]| scripted && words.iter().any(|word| parts.iter().any(|part| word.contains(part)));
            self.unclear |= means(&["dhcp-server", "/ip pool", "/ip/pool"]);
            self.unclear_six |= means(&["dhcp-server", "/ipv6 pool", "/ipv6/pool"]);
            return;
        };
        if self.open > 0 && is_verb(&verb) {
            self.doubt(menu);
        }
        match verb {
            "add" => {
                let entry = Entry(pairs(arguments));
                if entry.0.iter().any(|(_, value)| is_computed(value)) {
                    self.doubt(menu);
                }
                self.entries.entry(menu).or_default().push(entry);
            }
            // The entry that every router has, which no `add` makes.
            "set" if menu == Menu::Advertised && arguments.first().is_some_and(|word| is_default(word)) => {
                self.entries.entry(menu).or_default().push(Entry(pairs(&arguments[1..])));
            }
            "set" | "disable" | "enable" => {
                let more = match verb {
                    "disable" => vec![("disabled", "yes")],
                    "enable" => vec![("disabled", "no")],
                    _ => pairs(arguments),
                };
                self.changes += 1;
                let follows = self.changes <= said::MAX_SEGMENTS;
                let entry = arguments.first().filter(|_| follows).and_then(|wanted| self.named(menu, wanted));
                match entry {
                    Some(entry) => entry.0.extend(more),
                    None => self.doubt(menu),
                }
            }
            "remove" | "edit" => self.doubt(menu),
            _ => {}
        }
    }

    /// Something of a menu is not known.
    fn doubt(&mut self, menu: Menu) {
        match menu {
            Menu::SixPool | Menu::SixServer | Menu::SixBinding | Menu::SixRelay | Menu::SixAddress => {
                self.unclear_six = true;
            }
            Menu::Advertised => {}
            _ => self.unclear = true,
        }
    }

    /// The one entry that `[ find name=… ]` or a name means.
    fn named(&mut self, menu: Menu, wanted: &str) -> Option<&mut Entry<'j>> {
        let inner = wanted.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).map(str::trim);
        let name = match inner {
            Some(inner) => {
                let condition =
                    inner.strip_prefix("find")?.trim().strip_prefix("where").unwrap_or(inner[4..].trim()).trim();
                condition
                    .strip_prefix("name=")
                    .filter(|name| !unquoted(name).contains([' ', '=']) || name.starts_with('"'))?
            }
            None => wanted,
        };
        let name = plain(unquoted(name));
        let entries = self.entries.get_mut(&menu)?;
        let mut found = entries.iter_mut().filter(|entry| entry.get("name").is_some_and(|own| plain(own) == name));
        found.next().filter(|_| found.next().is_none())
    }
}

/// How many braces are open after a line.
fn braces(line: &str, mut open: usize) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for c in line.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '{' if !quoted => open += 1,
            '}' if !quoted => open = open.saturating_sub(1),
            _ => {}
        }
    }
    open
}

/// Whether a value is what a script, or a template that makes one, puts in.
pub(super) fn is_computed(value: &str) -> bool {
    value.contains(['$', '{']) || value.starts_with(['[', '('])
}

/// Whether a word finds the entry that is there by default.
fn is_default(word: &str) -> bool {
    let inner = word.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    inner.is_some_and(|inner| inner.split_whitespace().eq(["find", "default=yes"]))
}

fn pairs<'j>(arguments: &[&'j str]) -> Vec<(&'j str, &'j str)> {
    let pairs = arguments.iter().filter_map(|word| word.split_once('='));
    pairs.map(|(key, value)| (key, unquoted(value))).collect()
}
