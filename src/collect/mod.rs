//! From paths to manifests: find the files, read each once, parse only those that hold a word we know.
//!
//! Directories are walked as ripgrep walks them: `.gitignore` and `.ignore` are honoured, hidden files and symbolic links
//! are passed over, and the results come out in one stable order. A file that cannot be read is a [`Problem`]; it never
//! stops the rest.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use ignore::WalkBuilder;
use ignore::overrides::{Override, OverrideBuilder};
use poolcheck_manifest::{Limits, ManifestFile};
use poolcheck_plan::{SourceId, SourceKind, Sources};
use rayon::prelude::*;

use crate::report::Problem;

/// What to look at.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Files, directories, and `-` for standard input.
    pub paths: Vec<PathBuf>,
    /// Names more inputs, one a line; `-` reads the list from standard input.
    pub file_list: Option<PathBuf>,
    /// The name under which standard input is shown.
    pub stdin_filename: Option<String>,
    /// Globs (as in `.gitignore`) of files to leave out, from the folder of the configuration.
    pub exclude: Vec<String>,
    /// The folder that `exclude` is relative to.
    pub exclude_root: PathBuf,
    /// Also look into hidden files and folders.
    pub hidden: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Collected {
    /// The files that hold a word we know, parsed, ordered by name.
    pub manifests: Vec<ManifestFile>,
    /// How many files were read.
    pub files: usize,
    /// Inputs that could not be read.
    pub problems: Vec<Problem>,
}

/// A selection that cannot be meant.
#[derive(Debug, thiserror::Error)]
pub enum SelectionError {
    /// A path on the command line or in the file list does not exist.
    #[error("no such file or folder: {0}")]
    Missing(String),
    /// Standard input was asked for twice (as a manifest and as the file list).
    #[error("standard input can be read only once: it is both a manifest (`-`) and the file list")]
    StdinTwice,
    /// A glob of the configuration is wrong.
    #[error("`exclude` has a glob that cannot be read: {0}")]
    Glob(#[from] ignore::Error),
    /// The file list cannot be read.
    #[error("the file list {name} cannot be read: {error}")]
    FileList {
        /// Its name.
        name: String,
        /// Why.
        error: std::io::Error,
    },
}

/// Reads everything selected; texts of the files that are kept go into `sources`.
pub fn collect(selection: &Selection, limits: &Limits, sources: &mut Sources) -> Result<Collected, SelectionError> {
    let mut collected = Collected::default();
    let inputs = inputs(selection, &mut collected.problems)?;
    let words = AhoCorasick::new(poolcheck_rules::words()).expect("the words are short and few");
    let read: Vec<(&Input, Outcome)> =
        inputs.par_iter().map(|input| (input, read_one(input, &words, limits))).collect();
    for (input, outcome) in read {
        collected.files += 1;
        match outcome {
            Outcome::Irrelevant => {}
            Outcome::Foreign => collected.files -= 1,
            Outcome::Problem(problem) => {
                collected.files -= 1;
                collected.problems.push(problem);
            }
            Outcome::Manifest(mut file) => {
                let kind = if input.path.is_none() { SourceKind::Stdin } else { SourceKind::File };
                let id = sources.add(input.name.clone(), kind, Arc::clone(file.text()));
                file.set_source(id);
                collected.manifests.push(*file);
            }
        }
    }
    Ok(collected)
}

/// One file to read, or standard input.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Input {
    name: String,
    path: Option<PathBuf>,
    named: bool,
}

enum Outcome {
    /// Read, holds nothing of ours.
    Irrelevant,
    /// Not a text at all (an extensionless binary met on a walk).
    Foreign,
    Problem(Problem),
    Manifest(Box<ManifestFile>),
}

fn inputs(selection: &Selection, problems: &mut Vec<Problem>) -> Result<BTreeSet<Input>, SelectionError> {
    let mut paths = selection.paths.clone();
    let mut stdin = paths.iter().any(|path| path == Path::new("-"));
    if let Some(list) = &selection.file_list {
        if list == Path::new("-") && stdin {
            return Err(SelectionError::StdinTwice);
        }
        let listed = read_list(list)?;
        stdin |= listed.iter().any(|path| path == Path::new("-"));
        paths.extend(listed);
    }
    let mut inputs = BTreeSet::new();
    if stdin {
        let name = selection.stdin_filename.clone().unwrap_or_else(|| "<stdin>".to_owned());
        inputs.insert(Input { name, path: None, named: true });
    }
    let exclude = excludes(selection)?;
    for path in paths.iter().filter(|path| *path != Path::new("-")) {
        if path.is_dir() {
            walk(path, selection, &exclude, &mut inputs, problems);
        } else if path.symlink_metadata().is_ok() {
            inputs.insert(Input { name: shown(path), path: Some(path.clone()), named: true });
        } else {
            return Err(SelectionError::Missing(path.display().to_string()));
        }
    }
    Ok(inputs)
}

