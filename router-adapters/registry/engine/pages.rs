//! Answers written as the files that the router keeps them in, for the adapters that read those files.
//!
//! What an API gives of a configuration is the configuration: it is read by what reads the file, and means the same. Nothing is
//! filled in; a text that cannot stand in a file of that form is made fit for one line.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::description::{Form, PageRule};
use super::value;

/// The file; `None` when the value is not what such a file is made of. `counts` says which entries are written.
pub(super) fn written<'v>(rule: &PageRule, value: &'v Value, counts: impl Fn(&'v Value) -> bool) -> Option<String> {
    match rule.form {
        Form::Json => serde_json::to_string_pretty(value).ok(),
        Form::Toml => toml::to_string(&without_nulls(value)).ok(),
        Form::Uci => {
            let mut sections: Vec<&Value> = value.as_object()?.values().filter(|section| counts(section)).collect();
            sections.sort_by_key(|section| section.get(".index").and_then(Value::as_u64));
            Some(sections.into_iter().filter_map(Value::as_object).map(|section| uci(rule, section)).collect())
        }
        Form::Routeros => {
            let entries = value.as_array()?.iter().filter(|entry| counts(entry)).filter_map(Value::as_object);
            // The spelling that both versions read does not say that it is of 7: what is not said is then not taken for said.
            let menu = rule.menu.as_deref().unwrap_or_default();
            Some(entries.fold(format!("{menu}\n"), |text, entry| text + &routeros(rule, entry)))
        }
    }
}

/// TOML has no null: what is not set is not written.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let set = map.iter().filter(|(_, value)| !value.is_null());
            Value::Object(set.map(|(key, value)| (key.clone(), without_nulls(value))).collect())
        }
        Value::Array(list) => list.iter().filter(|value| !value.is_null()).map(without_nulls).collect(),
        one => one.clone(),
    }
}

/// The keys of an entry that are written, each under its name in the file.
fn keys<'e>(rule: &'e PageRule, entry: &'e Map<String, Value>) -> impl Iterator<Item = (&'e str, &'e Value)> {
    let said =
        move |key: &str| entry.get(key).is_some_and(|value| !matches!(value.as_str(), Some("")) && !value.is_null());
    let replaced = move |key: &str| rule.instead.iter().any(|(better, own)| own == key && said(better));
    let silent = move |key: &str| rule.instead.contains_key(key) && !said(key);
    let written = entry.iter().filter(move |(key, _)| !key.starts_with('.') && !replaced(key) && !silent(key));
    let written = written.map(|(key, value)| (rule.instead.get(key).map_or(key.as_str(), String::as_str), value));
    let plain = |key: &str| key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    written.filter(move |(key, _)| plain(key) && (rule.keys.is_empty() || rule.keys.iter().any(|own| own == key)))
}

/// One section: `config TYPE 'name'` and its options.
fn uci(rule: &PageRule, section: &Map<String, Value>) -> String {
    let text = |key: &str| section.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut file = format!("config {}", quoted(text(".type")));
    if section.get(".anonymous").and_then(Value::as_bool) != Some(true) {
        file = format!("{file} {}", quoted(text(".name")));
    }
    file.push('\n');
    for (key, value) in keys(rule, section) {
        let kind = if value.is_array() { "list" } else { "option" };
        for text in value::scalars(value) {
            // Writing to a text cannot fail.
            let _ = writeln!(file, "\t{kind} {key} {}", quoted(&text));
        }
    }
    file.push('\n');
    file
}

/// A text in quotes that it does not hold itself; UCI escapes none.
fn quoted(text: &str) -> String {
    let line = one_line(text);
    if line.contains('\'') { format!("\"{}\"", line.replace('"', "'")) } else { format!("'{line}'") }
}

