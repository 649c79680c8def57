//! From paths to manifests: find the files, look into each once, parse only those that hold a word we know.
//!
//! Directories are walked as ripgrep walks them: `.gitignore` and `.ignore` are honoured, hidden files and symbolic links
//! are passed over, and the results come out in one stable order. Walking, reading and searching go on side by side, and
//! the text of a file without a word of ours is forgotten at once. Only where a pool or a Service was found, the files that
//! say how things are applied (Flux, Kustomize, Helm) and what else runs are parsed too, and those that these name.
//! A file that cannot be read is a [`Problem`]; it never stops the rest.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
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
    let (paths, stdin) = selected_paths(selection)?;
    let mut index = if selection.staged { staged(selection, &paths, &exclude)? } else { Index::default() };
    index.buffers.clone_from(&selection.buffers);
    let reader = Reader::new(limits, index);
    if selection.staged {
        reader.look_at_index();
    } else {
        reader.look_at_paths(selection, &paths, stdin, &exclude);
    }
    let roots = paths;
    let Reader { words, found, problems, files, index, .. } = &reader;
    let wanted: Vec<Option<String>> = selection.wanted.iter().map(|path| selected_as(path, &roots)).collect();
    let found = std::mem::take(&mut *lock(found));
    let mut parser = Parser { words, index, limits, parsed: BTreeMap::new(), roots: &roots };
    parser.parse(found.iter().filter(|(_, file)| file.signs.core));
    for name in wanted.iter().flatten() {
        parser.open(name);
    }
    if !parser.parsed.is_empty() {
        parser.parse(found.iter().filter(|(_, file)| file.signs.support));
        parser.parse_what_applies(&found);
        let words = parser.words();
        let holds = |file: &Found| file.signs.variables;
        parser.parse_those_with(found.iter().filter(|(_, file)| holds(file)), &words);
        parser.follow();
    }
    let mut collected = Collected { wanted, problems: std::mem::take(&mut *lock(problems)), ..Collected::default() };
    collected.files = files.load(Ordering::Relaxed);
    collected.problems.sort_by(|a, b| (&a.name, &a.message).cmp(&(&b.name, &b.message)));
    for (name, mut file) in parser.parsed {
        let stdin = found.get(&name).is_some_and(|found| found.origin == Origin::Stdin);
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

/// The files and folders on the command line and in the file list, each of which must exist, and whether standard input
/// is among them.
fn selected_paths(selection: &Selection) -> Result<(Vec<PathBuf>, bool), SelectionError> {
    let is_stdin = |path: &PathBuf| path == Path::new("-");
    let mut paths = selection.paths.clone();
    if let Some(list) = &selection.file_list {
        paths.extend(read_list(list)?);
        if is_stdin(list) && paths.iter().any(is_stdin) {
            return Err(SelectionError::StdinTwice);
        }
    }
    let stdin = paths.iter().any(is_stdin);
    paths.retain(|path| !is_stdin(path));
    match paths.iter().find(|path| path.symlink_metadata().is_err()) {
        Some(missing) => Err(SelectionError::Missing(missing.display().to_string())),
        None => Ok((paths, stdin)),
    }
}

/// A lock that another thread's panic cannot close.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A file that holds a sign.
#[derive(Debug)]
struct Found {
    origin: Origin,
    signs: Signs,
    /// Its text, when it is surely needed, or small and perhaps needed; otherwise it is read again.
    text: Option<Arc<str>>,
}

impl Found {
    /// Its text; `None` when it can no longer be read as it was.
    fn text(&self, index: &Index, limit: usize) -> Option<Arc<str>> {
        if let Some(text) = &self.text {
            return Some(Arc::clone(text));
        }
        let mut buffer = Vec::new();
        read(&self.origin, index, limit, &mut buffer).ok()?;
        String::from_utf8(buffer).ok().map(Arc::from)
    }
}

/// Looks into files, from many threads.
struct Reader<'l> {
    words: Words,
    limits: &'l Limits,
    /// By name: the files that hold a sign; the text of those that hold a word.
    found: Mutex<BTreeMap<String, Found>>,
    problems: Mutex<Vec<Problem>>,
    files: AtomicUsize,
    /// Bytes of texts that are kept although they are only perhaps needed.
    kept: AtomicUsize,
    index: Index,
}

/// A text of so many bytes may be kept; reading it again costs more.
const SMALL: usize = 8 << 10;
/// So many bytes of them, then no more: memory does not grow with the tree.
const KEPT: usize = 8 << 20;