fn read_list(list: &Path) -> Result<Vec<PathBuf>, SelectionError> {
    let text =
        if list == Path::new("-") { std::io::read_to_string(std::io::stdin()) } else { fs::read_to_string(list) };
    let text = text.map_err(|error| SelectionError::FileList { name: list.display().to_string(), error })?;
    Ok(text.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(PathBuf::from).collect())
}

fn excludes(selection: &Selection) -> Result<Override, SelectionError> {
    let mut builder = OverrideBuilder::new(&selection.exclude_root);
    for glob in &selection.exclude {
        builder.add(&format!("!{glob}"))?;
    }
    Ok(builder.build()?)
}

fn walk(
    folder: &Path,
    selection: &Selection,
    exclude: &Override,
    inputs: &mut BTreeSet<Input>,
    problems: &mut Vec<Problem>,
) {
    let mut builder = WalkBuilder::new(folder);
    builder.hidden(!selection.hidden).overrides(exclude.clone()).require_git(false);
    for entry in builder.build() {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) && may_hold_yaml(entry.path()) => {
                inputs.insert(Input { name: shown(entry.path()), path: Some(entry.into_path()), named: false });
            }
            Ok(_) => {}
            Err(error) => problems.push(Problem {
                name: shown(folder),
                message: error.to_string(),
                help: "give poolcheck leave to read it, or name it under `exclude` in poolcheck.toml".to_owned(),
            }),
        }
    }
}

/// YAML and JSON by their ending, templates of them, and files without an ending (pools have been found there).
fn may_hold_yaml(path: &Path) -> bool {
    const TEMPLATES: [&str; 6] = ["j2", "jinja", "jinja2", "tpl", "tmpl", "gotmpl"];
    let ending = |path: &Path| path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    match ending(path) {
        None => true,
        Some(last) if TEMPLATES.contains(&last.as_str()) => {
            matches!(ending(Path::new(path.file_stem().unwrap_or_default())).as_deref(), Some("yaml" | "yml" | "json"))
        }
        Some(last) => matches!(last.as_str(), "yaml" | "yml" | "json"),
    }
}

/// A path as the user would write it: forward slashes, no leading `./`.
pub(crate) fn shown(path: &Path) -> String {
    let text = path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
    text.strip_prefix("./").map_or(text.clone(), str::to_owned)
}

fn read_one(input: &Input, words: &AhoCorasick, limits: &Limits) -> Outcome {
    let problem = |message: String, help: &str| {
        Outcome::Problem(Problem { name: input.name.clone(), message, help: help.to_owned() })
    };
    let bytes = match read_bytes(input, limits.bytes) {
        Ok(bytes) => bytes,
        Err(ReadError::Io(error)) => {
            return problem(format!("cannot be read: {error}"), "give poolcheck leave to read it, or exclude it");
        }
        Err(ReadError::NotAFile) => {
            return problem(
                "is not a regular file".to_owned(),
                "pass its content on standard input: poolcheck check -",
            );
        }
        Err(ReadError::TooLarge) => {
            let message = format!("is larger than {} MiB, which is the limit for a manifest", limits.bytes >> 20);
            return problem(message, "split it, or name it under `exclude` in poolcheck.toml");
        }
    };
    if !words.is_match(&bytes) {
        return Outcome::Irrelevant;
    }
    match String::from_utf8(bytes) {
        Ok(text) => Outcome::Manifest(Box::new(ManifestFile::parse(SourceId(0), Arc::from(text), limits))),
        Err(error) if !input.named && error.as_bytes().contains(&0) => Outcome::Foreign,
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..at].split(|byte| *byte == b'\n').count();
            let message = format!("is not UTF-8 at byte {at} (line {line}); Kubernetes reads only UTF-8");
            problem(message, "convert it: iconv -f latin1 -t utf8")
        }
    }
}

enum ReadError {
    Io(std::io::Error),
    NotAFile,
    TooLarge,
}

fn read_bytes(input: &Input, limit: usize) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    let cap = limit as u64 + 1;
    match &input.path {
        None => std::io::stdin().lock().take(cap).read_to_end(&mut bytes).map_err(ReadError::Io)?,
        Some(path) => {
            // Looked at before it is opened: opening a FIFO would wait for a writer.
            let about = fs::metadata(path).map_err(ReadError::Io)?;
            if !about.is_file() {
                return Err(ReadError::NotAFile);
            }
            if about.len() > limit as u64 {
                return Err(ReadError::TooLarge);
            }
            bytes.reserve_exact(about.len() as usize + 1);
            fs::File::open(path).and_then(|file| file.take(cap).read_to_end(&mut bytes)).map_err(ReadError::Io)?
        }
    };
    if bytes.len() > limit { Err(ReadError::TooLarge) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_may_hold_yaml() {
        for yes in ["a.yaml", "a.YML", "a.json", "a.yaml.j2", "pool", "x/values.yml.gotmpl"] {
            assert!(may_hold_yaml(Path::new(yes)), "{yes}");
        }
        for no in ["a.md", "a.tpl", "a.yaml.bak", "photo.png", "a.toml"] {
            assert!(!may_hold_yaml(Path::new(no)), "{no}");
        }
    }
}
