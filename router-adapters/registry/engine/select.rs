//! Finds texts in answers: JSON pointers, XML paths, CSS selectors, regular expressions. Pure, and linear in the answer.

use std::collections::HashMap;

use regex::Regex;
use scraper::{ElementRef, Html, Selector};
use serde_json::Value;

use super::description::{Condition, Lookup, Pick};
use super::value;

/// The answers of one run, taken apart.
#[derive(Debug)]
pub(crate) struct Answers<'t> {
    steps: HashMap<&'t str, Answer<'t>>,
}

/// One answer, in every form that it has.
#[derive(Debug)]
pub(crate) struct Answer<'t> {
    pub(crate) text: &'t str,
    json: Option<Value>,
    xml: Option<roxmltree::Document<'t>>,
    html: Option<Html>,
}

impl<'t> Answer<'t> {
    pub(crate) fn of(text: &'t str, css: bool) -> Self {
        let first = text.trim_start_matches('\u{feff}').trim_start();
        let json = first.starts_with(['{', '[', '"']).then(|| serde_json::from_str(first).ok()).flatten();
        let xml = first.starts_with('<').then(|| roxmltree::Document::parse(first).ok()).flatten();
        let html = css.then(|| Html::parse_document(text));
        Self { text, json, xml, html }
    }

    pub(crate) fn root(&self) -> Item<'_> {
        Item::Whole(self)
    }

    /// What a person would call it, for a message.
    fn kind(&self) -> &'static str {
        match (&self.json, &self.xml) {
            (Some(_), _) => "JSON",
            (_, Some(_)) => "XML",
            _ if self.text.trim().is_empty() => "nothing",
            _ => "text",
        }
    }
}

/// What picks look into: an answer, or one item of it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Item<'a> {
    Whole(&'a Answer<'a>),
    Json(&'a Value),
    Xml(roxmltree::Node<'a, 'a>),
    Html(ElementRef<'a>),
    Text(&'a str),
}

impl<'t> Answers<'t> {
    pub(crate) fn new(texts: &[(&'t str, &'t str)], css: bool) -> Self {
        Self { steps: texts.iter().map(|(id, text)| (*id, Answer::of(text, css))).collect() }
    }

    pub(crate) fn get(&self, step: &str) -> Option<&Answer<'t>> {
        self.steps.get(step)
    }
}

/// The regular expressions and selectors of one adapter, made once.
#[derive(Debug, Default, Clone)]
pub(crate) struct Patterns {
    regexes: HashMap<String, Regex>,
}

impl Patterns {
    /// Makes a regular expression; what is too large is refused.
    pub(crate) fn add(&mut self, pattern: &str) -> Result<&Regex, String> {
        if !self.regexes.contains_key(pattern) {
            let made = regex::RegexBuilder::new(pattern).size_limit(1 << 20).build();
            self.regexes.insert(pattern.to_owned(), made.map_err(|error| innermost(&error))?);
        }
        Ok(&self.regexes[pattern])
    }

    pub(crate) fn matches(&self, pattern: &str, text: &str) -> bool {
        self.regexes.get(pattern).is_some_and(|regex| regex.is_match(text))
    }

    pub(crate) fn group<'t>(&self, pattern: &str, text: &'t str) -> Option<&'t str> {
        let found = self.regexes.get(pattern)?.captures(text)?;
        found.get(1).or_else(|| found.get(0)).map(|part| part.as_str())
    }

    fn groups<'t>(&self, pattern: &str, text: &'t str) -> Vec<&'t str> {
        let Some(regex) = self.regexes.get(pattern) else { return Vec::new() };
        let one = |found: regex::Captures<'t>| found.get(1).or_else(|| found.get(0)).map(|part| part.as_str());
        regex.captures_iter(text).filter_map(one).collect()
    }
}

/// A regular expression's own picture of the mistake has lines; a message has one.
fn innermost(error: &regex::Error) -> String {
    let text = error.to_string();
    text.lines().last().unwrap_or("not a regular expression").trim_start_matches("error: ").to_owned()
}

