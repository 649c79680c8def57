//! `poolcheck router`: a router's facts, from a saved page or a file, or from the router itself.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use poolcheck_plan::{Facts, Sources};
use poolcheck_router_adapters as adapters;

use crate::exit::Exit;
use crate::output::{self, Style};
use crate::session::{self, usage};

#[derive(Debug, Subcommand)]
pub(crate) enum RouterCommand {
    /// List the adapters: what can be read
    List,
    /// Read a saved page or a configuration file
    Read(ReadArgs),
    /// Fetch the facts from the router itself
    Fetch(FetchArgs),
}

/// Read a saved page or a configuration file.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  poolcheck router read sky_lan_ip_setup.html
  poolcheck router read --adapter sky-hub page.html -o toml > lan.toml")]
pub(crate) struct ReadArgs {
    /// The files that belong together
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The adapter, when the content does not tell
    #[arg(long, value_name = "ID")]
    adapter: Option<String>,
    /// How to tell it
    #[arg(short, long, value_enum, default_value_t = Form::Pretty)]
    output: Form,
}

/// Fetch the facts from the router itself.
#[derive(Debug, Args)]
pub(crate) struct FetchArgs {
    /// The adapter
    #[arg(long, value_name = "ID")]
    adapter: String,
    /// The router's address
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// The user to log in as
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Take the secret from this environment variable
    #[arg(long, value_name = "NAME")]
    secret_env: Option<String>,
    /// Take the secret from this file, which must have mode 0600
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Ask a router whose address is not private
    #[arg(long)]
    allow_public: bool,
    /// Send the password readable (HTTP Basic) to a router that offers nothing better
    #[arg(long)]
    allow_basic: bool,
    /// How long each request may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    /// How to tell it
    #[arg(short, long, value_enum, default_value_t = Form::Pretty)]
    output: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Pretty,
    Toml,
}

pub(crate) fn run(command: RouterCommand, style: &Style) -> Exit {
    match command {
        RouterCommand::List => output::finish(output::print(&list()), style),
        RouterCommand::Read(args) => read(&args, style),
        RouterCommand::Fetch(args) => fetch(&args, style),
    }
}

fn list() -> String {
    let rows = adapters::all().iter().map(|registered| {
        let adapter = registered.adapter;
        format!("{:<10} {}\n{:<10} tested on: {}\n", adapter.id, adapter.title, "", adapter.tested_on)
    });
    rows.collect()
}

fn adapter_named(id: &str) -> Result<&'static adapters::Adapter, session::Failure> {
    let ids: Vec<&str> = adapters::all().iter().map(|registered| registered.adapter.id).collect();
    adapters::find(id).ok_or_else(|| {
        let help = adapters::spanned_toml::nearest(id, &ids)
            .map_or_else(|| format!("the adapters are {}", ids.join(", ")), |near| format!("did you mean `{near}`?"));
        usage(&format!("there is no adapter `{id}`"), &help)
    })
}

fn read(args: &ReadArgs, style: &Style) -> Exit {
    let mut sources = Sources::new();
    let facts = pick(args).and_then(|adapter| session::read_router(adapter, &args.files, false, &mut sources));
    match facts {
        Ok(facts) => tell(&facts, &sources, args.output, style),
        Err(failure) => failure.tell(style),
    }
}

fn pick(args: &ReadArgs) -> Result<&'static adapters::Adapter, session::Failure> {
    if let Some(id) = &args.adapter {
        return adapter_named(id);
    }
    let file = &args.files[0];
    let text = crate::config::read_text(file, false)?;
    let name = crate::collect::shown(file);
    adapters::recognise(&adapters::Page { name: &name, text: &text }).ok_or_else(|| {
        let ids: Vec<&str> = adapters::all().iter().map(|registered| registered.adapter.id).collect();
        usage(
            &format!("{name} is not a format that poolcheck knows"),
            &format!("force one with --adapter: {}", ids.join(", ")),
        )
    })
}

fn tell(facts: &Facts, sources: &Sources, form: Form, style: &Style) -> Exit {
    let text = match form {
        Form::Toml => adapters::to_toml(facts),
        Form::Pretty => {
            let cards = sources.iter().filter(|(_, source)| source.kind == poolcheck_plan::SourceKind::Card);
            let cards: Vec<String> =
                cards.map(|(_, card)| format!("{}\n{}\n", card.name, card.text.trim_end())).collect();
            if cards.is_empty() { adapters::to_toml(facts) } else { cards.concat() }
        }
    };
    output::finish(output::print(&text), style)
}

#[cfg(not(feature = "live"))]
fn fetch(args: &FetchArgs, style: &Style) -> Exit {
    let failure = adapter_named(&args.adapter).err().unwrap_or_else(|| {
        usage(
            "this build cannot talk to routers",
            "install it with them: cargo install --path . --features live; or save the page and run poolcheck router read",
        )
    });
    failure.tell(style)
}

#[cfg(feature = "live")]
fn fetch(args: &FetchArgs, style: &Style) -> Exit {
    let mut sources = Sources::new();
    match fetch_facts(args, &mut sources) {
        Ok(facts) => tell(&facts, &sources, args.output, style),
        Err(failure) => failure.tell(style),
    }
}

/// The command line comes before the `[[router]]` of the configuration, which comes before the adapter's defaults.
#[cfg(feature = "live")]
fn fetch_facts(args: &FetchArgs, sources: &mut Sources) -> Result<Facts, session::Failure> {
    use adapters::live;

    let refused =
        |error: &live::FetchError| session::Failure::plain(Exit::Unchecked, &error.to_string(), &error.help());
    let adapter = adapter_named(&args.adapter)?;
    let config = match crate::config::discover(std::path::Path::new(".")) {
        Some(file) => crate::config::read(&file, false, sources)?,
        None => crate::config::Config::default(),
    };
    let configured = config.routers.into_iter().find(|router| router.adapter.id == adapter.id);
    let (host, user, source) =
        configured.map_or((None, None, None), |router| (router.host, router.user, router.secret));
    let secret = match (&args.secret_env, &args.secret_file, source) {
        (Some(name), _, _) => live::Secret::from_env(name),
        (None, Some(path), _) => live::Secret::from_file(path),
        (None, None, Some(crate::config::SecretSource::Env(name))) => live::Secret::from_env(&name),
        (None, None, Some(crate::config::SecretSource::File(path))) => live::Secret::from_file(&path),
        (None, None, Some(crate::config::SecretSource::Command(line))) => live::Secret::from_command(&line),
        (None, None, None) => {
            return Err(usage(
                "no secret is named",
                "pass --secret-env NAME or --secret-file FILE (mode 0600), or write secret = { … } in poolcheck.toml",
            ));
        }
    };
    let secret = secret.map_err(|error| refused(&error))?;
    let host = args.host.clone().or(host).or_else(|| adapter.live.map(|live| live.default_host.to_owned()));
    let mut request = live::Request::new(host.unwrap_or_default(), secret);
    request.user = args.user.clone().or(user);
    request.timeout = std::time::Duration::from_secs(args.timeout);
    (request.allow_public, request.allow_basic) = (args.allow_public, args.allow_basic);
    let pages = live::fetch(adapter, &request).map_err(|error| refused(&error))?;
    let pages: Vec<_> = pages.iter().map(|(name, text)| adapters::Page { name, text }).collect();
    let now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M").to_string();
    let input = adapters::Input { pages: &pages, read_at: Some((&request.host, &now)) };
    adapter.parse(&input, sources).map_err(|error| session::Failure::facts(error, std::mem::take(sources)))
}
