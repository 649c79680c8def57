//! What is put into a request, and where it may go.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::description::{Derive, DeriveBy};
use super::exchange::pieces;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|half| char::from_digit(half.into(), 16)).collect()
}

/// What a request may carry: the user, the secret, what was captured and derived. Its `Debug` form hides the values.
#[derive(Default, Clone)]
pub(crate) struct Vars(BTreeMap<String, String>);

impl std::fmt::Debug for Vars {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A text that must not be put where it was to go.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unfit {
    pub(crate) name: String,
}

impl Vars {
    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), value);
    }

    /// What was captured, without the user's name.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.0.iter().filter(|(name, _)| name.as_str() != "user").map(|(_, value)| value.clone()).collect()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn fill(&self, text: &str, fit: impl Fn(&str) -> Option<String>) -> Result<String, Unfit> {
        let mut out = String::new();
        for (words, name) in pieces(text) {
            out.push_str(words);
            if let Some(name) = name {
                let unfit = || Unfit { name: name.to_owned() };
                out.push_str(&self.0.get(name).and_then(|value| fit(value)).ok_or_else(unfit)?);
            }
        }
        Ok(out)
    }

    /// A path: what a router gave may be one segment of it and nothing else.
    pub(crate) fn path(&self, text: &str) -> Result<String, Unfit> {
        self.fill(text, |value| {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
            let dots = value.chars().all(|c| c == '.');
            (!dots && value.len() <= 512 && value.chars().all(fits)).then(|| value.to_owned())
        })
    }

    pub(crate) fn header(&self, text: &str) -> Result<String, Unfit> {
        self.fill(text, |value| {
            (value.len() <= 4096 && value.chars().all(|c| c == ' ' || c.is_ascii_graphic())).then(|| value.to_owned())
        })
    }

    pub(crate) fn json(&self, value: &Value) -> Result<Value, Unfit> {
        Ok(match value {
            Value::String(text) => Value::String(self.fill(text, |value| Some(value.to_owned()))?),
            Value::Array(list) => Value::Array(list.iter().map(|value| self.json(value)).collect::<Result<_, _>>()?),
            Value::Object(map) => {
                let pairs = map.iter().map(|(key, value)| Ok((key.clone(), self.json(value)?)));
                Value::Object(pairs.collect::<Result<_, Unfit>>()?)
            }
            other => other.clone(),
        })
    }

    pub(crate) fn xml(&self, text: &str) -> Result<String, Unfit> {
        self.fill(text, |value| {
            let escaped = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            (!value.contains('\0')).then(|| escaped.replace('"', "&quot;").replace('\'', "&apos;"))
        })
    }

    pub(crate) fn derive(&mut self, derive: &[Derive]) -> Result<(), Unfit> {
        for one in derive {
            let parts = one.of.iter().map(|part| self.fill(part, |value| Some(value.to_owned())));
            let whole = parts.collect::<Result<String, _>>()?;
            let hex = hex(&Sha256::digest(whole.as_bytes()));
            self.set(
                &one.name,
                match one.by {
                    DeriveBy::Sha256Hex => hex,
                    DeriveBy::Sha256HexBase64 => base64(hex.as_bytes()),
                },
            );
        }
        Ok(())
    }
}

/// RFC 4648, section 4.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let six = (bits >> (18 - 6 * i)) & 63;
            text.push(if i <= chunk.len() { char::from(ALPHABET[six as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn vars() -> Vars {
        let mut vars = Vars::default();
        vars.set("secret", "a\"b<c>&{user}".to_owned());
        vars.set("token", "Ab-9".to_owned());
        vars.set("dots", "..".to_owned());
        vars.set("slash", "a/../b".to_owned());
        vars.set("line", "a\r\nX: y".to_owned());
        vars
    }

    #[test]
    fn what_is_put_in_stays_in_its_place() {
        let vars = vars();
        assert_eq!(vars.path("/user/{token}/x").as_deref(), Ok("/user/Ab-9/x"));
        assert!(vars.path("/user/{dots}").is_err() && vars.path("/user/{slash}").is_err());
        assert!(vars.header("Bearer {line}").is_err());
        // What is put in is not looked at again: a password with braces is a password.
        assert_eq!(vars.json(&json!({ "p": ["{secret}", 1] })), Ok(json!({ "p": ["a\"b<c>&{user}", 1] })));
        assert_eq!(vars.xml("<p>{secret}</p>").as_deref(), Ok("<p>a&quot;b&lt;c&gt;&amp;{user}</p>"));
        assert_eq!(vars.json(&json!("{ not } {Not} {}")), Ok(json!("{ not } {Not} {}")));
        assert_eq!(vars.header("{unknown}"), Err(Unfit { name: "unknown".to_owned() }));
        assert!(!format!("{vars:?}").contains("Ab-9"));
    }

    #[test]
    fn base64_of_rfc_4648() {
        let texts =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")];
        for (plain, coded) in texts {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn derived_texts() {
        let mut vars = vars();
        let derive = Derive { name: "proof".into(), by: DeriveBy::Sha256Hex, of: vec!["{token}".into(), "!".into()] };
        vars.derive(&[derive]).expect("all are known");
        // sha256sum of "Ab-9!"
        assert_eq!(vars.header("{proof}").map(|text| text.len()), Ok(64));
    }
}
