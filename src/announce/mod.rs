//! `poolcheck announce`: machines that share addresses, without Kubernetes.
//!
//! The announcer library does the sharing; here is what a program around it needs: a configuration, a look at what is known of
//! the LAN before anything is said on it, checks of what stands behind an address, a socket to be spoken to, and someone who
//! outlives it. One thread runs the announcer; all others only hand it something and wake it.

mod command;
pub(crate) mod config;
mod control;
pub(crate) mod guard;
mod health;
mod key;
mod local;
pub(crate) mod log;
mod notify;
mod numbers;
mod preflight;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use poolcheck_announcer::{Announcer, Driver, Event, Key, Waker, Want, What};
use poolcheck_lan::Timestamp;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Style, pretty, print_error};
use config::{Config, Shared};
use control::{Answer, Asked, Question};
use guard::Guard;
use health::{Health, Verdict};
use local::Local;
use log::{Form, Log};
use notify::Notify;
use numbers::Numbers;
use view::{ReasonView, View};

/// How long one turn may last: so soon everything else is looked at.
const TURN: Duration = Duration::from_secs(1);
/// So often numbers are brought up to date.
const NUMBERS: Duration = Duration::from_secs(5);
/// How long a planned move is waited for.
const MOVE: Duration = Duration::from_millis(2500);

/// How to run.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) config: PathBuf,
    pub(crate) facts: Vec<PathBuf>,
    /// Whatever the rules find.
    pub(crate) despite_findings: bool,
    /// Only look whether it could run.
    pub(crate) check: bool,
    pub(crate) log: Form,
}

/// Shares addresses until it is told to end.
pub(crate) fn run(options: &Options, style: &Style) -> Result<Exit, Failure> {
    let config = Config::read(&options.config)?;
    if !passes(&config, options, style)? {
        return Ok(Exit::Findings);
    }
    if options.check {
        // Everything but the key and the interface: another machine may be meant.
        let settings = config.settings(Key::new(&[0; 32]).map_err(refused)?);
        Announcer::new(
            settings,
            poolcheck_announcer::LinkFacts { up: false, mac: poolcheck_lan::wire::MacAddr::ZERO, subnets: Vec::new() },
        )
        .map_err(refused)?;
        let addresses = crate::report::counted(config.addresses.len(), "address");
        print(&format!("ok: {addresses} on {} as {}\n", config.port.interface, config.node))?;
        return Ok(Exit::Clean);
    }
    let settings = config.settings(key::read(&config.key)?);
    Program::start(config, settings, options)?.run()
}

/// Whether the rules let it start: tells what they find.
fn passes(config: &Config, options: &Options, style: &Style) -> Result<bool, Failure> {
    let preflight = preflight::judge(config, &options.facts)?;
    for finding in &preflight.findings {
        print_error(pretty::finding(finding, &preflight.sources, style).trim_end());
        print_error("");
    }
    if !preflight.judged {
        let text = "nothing is known of the LAN, so the addresses were not checked against DHCP: \
                    write facts = [\"lan.toml\"], or `poolcheck scan` them first";
        print_error(&pretty::warning(text, style));
    }
    let passes = !preflight.has_errors() || options.despite_findings;
    if !passes {
        print_error(&pretty::help(&["mend it, or start with --despite-findings".to_owned()], style));
    }
    Ok(passes)
}

/// What the announcer's errors mean to whoever started it.
fn refused(error: poolcheck_announcer::Error) -> Failure {
    use poolcheck_announcer::Error;
    match error {
        Error::Lan(poolcheck_lan::Error::Permission { name }) => Failure::plain(
            Exit::Unchecked,
            &format!("cannot open a packet socket on {name}: operation not permitted"),
            "sudo setcap cap_net_raw,cap_net_admin+ep $(command -v poolcheck)     (or run as root)",
        ),
        Error::Lan(error) => Failure::plain(Exit::Unchecked, &error.to_string(), ""),
        error => Failure::plain(Exit::Usage, &error.to_string(), ""),
    }
}

fn print(text: &str) -> Result<(), Failure> {
    crate::output::print(text).map_err(|error| Failure::plain(Exit::Unchecked, &format!("cannot write: {error}"), ""))
}