impl<'l> Reader<'l> {
    fn new(limits: &'l Limits, index: Index) -> Self {
        let (found, problems) = (Mutex::default(), Mutex::default());
        Self {
            words: Words::new(),
            limits,
            found,
            problems,
            files: AtomicUsize::new(0),
            kept: AtomicUsize::new(0),
            index,
        }
    }

    /// Looks at the paths of a selection.
    fn look_at_paths(&self, selection: &Selection, paths: &[PathBuf], stdin: bool, exclude: &Override) {
        let mut buffer = Vec::new();
        if stdin {
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
        signs.applies |= says_what_is_applied(paths::file_name(&name));
        if !signs.core {
            self.files.fetch_add(1, Ordering::Relaxed);
            if signs.any() {
                let small = signs.applies && buffer.len() <= SMALL;
                let kept = small && self.kept.fetch_add(buffer.len(), Ordering::Relaxed) < KEPT;
                let text = std::str::from_utf8(buffer).ok().filter(|_| kept).map(Arc::from);
                lock(&self.found).entry(name).or_insert(Found { origin, signs, text });
            }
            return;
        }
        match std::str::from_utf8(buffer) {
            Ok(text) => {
                let text = Arc::from(text);
                if lock(&self.found).insert(name, Found { origin, signs, text: Some(text) }).is_none() {
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
    paths::is_kustomization(name) || matches!(name, "Chart.yaml" | "Chart.yml" | "fleet.yaml" | "fleet.yml")
}

/// Parses what was found, and what that leads to.
struct Parser<'l> {
    words: &'l Words,
    index: &'l Index,
    limits: &'l Limits,
    roots: &'l [PathBuf],
    parsed: BTreeMap<String, ManifestFile>,
}

impl Parser<'_> {
    /// Parses files; what cannot be read again is left out.
    fn parse<'f>(&mut self, files: impl Iterator<Item = (&'f String, &'f Found)>) {
        self.parse_if(files, |_| true);
    }

    /// Parses the files that hold one of some words.
    fn parse_those_with<'f>(&mut self, files: impl Iterator<Item = (&'f String, &'f Found)>, words: &BTreeSet<String>) {
        // Names of variables share their letters with everything: a search for rare bytes finds them everywhere.
        let automaton = AhoCorasick::builder().prefilter(false).kind(Some(AhoCorasickKind::DFA)).build(words);
        if let Some(automaton) = automaton.ok().filter(|_| !words.is_empty()) {
            self.parse_if(files, |text| automaton.is_match(text));
        }
    }

    fn parse_if<'f>(
        &mut self,
        files: impl Iterator<Item = (&'f String, &'f Found)>,
        asked: impl Fn(&str) -> bool + Sync,
    ) {
        let new: Vec<_> = files.filter(|(name, _)| !self.parsed.contains_key(*name)).collect();
        let (index, limits, words) = (self.index, self.limits, self.words);
        let one = |(name, file): (&String, &Found)| {
            let text = file.text(index, limits.bytes).filter(|text| asked(text))?;
            let whole = file.signs.applies || !file.signs.any();
            let wanted = |document: &str| whole || words.in_document(document);
            Some((name.clone(), ManifestFile::parse_some(SourceId(0), text, limits, &wanted)))
        };
        self.parsed.par_extend(new.into_par_iter().filter_map(one));
    }

    /// Parses what applies the files that are needed, and what applies that.
    fn parse_what_applies<'f>(&mut self, found: &'f BTreeMap<String, Found>) {
        let (index, limit) = (self.index, self.limits.bytes);
        let parsed = &self.parsed;
        let applies = |(name, file): &(&String, &Found)| file.signs.applies && !parsed.contains_key(*name);
        let of =
            |(name, file): (&'f String, &'f Found)| Some((name, file, Mentions::of(name, &file.text(index, limit)?)));
        let mut waiting: Vec<_> = found.iter().filter(applies).par_bridge().filter_map(of).collect();
        let mut needed = Needed::default();
        let mut new: Vec<String> = self.parsed.keys().cloned().collect();
        loop {
            let more =
                new.par_iter().filter(|name| self.parsed.get(*name).is_some_and(|file| may_need_more(name, file)));
            needed.extend(&more.collect::<Vec<_>>());
            let (now, later): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|(_, _, mentions)| needed.is_among(mentions));
            if now.is_empty() {
                return;
            }
            new = now.iter().map(|(name, ..)| (*name).clone()).collect();
            self.parse(now.into_iter().map(|(name, file, _)| (name, file)));
            waiting = later;
        }
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
            let origin = staged.unwrap_or_else(|| Origin::Walked(path.to_owned()));
            let found = Found { origin, signs: Signs::default(), text: None };
            self.parse(std::iter::once((&name.to_owned(), &found)));
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
        self.parsed.par_iter().flat_map_iter(|(_, file)| tree::needed_words(file)).collect()
    }
}