/// Looks for texts in the answers of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finder<'a> {
    pub(crate) answers: &'a Answers<'a>,
    pub(crate) patterns: &'a Patterns,
}

impl<'a> Finder<'a> {
    fn base(self, pick: &Pick, item: Option<Item<'a>>) -> Option<Item<'a>> {
        match &pick.from {
            Some(step) => self.answers.get(step).map(Answer::root),
            None => item,
        }
    }

    /// The items that a pick finds, for `each`.
    pub(crate) fn items(self, pick: &Pick, item: Option<Item<'a>>) -> Vec<Item<'a>> {
        self.found(pick, item, true)
    }

    fn found(self, pick: &Pick, item: Option<Item<'a>>, each: bool) -> Vec<Item<'a>> {
        let Some(base) = self.base(pick, item) else { return Vec::new() };
        if let Some(paths) = &pick.json {
            let Some(root) = as_json(base) else { return Vec::new() };
            let found = paths.iter().map(|path| pointed(root, path)).find(|found| !found.is_empty());
            return found.unwrap_or_default().into_iter().map(Item::Json).collect();
        }
        if let Some(paths) = &pick.xml {
            let Some(root) = as_xml(base) else { return Vec::new() };
            let found = paths.iter().map(|path| elements(root, path)).find(|found| !found.is_empty());
            let found = found.unwrap_or_default().into_iter();
            let Some(at) = pick.split.as_ref().filter(|_| each) else { return found.map(Item::Xml).collect() };
            let parts = found.filter_map(|node| node.text()).flat_map(|text| text.split(at.as_str()));
            return parts.filter(|part| !part.trim().is_empty()).map(Item::Text).collect();
        }
        if let Some(selector) = &pick.css {
            return selected(base, selector).into_iter().map(Item::Html).collect();
        }
        let Some(text) = as_text(base) else { return Vec::new() };
        let found = match &pick.regex {
            Some(pattern) => self.patterns.groups(pattern, text),
            None => vec![text],
        };
        let parts = found.into_iter().flat_map(|text| match &pick.split {
            Some(at) => text.split(at.as_str()).collect(),
            None => vec![text],
        });
        parts.filter(|part| !part.trim().is_empty()).map(Item::Text).collect()
    }

    /// The texts that a pick finds; none when there is nothing, or nothing that is set.
    pub(crate) fn texts(self, pick: &Pick, item: Option<Item<'a>>) -> Vec<String> {
        if pick.when.as_ref().is_some_and(|condition| !self.holds(condition, item, None)) {
            return Vec::new();
        }
        let found = self.raw(pick, item);
        let parts = found.into_iter().flat_map(|text| match &pick.split {
            Some(at) => text.split(at.as_str()).map(str::to_owned).collect(),
            None => vec![text],
        });
        let set = parts
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty() && !pick.empty.iter().any(|none| none == text));
        let meant = set.filter_map(|text| if pick.map.is_empty() { Some(text) } else { pick.map.get(&text).cloned() });
        meant.collect()
    }

    fn raw(self, pick: &Pick, item: Option<Item<'a>>) -> Vec<String> {
        if let Some(text) = &pick.always {
            return vec![text.clone()];
        }
        if let Some(lookup) = &pick.lookup {
            let found = self.looked_up(lookup, item);
            return match &pick.regex {
                Some(pattern) => {
                    found.iter().filter_map(|t| self.patterns.group(pattern, t)).map(str::to_owned).collect()
                }
                None => found,
            };
        }
        let Some(base) = self.base(pick, item) else { return Vec::new() };
        let texts: Vec<String> = if pick.json.is_some() || pick.xml.is_some() {
            self.found(pick, item, false).into_iter().flat_map(scalar).collect()
        } else if let Some(selector) = &pick.css {
            let text = |element: ElementRef<'_>| match &pick.attr {
                Some(name) => element.value().attr(name).map(str::to_owned),
                None => Some(element.text().collect::<String>()),
            };
            selected(base, selector).into_iter().filter_map(text).collect()
        } else {
            as_text(base).map(str::to_owned).into_iter().collect()
        };
        match &pick.regex {
            Some(pattern) => texts.iter().filter_map(|t| self.patterns.group(pattern, t)).map(str::to_owned).collect(),
            None => texts,
        }
    }

    fn looked_up(self, lookup: &Lookup, item: Option<Item<'a>>) -> Vec<String> {
        let own = item.and_then(as_json).map(|value| pointed(value, &lookup.equals)).unwrap_or_default();
        let own: Vec<String> = own.into_iter().filter_map(value::scalar).collect();
        let rows = self.answers.get(&lookup.from).and_then(|answer| answer.json.as_ref());
        let rows = rows.map(|root| pointed(root, &lookup.rows)).unwrap_or_default();
        let same = |row: &&Value| {
            pointed(row, &lookup.by).into_iter().filter_map(value::scalar).any(|text| own.contains(&text))
        };
        let taken = rows.into_iter().filter(same).flat_map(|row| pointed(row, &lookup.take));
        taken.flat_map(value::scalars).collect()
    }

    /// Whether an item counts.
    pub(crate) fn counts(self, conditions: &[Condition], item: Item<'a>, outer: Option<Item<'a>>) -> bool {
        conditions.iter().all(|condition| self.holds(condition, Some(item), outer))
    }

    fn holds(self, condition: &Condition, item: Option<Item<'a>>, outer: Option<Item<'a>>) -> bool {
        let found = self.texts(&condition.of, item);
        let same = condition.same_as.as_ref().map(|path| {
            let own = outer.and_then(as_json).map(|value| pointed(value, path)).unwrap_or_default();
            own.into_iter().filter_map(value::scalar).any(|text| found.contains(&text))
        });
        same.unwrap_or(true)
            && !(condition.there && found.is_empty())
            && (condition.is.is_empty() || found.iter().any(|text| condition.is.contains(text)))
            && !found.iter().any(|text| condition.not.contains(text))
    }

    /// What was looked for and what is there, for a message.
    pub(crate) fn missing(self, pick: &Pick) -> (String, String) {
        let place = pick.from.as_deref().map_or_else(String::new, |step| format!(" in the answer of step {step}"));
        let found = match pick.from.as_deref().map(|step| self.answers.get(step)) {
            Some(None) => "that step gave no answer".to_owned(),
            Some(Some(answer)) => match answer.kind() {
                "nothing" => "an empty answer".to_owned(),
                "JSON" => format!("JSON with {}", answer.json.as_ref().map_or_else(String::new, keys)),
                kind => format!("{} of {} bytes", kind, answer.text.len()),
            },
            None => "an item without it".to_owned(),
        };
        (format!("{}{place}", wanted(pick)), found)
    }
}

/// A pick as a person would name it.
pub(crate) fn wanted(pick: &Pick) -> String {
    // The empty pointer is the whole answer.
    let named = |path: &String| if path.is_empty() { "JSON".to_owned() } else { path.clone() };
    let list = |paths: &super::description::OneOrMany| paths.iter().map(named).collect::<Vec<_>>().join(" or ");
    let what = match pick {
        Pick { json: Some(paths), .. } | Pick { xml: Some(paths), .. } => list(paths),
        Pick { css: Some(selector), .. } => selector.clone(),
        Pick { lookup: Some(lookup), .. } => format!("{} of the row of {}", lookup.take, lookup.from),
        Pick { regex: Some(pattern), .. } => pattern.clone(),
        _ => "a text".to_owned(),
    };
    if pick.map.is_empty() {
        what
    } else {
        format!("{what} ({})", pick.map.keys().cloned().collect::<Vec<_>>().join(", "))
    }
}

fn keys(value: &Value) -> String {
    match value {
        Value::Object(map) if map.is_empty() => "nothing in it".to_owned(),
        Value::Object(map) => {
            let shown: Vec<&str> = map.keys().map(String::as_str).take(6).collect();
            super::plain(&shown.join(", "))
        }
        Value::Array(list) => format!("a list of {}", list.len()),
        _ => "one value".to_owned(),
    }
}

fn as_json(item: Item<'_>) -> Option<&Value> {
    match item {
        Item::Whole(answer) => answer.json.as_ref(),
        Item::Json(value) => Some(value),
        _ => None,
    }
}

fn as_xml(item: Item<'_>) -> Option<roxmltree::Node<'_, '_>> {
    match item {
        Item::Whole(answer) => answer.xml.as_ref().map(roxmltree::Document::root),
        Item::Xml(node) => Some(node),
        _ => None,
    }
}

fn as_text(item: Item<'_>) -> Option<&str> {
    match item {
        Item::Whole(answer) => Some(answer.text),
        Item::Text(text) => Some(text),
        Item::Json(Value::String(text)) => Some(text),
        Item::Xml(node) => node.text(),
        _ => None,
    }
}

fn scalar(item: Item<'_>) -> Vec<String> {
    match item {
        Item::Json(value) => value::scalars(value),
        // The text of an element without children; one with children says nothing by itself.
        Item::Xml(node) if !node.children().any(|child| child.is_element()) => {
            vec![node.text().unwrap_or_default().to_owned()]
        }
        _ => Vec::new(),
    }
}

fn selected<'a>(item: Item<'a>, selector: &str) -> Vec<ElementRef<'a>> {
    let Ok(selector) = Selector::parse(selector) else { return Vec::new() };
    match item {
        Item::Whole(answer) => answer.html.as_ref().map(|html| html.select(&selector).collect()).unwrap_or_default(),
        Item::Html(element) => element.select(&selector).collect(),
        _ => Vec::new(),
    }
}