/// The running program.
struct Program {
    config: Config,
    path: PathBuf,
    driver: Driver,
    log: Log,
    health: Health,
    verdicts: mpsc::Receiver<Verdict>,
    notify: Notify,
    /// What commands failed to take in.
    failures: mpsc::Receiver<String>,
    asked: mpsc::Receiver<Asked>,
    signals: mpsc::Receiver<i32>,
    local: Option<Local>,
    guard: Guard,
    /// Kernel settings that were changed: to be put back.
    changed: Vec<(PathBuf, u8)>,
    numbers: Option<Numbers>,
    numbered: Option<Instant>,
    /// Something happened since: then once a second, however much happens at once.
    news_for_numbers: bool,
    watchdog: Option<(Duration, Instant)>,
    told_to_leave: bool,
    _socket: control::Socket,
}

impl Program {
    fn start(config: Config, settings: poolcheck_announcer::Settings, options: &Options) -> Result<Self, Failure> {
        let log = Log { node: config.node.clone(), form: options.log };
        let driver = Driver::open(settings, config.port.clone()).map_err(refused)?;
        let (ask, asked) = mpsc::channel();
        let socket = control::listen(&config.socket, ask, driver.waker())?;
        let numbers = config.metrics.map(|address| {
            let numbers = Numbers::default();
            let shared = numbers.clone();
            crate::metrics::serve(address, move || shared.text()).map(|bound| (numbers, bound))
        });
        let numbers = numbers.transpose()?;
        if let Some((_, bound)) = &numbers {
            log.say(&format!("metrics: http://{bound}/metrics"));
        }
        let (mut guard, no_guard) = Guard::start();
        if let Some(why) = no_guard {
            log.say(&format!("nobody outlives this process, so its death is noticed later: {why}"));
        }
        let changed = Self::prepare_kernel(&config, &mut guard)?;
        let local = config.addresses.iter().any(|address| address.local);
        let local = local.then(|| Local::on(&config.local_interface)).transpose()?;
        let (said, verdicts) = mpsc::channel();
        let health = Health::new(said, driver.waker());
        let (failed, failures) = mpsc::channel();
        let notify = Notify::new(failed, driver.waker());
        let signals = signals(driver.waker())?;
        let watchdog = sd_notify::watchdog_enabled().map(|limit| (limit / 3, Instant::now()));
        let (path, numbers) = (options.config.clone(), numbers.map(|(numbers, _)| numbers));
        let mut program = Self {
            config,
            path,
            driver,
            log,
            health,
            verdicts,
            notify,
            failures,
            asked,
            signals,
            local,
            guard,
            changed,
            numbers,
            numbered: None,
            news_for_numbers: false,
            watchdog,
            told_to_leave: false,
            _socket: socket,
        };
        program.adopt(&[])?;
        Ok(program)
    }

    /// Sees to it that the kernel does not speak for addresses that it is lent; gives what was changed.
    fn prepare_kernel(config: &Config, guard: &mut Guard) -> Result<Vec<(PathBuf, u8)>, Failure> {
        let concerned = config.addresses.iter().any(|address| address.local && address.address.is_ipv4());
        let needed = if concerned { local::sysctls(&config.port.interface) } else { Vec::new() };
        if needed.is_empty() {
            return Ok(Vec::new());
        }
        let line = local::sysctl_line(&needed);
        if !config.set_sysctls {
            let what = format!("the kernel would answer ARP on {} by itself", config.port.interface);
            let help = format!("{line}     (or write set-sysctls = true: set at the start, restored at the end)");
            return Err(Failure::plain(Exit::Unchecked, &what, &help));
        }
        let mut changed = Vec::new();
        for (path, wanted, before) in needed {
            guard.restore(&path, before);
            std::fs::write(&path, wanted.to_string()).map_err(|error| {
                Failure::plain(Exit::Unchecked, &format!("{} cannot be set: {error}", path.display()), &line)
            })?;
            changed.push((path, before));
        }
        Ok(changed)
    }

