//! From paths to manifests: find the files, look into each once, parse only those that hold a word we know.
//!
//! Directories are walked as ripgrep walks them: `.gitignore` and `.ignore` are honoured, hidden files and symbolic links
//! are passed over, and the results come out in one stable order. Walking, reading and searching go on side by side, and
//! the text of a file without a word of ours is forgotten at once. Only where a pool or a Service was found, the files that
//! say how things are applied (Flux, Kustomize, Helm) and what else runs are parsed too, and those that these name.
//! A file that cannot be read is a [`Problem`]; it never stops the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ignore::overrides::{Override, OverrideBuilder};
use ignore::{WalkBuilder, WalkState};
use poolcheck_manifest::tree::{self, path as paths};
use poolcheck_manifest::{Limits, ManifestFile};
use poolcheck_plan::{SourceId, SourceKind, Sources};
use rayon::prelude::*;

use crate::report::Problem;

mod scan;
mod staged;

use scan::{Origin, ReadError, Signs, Words};
use staged::Index;
pub use staged::IndexError;
pub(crate) use staged::staged_copy;

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
    /// Files that matter although they may hold no word we know: values files.
    pub wanted: Vec<PathBuf>,
    /// Judge the git index instead of the work tree.
    pub staged: bool,
    /// Texts that stand for files, by absolute path: unsaved ones.
    pub buffers: BTreeMap<PathBuf, Arc<str>>,
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
    /// The names of [`Selection::wanted`], where they are among what was selected.
    pub wanted: Vec<Option<String>>,
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
    /// The git index cannot be read.
    #[error("the git index cannot be read: {0}")]
    Index(#[from] IndexError),
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
    let exclude = excludes(selection)?;
    let paths = selected_paths(selection)?;
    let mut index = if selection.staged { staged(selection, &paths, &exclude)? } else { Index::default() };
    index.buffers.clone_from(&selection.buffers);
    let reader = Reader::new(limits, index);
    if selection.staged {
        reader.look_at_index();
    } else {
        reader.look_at_paths(selection, &paths, &exclude);
    }
    let roots = paths;
    let Reader { found, problems, files, index, .. } = &reader;
    let wanted: Vec<Option<String>> = selection.wanted.iter().map(|path| selected_as(path, &roots)).collect();
    let found = std::mem::take(&mut *lock(found));
    let mut parser = Parser { index, limits, parsed: BTreeMap::new(), roots: &roots };
    let core = found.iter().filter_map(|(name, (origin, text, _))| Some((name, origin, text.clone()?)));
    parser.parse(core.collect());
    for name in wanted.iter().flatten() {
        parser.open(name);
    }
    if !parser.parsed.is_empty() {
        let support = found.iter().filter(|(_, (_, text, signs))| text.is_none() && signs.support);
        parser.read(support.map(|(name, (origin, ..))| (name.clone(), origin.clone())).collect());
        parser.follow();
        let names = parser.words();
        let maps = found.iter().filter(|(_, (_, text, signs))| text.is_none() && signs.variables && !signs.support);
        parser.read_those_with(maps.map(|(name, (origin, ..))| (name.clone(), origin.clone())).collect(), &names);
        parser.follow();
    }
    let mut collected = Collected { wanted, problems: std::mem::take(&mut *lock(problems)), ..Collected::default() };
    collected.files = files.load(Ordering::Relaxed);
    collected.problems.sort_by(|a, b| (&a.name, &a.message).cmp(&(&b.name, &b.message)));
    for (name, mut file) in parser.parsed {
        let stdin = found.get(&name).is_some_and(|(origin, ..)| *origin == Origin::Stdin);
        let kind = if stdin { SourceKind::Stdin } else { SourceKind::File };
        file.set_source(sources.add(name, kind, Arc::clone(file.text())));
        collected.manifests.push(file);
    }
    Ok(collected)
}

