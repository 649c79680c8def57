//! Routers as the program sees them: one choice among adapters in code and adapters that are files, one way to read saved
//! answers, one way to ask, one lock.

#[cfg(feature = "live")]
pub(crate) mod ask;
pub(crate) mod json;
#[cfg(feature = "live")]
pub(crate) mod lock;
#[cfg(feature = "live")]
pub(crate) mod pins;

use std::path::{Path, PathBuf};

use poolcheck_plan::{Facts, Sources};
use poolcheck_router_adapters as adapters;
use poolcheck_router_adapters::engine::{AuthScheme, Declared, Replies};

use crate::config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::usage;

/// An adapter as somebody names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// One that is built in.
    Id(String),
    /// A file of the user's own.
    File(PathBuf),
}

impl Named {
    /// `fritzbox` is built in, `./my-router.toml` is a file in a folder.
    pub(crate) fn of(text: &str, folder: &Path) -> Self {
        if Path::new(text).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml")) || text.contains('/') {
            Self::File(folder.join(text))
        } else {
            Self::Id(text.to_owned())
        }
    }
}

impl Named {
    /// As it is shown.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Id(id) => id.clone(),
            Self::File(path) => crate::collect::shown(path),
        }
    }
}

/// An adapter that was chosen: what reads files, what asks, or both.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) id: String,
    /// What reads saved pages and configuration files.
    pub(crate) code: Option<&'static adapters::Adapter>,
    /// What asks a router, and reads its answers.
    pub(crate) file: Option<Declared>,
}

