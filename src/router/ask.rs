//! Asking a router: whom, as whom, with which secret, and what its certificate must be. The asking itself is the adapters'
//! crate's; here the command line and the configuration are put together, and what is said is told.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use clap::Args;
use poolcheck_plan::{Facts, Sources};
use poolcheck_router_adapters as adapters;
use poolcheck_router_adapters::engine::{Declared, Replies};
use poolcheck_router_adapters::live::{self, FetchError, Fingerprint, Request, Secret};

use super::{Choice, Named, pins};
use crate::config::{Config, SecretSource};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, Style, pretty};
use crate::session::usage;

/// Whom to ask, and how. The command line comes before the `[[router]]` of the configuration, which comes before the
/// adapter's own defaults.
#[derive(Debug, Clone, Args)]
pub(crate) struct AskArgs {
    /// The adapter, or an adapter file of your own; without it the routers of poolcheck.toml, or what answers at the
    /// default gateway
    #[arg(long, value_name = "ID|FILE")]
    pub(crate) adapter: Option<String>,
    /// The router's address, `https://` or `http://` before it and a port behind it where needed; for Kea also
    /// `unix:/path/to/socket`
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,
    /// The user to log in as
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Take the password or key from this environment variable
    #[arg(long, value_name = "NAME", group = "secret")]
    pub(crate) secret_env: Option<String>,
    /// Take it from the first line of this file, which must have mode 0600
    #[arg(long, value_name = "FILE", group = "secret")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Take it from the first line that this command prints, such as `pass show hub`
    #[arg(long, value_name = "COMMAND", group = "secret")]
    pub(crate) secret_command: Option<String>,
    /// The SHA-256 fingerprint that the router's TLS certificate must have
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) pin: Option<Fingerprint>,
    /// Ask a router whose address is not private
    #[arg(long)]
    pub(crate) allow_public: bool,
    /// Send the password readable to a router that offers nothing better
    #[arg(long)]
    pub(crate) allow_basic: bool,
    /// How long each request may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub(crate) timeout: u64,
}

impl AskArgs {
    /// Nothing said: the configuration and the adapter decide.
    pub(crate) const fn none() -> Self {
        Self {
            adapter: None,
            host: None,
            user: None,
            secret_env: None,
            secret_file: None,
            secret_command: None,
            pin: None,
            allow_public: false,
            allow_basic: false,
            timeout: 30,
        }
    }
}

/// One router that is to be asked.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) choice: Choice,
    host: String,
    user: Option<String>,
    secret: Option<SecretSource>,
    pin: Option<Fingerprint>,
    allow_basic: bool,
    args: AskArgs,
}

/// What one router said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) host: String,
    pub(crate) read_at: String,
    pub(crate) conversation: live::Conversation,
}

/// What one router said, for a report.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// (step, answer).
    pub(crate) answers: Vec<(String, String)>,
    /// Why it ended before its end.
    pub(crate) ended: Option<String>,
}

/// A router's facts.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) locked: adapters::Locked,
}

pub(crate) fn refused(error: &FetchError) -> Failure {
    let exit = if error.is_usage() { Exit::Usage } else { Exit::Unchecked };
    let mut message = error.headline();
    let details = error.details();
    let width = details.iter().map(|(what, _)| what.len()).max().unwrap_or(0);
    for (what, text) in details {
        write!(message, "\n  {what:<width$}  {text}").expect("writes to a string");
    }
    Failure::plain(exit, &message, &error.help())
}

/// The configuration that applies in this folder.
pub(crate) fn configuration(sources: &mut Sources) -> Result<Config, Failure> {
    match crate::config::discover(Path::new(".")) {
        Some(file) => crate::config::read(&file, false, sources),
        None => Ok(Config::default()),
    }
}

/// The routers that are to be asked.
pub(crate) fn jobs(args: &AskArgs, config: &Config, sources: &mut Sources, style: &Style) -> Result<Vec<Job>, Failure> {
    let mut known = Vec::new();
    for router in &config.routers {
        known.push((Choice::of(&router.adapter, sources)?, router));
    }
    if let Some(name) = &args.adapter {
        let choice = Choice::of(&Named::of(name, Path::new("")), sources)?;
        let same_host =
            |router: &crate::config::Router| args.host.is_none() || router.host.is_none() || router.host == args.host;
        let router = known.into_iter().find(|(known, router)| known.id == choice.id && same_host(router));
        return Ok(vec![job(choice, router.map(|(_, router)| router), args)?]);
    }
    let asked = |choice: &Choice, router: &crate::config::Router| {
        choice.file.is_some() && router.files.is_empty() && (args.host.is_none() || args.host == router.host)
    };
    let wanted: Vec<_> = known.into_iter().filter(|(choice, router)| asked(choice, router)).collect();
    if !wanted.is_empty() {
        return wanted.into_iter().map(|(choice, router)| job(choice, Some(router), args)).collect();
    }
    let host = args.host.clone().map_or_else(default_gateway, Ok)?;
    let found = identify(&host, args.timeout, args.allow_public)?;
    let ids = recognised(&found);
    output::print_error(&told_of(&host, &found, style));
    let one = match ids.as_slice() {
        [one] => Choice::built_in(one),
        _ => None,
    };
    let Some(choice) = one else {
        let message = match ids.len() {
            0 => format!("nothing that poolcheck knows answers at {host}"),
            _ => format!("several adapters know what answers at {host}: {}", ids.join(", ")),
        };
        let help = "name the router with --host and the adapter with --adapter (`poolcheck router list`), or write the range into lan.toml";
        return Err(Failure::plain(Exit::Unchecked, &message, help));
    };
    Ok(vec![job(choice, None, &AskArgs { host: Some(host), ..args.clone() })?])
}