/// What is staged below the paths, as far as a walk would have taken it.
fn staged(selection: &Selection, paths: &[PathBuf], exclude: &Override) -> Result<Index, SelectionError> {
    let keep = |path: &Path| {
        let is_hidden = path.iter().any(|part| part.to_str().is_some_and(|part| part.starts_with('.') && part != ".."));
        may_hold_yaml(path) && (selection.hidden || !is_hidden) && !exclude.matched(path, false).is_ignore()
    };
    Ok(Index::read(paths, &keep)?)
}

fn wants_stdin(selection: &Selection) -> bool {
    let listed = selection.file_list.as_deref().filter(|list| *list != Path::new("-"));
    let in_list =
        listed.and_then(|list| read_list(list).ok()).is_some_and(|list| list.iter().any(|p| p == Path::new("-")));
    in_list || selection.paths.iter().any(|path| path == Path::new("-"))
}

/// The files and folders on the command line and in the file list, each of which must exist.
fn selected_paths(selection: &Selection) -> Result<Vec<PathBuf>, SelectionError> {
    let mut paths = selection.paths.clone();
    if let Some(list) = &selection.file_list {
        if list == Path::new("-") && paths.iter().any(|path| path == Path::new("-")) {
            return Err(SelectionError::StdinTwice);
        }
        paths.extend(read_list(list)?);
    }
    paths.retain(|path| path != Path::new("-"));
    match paths.iter().find(|path| path.symlink_metadata().is_err()) {
        Some(missing) => Err(SelectionError::Missing(missing.display().to_string())),
        None => Ok(paths),
    }
}

/// A lock that another thread's panic cannot close.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A file that holds a sign: where it comes from, its text when it holds a word.
type Found = (Origin, Option<Arc<str>>, Signs);

/// Looks into files, from many threads.
struct Reader<'l> {
    words: Words,
    limits: &'l Limits,
    /// By name: the files that hold a sign; the text of those that hold a word.
    found: Mutex<BTreeMap<String, Found>>,
    problems: Mutex<Vec<Problem>>,
    files: AtomicUsize,
    index: Index,
}

impl<'l> Reader<'l> {
    fn new(limits: &'l Limits, index: Index) -> Self {
        let (found, problems) = (Mutex::default(), Mutex::default());
        Self { words: Words::new(), limits, found, problems, files: AtomicUsize::new(0), index }
    }

    /// Looks at the paths of a selection.
    fn look_at_paths(&self, selection: &Selection, paths: &[PathBuf], exclude: &Override) {
        let mut buffer = Vec::new();
        if wants_stdin(selection) {
            let name = selection.stdin_filename.clone().unwrap_or_else(|| "<stdin>".to_owned());
            self.look(name, Origin::Stdin, &mut buffer);
        }
        let (folders, named): (Vec<_>, Vec<_>) = paths.iter().partition(|path| path.is_dir());
        for path in named {
            self.look(shown(path), Origin::Named(path.clone()), &mut buffer);
        }
        self.walk(&folders, selection, exclude);
    }

    /// Looks at what is staged.
    fn look_at_index(&self) {
        for name in &self.index.conflicts {
            let help = "resolve the conflict and stage the result: git add";
            self.complain(name, "has a conflict in the git index".to_owned(), help);
        }
        self.index.files.par_iter().for_each_init(Vec::new, |buffer, (name, object)| {
            let origin = match object {
                Some(object) => Origin::Staged(object.clone()),
                None => Origin::Walked(PathBuf::from(name)),
            };
            self.look(name.clone(), origin, buffer);
        });
    }

