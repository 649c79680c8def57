//! A password, from where passwords may come from: the environment, a file of one's own, a command, a person at a terminal.

use std::fmt;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::FetchError;

/// A password. It is never printed: its `Debug` form hides it, and it has no `Display`.
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// More than any password: a file or command that says more was not meant.
const LIMIT: u64 = 4096;

impl Secret {
    /// From an environment variable.
    pub fn from_env(name: &str) -> Result<Self, FetchError> {
        let text = std::env::var(name).map_err(|_| FetchError::SecretVariable { name: name.to_owned() })?;
        Self::first_line(&text, || format!("the environment variable {name}"))
    }

    /// From the first line of a file that, on Unix, only its owner may read.
    pub fn from_file(path: &Path) -> Result<Self, FetchError> {
        let failed =
            |error: std::io::Error| FetchError::SecretFile { path: path.to_owned(), reason: error.to_string() };
        let file = std::fs::File::open(path).map_err(failed)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(FetchError::SecretMode { path: path.to_owned(), mode });
            }
        }
        let mut text = String::new();
        file.take(LIMIT).read_to_string(&mut text).map_err(failed)?;
        Self::first_line(&text, || path.display().to_string())
    }

    /// From the first line that a shell command prints, for example `pass show hub`.
    pub fn from_command(command: &str) -> Result<Self, FetchError> {
        let failed = |reason: String| FetchError::SecretCommand { reason };
        let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
        // Questions (a pass phrase) go to the terminal; only what is printed on standard output is the password.
        let output = Command::new(shell)
            .args([flag, command])
            .stdin(Stdio::inherit())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            return Err(failed(output.status.to_string()));
        }
        let text =
            String::from_utf8(output.stdout).map_err(|_| failed("it printed something that is not text".into()))?;
        Self::first_line(&text, || "the command".to_owned())
    }

    /// From a person at the terminal, who does not see what is typed.
    pub fn from_prompt(question: &str) -> Result<Self, FetchError> {
        let typed = rpassword::prompt_password(question);
        let text = typed.map_err(|error| FetchError::SecretPrompt { reason: error.to_string() })?;
        Self::first_line(&text, || "what was typed".to_owned())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }

    fn first_line(text: &str, place: impl Fn() -> String) -> Result<Self, FetchError> {
        let line = text.lines().next().unwrap_or("");
        if line.is_empty() { Err(FetchError::SecretEmpty { place: place() }) } else { Ok(Self(line.to_owned())) }
    }
}