/// The router that a lock names.
pub(crate) fn job_of(locked: &adapters::Locked, config: &Config, sources: &mut Sources) -> Result<Job, Failure> {
    let mut router = None;
    for known in &config.routers {
        let choice = Choice::of(&known.adapter, sources)?;
        let same_host = known.host.as_ref().is_none_or(|host| *host == locked.host);
        if choice.id == locked.adapter && same_host && known.files.is_empty() {
            router = Some((choice, known));
            break;
        }
    }
    let args = AskArgs { host: Some(locked.host.clone()), ..AskArgs::none() };
    match router {
        Some((choice, known)) => job(choice, Some(known), &args),
        None => job(Choice::of(&Named::Id(locked.adapter.clone()), sources)?, None, &args),
    }
}

fn job(choice: Choice, router: Option<&crate::config::Router>, args: &AskArgs) -> Result<Job, Failure> {
    let file = choice.asker()?.description();
    let host = args.host.clone().or_else(|| router?.host.clone()).or_else(|| file.connect.host.clone());
    // A router that describes itself is searched for.
    let host = host.or_else(|| file.connect.upnp.as_ref().map(|_| String::new()));
    let Some(host) = host else { return Err(refused(&FetchError::NoHost { adapter: choice.id.clone() })) };
    let named = match args {
        AskArgs { secret_env: Some(name), .. } => Some(SecretSource::Env(name.clone())),
        AskArgs { secret_file: Some(path), .. } => Some(SecretSource::File(path.clone())),
        AskArgs { secret_command: Some(line), .. } => Some(SecretSource::Command(line.clone())),
        _ => None,
    };
    Ok(Job {
        host,
        user: args.user.clone().or_else(|| router?.user.clone()),
        secret: named.or_else(|| router?.secret.clone()),
        pin: args.pin.or_else(|| router?.pin.as_deref()?.parse().ok()),
        allow_basic: args.allow_basic || router.is_some_and(|router| router.allow_basic),
        args: args.clone(),
        choice,
    })
}

impl Job {
    fn request(&self) -> Result<Request, Failure> {
        let adapter = self.choice.asker()?;
        let mut request = Request::new(self.host.clone(), self.secret(adapter)?);
        request.user.clone_from(&self.user);
        request.timeout = std::time::Duration::from_secs(self.args.timeout);
        (request.allow_public, request.allow_basic) = (self.args.allow_public, self.allow_basic);
        (request.pin, request.known) = (self.pin, pins::read()?);
        // For tests, which have no router on their segment.
        if let Some(search) = std::env::var("POOLCHECK_UPNP_SEARCH").ok().and_then(|text| text.parse().ok()) {
            request.search = search;
        }
        Ok(request)
    }

    /// Asks, and says on standard error what a person should know of it.
    pub(crate) fn ask(&self, style: &Style) -> Result<Said, Failure> {
        let request = interruptible(self.request()?)?;
        let conversation = live::converse(self.choice.asker()?, &request).map_err(|error| refused(&error))?;
        self.notes(&conversation, &request, style)?;
        let read_at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        // A router that was searched for is known by where it was found.
        let host = if self.host.is_empty() { conversation.host.clone() } else { self.host.clone() };
        Ok(Said { host, read_at, conversation })
    }

    /// Asks, and keeps the answers for a report, also those that are not understood.
    pub(crate) fn record(&self, style: &Style) -> Result<Recorded, Failure> {
        let request = interruptible(self.request()?)?;
        let (conversation, ended) = live::record(self.choice.asker()?, &request).map_err(|error| refused(&error))?;
        self.notes(&conversation, &request, style)?;
        let ended = ended.map(|error| format!("{error}; {}", error.help()));
        Ok(Recorded { answers: conversation.without_session(), ended })
    }

    fn notes(&self, conversation: &live::Conversation, request: &Request, style: &Style) -> Result<(), Failure> {
        if let Some(shown) = conversation.fingerprint {
            let known = request.known.get(&conversation.host);
            if known != Some(&shown) {
                let file = pins::remember(&conversation.host, shown)?;
                let first = known.is_none() && self.pin.is_none();
                let how = if first { "is seen for the first time, and" } else { "is as was said, and" };
                let text = format!(
                    "the TLS certificate of {} {how} remembered in {}: {shown}",
                    conversation.host,
                    file.display()
                );
                output::print_error(&pretty::note(&text, style));
            }
        }
        if let Some(reason) = &conversation.left_open {
            let text = format!("the session could not be ended, and ends by itself: {reason}");
            output::print_error(&pretty::warning(&text, style));
        }
        Ok(())
    }