    fn walk(&self, folders: &[&PathBuf], selection: &Selection, exclude: &Override) {
        let Some((first, rest)) = folders.split_first() else { return };
        let mut builder = WalkBuilder::new(first);
        for folder in rest {
            builder.add(folder);
        }
        builder.hidden(!selection.hidden).overrides(exclude.clone()).require_git(false);
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        builder.threads(threads.min(12)).build_parallel().run(|| {
            let mut buffer = Vec::with_capacity(1 << 16);
            Box::new(move |entry| {
                match entry {
                    Ok(entry)
                        if entry.file_type().is_some_and(|kind| kind.is_file()) && may_hold_yaml(entry.path()) =>
                    {
                        self.look(shown(entry.path()), Origin::Walked(entry.into_path()), &mut buffer);
                    }
                    Ok(_) => {}
                    Err(error) => self.complain(
                        &folders.first().map_or_else(String::new, |folder| shown(folder)),
                        error.to_string(),
                        "give poolcheck leave to read it, or name it under `exclude` in poolcheck.toml",
                    ),
                }
                WalkState::Continue
            })
        });
    }

    fn complain(&self, name: &str, message: String, help: &str) {
        lock(&self.problems).push(Problem { name: name.to_owned(), message, help: help.to_owned() });
    }

    /// Reads one file and keeps it when it holds something of ours.
    fn look(&self, name: String, origin: Origin, buffer: &mut Vec<u8>) {
        if !self.fetch(&name, &origin, buffer) {
            return;
        }
        let mut signs = self.words.signs(buffer);
        signs.support |= says_what_is_applied(paths::file_name(&name));
        if !signs.core {
            self.files.fetch_add(1, Ordering::Relaxed);
            if signs.any() && !lock(&self.found).contains_key(&name) {
                lock(&self.found).insert(name, (origin, None, signs));
            }
            return;
        }
        match std::str::from_utf8(buffer) {
            Ok(text) => {
                let text = Arc::from(text);
                if lock(&self.found).insert(name, (origin, Some(text), signs)).is_none() {
                    self.files.fetch_add(1, Ordering::Relaxed);
                }
            }
            // An extensionless binary met on a walk.
            Err(_) if !matches!(origin, Origin::Named(_) | Origin::Stdin) && buffer.contains(&0) => {}
            Err(error) => {
                let at = error.valid_up_to();
                let line = buffer[..at].split(|byte| *byte == b'\n').count();
                let message = format!("is not UTF-8 at byte {at} (line {line}); Kubernetes reads only UTF-8");
                self.complain(&name, message, "convert it: iconv -f latin1 -t utf8");
            }
        }
    }

    fn fetch(&self, name: &str, origin: &Origin, buffer: &mut Vec<u8>) -> bool {
        let Err(error) = read(origin, &self.index, self.limits.bytes, buffer) else { return true };
        let (message, help) = match error {
            ReadError::Io(error) => {
                (format!("cannot be read: {error}"), "give poolcheck leave to read it, or exclude it")
            }
            ReadError::NotAFile => {
                ("is not a regular file".to_owned(), "pass its content on standard input: poolcheck check -")
            }
            ReadError::TooLarge => (
                format!("is larger than {} MiB, which is the limit for a manifest", self.limits.bytes >> 20),
                "split it, or name it under `exclude` in poolcheck.toml",
            ),
        };
        self.complain(name, message, help);
        false
    }
}

/// Reads a file from wherever it comes.
fn read(origin: &Origin, index: &Index, limit: usize, buffer: &mut Vec<u8>) -> Result<(), ReadError> {
    let content = match origin {
        Origin::Staged(object) => index.content(object).unwrap_or_default(),
        Origin::Named(path) | Origin::Walked(path) => match index.buffer(path) {
            Some(text) => text.as_bytes(),
            None => return scan::read(origin, limit, buffer),
        },
        Origin::Stdin => return scan::read(origin, limit, buffer),
    };
    buffer.clear();
    if content.len() > limit {
        return Err(ReadError::TooLarge);
    }
    buffer.extend_from_slice(content);
    Ok(())
}

/// Files that say by their name that they tell what is applied, and with which values.
fn says_what_is_applied(name: &str) -> bool {
    matches!(
        name,
        "kustomization.yaml"
            | "kustomization.yml"
            | "Kustomization"
            | "Chart.yaml"
            | "Chart.yml"
            | "fleet.yaml"
            | "fleet.yml"
    )
}