/// Whether it matters how a file is applied: it holds a pool, or a variable, or applies others itself.
fn may_need_more(name: &str, file: &ManifestFile) -> bool {
    const WORDS: [&str; 5] = ["${", "Pool", "address-pools", "kustomize.toolkit.fluxcd.io", "argoproj.io"];
    says_what_is_applied(paths::file_name(name)) || WORDS.iter().any(|word| file.text().contains(word))
}

/// The files of which it matters how they are applied.
#[derive(Default)]
struct Needed {
    /// The folders that they lie in, and all above.
    folders: HashSet<String>,
    /// The ends of those folders' paths: how a path from the repository's root may name them.
    ends: HashSet<String>,
    /// The files themselves.
    files: HashSet<String>,
}

impl Needed {
    fn extend(&mut self, files: &[&String]) {
        for file in files {
            self.files.insert((*file).clone());
            for folder in paths::upwards(paths::folder(file)) {
                // What lies above a folder that is known is known, too.
                if !self.folders.insert(folder.to_owned()) {
                    break;
                }
                let starts = folder.match_indices('/').map(|(at, _)| at + 1).chain([0]);
                self.ends.extend(starts.map(|at| folder[at..].to_owned()));
            }
        }
    }

    /// Whether a file that applies others may apply one of these.
    fn is_among(&self, mentions: &Mentions) -> bool {
        match mentions {
            Mentions::Anything => true,
            Mentions::FromRoot(paths) => paths.iter().any(|path| self.ends.contains(path)),
            Mentions::Beside { folder, paths } => {
                self.folders.contains(folder)
                    || paths.iter().any(|path| self.folders.contains(path) || self.files.contains(path))
            }
        }
    }
}

/// What a file may apply, as far as its text says so at a glance.
enum Mentions {
    /// Whatever lies anywhere: its path is the root, or a variable.
    Anything,
    /// Folders, by their paths from the repository's root.
    FromRoot(Vec<String>),
    /// A kustomization or chart: its own folder, and files and folders by their paths from here.
    Beside { folder: String, paths: Vec<String> },
}

impl Mentions {
    fn of(name: &str, text: &str) -> Self {
        let bare = |text: &'_ str| text.trim().trim_matches(['"', '\'']).to_owned();
        if !says_what_is_applied(paths::file_name(name)) {
            let said = text.lines().filter_map(|line| line.trim_start().trim_start_matches("- ").strip_prefix("path:"));
            let paths: Vec<_> = said.map(|path| paths::join("", bare(path).trim_end_matches('/'))).collect();
            if paths.iter().any(|path| path.is_empty() || path.contains(['$', '{'])) {
                return Self::Anything;
            }
            return Self::FromRoot(paths.iter().map(|path| path.trim_start_matches("../").to_owned()).collect());
        }
        let own = paths::folder(name);
        let entries = text.lines().filter_map(|line| line.trim_start().strip_prefix("- "));
        let entries = entries.map(|entry| entry.split(" #").next().unwrap_or(entry));
        let flow = text.split('[').skip(1).flat_map(|rest| rest.split(']').next().unwrap_or(rest).split([',', '\n']));
        let all = entries.chain(flow).map(bare).filter(|entry| !entry.is_empty());
        Self::Beside { folder: own.to_owned(), paths: all.map(|entry| paths::join(own, &entry)).collect() }
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

/// YAML and JSON by their ending, templates, and files without an ending (pools have been found there).
fn may_hold_yaml(path: &Path) -> bool {
    const ENDINGS: [&str; 9] = ["yaml", "yml", "json", "j2", "jinja", "jinja2", "tpl", "tmpl", "gotmpl"];
    match path.extension() {
        None => true,
        Some(ending) => ending.to_str().is_some_and(|e| ENDINGS.iter().any(|known| e.eq_ignore_ascii_case(known))),
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
        for yes in ["a.yaml", "a.YML", "a.json", "a.yaml.j2", "pool", "x/values.yml.gotmpl", "metallb.crs.j2"] {
            assert!(may_hold_yaml(Path::new(yes)), "{yes}");
        }
        for no in ["a.md", "a.yaml.bak", "photo.png", "a.toml"] {
            assert!(!may_hold_yaml(Path::new(no)), "{no}");
        }
    }
}