    /// Asks, and reads the answers.
    pub(crate) fn fetch(&self, sources: &mut Sources, style: &Style) -> Result<Fetched, Failure> {
        let said = self.ask(style)?;
        let adapter = self.choice.asker()?;
        let texts: Vec<(&str, &str)> =
            said.conversation.answers.iter().map(|(step, text)| (step.as_str(), text.as_str())).collect();
        let replies = Replies { texts: &texts, read_at: Some((&said.host, &said.read_at)) };
        let facts: Facts = adapter
            .facts(&replies, sources)
            .map_err(|error| Failure::facts(error, std::mem::take(sources)).ending(Exit::Unchecked))?;
        let locked = adapters::Locked {
            adapter: self.choice.id.clone(),
            version: self.choice.version(),
            host: said.host,
            facts,
        };
        Ok(Fetched { locked })
    }

    fn secret(&self, adapter: &Declared) -> Result<Option<Secret>, Failure> {
        let secret = match &self.secret {
            Some(SecretSource::Env(name)) => Secret::from_env(name),
            Some(SecretSource::File(path)) => Secret::from_file(path),
            Some(SecretSource::Command(line)) => Secret::from_command(line),
            None if adapter.needs_secret() && std::io::stdin().is_terminal() => {
                let whose = if self.host.is_empty() { &self.choice.id } else { &self.host };
                Secret::from_prompt(&format!("Password or key for {} at {whose} (not shown): ", self.choice.id))
            }
            None => return Ok(None),
        };
        secret.map(Some).map_err(|error| refused(&error.into()))
    }
}

/// What Ctrl-C and SIGTERM set. A router whose session is left open lets nobody else in for minutes, so the first signal ends
/// the conversation as any other end does; a second one ends the program.
static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// The request, which signals end from now on: a person who is asked for a password can still leave at once.
fn interruptible(mut request: Request) -> Result<Request, Failure> {
    const INTERRUPTED: i32 = 130;
    if STOP.get().is_none() {
        let stop = Arc::new(AtomicBool::new(false));
        let handle = Arc::clone(&stop);
        let caught = ctrlc::set_handler(move || {
            if handle.swap(true, Ordering::SeqCst) {
                std::process::exit(INTERRUPTED);
            }
        });
        caught.map_err(|error| Failure::plain(Exit::Unchecked, &format!("signals cannot be caught: {error}"), ""))?;
        let _ = STOP.set(stop);
    }
    if let Some(stop) = STOP.get() {
        request.stop = Arc::clone(stop);
    }
    Ok(request)
}

/// Where packets go that no other route is for.
pub(crate) fn default_gateway() -> Result<String, Failure> {
    let unknown = |reason: &str| {
        usage(
            &format!("the default gateway is not known: {reason}"),
            "name the router: poolcheck router identify 192.168.1.1",
        )
    };
    let routes = poolcheck_lan::interface::default_routes().map_err(|error| unknown(&error.to_string()))?;
    let ipv4 = routes.iter().map(|route| route.gateway).find(IpAddr::is_ipv4);
    ipv4.map(|gateway| gateway.to_string()).ok_or_else(|| unknown("this machine has no default route for IPv4"))
}

/// Asks a host the first questions of all adapters, without any credential.
pub(crate) fn identify(host: &str, timeout: u64, allow_public: bool) -> Result<Vec<live::Identified>, Failure> {
    let mut request = Request::new(host, None);
    request.timeout = std::time::Duration::from_secs(timeout.min(5));
    request.allow_public = allow_public;
    // Nothing is sent but the questions, so any certificate is good enough; it is not remembered.
    let all: Vec<&Declared> = adapters::engine::builtin().collect();
    live::identify_all(&all, &request).map_err(|error| refused(&error))
}

/// The adapters that know what answers.
pub(crate) fn recognised(found: &[live::Identified]) -> Vec<String> {
    let mut ids: Vec<String> = found.iter().flat_map(|one| one.adapters.iter().cloned()).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// What was asked and what came, a line each.
pub(crate) fn told_of(host: &str, found: &[live::Identified], style: &Style) -> String {
    let width = found.iter().map(|one| one.asked.chars().count()).max().unwrap_or(0);
    let mut text = format!("asked {host}, without any password:\n");
    for one in found {
        let whose = if one.adapters.is_empty() { String::new() } else { format!("  {}", one.adapters.join(", ")) };
        writeln!(text, "  {:<width$}  {}{whose}", one.asked, one.answer).expect("writes to a string");
    }
    let text = text.trim_end().to_owned();
    if style.ascii { pretty::ascii(&text) } else { text }
}
