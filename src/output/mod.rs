//! How a run is told: one file a format. A format never decides the exit code.
//!
//! `-o FORMAT[=FILE]` may be given several times. Without a file the text goes to standard output; a file is written to a
//! temporary one beside it first and renamed, so that nobody ever reads half a report.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use owo_colors::{OwoColorize as _, Style as Paint};

use poolcheck_plan::{SourceKind, Sources, Span};

use crate::exit::Exit;
use crate::report::Report;

pub mod concise;
pub mod github;
pub mod gitlab;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod pretty;
pub mod sarif;

/// How texts for people are drawn.
#[derive(Debug, Clone)]
pub struct Style {
    /// With ANSI colours.
    pub color: bool,
    /// With ASCII glyphs only.
    pub ascii: bool,
    /// With OSC 8 links.
    pub links: bool,
    /// Columns of the terminal.
    pub width: usize,
}

impl Style {
    /// No colours, no links, Unicode glyphs, 120 columns: what a file and a test get.
    pub const fn plain() -> Self {
        Self { color: false, ascii: false, links: false, width: 120 }
    }

    pub(crate) fn paint(&self, paint: Paint, text: &str) -> String {
        if self.color { text.style(paint).to_string() } else { text.to_owned() }
    }

    pub(crate) fn link(&self, url: &str, text: &str) -> String {
        if self.links { format!("\u{1b}]8;;{url}\u{1b}\\{text}\u{1b}]8;;\u{1b}\\") } else { text.to_owned() }
    }
}

/// The template that a piped document was rendered from, as `helm template` says it in a comment `# Source:`.
pub(crate) fn rendered_from(span: Span, sources: &Sources) -> Option<&str> {
    let source = sources.get(span.source);
    let before = source.text.get(..span.start as usize).filter(|_| source.kind == SourceKind::Stdin)?;
    let document = before.rfind("\n---").map_or(0, |at| at + 1);
    let comment = before[document..].lines().find_map(|line| line.strip_prefix("# Source: "))?;
    Some(comment.trim()).filter(|name| !name.is_empty())
}

/// The page about a rule.
pub(crate) fn rule_url(id: &str) -> String {
    poolcheck_rules::find(id).map_or_else(String::new, poolcheck_rules::Registered::url)
}

/// A form in which a run can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Frames for people.
    Pretty,
    /// One finding a line.
    Concise,
    /// For machines, with a versioned schema.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
    /// GitLab's code quality report.
    Gitlab,
    /// JUnit XML.
    Junit,
    /// For a pull request's comment.
    Markdown,
}

impl Format {
    /// All formats by name.
    pub const ALL: [(&'static str, Self); 8] = [
        ("pretty", Self::Pretty),
        ("concise", Self::Concise),
        ("json", Self::Json),
        ("sarif", Self::Sarif),
        ("github", Self::Github),
        ("gitlab", Self::Gitlab),
        ("junit", Self::Junit),
        ("markdown", Self::Markdown),
    ];

    /// The format of this name; `json-v1` names the version, too.
    fn named(name: &str) -> Option<Self> {
        let name = if name == "json-v1" { "json" } else { name };
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }

    /// What is told of a run whose texts are not at hand; `None` for the form that shows them.
    pub(crate) fn of_model(self, report: &json::JsonReport) -> Option<String> {
        Some(match self {
            Self::Pretty => return None,
            Self::Concise => concise::report(report),
            Self::Json => json::report(report),
            Self::Sarif => sarif::report(report),
            Self::Github => github::report(report),
            Self::Gitlab => gitlab::report(report),
            Self::Junit => junit::report(report),
            Self::Markdown => markdown::report(report),
        })
    }
}

/// One `-o FORMAT[=FILE]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The form.
    pub format: Format,
    /// The file; `None` for standard output.
    pub file: Option<PathBuf>,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = match text.split_once('=') {
            Some((name, file)) if !file.is_empty() => (name, Some(PathBuf::from(file))),
            Some(_) => return Err("no file name after `=`".to_owned()),
            None => (text, None),
        };
        let names = || Format::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        Ok(Self {
            format: Format::named(name).ok_or_else(|| format!("no format `{name}`; there are {}", names()))?,
            file,
        })
    }
}