/// The values at a JSON pointer (RFC 6901) in which `*` stands for every element of a list or table.
pub(crate) fn pointed<'v>(root: &'v Value, pointer: &str) -> Vec<&'v Value> {
    let mut found = vec![root];
    for word in pointer.split('/').skip(1) {
        let word = word.replace("~1", "/").replace("~0", "~");
        found = found.into_iter().flat_map(|value| children(value, &word)).collect();
    }
    found
}

fn children<'v>(value: &'v Value, word: &str) -> Vec<&'v Value> {
    match value {
        Value::Object(map) if word == "*" => map.values().collect(),
        Value::Object(map) => map.get(word).into_iter().collect(),
        Value::Array(list) if word == "*" => list.iter().collect(),
        Value::Array(list) => word.parse::<usize>().ok().and_then(|at| list.get(at)).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The elements at a path of names without prefixes.
pub(crate) fn elements<'a>(root: roxmltree::Node<'a, 'a>, path: &str) -> Vec<roxmltree::Node<'a, 'a>> {
    let mut found = vec![root];
    let mut words = path.split('/').skip(1);
    while let Some(word) = words.next() {
        let deep = word.is_empty();
        let name = if deep { words.next().unwrap_or("*") } else { word };
        let fits =
            |node: &roxmltree::Node<'_, '_>| node.is_element() && (name == "*" || node.tag_name().name() == name);
        found = if deep {
            // Nested hits would be found once for each ancestor: a document is walked once.
            let mut seen = std::collections::HashSet::new();
            let all = found.into_iter().flat_map(|node| node.descendants().skip(1)).filter(fits);
            all.filter(|node| seen.insert(node.id())).collect()
        } else {
            found.into_iter().flat_map(|node| node.children()).filter(fits).collect()
        };
    }
    found
}

/// The first value at a pointer or path of an answer.
pub(crate) fn first(answer: &Answer<'_>, json: Option<&str>, xml: Option<&str>) -> Option<String> {
    if let Some(pointer) = json {
        let value = pointed(answer.json.as_ref()?, pointer).into_iter().next()?;
        return Some(value::scalar(value).unwrap_or_default());
    }
    let node = elements(answer.xml.as_ref()?.root(), xml?).into_iter().next()?;
    Some(node.text().unwrap_or_default().trim().to_owned())
}

impl<'a> Item<'a> {
    pub(crate) fn json(self) -> Option<&'a Value> {
        as_json(self)
    }
}
