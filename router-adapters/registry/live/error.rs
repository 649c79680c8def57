//! Why a router could not be read.

use std::net::IpAddr;
use std::time::Duration;

/// Why a router could not be read, one variant for each cause. No variant carries a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The adapter reads files only.
    #[error("the adapter {adapter} cannot fetch: it reads files only")]
    NotLive {
        /// The adapter's id.
        adapter: String,
    },
    /// Nobody on the segment said that it has the service.
    #[error("nobody on this segment says by UPnP that it has {service}")]
    NobodyDescribesIt {
        /// The service.
        service: String,
    },
    /// Several routers on the segment have the service.
    #[error("several routers on this segment describe themselves: {}", .hosts.join(", "))]
    Several {
        /// Where each describes itself.
        hosts: Vec<String>,
    },
    /// A path that the adapter does not list was asked for.
    #[error("the adapter {adapter} never asks for {path}")]
    NotAllowed {
        /// The adapter's id.
        adapter: String,
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
        wanted: String,
        /// The page's title or the status.
        found: String,
        /// The adapters that know this answer.
        looks_like: Vec<String>,
        /// What this adapter needs to be switched on, where nothing answered that could be another router.
        needs: Option<String>,
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
    /// The router's certificate is not the one that is known.
    #[error("{host} shows another TLS certificate than before")]
    TlsChanged {
        /// The host.
        host: String,
        /// The fingerprint that is known.
        known: String,
        /// The fingerprint that it showed.
        shown: String,
    },
    /// The adapter needs a password or key, and none was named.
    #[error("{adapter} needs a password or key, and none was named")]
    NoSecret {
        /// The adapter's id.
        adapter: String,
    },
    /// The adapter needs a user's name, and none was given.
    #[error("{adapter} needs a user's name, and none was given")]
    NoUser {
        /// The adapter's id.
        adapter: String,
    },
    /// The adapter has no default address, and none was given.
    #[error("{adapter} has no address by itself, and none was given")]
    NoHost {
        /// The adapter's id.
        adapter: String,
    },
    /// The login would send the password readable.
    #[error("{host} is spoken to without TLS, and this login sends the password readable")]
    Readable {
        /// The host.
        host: String,
    },
    /// The router has locked logins for a while.
    #[error("{host} has locked logins{}", .wait.map_or_else(String::new, |wait| format!(" for {wait} s")))]
    Locked {
        /// The host.
        host: String,
        /// Seconds, where it says.
        wait: Option<u64>,
        /// What the adapter says about it.
        say: Option<String>,
    },
    /// The login is right and may not read what is needed.
    #[error("{host} accepts the login and does not let it read {path}")]
    Denied {
        /// The host.
        host: String,
        /// The path.
        path: String,
        /// What the adapter says about it.
        say: Option<String>,
    },
    /// The router has no such service, or it is switched off.
    #[error("{host} does not offer {path}")]
    NotOffered {
        /// The host.
        host: String,
        /// The path.
        path: String,
        /// What the adapter says about it.
        say: Option<String>,
    },
    /// An answer is not what the adapter knows.
    #[error("the answer to {path} is not understood: looked for {wanted}, found {found}")]
    NotUnderstood {
        /// The adapter's id.
        adapter: String,
        /// The path.
        path: String,
        /// What was looked for.
        wanted: String,
        /// What is there.
        found: String,
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
        /// What the adapter says about it.
        say: Option<String>,
    },
    /// The router refused again and again after it had accepted the password, or said that it is busy.
    #[error("{host} is busy: somebody else is logged in")]
    Busy {
        /// The host.
        host: String,
    },
    /// It was told to stop, and ended what it had begun.
    #[error("the conversation with {host} was interrupted")]
    Interrupted {
        /// The host.
        host: String,
    },
    /// There is no password where one was said to be.
    #[error(transparent)]
    Secret(#[from] crate::secret::SecretError),
}

impl FetchError {
    pub(super) fn not_allowed(adapter: &str, path: &str) -> Self {
        Self::NotAllowed { adapter: adapter.to_owned(), path: super::http::plain(path) }
    }

    /// What happened, without what [`FetchError::details`] says.
    pub fn headline(&self) -> String {
        match self {
            Self::NotUnderstood { path, .. } => format!("the answer to {path} is not understood"),
            Self::NotThisRouter { host, needs: Some(_), .. } => {
                format!("{host} is another router, or what is needed is switched off")
            }
            Self::NotThisRouter { host, .. } => format!("{host} is another router"),
            other => other.to_string(),
        }
    }

    /// What was wanted and what was there, a line each.
    pub fn details(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::NotUnderstood { wanted, found, .. } => vec![("looked for", wanted), ("found", found)],
            Self::NotThisRouter { wanted, found, .. } => vec![("wanted", wanted), ("found", found)],
            Self::TlsChanged { known, shown, .. } => vec![("known", known), ("shown", shown)],
            _ => Vec::new(),
        }
    }

    /// Whether the user is to say something else: nothing was sent.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::NotLive { .. }
                | Self::BadHost { .. }
                | Self::NotHttp { .. }
                | Self::PublicAddress { .. }
                | Self::NoSecret { .. }
                | Self::NoUser { .. }
                | Self::NoHost { .. }
                | Self::Readable { .. }
                | Self::Secret(_)
        )
    }

    /// What to do.
    pub fn help(&self) -> String {
        match self {
            Self::NotLive { adapter } => format!("save its file, then: poolcheck router read --adapter {adapter} FILE"),
            Self::NobodyDescribesIt { .. } => {
                "switch UPnP on on the router, name its description with --host http://ADDRESS:PORT/PATH, or write the range into lan.toml; few routers offer this".into()
            }
            Self::Several { hosts } => format!("choose one: --host {}", hosts.first().map_or("", String::as_str)),
            Self::NotAllowed { .. } => "only the pages that the adapter lists can be fetched; a GET can reboot a router".into(),
            Self::BadHost { .. } => "write a name or an address, with a port where needed: 192.168.1.1, hub.lan:8080".into(),
            Self::NotHttp { .. } => "write the host only, for example 192.168.1.1; this adapter speaks plain HTTP".into(),
            Self::Unresolved { .. } => "write the router's address: it is the default gateway of this machine".into(),
            Self::PublicAddress { .. } => "check the address; --allow-public if this is meant".into(),
            Self::Refused { host } => format!("is {host} the router, and its web page switched on? Open http://{host}/"),
            Self::Unreachable { host, .. } => format!("is this machine on the router's network? Open http://{host}/"),
            Self::TimedOut { .. } => "close other pages of the router's administration and try again; --timeout for more".into(),
            Self::Redirected { .. } => "redirects are never followed: is this a captive portal, or has the router moved?".into(),
            Self::NotThisRouter { looks_like, .. } if !looks_like.is_empty() => {
                format!("no password was sent; it looks like one for --adapter {}", looks_like.join(" or "))
            }
            Self::NotThisRouter { needs: Some(needs), .. } => {
                format!("no password was sent; is it the right router (poolcheck router identify)? It needs {needs}")
            }
            Self::NotThisRouter { .. } => {
                "no password was sent; name the right router with --host, or the right --adapter (poolcheck router identify)".into()
            }
            Self::Status { path, .. } => format!("open {path} in a browser, save it, and use: poolcheck router read FILE"),
            Self::TooLarge { .. } | Self::Truncated { .. } => {
                "try again over a cable; or save the page in a browser and use: poolcheck router read FILE".into()
            }
            Self::TlsChanged { shown, .. } => format!(
                "after a factory reset or a new certificate: --pin {shown}; otherwise somebody is in between"
            ),
            Self::NoSecret { .. } => {
                "pass --secret-env NAME, --secret-file FILE (mode 0600) or --secret-command CMD, or write secret = { … } in poolcheck.toml".into()
            }
            Self::NoUser { .. } => "pass --user NAME; a user who may only read is enough".into(),
            Self::NoHost { .. } => "pass --host ADDRESS".into(),
            Self::Readable { .. } => {
                "use https:// where the router has it; or --allow-basic on a network you trust".into()
            }
            Self::Locked { say, wait, .. } => say.clone().unwrap_or_else(|| match wait {
                Some(wait) => format!("wait {wait} s, and check the password before you try again"),
                None => "wait some minutes, and check the password before you try again".into(),
            }),
            Self::Denied { say, .. } => {
                say.clone().unwrap_or_else(|| "give this user leave to read the settings, or name another with --user".into())
            }
            Self::NotOffered { say, .. } => {
                say.clone().unwrap_or_else(|| "switch it on on the router, or write the range into lan.toml".into())
            }
            Self::NotUnderstood { adapter, .. } => format!(
                "its firmware may be unknown here: poolcheck router record --adapter {adapter} saves what a report needs, without names and keys; until then write the range into lan.toml"
            ),
            Self::UnknownChallenge { .. } => "save the page in a browser and use: poolcheck router read FILE".into(),
            Self::BasicOnly { .. } => {
                "save the page in a browser and use: poolcheck router read FILE; or --allow-basic on a network you trust".into()
            }
            Self::WrongPassword { say, .. } => say.clone().unwrap_or_else(|| {
                "nothing was tried twice; the password is on the router's label unless changed".into()
            }),
            Self::Busy { .. } => "log out in the browser, wait a few minutes, and try again".into(),
            Self::Interrupted { .. } => "its session was closed before the end; nothing was written".into(),
            Self::Secret(error) => error.help(),
        }
    }
}