/// One entry: `add key=value …`.
fn routeros(rule: &PageRule, entry: &Map<String, Value>) -> String {
    let is = |key: &str| entry.get(key).and_then(value::scalar).is_some_and(|text| text == "true");
    let mut line = "add".to_owned();
    for (key, value) in keys(rule, entry) {
        // What RouterOS itself calls invalid does not run now: whether it will is not known.
        if key == "disabled" && is("invalid") && !is("disabled") {
            continue;
        }
        let Some(text) = value::scalar(value) else { continue };
        let text = match text.as_str() {
            "true" => "yes".to_owned(),
            "false" => "no".to_owned(),
            _ => one_line(&text),
        };
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | ':' | '-' | '_' | ',' | '*');
        if !text.is_empty() && text.chars().all(fits) {
            let _ = write!(line, " {key}={text}");
        } else {
            // As an export has them: a character that means something to a script by its number.
            let mut shown = String::new();
            for c in text.chars() {
                match c {
                    '"' | '\\' | '$' | '{' | '}' | '[' | ']' | '(' | ')' | ';' | '?' => {
                        let _ = write!(shown, "\\{:02X}", u32::from(c));
                    }
                    other => shown.push(other),
                }
            }
            let _ = write!(line, " {key}=\"{shown}\"");
        }
    }
    line.push('\n');
    line
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(form: &str, more: &str) -> PageRule {
        toml::from_str(&format!("name = \"x\"\nfrom = \"x\"\njson = \"\"\nas = \"{form}\"\n{more}")).expect("a rule")
    }

    fn all(rule: &PageRule, value: &Value) -> String {
        written(rule, value, |_| true).expect("it can be written")
    }

    #[test]
    fn what_a_router_says_stays_one_value() {
        let evil = "x'\"\n\nconfig dhcp 'evil'\u{85}";
        let value = json!({ "b": { ".type": "host", ".name": "b", ".anonymous": true, ".index": 1, "name": evil },
            "a": { ".type": "dhcp", ".name": "lan", ".index": 0, "dhcp_option": ["3,10.0.0.1", 6], "it's": "no key" } });
        assert_eq!(
            all(&rule("uci", ""), &value),
            "config 'dhcp' 'lan'\n\tlist dhcp_option '3,10.0.0.1'\n\tlist dhcp_option '6'\n\n\
             config 'host'\n\toption name \"x''  config dhcp 'evil' \"\n\n"
        );
        let value =
            json!([{ "name": "a b\" disabled=yes\n/ip pool [x] $y\\", "ranges": "10.0.0.1-10.0.0.9", ".id": "*1" }]);
        assert_eq!(
            all(&rule("routeros", "menu = \"/ip pool\""), &value),
            "/ip pool\nadd name=\"a b\\22 disabled=yes /ip pool \\5Bx\\5D \\24y\\5C\" ranges=10.0.0.1-10.0.0.9\n"
        );
    }

    #[test]
    fn only_what_is_listed_is_written_and_null_is_not_set() {
        let keys = rule("uci", "keys = [\"proto\"]");
        let value =
            json!({ "wg": { ".type": "interface", ".name": "wg", "proto": "wireguard", "private_key": "not-this" } });
        assert_eq!(all(&keys, &value), "config 'interface' 'wg'\n\toption proto 'wireguard'\n\n");
        let value = json!({ "dhcp": { "active": true, "start": null, "hosts": [null, "a"] } });
        assert_eq!(all(&rule("toml", ""), &value), "[dhcp]\nactive = true\nhosts = [\"a\"]\n");
        // Not a list of entries.
        assert_eq!(written(&rule("routeros", "menu = \"/ip pool\""), &json!({}), |_| true), None);
        assert_eq!(written(&rule("uci", ""), &json!([]), |_| true), None);
    }

    #[test]
    fn what_routeros_calls_invalid_is_not_said_to_run() {
        let menu = rule("routeros", "menu = \"/ip dhcp-server\"\ninstead = { host-name = \"comment\" }");
        let value = json!([{ "disabled": "false", "invalid": "true", "name": "a" }, { "disabled": "true", "invalid": "true" },
            { "comment": "old", "host-name": "new" }, { "comment": "kept", "host-name": "" }]);
        let text = "/ip dhcp-server\nadd invalid=yes name=a\nadd disabled=yes invalid=yes\nadd comment=new\nadd comment=kept\n";
        assert_eq!(all(&menu, &value), text);
    }
}