/// Writes the report in every form asked for.
///
/// # Errors
/// When a file cannot be written. A reader of standard output that has gone away is no error.
pub fn write(outputs: &[Output], report: &Report, terminal: &Style) -> io::Result<()> {
    let model = std::cell::LazyCell::new(|| json::model(report));
    for output in outputs {
        if output.format == Format::Pretty {
            let style = if output.file.is_some() { &Style::plain() } else { terminal };
            emit(output, &pretty::report(report, style))?;
        } else {
            write_model(std::slice::from_ref(output), &model)?;
        }
    }
    Ok(())
}

/// Writes a report that was read back, in every form asked for.
///
/// # Errors
/// When a file cannot be written, or the form shows texts that a report does not hold.
pub(crate) fn write_model(outputs: &[Output], report: &json::JsonReport) -> io::Result<()> {
    for output in outputs {
        let text = output.format.of_model(report).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "`pretty` shows the manifests themselves: run poolcheck check")
        })?;
        if output.format == Format::Github {
            summarise(report)?;
        }
        emit(output, &text)?;
    }
    Ok(())
}

fn emit(output: &Output, text: &str) -> io::Result<()> {
    let Some(file) = &output.file else { return print(text) };
    write_file(file, text).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))
}

/// Adds the report to the job's summary, where GitHub Actions asks for one.
fn summarise(report: &json::JsonReport) -> io::Result<()> {
    let Some(file) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty()) else { return Ok(()) };
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file)?;
    file.write_all(markdown::report(report).as_bytes())
}

/// Writes to standard output; a broken pipe is success.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// The status of a command that only prints.
pub(crate) fn finish(printed: io::Result<()>, style: &Style) -> Exit {
    match printed {
        Ok(()) => Exit::Clean,
        Err(error) => crate::session::usage(&format!("cannot write the output: {error}"), "").tell(style),
    }
}

/// Writes a text and a line end to standard error; nobody can be told when that fails.
#[expect(clippy::print_stderr, reason = "the one door to standard error")]
pub(crate) fn print_error(text: &str) {
    eprintln!("{text}");
}

/// Writes a whole file or none of it; one that is there keeps its permissions.
///
/// A device or a pipe (`/dev/null`, `/dev/stderr`) is written to and never replaced.
pub fn write_file(path: &Path, text: &str) -> io::Result<()> {
    if std::fs::metadata(path).is_ok_and(|about| !about.is_file() && !about.is_dir()) {
        return std::fs::OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes());
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    let mode = std::fs::metadata(path).map(|about| about.permissions());
    // A new file is as open as the user's mask lets it be, not as closed as a temporary one.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    if let Ok(mode) = mode {
        file.as_file().set_permissions(mode)?;
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_arguments() {
        assert_eq!("json=a.json".parse(), Ok(Output { format: Format::Json, file: Some("a.json".into()) }));
        assert_eq!("pretty".parse(), Ok(Output { format: Format::Pretty, file: None }));
        assert_eq!(
            "sarfi".parse::<Output>().unwrap_err(),
            "no format `sarfi`; there are pretty, concise, json, sarif, github, gitlab, junit, markdown"
        );
        assert!("json=".parse::<Output>().is_err());
    }

    #[test]
    fn a_report_file_is_whole_or_absent() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("r.json");
        write_file(&file, "one").unwrap();
        write_file(&file, "two").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "two");
        assert!(write_file(&folder.path().join("no/such/r.json"), "x").is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    #[cfg(unix)]
    fn a_device_is_never_replaced() {
        use std::os::unix::fs::FileTypeExt as _;
        // Through a link in a folder of the test's own, so that a mistake breaks the link and not the machine.
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("null");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        write_file(&link, "text").unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(std::fs::metadata(&link).unwrap().file_type().is_char_device());
    }
}