/// The names of the adapters that are built in, in order.
pub(crate) fn ids() -> Vec<&'static str> {
    let code = adapters::all().iter().map(|registered| registered.adapter.id);
    let mut ids: Vec<&str> = code.chain(adapters::engine::ids()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

impl Choice {
    /// The adapter with this name; what is wrong with a file is told with its place.
    pub(crate) fn of(named: &Named, sources: &mut Sources) -> Result<Self, Failure> {
        match named {
            Named::Id(id) => Self::built_in(id).ok_or_else(|| {
                let ids = ids();
                let near = adapters::spanned_toml::nearest(id, &ids);
                let help = near.map_or_else(
                    || format!("the adapters are {}", ids.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                usage(&format!("there is no adapter `{id}`"), &help)
            }),
            Named::File(path) => {
                let text = config::read_text(path, false)?;
                let loaded = Declared::load(&crate::collect::shown(path), &text, sources);
                let declared = loaded.map_err(|error| Failure::facts(error, std::mem::take(sources)))?;
                Ok(Self { id: declared.description().id.clone(), code: None, file: Some(declared) })
            }
        }
    }

    pub(crate) fn built_in(id: &str) -> Option<Self> {
        let (code, file) = (adapters::find(id), adapters::engine::find(id));
        (code.is_some() || file.is_some()).then(|| Self { id: id.to_owned(), code, file: file.cloned() })
    }

    /// The adapter's own version.
    #[cfg(feature = "live")]
    pub(crate) fn version(&self) -> u32 {
        self.file.as_ref().map_or(1, |file| file.description().version)
    }

    /// What asks; an error where files are read only.
    pub(crate) fn asker(&self) -> Result<&Declared, Failure> {
        self.file.as_ref().ok_or_else(|| {
            usage(
                &format!("the adapter {} cannot ask a router: it reads files only", self.id),
                &format!("poolcheck router read --adapter {} FILE", self.id),
            )
        })
    }

    /// Reads files that belong together: saved pages, configuration files, or recorded answers.
    pub(crate) fn read(&self, files: &[PathBuf], staged: bool, sources: &mut Sources) -> Result<Facts, Failure> {
        match (self.code, &self.file) {
            (Some(code), _) => crate::session::read_router(code, files, staged, sources),
            (None, Some(file)) => read_answers(file, files, staged, sources),
            (None, None) => Ok(Facts::default()),
        }
    }
}

/// Reads recorded answers: each file is named after its step (`dhcp.json`), or given as `STEP=FILE`.
fn read_answers(adapter: &Declared, files: &[PathBuf], staged: bool, sources: &mut Sources) -> Result<Facts, Failure> {
    let description = adapter.description();
    let steps: Vec<&str> =
        std::iter::once("identify").chain(description.step.iter().map(|step| step.id.as_str())).collect();
    let mut texts = Vec::new();
    for file in files {
        let given = file.to_string_lossy();
        let named = given.split_once('=').filter(|(step, _)| steps.contains(step));
        let (step, path) = match named {
            Some((step, path)) => (Some(step), Path::new(path)),
            None => (file.file_stem().and_then(|stem| stem.to_str()), file.as_path()),
        };
        let Some(step) = step.and_then(|step| steps.iter().find(|known| **known == step)) else {
            let message = format!("{given} is the answer of no step of {}", description.id);
            return Err(usage(&message, &format!("name it as STEP=FILE; the steps are {}", steps.join(", "))));
        };
        texts.push((*step, config::read_text(path, staged)?));
    }
    let texts: Vec<(&str, &str)> = texts.iter().map(|(step, text)| (*step, text.as_str())).collect();
    let replies = Replies { texts: &texts, read_at: None };
    adapter.facts(&replies, sources).map_err(|error| Failure::facts(error, std::mem::take(sources)))
}

/// What is known of an adapter, for `router list`.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) title: String,
    /// Whether it reads saved pages and configuration files.
    pub(crate) file: bool,
    /// Whether it asks a router.
    pub(crate) live: bool,
    /// Whether asking needs a password or key.
    pub(crate) secret: Secrecy,
    pub(crate) needs: Option<String>,
    pub(crate) consent: Option<String>,
    pub(crate) tested_on: Vec<String>,
    pub(crate) evidence: String,
    pub(crate) requests: Vec<String>,
}

/// Whether asking needs a password or key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Secrecy {
    /// Nothing is asked, or nothing is needed.
    None,
    /// Where the router is set up with one.
    Optional,
    /// Always.
    Required,
}

/// All adapters, in order.
pub(crate) fn list() -> Vec<Listed> {
    ids().into_iter().filter_map(Choice::built_in).map(|choice| listed(&choice)).collect()
}

fn listed(choice: &Choice) -> Listed {
    let file = choice.file.as_ref().map(Declared::description);
    let title = choice.code.map(|code| code.title.to_owned());
    let title = file.map(|file| file.title.clone()).or(title).unwrap_or_default();
    Listed {
        id: choice.id.clone(),
        title,
        file: choice.code.is_some(),
        live: file.is_some(),
        secret: match (file.map(|file| file.auth.scheme), &choice.file) {
            (None | Some(AuthScheme::None), _) => Secrecy::None,
            (Some(_), Some(file)) if file.needs_secret() => Secrecy::Required,
            (Some(_), _) => Secrecy::Optional,
        },
        needs: file.and_then(|file| file.needs.clone()),
        consent: file.and_then(|file| file.consent.clone()),
        tested_on: file.map(|file| file.tested_on.clone()).unwrap_or_default(),
        evidence: match (file, choice.code) {
            (Some(file), _) => file.evidence.clone(),
            (None, Some(code)) => code.tested_on.to_owned(),
            (None, None) => String::new(),
        },
        requests: file.map(|file| file.limits.requests.clone()).unwrap_or_default(),
    }
}

/// A build without the feature `live` was asked to ask.
#[cfg_attr(feature = "live", expect(dead_code, reason = "only said where it cannot be done"))]
pub(crate) fn cannot_ask() -> Failure {
    Failure::plain(
        Exit::Usage,
        "this build cannot talk to routers",
        "install it with them: cargo install --path . --features live; or save the page and run poolcheck router read",
    )
}
