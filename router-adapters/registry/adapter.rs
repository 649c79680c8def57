//! What an adapter is.

use poolcheck_plan::{Facts, Sources, Span};

use crate::said;

/// One router or file format.
#[derive(Debug)]
pub struct Adapter {
    /// Its name on the command line and in `poolcheck.toml`.
    pub id: &'static str,
    /// What it reads, for people.
    pub title: &'static str,
    /// On what it was tried, and how sure that makes us.
    pub tested_on: &'static str,
    /// Where a person changes the DHCP range on it.
    pub how_to_shrink: Option<&'static str>,
    pub(crate) recognise: fn(&Page<'_>) -> bool,
    pub(crate) parse: fn(&Input<'_>, &mut Sources) -> Result<Facts, AdapterError>,
}

impl Adapter {
    /// Reads texts into facts; adds what the facts point into to `sources`.
    ///
    /// # Errors
    /// When the texts are not what this adapter reads, or contradict themselves. Never a guess.
    pub fn parse(&self, input: &Input<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
        let size: usize = input.pages.iter().map(|page| page.text.len()).sum();
        if size > said::MAX_BYTES {
            let message =
                format!("it is larger than {} MiB, which no router's configuration is", said::MAX_BYTES >> 20);
            return Err(Complaint::whole(message).help("is it the right file?").into());
        }
        let pages: Vec<Page<'_>> = input.pages.iter().map(|page| self.bare(page)).collect();
        let facts = (self.parse)(&Input { pages: &pages, read_at: input.read_at }, sources)?;
        if said::is_too_much(&facts) {
            return Err(said::too_many().into());
        }
        Ok(facts)
    }

    /// Whether a text looks like what this adapter reads.
    pub fn recognises(&self, page: &Page<'_>) -> bool {
        (self.recognise)(&self.bare(page))
    }

    /// A page without the mark of an editor before its first character, which would hide what the first line says.
    ///
    /// The facts that people write are read with it: places in them are where edits go.
    fn bare<'a>(&self, page: &Page<'a>) -> Page<'a> {
        let text =
            if self.id == "manual" { page.text } else { page.text.strip_prefix('\u{feff}').unwrap_or(page.text) };
        Page { name: page.name, text }
    }
}

/// An adapter with its documentation.
#[derive(Debug)]
pub struct Registered {
    /// The adapter.
    pub adapter: &'static Adapter,
    /// Its documentation, Markdown.
    pub docs: &'static str,
}

/// One text to read.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The file's path, or the page's path on the router.
    pub name: &'a str,
    /// The text.
    pub text: &'a str,
}

/// The texts an adapter reads together.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The texts.
    pub pages: &'a [Page<'a>],
    /// The router they were fetched from and when (`192.168.1.1`, `2026-11-23T10:32:05Z`); `None` for files.
    pub read_at: Option<(&'a str, &'a str)>,
}

/// Texts that are not what the adapter reads, or contradict themselves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .complaints.first().map_or("nothing was read", |complaint| complaint.message.as_str()))]
pub struct AdapterError {
    /// Everything that is wrong, in order.
    pub complaints: Vec<Complaint>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What.
    pub message: String,
    /// Where, each place with what it contributes; the first is the one to blame.
    pub labels: Vec<(Span, String)>,
    /// What to do.
    pub help: Option<String>,
}

impl Complaint {
    /// A complaint about a place.
    pub fn at(span: Span, label: impl Into<String>, message: impl Into<String>) -> Self {
        Self { message: message.into(), labels: vec![(span, label.into())], help: None }
    }

    /// A complaint about a text as a whole.
    pub fn whole(message: impl Into<String>) -> Self {
        Self { message: message.into(), labels: Vec::new(), help: None }
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.labels.push((span, label.into()));
        self
    }
}

impl From<Complaint> for AdapterError {
    fn from(complaint: Complaint) -> Self {
        Self { complaints: vec![complaint] }
    }
}
