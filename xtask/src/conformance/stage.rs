//! What rows stand on: a LAN with the announcer running, asked and listened to; and what was seen once and serves several rows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use poolcheck_lan::link::Link;
use poolcheck_lan::wire::MacAddr;

use super::Verdict;
use super::owner::Split;
use crate::announcers::Moment;
use crate::announcers::lan::Lan;
use crate::announcers::process::Signal;
use crate::announcers::wire::{Asked, Asking, Heard, Recorder};

/// An announcer that has just started has this long to have exactly one owner for each address.
const PATIENCE: Duration = Duration::from_secs(20);
/// So long an address must have had one owner alone to be settled.
const SETTLED: Duration = Duration::from_millis(800);
/// For so long it is believed to have the same, while nothing disturbs.
const BELIEVED: Duration = Duration::from_secs(5);
/// How long announcements are watched for after an event.
const WATCH: Duration = Duration::from_secs(14);
/// Announcers of this list repeat themselves within this time.
const QUIET: Duration = Duration::from_millis(5500);
/// Questions one after another are this far apart, where moments are measured by them.
pub(super) const EVERY: Duration = Duration::from_millis(5);

/// How often a host asks before it gives up (Linux: `mcast_solicit`), and how long it waits each time.
pub(super) const QUESTIONS: u32 = 3;
pub(super) const SOON: Duration = Duration::from_secs(1);

/// Who owns an address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owned {
    pub(super) address: IpAddr,
    pub(super) node: usize,
    pub(super) mac: MacAddr,
}

/// An event, and all that nodes sent before and after it.
#[derive(Clone)]
pub(super) struct Watch {
    /// When the event was.
    pub(super) since: Moment,
    /// Who owns it after.
    pub(super) owner: Owned,
    pub(super) asked: Vec<Asked>,
    pub(super) heard: Vec<Heard>,
}

impl Watch {
    /// When the new owner answered first.
    pub(super) fn first_answer(&self) -> Option<Moment> {
        let answers = self.asked.iter().flat_map(|asked| &asked.answers);
        answers.filter(|(at, node)| *node == self.owner.node && *at >= self.since).map(|(at, _)| *at).min()
    }

    /// What the new owner sent after the event.
    pub(super) fn of_owner(&self) -> impl Iterator<Item = &Heard> {
        self.heard.iter().filter(|heard| heard.node == self.owner.node && heard.at >= self.since)
    }
}

/// The LAN and what is known of it.
pub(super) struct Stage {
    pub(super) lan: Lan,
    pub(super) budget: Duration,
    tape: Option<Recorder>,
    running: bool,
    quiet: bool,
    number: u32,
    /// Why an address of this family could never be had so far, found out once.
    dead: [Option<Verdict>; 2],
    alive: [bool; 2],
    /// Who was found to own what, and when, since the last disturbance.
    known: Vec<(Owned, Moment)>,
    first_start: Option<Vec<Watch>>,
    takeovers: [Option<Watch>; 2],
    pub(super) split: Option<Split>,
}

impl Stage {
    pub(super) fn new(lan: Lan, budget: Duration) -> Self {
        let (dead, takeovers) = ([None, None], [None, None]);
        Self {
            lan,
            budget,
            tape: None,
            running: false,
            quiet: false,
            number: 0,
            dead,
            alive: [false; 2],
            known: Vec::new(),
            first_start: None,
            takeovers,
            split: None,
        }
    }

