//! A secret, from where secrets may come from: the environment, a file of one's own, a command, a person at a terminal.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A secret: a password or a key. It is never printed: its `Debug` form hides it, and it has no `Display`.
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
    pub fn from_env(name: &str) -> Result<Self, SecretError> {
        let text = std::env::var(name).map_err(|_| SecretError::Variable { name: name.to_owned() })?;
        Self::first_line(&text, || format!("the environment variable {name}"))
    }

    /// From the first line of a file that, on Unix, only its owner may read.
    pub fn from_file(path: &Path) -> Result<Self, SecretError> {
        let failed = |error: std::io::Error| SecretError::File { path: path.to_owned(), reason: error.to_string() };
        let file = std::fs::File::open(path).map_err(failed)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(SecretError::Mode { path: path.to_owned(), mode });
            }
        }
        let mut text = String::new();
        file.take(LIMIT).read_to_string(&mut text).map_err(failed)?;
        Self::first_line(&text, || path.display().to_string())
    }

    /// From the first line that a shell command prints, for example `pass show hub`.
    pub fn from_command(command: &str) -> Result<Self, SecretError> {
        let failed = |reason: String| SecretError::Command { reason };
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
    #[cfg(feature = "live")]
    pub fn from_prompt(question: &str) -> Result<Self, SecretError> {
        let typed = rpassword::prompt_password(question);
        let text = typed.map_err(|error| SecretError::Prompt { reason: error.to_string() })?;
        Self::first_line(&text, || "what was typed".to_owned())
    }

    /// What it is: for whoever needs it, and never to be shown.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn first_line(text: &str, place: impl Fn() -> String) -> Result<Self, SecretError> {
        let line = text.lines().next().unwrap_or("");
        if line.is_empty() { Err(SecretError::Empty { place: place() }) } else { Ok(Self(line.to_owned())) }
    }
}

/// Why there is no secret where one was said to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The environment variable is not set, or not text.
    #[error("the environment variable {name} is not set")]
    Variable {
        /// The variable.
        name: String,
    },
    /// The file cannot be read.
    #[error("{}: the secret cannot be read: {reason}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file can be read by others.
    #[error("{}: others can read this secret (mode {mode:04o})", .path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The command that prints it failed.
    #[error("the command that prints the secret failed: {reason}")]
    Command {
        /// Why.
        reason: String,
    },
    /// The terminal could not be asked.
    #[error("the terminal cannot be asked for the secret: {reason}")]
    Prompt {
        /// Why.
        reason: String,
    },
    /// The place holds nothing.
    #[error("{place} holds no secret")]
    Empty {
        /// The variable, file or command.
        place: String,
    },
}

impl SecretError {
    /// What to do.
    pub fn help(&self) -> String {
        match self {
            Self::Variable { name } => format!("set it for this command only: read -rs {name} && export {name}"),
            Self::File { .. } => "name a readable file whose first line is the secret".into(),
            Self::Mode { path, .. } => format!("chmod 600 {}", path.display()),
            Self::Command { .. } => "run it by hand: it must print the secret and succeed".into(),
            Self::Prompt { .. } => "name a variable, a file or a command instead".into(),
            Self::Empty { .. } => "the secret is the first line".into(),
        }
    }
}
