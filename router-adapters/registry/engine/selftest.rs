//! The tests that an adapter file carries: answers, and the facts or the error that they must give.

use std::collections::BTreeMap;

use poolcheck_plan::Sources;

use super::Declared;
use super::description::{AuthScheme, Test};
use super::exchange::{Asked, Got, Verdict};
use super::facts::Replies;
use crate::adapter::{Input, Page};

/// What became of one test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestResult {
    /// Its name.
    pub name: String,
    /// What is wrong; `None` when it passed.
    pub failure: Option<String>,
}

impl Declared {
    /// Runs the file's own tests; `read` gives the text of a file named in one.
    pub fn run_tests(&self, read: &dyn Fn(&str) -> Result<String, String>) -> Vec<TestResult> {
        let tests = self.description().test.iter();
        tests.map(|test| TestResult { name: test.name.clone(), failure: self.run(test, read).err() }).collect()
    }

    fn run(&self, test: &Test, read: &dyn Fn(&str) -> Result<String, String>) -> Result<(), String> {
        let mut texts: BTreeMap<&str, String> = BTreeMap::new();
        for (step, file) in &test.files {
            texts.insert(step, read(file).map_err(|reason| format!("{file} cannot be read: {reason}"))?);
        }
        for (step, text) in &test.texts {
            texts.insert(step, text.clone());
        }
        match (self.said(test, texts), &test.facts, &test.error) {
            (Ok(found), Some(wanted), _) => same(&found, wanted),
            (Ok(found), None, _) => Err(format!("an error was wanted, and these facts were found:\n{found}")),
            (Err(error), _, Some(wanted)) if error.contains(wanted.as_str()) => Ok(()),
            (Err(error), _, Some(wanted)) => Err(format!("the error should say `{wanted}` and says: {error}")),
            (Err(error), _, None) => Err(error),
        }
    }

    /// What the answers of a test give: facts as a facts file, or an error.
    fn said(&self, test: &Test, mut texts: BTreeMap<&str, String>) -> Result<String, String> {
        for step in &self.description().step {
            let Some(body) = texts.get(step.id.as_str()) else { continue };
            let status = test.status.get(&step.id).copied();
            let first = step.expect.status.first().copied().unwrap_or(200);
            let got = Got { status: status.unwrap_or(first), headers: Vec::new(), body: body.clone() };
            let none = BTreeMap::new();
            // What is captured may come from headers, which a test has not.
            let asked = Asked {
                expect: &step.expect,
                errors: &step.errors,
                capture: &none,
                optional: step.optional,
                login: (self.description().auth.scheme != AuthScheme::None).then(|| self.when_known(step)),
            };
            match self.judge(&asked, &got) {
                Verdict::Good(_) => {}
                Verdict::Absent => {
                    texts.remove(step.id.as_str());
                }
                Verdict::Means { meaning, wait, .. } => {
                    let wait = wait.map_or_else(String::new, |wait| format!(", {wait} s"));
                    return Err(format!("{}{wait}", word(meaning)));
                }
                Verdict::Status => return Err(format!("step {}: status {}", step.id, got.status)),
                Verdict::NotUnderstood { wanted, found, .. } => {
                    return Err(format!("step {} is not understood: looked for {wanted}, found {found}", step.id));
                }
            }
        }
        let texts: Vec<(&str, &str)> = texts.iter().map(|(step, text)| (*step, text.as_str())).collect();
        let facts = self.facts(&Replies { texts: &texts, read_at: None }, &mut Sources::new());
        let mut facts = facts.map_err(|error| error.to_string())?;
        facts.origins.clear();
        Ok(crate::to_toml(&facts))
    }
}

/// Two facts files are the same when they say the same, however they are written.
fn same(found: &str, wanted: &str) -> Result<(), String> {
    let manual = crate::find("manual").ok_or("the facts file cannot be read")?;
    // Facts that an adapter read may lack the network, which a person's may not.
    let text = format!("[origin]\nadapter = \"test\"\n{wanted}");
    let page = Page { name: "facts", text: &text };
    let facts = manual.parse(&Input { pages: &[page], read_at: None }, &mut Sources::new());
    let mut facts = facts.map_err(|error| format!("the expected facts are not a facts file: {error}"))?;
    facts.origins.clear();
    let wanted = crate::to_toml(&facts);
    if found.trim() == wanted.trim() { Ok(()) } else { Err(format!("wanted:\n{wanted}\nfound:\n{found}")) }
}

const fn word(meaning: super::Meaning) -> &'static str {
    match meaning {
        super::Meaning::WrongPassword => "wrong-password",
        super::Meaning::Busy => "busy",
        super::Meaning::Locked => "locked",
        super::Meaning::Denied => "denied",
        super::Meaning::NotOffered => "not-offered",
    }
}