    /// The first address of IPv4.
    pub(super) fn v4(&self) -> Ipv4Addr {
        let first = self.lan.addresses().iter().find_map(|address| match address {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(_) => None,
        });
        first.unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    /// The first address of IPv6.
    pub(super) fn v6(&self) -> Result<Ipv6Addr, Verdict> {
        let first = self.lan.addresses().iter().find_map(|address| match address {
            IpAddr::V6(address) => Some(*address),
            IpAddr::V4(_) => None,
        });
        first.ok_or_else(|| Verdict::NotApplicable { note: "it announces no address of IPv6".to_owned() })
    }

    /// A number that no question had.
    pub(super) fn number(&mut self) -> u32 {
        self.numbers(1)
    }

    /// The first of so many.
    pub(super) fn numbers(&mut self, count: u32) -> u32 {
        self.number += count;
        self.number - count + 1
    }

    /// What nodes send; forgets what they sent before.
    pub(super) fn tape(&mut self) -> Result<&Recorder, Verdict> {
        if self.tape.is_none() {
            self.tape = Some(self.lan.record()?);
        }
        self.tape.as_ref().ok_or_else(|| "nothing is recorded".to_owned().into())
    }

    /// Listens to cables that were plugged in since.
    pub(super) fn listen_anew(&mut self) -> Result<(), Verdict> {
        self.tape = None;
        self.tape().map(|_| ())
    }

    /// The next row starts everything anew.
    pub(super) fn disturbed(&mut self) {
        self.running = false;
        self.known.clear();
    }

    /// All nodes run, and this address has one owner.
    pub(super) fn settled(&mut self, address: IpAddr) -> Result<Owned, Verdict> {
        if let Some(verdict) = &self.dead[usize::from(address.is_ipv6())] {
            return Err(verdict.clone());
        }
        if !self.running {
            self.clean()?;
            self.lan.start_all()?;
            self.running = true;
        }
        let now = self.lan.clock.now();
        let known = self.known.iter().find(|(owned, at)| owned.address == address && *at + BELIEVED > now);
        if let Some((owned, _)) = known {
            return Ok(*owned);
        }
        let owned = self.owner(address)?;
        self.known.retain(|(known, _)| known.address != address);
        self.known.push((owned, self.lan.clock.now()));
        Ok(owned)
    }

    /// Only these nodes run, from a clean beginning, and this address has one owner. The next row starts anew.
    pub(super) fn only(&mut self, nodes: &[usize], address: IpAddr) -> Result<Owned, Verdict> {
        self.clean()?;
        for node in nodes {
            self.lan.start(*node)?;
        }
        self.owner(address)
    }

    /// Nothing runs, nobody remembers anything.
    pub(super) fn clean(&mut self) -> Result<(), Verdict> {
        self.tape = None;
        self.known.clear();
        (self.running, self.quiet) = (false, false);
        self.lan.fresh()?;
        self.tape()?;
        Ok(())
    }

    /// Waits until an address has one owner.
    pub(super) fn owner(&mut self, address: IpAddr) -> Result<Owned, Verdict> {
        let family = usize::from(address.is_ipv6());
        if let Some(verdict) = &self.dead[family] {
            return Err(verdict.clone());
        }
        let began = self.lan.clock.now();
        let mut last = Vec::new();
        while self.lan.clock.now() < began + PATIENCE {
            let asked = self.ask(address, Duration::from_millis(20), SETTLED)?;
            let owners: Vec<Option<usize>> = asked
                .iter()
                .map(|asked| asked.answers.first().map(|(_, node)| *node).filter(|_| asked.answers.len() == 1))
                .collect();
            if let Some(Some(node)) = owners.first().copied()
                && owners.iter().all(|owner| *owner == Some(node))
            {
                self.alive[family] = true;
                return Ok(Owned { address, node, mac: self.lan.nodes[node].mac });
            }
            last = asked;
        }
        let answered = last.iter().filter(|asked| !asked.answers.is_empty()).count();
        let twice = last.iter().filter(|asked| asked.answers.len() > 1).count();
        let words = (0..self.lan.nodes.len()).map(|node| format!("n{}: {}", node + 1, self.lan.last_words(node)));
        let note = format!(
            "no single owner of {address} after {} s: of the last {} questions {answered} were answered, {twice} more than once",
            PATIENCE.as_secs(),
            last.len()
        );
        let verdict = Verdict::failed(note, words.collect::<Vec<_>>());
        self.disturbed();
        if !self.alive[family] {
            self.dead[family] = Some(verdict.clone());
        }
        Err(verdict)
    }

    /// Asks for so long, and gives the questions with their answers.
    pub(super) fn ask(&mut self, address: IpAddr, every: Duration, long: Duration) -> Result<Vec<Asked>, Verdict> {
        let first = self.numbers(1 << 16);
        let mut asking = Asking::new(address, first);
        asking.during(&mut self.lan, every, long)?;
        std::thread::sleep(Duration::from_millis(50));
        Ok(asking.answered(self.tape()?))
    }

    /// Waits until nobody has announced anything for a while: announcements of a start are over.
    pub(super) fn quiet(&mut self) -> Result<(), Verdict> {
        if self.quiet {
            return Ok(());
        }
        let addresses = self.lan.addresses().to_vec();
        let clock = self.lan.clock;
        let began = clock.now();
        while clock.now() < began + PATIENCE {
            std::thread::sleep(Duration::from_millis(200));
            let since = clock.now().before(QUIET);
            let tape = self.tape()?;
            let last = tape.select(|heard| heard.at >= since && addresses.iter().any(|a| heard.announces(*a)));
            if last.is_empty() && clock.now() >= began + QUIET {
                break;
            }
        }
        // One that never is quiet is judged by the rows about announcements.
        self.quiet = true;
        Ok(())
    }

    /// Sends a frame of the client's.
    pub(super) fn send(&mut self, frame: &[u8]) -> Result<Moment, Verdict> {
        let now = self.lan.clock.now();
        self.lan.client.send(&[frame.to_vec()]).map_err(|error| error.to_string())?;
        Ok(now)
    }

    /// Asks by this frame, three times at most and a second apart, as hosts do: an announcer that was not sure of itself for a
    /// moment is silent, and right. Gives when it asked last, and what came of that.
    pub(super) fn question(
        &mut self,
        frame: &[u8],
        answers: impl Fn(&Heard) -> bool,
    ) -> Result<(Moment, Vec<Heard>), Verdict> {
        let mut since = Moment::ZERO;
        for _ in 0..QUESTIONS {
            since = self.send(frame)?;
            let found = self.tape()?.wait(SOON, |heard| heard.at >= since && answers(heard));
            if !found.is_empty() {
                break;
            }
        }
        // A second answer may be under way.
        std::thread::sleep(Duration::from_millis(50));
        let found = self.tape()?.select(|heard| heard.at >= since && answers(heard));
        Ok((since, found))
    }

    /// Sends a frame of the rogue's.
    pub(super) fn claim(&mut self, frame: &[u8]) -> Result<Moment, Verdict> {
        let now = self.lan.clock.now();
        self.lan.rogue.send(&[frame.to_vec()]).map_err(|error| error.to_string())?;
        Ok(now)
    }

    /// Frames as evidence.
    pub(super) fn evidence<'a>(&self, since: Moment, heard: impl IntoIterator<Item = &'a Heard>) -> Vec<String> {
        heard.into_iter().take(4).map(|heard| heard.evidence(&self.lan, since)).collect()
    }