/// Parses what was found, and what that leads to.
struct Parser<'l> {
    index: &'l Index,
    limits: &'l Limits,
    roots: &'l [PathBuf],
    parsed: BTreeMap<String, ManifestFile>,
}

impl Parser<'_> {
    fn parse(&mut self, texts: Vec<(&String, &Origin, Arc<str>)>) {
        let limits = self.limits;
        let one = |(name, _, text): (&String, &Origin, Arc<str>)| {
            (name.clone(), ManifestFile::parse(SourceId(0), text, limits))
        };
        self.parsed.par_extend(texts.into_par_iter().map(one));
    }

    /// Reads further files; what cannot be read now said so the first time, or is not asked for.
    fn read(&mut self, files: Vec<(String, Origin)>) {
        self.read_if(files, |_| true);
    }

    /// Reads further files that hold one of some words.
    fn read_those_with(&mut self, files: Vec<(String, Origin)>, words: &BTreeSet<String>) {
        if let Some(automaton) = aho_corasick::AhoCorasick::new(words).ok().filter(|_| !words.is_empty()) {
            self.read_if(files, |bytes| automaton.is_match(bytes));
        }
    }

    fn read_if(&mut self, files: Vec<(String, Origin)>, asked: impl Fn(&[u8]) -> bool + Sync) {
        let (index, limits) = (self.index, self.limits);
        let one = |(name, origin): (String, Origin)| {
            let mut buffer = Vec::new();
            read(&origin, index, limits.bytes, &mut buffer).ok()?;
            let text = Some(buffer).filter(|bytes| asked(bytes)).and_then(|bytes| String::from_utf8(bytes).ok())?;
            Some((name, ManifestFile::parse(SourceId(0), text.into(), limits)))
        };
        let new: Vec<_> = files.into_iter().filter(|(name, _)| !self.parsed.contains_key(name)).collect();
        self.parsed.par_extend(new.into_par_iter().filter_map(one));
    }

    /// Reads a file by its name, when it lies below what was selected.
    fn open(&mut self, name: &str) {
        let path = Path::new(name);
        let selected = self.roots.iter().any(|root| {
            let root = shown(root);
            root == name || root == "." || paths::is_below(name, root.trim_end_matches('/'))
        });
        let staged = self.index.files.get(name).and_then(Option::clone).map(Origin::Staged);
        if selected && !self.parsed.contains_key(name) && (staged.is_some() || path.is_file()) {
            self.read(vec![(name.to_owned(), staged.unwrap_or_else(|| Origin::Walked(path.to_owned())))]);
        }
    }

    /// Reads the files that parsed ones name, and those that they name.
    fn follow(&mut self) {
        const ROUNDS: usize = 8;
        let mut done = BTreeSet::new();
        for _ in 0..ROUNDS {
            let mut wanted = BTreeSet::new();
            for (name, file) in self.parsed.iter().filter(|(name, _)| !done.contains(*name)) {
                let folder = paths::folder(name);
                let needed = tree::needed_files(file, paths::file_name(name));
                wanted.extend(needed.iter().map(|path| paths::join(folder, path)));
            }
            done.extend(self.parsed.keys().cloned());
            wanted.retain(|name| !done.contains(name));
            if wanted.is_empty() {
                return;
            }
            for name in &wanted {
                self.open(name);
            }
        }
    }

    /// The words by which a ConfigMap says what a parsed file leaves open: a variable, or values.
    fn words(&self) -> BTreeSet<String> {
        self.parsed.values().flat_map(tree::needed_words).collect()
    }
}

/// The name under which a file was selected, by whatever path it was named.
fn selected_as(path: &Path, roots: &[PathBuf]) -> Option<String> {
    let real = fs::canonicalize(path).ok()?;
    roots.iter().find_map(|root| {
        let rest = real.strip_prefix(fs::canonicalize(root).ok()?).ok()?;
        Some(shown(&if rest.as_os_str().is_empty() { root.clone() } else { root.join(rest) }))
    })
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
