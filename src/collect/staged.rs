//! The git index: what would be committed, not what lies in the work tree.
//!
//! Git itself is asked, because only it knows an index in all its forms. Of files that are in the work tree as they are in
//! the index, the work tree's copy is read; only the others are asked for one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The index, as far as it was asked for.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Every staged file below the paths, by its name from the working directory; the object where the work tree differs.
    pub(super) files: BTreeMap<String, Option<String>>,
    /// Files with a conflict.
    pub(super) conflicts: BTreeSet<String>,
    contents: BTreeMap<String, Vec<u8>>,
    /// Texts that stand for files, by absolute path: unsaved ones.
    pub(super) buffers: BTreeMap<PathBuf, std::sync::Arc<str>>,
}

/// Why the index cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// There is no git.
    #[error("git cannot be run: {0}")]
    NoGit(std::io::Error),
    /// Git refused.
    #[error("git {command} failed: {message}")]
    Git {
        /// What was asked.
        command: &'static str,
        /// What it said.
        message: String,
    },
}

impl Index {
    /// Reads the index below some paths.
    pub(super) fn read(paths: &[PathBuf], keep: &dyn Fn(&Path) -> bool) -> Result<Self, IndexError> {
        let mut index = Self::default();
        let listed = git("ls-files", &["ls-files", "-s", "-z", "--"], paths)?;
        let mut objects = BTreeMap::new();
        for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            let entry = String::from_utf8_lossy(entry);
            let Some((about, name)) = entry.split_once('\t') else { continue };
            let mut about = about.split(' ');
            let (mode, object, stage) = (about.next(), about.next(), about.next());
            let regular = mode.is_some_and(|mode| mode.starts_with("100"));
            if !regular || !keep(Path::new(name)) {
                continue;
            }
            if stage != Some("0") {
                index.conflicts.insert(name.to_owned());
            } else if let Some(object) = object {
                objects.insert(name.to_owned(), object.to_owned());
            }
        }
        let differing = git("diff-files", &["diff-files", "--name-only", "--relative", "-z", "--"], paths)?;
        let differing: BTreeSet<String> = differing
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty())
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect();
        for (name, object) in objects {
            let differs = differing.contains(&name) || !Path::new(&name).is_file();
            index.files.insert(name, differs.then_some(object));
        }
        index.fetch()?;
        Ok(index)
    }

    /// The staged text of a file that the work tree has otherwise.
    pub(super) fn content(&self, object: &str) -> Option<&[u8]> {
        self.contents.get(object).map(Vec::as_slice)
    }

    /// The text that stands for a file.
    pub(super) fn buffer(&self, path: &Path) -> Option<&str> {
        if self.buffers.is_empty() {
            return None;
        }
        self.buffers.get(&std::fs::canonicalize(path).ok()?).map(|text| &**text)
    }

    fn fetch(&mut self) -> Result<(), IndexError> {
        let wanted: BTreeSet<String> = self.files.values().flatten().cloned().collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let mut command = Command::new("git");
        command.args(["cat-file", "--batch"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(IndexError::NoGit)?;
        let (mut input, mut output) = (child.stdin.take(), child.stdout.take().map(BufReader::new));
        let failed = |error: std::io::Error| IndexError::Git { command: "cat-file", message: error.to_string() };
        for object in wanted {
            let (Some(input), Some(output)) = (&mut input, &mut output) else { break };
            writeln!(input, "{object}").and_then(|()| input.flush()).map_err(failed)?;
            let mut header = String::new();
            output.read_line(&mut header).map_err(failed)?;
            header.truncate(header.trim_end().len());
            let size = header.rsplit(' ').next().and_then(|size| size.parse::<usize>().ok());
            let Some(size) = size else { return Err(IndexError::Git { command: "cat-file", message: header }) };
            let mut content = vec![0; size + 1];
            output.read_exact(&mut content).map_err(failed)?;
            content.pop();
            self.contents.insert(object, content);
        }
        drop(input);
        child.wait().map_err(failed)?;
        Ok(())
    }
}

/// The staged text of a file that the work tree has otherwise; `None` when they are the same, or it is not in the index.
pub(crate) fn staged_copy(path: &Path) -> Result<Option<Vec<u8>>, IndexError> {
    let mut index = Index::read(&[path.to_owned()], &|_| true)?;
    let object = index.files.values().next().cloned().flatten();
    Ok(object.and_then(|object| index.contents.remove(&object)))
}

fn git(name: &'static str, arguments: &[&str], paths: &[PathBuf]) -> Result<Vec<u8>, IndexError> {
    let output = Command::new("git").args(arguments).args(paths).output().map_err(IndexError::NoGit)?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(IndexError::Git { command: name, message });
    }
    Ok(output.stdout)
}