    /// The first start of all, from the moment of starting: for each address what was seen. Looked at once.
    pub(super) fn first_start(&mut self, address: IpAddr) -> Result<Watch, Verdict> {
        if self.first_start.is_none() {
            self.clean()?;
            let since = self.lan.clock.now();
            self.lan.start_all()?;
            self.running = true;
            let mut owners = Vec::new();
            for address in [Some(IpAddr::V4(self.v4())), self.v6().ok().map(IpAddr::V6)].into_iter().flatten() {
                if let Ok(owner) = self.owner(address) {
                    owners.push(owner);
                }
            }
            let end = since + WATCH;
            std::thread::sleep(end.since(self.lan.clock.now()));
            let heard = self.tape()?.all();
            let watch = |owner: Owned| Watch { since, owner, asked: Vec::new(), heard: heard.clone() };
            self.first_start = Some(owners.into_iter().map(watch).collect());
        }
        let found = self.first_start.iter().flatten().find(|watch| watch.owner.address == address).cloned();
        match found {
            Some(watch) => Ok(watch),
            None => Err(self.owner(address).err().unwrap_or_else(|| "it was not settled at first".to_owned().into())),
        }
    }

    /// The owner of an address is asked to end (SIGTERM), and what follows is watched. Looked at once a family.
    pub(super) fn takeover(&mut self, address: IpAddr) -> Result<Watch, Verdict> {
        let family = usize::from(address.is_ipv6());
        if let Some(watch) = &self.takeovers[family] {
            return Ok(watch.clone());
        }
        let old = self.settled(address)?;
        self.quiet()?;
        let first = self.numbers(1 << 16);
        let mut asking = Asking::new(address, first);
        asking.during(&mut self.lan, EVERY, Duration::from_millis(100))?;
        let since = self.lan.signal(old.node, Signal::Terminate)?;
        self.disturbed();
        asking.during(&mut self.lan, EVERY, Duration::from_secs(6))?;
        let asked = asking.answered(self.tape()?);
        let last = asked.iter().rev().find_map(|asked| asked.answers.last());
        let Some((_, node)) = last.copied().filter(|(at, node)| *node != old.node && *at > since) else {
            let note = format!("6 s after the owner was asked to end, nobody else answers for {address}");
            return Err(Verdict::failed(note, [self.lan.last_words(old.node)]));
        };
        std::thread::sleep((since + WATCH).since(self.lan.clock.now()));
        let heard = self.tape()?.all();
        let owner = Owned { address, node, mac: self.lan.nodes[node].mac };
        let watch = Watch { since, owner, asked, heard };
        self.takeovers[family] = Some(watch.clone());
        Ok(watch)
    }
}
