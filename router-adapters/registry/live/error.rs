//! Why a router could not be read.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Why a router could not be read, one variant for each cause. No variant carries a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The adapter reads files only.
    #[error("the adapter {adapter} cannot fetch: it reads files only")]
    NotLive {
        /// The adapter's id.
        adapter: &'static str,
    },
    /// A path that the adapter does not list was asked for.
    #[error("the adapter {adapter} never asks for {path}")]
    NotAllowed {
        /// The adapter's id.
        adapter: &'static str,
        /// The path.
        path: String,
    },
    /// The host is not a host name or address.
    #[error("`{host}` is not a host")]
    BadHost {
        /// What was given.
        host: String,
    },
    /// The host was given with another scheme than http.
    #[error("`{host}` is not plain HTTP")]
    NotHttp {
        /// What was given.
        host: String,
    },
    /// The host's name has no address.
    #[error("{host} has no address: {reason}")]
    Unresolved {
        /// The host.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// The host is on the internet.
    #[error("{host} is {address}, which is not on a private network")]
    PublicAddress {
        /// The host.
        host: String,
        /// Its address.
        address: IpAddr,
    },
    /// Nothing listens there.
    #[error("{host} refused the connection")]
    Refused {
        /// The host.
        host: String,
    },
    /// The connection failed in another way.
    #[error("{host} cannot be reached: {reason}")]
    Unreachable {
        /// The host.
        host: String,
        /// What failed.
        reason: String,
    },
    /// The router did not answer in time.
    #[error("{host} did not answer {path} within {} s", .after.as_secs_f32())]
    TimedOut {
        /// The host.
        host: String,
        /// The page.
        path: String,
        /// How long it was given.
        after: Duration,
    },
    /// The router, or something before it, points elsewhere.
    #[error("{path} points elsewhere, to {to}")]
    Redirected {
        /// The page.
        path: String,
        /// Where it points.
        to: String,
    },
    /// The first page is not this adapter's router. No password was sent.
    #[error("{host} is not a {wanted}: found {found}")]
    NotThisRouter {
        /// The host.
        host: String,
        /// The adapter's title.
        wanted: &'static str,
        /// The page's title or the status.
        found: String,
    },
    /// The router answered with a status that is not success.
    #[error("{path} gave HTTP status {status}")]
    Status {
        /// The page.
        path: String,
        /// The status.
        status: u16,
    },
    /// The page is larger than any page of a router that is read here.
    #[error("{path} is larger than {} KiB", .limit / 1024)]
    TooLarge {
        /// The page.
        path: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The page ended before its announced length.
    #[error("{path} ended early")]
    Truncated {
        /// The page.
        path: String,
    },
    /// The router wants a login in a way that is not known here.
    #[error("{host} wants a login that is not known: {found}")]
    UnknownChallenge {
        /// The host.
        host: String,
        /// What it asked for.
        found: String,
    },
    /// The router offers HTTP Basic only, which would send the password readable.
    #[error("{host} offers HTTP Basic only, which sends the password readable")]
    BasicOnly {
        /// The host.
        host: String,
    },
    /// The first answer to the challenge was refused.
    #[error("{host} refused the password of user {user}")]
    WrongPassword {
        /// The host.
        host: String,
        /// The user's name.
        user: String,
    },
    /// The router refused again and again after it had accepted the password, or said that it is busy.
    #[error("{host} is busy: somebody else is logged in")]
    Busy {
        /// The host.
        host: String,
    },
    /// The environment variable is not set, or not text.
    #[error("the environment variable {name} is not set")]
    SecretVariable {
        /// The variable.
        name: String,
    },
    /// The file with the password cannot be read.
    #[error("{}: the password cannot be read: {reason}", .path.display())]
    SecretFile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file with the password can be read by others.
    #[error("{}: others can read this password (mode {mode:04o})", .path.display())]
    SecretMode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The command that prints the password failed.
    #[error("the command that prints the password failed: {reason}")]
    SecretCommand {
        /// Why.
        reason: String,
    },
    /// The place for the password holds nothing.
    #[error("{place} holds no password")]
    SecretEmpty {
        /// The variable, file or command.
        place: String,
    },
}

impl FetchError {
    pub(super) fn not_allowed(adapter: &'static str, path: &str) -> Self {
        Self::NotAllowed { adapter, path: super::http::plain(path) }
    }

    /// What to do.
    pub fn help(&self) -> String {
        match self {
            Self::NotLive { adapter } => format!("save its file, then: poolcheck router read --adapter {adapter} FILE"),
            Self::NotAllowed { .. } => "only the pages that the adapter lists can be fetched; a GET can reboot a router".into(),
            Self::BadHost { .. } => "write a name or an address, with a port where needed: 192.168.1.1, hub.lan:8080".into(),
            Self::NotHttp { .. } => "write the host only, for example 192.168.1.1; this adapter speaks plain HTTP".into(),
            Self::Unresolved { .. } => "write the router's address: it is the default gateway of this machine".into(),
            Self::PublicAddress { .. } => "check the address; --allow-public if this is meant".into(),
            Self::Refused { host } => format!("is {host} the router, and its web page switched on? Open http://{host}/"),
            Self::Unreachable { host, .. } => format!("is this machine on the router's network? Open http://{host}/"),
            Self::TimedOut { .. } => "close other pages of the router's administration and try again; --timeout for more".into(),
            Self::Redirected { .. } => "redirects are never followed: is this a captive portal, or has the router moved?".into(),
            Self::NotThisRouter { .. } => "no password was sent; name the right router with --host, or the right --adapter".into(),
            Self::Status { path, .. } => format!("open {path} in a browser, save it, and use: poolcheck router read FILE"),
            Self::TooLarge { .. } | Self::Truncated { .. } => {
                "try again over a cable; or save the page in a browser and use: poolcheck router read FILE".into()
            }
            Self::UnknownChallenge { .. } => "save the page in a browser and use: poolcheck router read FILE".into(),
            Self::BasicOnly { .. } => {
                "save the page in a browser and use: poolcheck router read FILE; or --allow-basic on a network you trust".into()
            }
            Self::WrongPassword { .. } => "nothing was tried twice; the password is on the router's label unless changed".into(),
            Self::Busy { .. } => "log out in the browser, wait a few minutes, and try again".into(),
            Self::SecretVariable { name } => format!("set it for this command only: read -rs {name} && export {name}"),
            Self::SecretFile { .. } => "name a readable file whose first line is the password".into(),
            Self::SecretMode { path, .. } => format!("chmod 600 {}", path.display()),
            Self::SecretCommand { .. } => "run it by hand: it must print the password and succeed".into(),
            Self::SecretEmpty { .. } => "the password is the first line".into(),
        }
    }
}