    /// Acts on what is configured: its addresses, the checks behind them, and who is told where they are. `before` is what was
    /// configured until now.
    fn adopt(&mut self, before: &[Shared]) -> Result<(), Failure> {
        self.health.run(self.config.addresses.iter().filter_map(|address| address.check.clone()));
        self.want()?;
        self.introduce(before);
        let nets = self.driver.interface().map(|interface| interface.addresses.clone()).unwrap_or_default();
        let interface = &self.config.port.interface;
        match self.driver.interface().map(poolcheck_lan::interface::Interface::usable) {
            None => self.log.say(&format!("there is no interface {interface} yet: waits for it")),
            Some(Err(error)) => self.log.say(&format!("{error}: waits for it")),
            Some(Ok(())) => {
                let far =
                    self.config.addresses.iter().map(|address| address.address).filter(|address| {
                        !nets.iter().chain(&self.config.port.subnets).any(|net| net.contains(address))
                    });
                let far: Vec<String> = far.take(5).map(|address| address.to_string()).collect();
                if !far.is_empty() {
                    let far = far.join(", ");
                    self.log.say(&format!(
                        "{far}: in no subnet of {interface}, so never owned here (or write subnets = […])"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Tells commands where addresses are that they have not heard of before.
    fn introduce(&mut self, before: &[Shared]) {
        let owned: BTreeSet<IpAddr> = self.driver.announcer().owned().collect();
        let mut old: BTreeMap<IpAddr, &Vec<String>> = before.iter().map(|one| (one.address, &one.notify)).collect();
        for shared in &self.config.addresses {
            if old.remove(&shared.address) != Some(&shared.notify) {
                self.notify.tell(&shared.notify, shared.address, owned.contains(&shared.address));
            }
        }
        for (address, command) in old {
            self.notify.tell(command, address, false);
        }
    }

    fn want(&mut self) -> Result<(), Failure> {
        let health = &self.health;
        let wants: Vec<Want> =
            self.config.addresses.iter().map(|address| address.want(health.is_ready(address.check.as_ref()))).collect();
        self.driver.set_wants(&wants).map_err(refused)
    }

    fn run(mut self) -> Result<Exit, Failure> {
        self.arm();
        notify(&[sd_notify::NotifyState::Ready]);
        for group in self.driver.untold_groups().map(|group| group.to_string()).collect::<Vec<_>>() {
            self.log.say(&format!(
                "no IPv6 socket could join {group}: switches that look at MLD may keep questions from us"
            ));
        }
        let ended = loop {
            match self.turn() {
                Ok(false) => {}
                Ok(true) => break Ok(Exit::Clean),
                Err(failure) => break Err(failure),
            }
        };
        notify(&[sd_notify::NotifyState::Stopping]);
        if let Some(local) = &mut self.local {
            local.follow(self.driver.now(), &BTreeSet::new(), &mut self.guard);
        }
        for (path, before) in &self.changed {
            if let Err(error) = std::fs::write(path, before.to_string()) {
                self.log.say(&format!("{} cannot be restored to {before}: {error}", path.display()));
            }
        }
        if self.driver.has_left() {
            self.guard.over();
        } else {
            for address in self.driver.announcer().owned().collect::<Vec<_>>() {
                self.tell(address, false);
            }
        }
        self.notify.end();
        ended
    }

    /// One turn of the loop; whether it was the last.
    fn turn(&mut self) -> Result<bool, Failure> {
        let now = self.driver.now();
        let due = self.local.as_ref().and_then(Local::due).map_or(TURN, |due| due.since(now));
        self.driver.turn(due.min(TURN)).map_err(refused)?;
        let mut news = false;
        while let Some(event) = self.driver.poll_event() {
            news = true;
            self.note(&event);
        }
        while let Ok(verdict) = self.verdicts.try_recv() {
            self.judge(&verdict)?;
        }
        while let Ok(failure) = self.failures.try_recv() {
            self.log.say(&failure);
        }
        while let Ok((question, back)) = self.asked.try_recv() {
            // Who asked may have gone.
            drop(back.send(self.answer(question)));
        }
        while let Ok(signal) = self.signals.try_recv() {
            if self.heed(signal)? {
                return Ok(true);
            }
        }
        let now = self.driver.now();
        if news || self.local.as_ref().and_then(Local::due).is_some_and(|due| due <= now) {
            self.lend(now);
        }
        let pace = if self.news_for_numbers { TURN } else { NUMBERS };
        if self.numbered.is_none_or(|last| last.elapsed() >= pace) {
            self.number(now);
        }
        if let Some((every, last)) = &mut self.watchdog
            && last.elapsed() >= *every
        {
            *last = Instant::now();
            notify(&[sd_notify::NotifyState::Watchdog]);
        }
        Ok(self.driver.has_left())
    }

    fn note(&mut self, event: &Event) {
        self.log.event(&self.driver, event);
        if let Some(numbers) = &self.numbers {
            numbers.count(&event.what);
            self.news_for_numbers = true;
        }
        match event.what {
            What::Owned { address, .. } => self.tell(address, true),
            What::Released { address, .. } => self.tell(address, false),
            _ => {}
        }
        if matches!(event.what, What::LinkUp | What::MacChanged { .. }) {
            self.arm();
        }
    }

    /// Tells an address's command where it is.
    fn tell(&mut self, address: IpAddr, owned: bool) {
        if let Some(shared) = self.config.addresses.iter().find(|shared| shared.address == address) {
            self.notify.tell(&shared.notify, address, owned);
        }
    }

    /// Gives the guard the last words of this life.
    fn arm(&mut self) {
        if let Some(interface) = self.driver.interface().filter(|interface| interface.usable().is_ok()) {
            self.guard.words(&interface.name, &self.driver.announcer().last_words());
        }
    }

    fn judge(&mut self, verdict: &Verdict) -> Result<(), Failure> {
        self.health.note(verdict);
        let command = verdict.check.command.join(" ");
        match &verdict.why {
            None => self.log.say(&format!("check good: {command}")),
            Some(why) => self.log.say(&format!("check bad: {command}: {why}")),
        }
        self.want()
    }

    fn lend(&mut self, now: Timestamp) {
        let Some(local) = &mut self.local else { return };
        let wanted: BTreeSet<IpAddr> =
            self.config.addresses.iter().filter(|address| address.local).map(|address| address.address).collect();
        let owned = self.driver.announcer().owned().filter(|address| wanted.contains(address)).collect();
        for wrong in local.follow(now, &owned, &mut self.guard) {
            self.log.say(&wrong);
        }
    }

    fn number(&mut self, now: Timestamp) {
        (self.numbered, self.news_for_numbers) = (Some(Instant::now()), false);
        if let Some(numbers) = &self.numbers {
            let announcer = self.driver.announcer();
            numbers.note(View::of(announcer, &self.config.port.interface, now), announcer.counters());
        }
    }

    fn answer(&mut self, question: Question) -> Answer {
        let now = self.driver.now();
        match question {
            Question::Status => Answer::Status(View::of(self.driver.announcer(), &self.config.port.interface, now)),
            Question::Why { address } => match self.driver.announcer().why(now, address) {
                Ok(reasons) => Answer::Why { reasons: reasons.into_iter().map(ReasonView::of).collect() },
                Err(error) => Answer::Refused { message: error.to_string() },
            },
            Question::Handover { address, to } => {
                match self.driver.with(|announcer, now| announcer.hand_over(now, address, to.as_deref())) {
                    Ok(()) => Answer::Offered,
                    Err(error) => Answer::Refused { message: error.to_string() },
                }
            }
        }
    }

    /// Acts on a signal; whether to end at once.
    fn heed(&mut self, signal: i32) -> Result<bool, Failure> {
        if signal == SIGHUP {
            self.reload()?;
            return Ok(false);
        }
        if self.told_to_leave {
            return Ok(true);
        }
        self.told_to_leave = true;
        self.log.say("told to end: hands its addresses over");
        self.driver.with(Announcer::drain);
        Ok(false)
    }

    /// Reads the configuration again. What is wrong is told, and nothing changes then.
    fn reload(&mut self) -> Result<(), Failure> {
        let mut states = vec![sd_notify::NotifyState::Reloading];
        states.extend(sd_notify::NotifyState::monotonic_usec_now().ok());
        notify(&states);
        match Config::read(&self.path) {
            Err(failure) => {
                self.log.say(&format!("the configuration stays as it was: {}", failure.messages().join("; ")));
            }
            Ok(new) => {
                let fixed = self.config.fixed_differences(&new);
                if !fixed.is_empty() {
                    self.log.say(&format!("needs a restart to change: {}", fixed.join(", ")));
                }
                let before = std::mem::replace(&mut self.config.addresses, new.addresses);
                self.config.ranges = new.ranges;
                self.reloaded(&before)?;
            }
        }
        notify(&[sd_notify::NotifyState::Ready]);
        Ok(())
    }

    fn reloaded(&mut self, before: &[Shared]) -> Result<(), Failure> {
        if self.local.is_none() && self.config.addresses.iter().any(|address| address.local) {
            let ready = Self::prepare_kernel(&self.config, &mut self.guard)
                .and_then(|changed| Ok((changed, Local::on(&self.config.local_interface)?)));
            match ready {
                Ok((changed, local)) => {
                    self.changed.extend(changed);
                    self.local = Some(local);
                }
                Err(failure) => self.log.say(&format!("no traffic is accepted: {}", failure.messages().join("; "))),
            }
        }
        self.adopt(before)?;
        let now = self.driver.now();
        self.lend(now);
        let addresses = crate::report::counted(self.config.addresses.len(), "address");
        self.log.say(&format!("reloaded: {addresses}"));
        Ok(())
    }
}

/// Tells systemd, where it listens.
fn notify(states: &[sd_notify::NotifyState<'_>]) {
    drop(sd_notify::notify(states));
}

/// Signals, handed to the loop.
fn signals(waker: Waker) -> Result<mpsc::Receiver<i32>, Failure> {
    let (tell, told) = mpsc::channel();
    let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGINT, SIGHUP])
        .map_err(|error| Failure::plain(Exit::Unchecked, &format!("signals cannot be caught: {error}"), ""))?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if tell.send(signal).is_err() {
                return;
            }
            waker.wake();
        }
    });
    Ok(told)
}

/// `announce status`.
pub(crate) fn status(socket: &Path, json: bool) -> Result<Exit, Failure> {
    let view = ask_status(socket)?;
    let text = if json { format!("{:#}\n", serde_json::json!(view)) } else { view.table() };
    print(&text)?;
    Ok(Exit::Clean)
}

fn ask_status(socket: &Path) -> Result<View, Failure> {
    match control::ask(socket, &Question::Status)? {
        Answer::Status(view) => Ok(view),
        other => Err(unexpected(other)),
    }
}

fn unexpected(answer: Answer) -> Failure {
    match answer {
        Answer::Refused { message } => Failure::plain(Exit::Unchecked, &message, ""),
        _ => Failure::plain(
            Exit::Unchecked,
            "the announcer answers something else than was asked",
            "is it another version?",
        ),
    }
}

/// `announce why`.
pub(crate) fn why(socket: &Path, address: IpAddr, json: bool) -> Result<Exit, Failure> {
    let reasons = match control::ask(socket, &Question::Why { address })? {
        Answer::Why { reasons } => reasons,
        other => return Err(unexpected(other)),
    };
    let text = if json { format!("{:#}\n", serde_json::json!(reasons)) } else { ReasonView::table(&reasons) };
    print(&text)?;
    Ok(Exit::Clean)
}

/// `announce handover`: asks for it, and waits until it is done.
pub(crate) fn handover(socket: &Path, address: IpAddr, to: Option<&str>) -> Result<Exit, Failure> {
    let owner = |view: &View| view.addresses.iter().find(|a| a.address == address).and_then(|a| a.owner.clone());
    let before = ask_status(socket)?;
    let from = owner(&before);
    if from.as_ref().is_some_and(|from| *from != before.node) {
        let from = from.unwrap_or_default();
        let what = format!("{address} is owned by {from}, and this is {}", before.node);
        return Err(Failure::plain(Exit::Unchecked, &what, &format!("run it on {from}")));
    }
    match control::ask(socket, &Question::Handover { address, to: to.map(str::to_owned) })? {
        Answer::Offered => {}
        other => return Err(unexpected(other)),
    }
    let began = Instant::now();
    while began.elapsed() < MOVE {
        std::thread::sleep(Duration::from_millis(10));
        if let Some(now) = owner(&ask_status(socket)?).filter(|now| *now != before.node) {
            print(&format!("{address} is owned by {now}, after {} ms\n", began.elapsed().as_millis()))?;
            return Ok(Exit::Clean);
        }
    }
    let help = "poolcheck announce why tells what keeps the others from it";
    Err(Failure::plain(Exit::Unchecked, &format!("nobody took {address}: it stays with {}", before.node), help))
}
