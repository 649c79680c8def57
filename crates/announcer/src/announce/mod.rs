//! Unsolicited announcements: when, how many, and in which order.
//!
//! An address that changes its owner is announced at once and then more than a second apart: Linux' neighbour caches ignore
//! a second change within a second (`locktime`), and Neighbor Discovery allows three, a RetransTimer apart (RFC 4861 section
//! 7.2.6). When many addresses move at once, all first rounds go before all second ones, under one cap for all frames.

mod frames;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use poolcheck_lan::Timestamp;
use poolcheck_lan::wire::MacAddr;

use crate::settings::Announcing;

/// Rounds that are due, in order.
#[derive(Debug)]
pub(crate) struct Schedule {
    plan: Announcing,
    /// By round: what is due when.
    rounds: [BTreeSet<(Timestamp, IpAddr)>; 3],
    waiting: BTreeMap<IpAddr, Waiting>,
    refreshes: BTreeSet<(Timestamp, IpAddr)>,
    refreshed: BTreeMap<IpAddr, Timestamp>,
    tokens: f64,
    counted: Timestamp,
    /// Frames of the round that has begun.
    leaving: Vec<Vec<u8>>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    round: usize,
    due: Timestamp,
    /// Not announced by anyone before: routers are told, too (RFC 9131).
    new: bool,
}

impl Schedule {
    pub(crate) fn new(plan: Announcing) -> Self {
        Self {
            plan,
            rounds: Default::default(),
            waiting: BTreeMap::new(),
            refreshes: BTreeSet::new(),
            refreshed: BTreeMap::new(),
            tokens: f64::from(plan.burst),
            counted: Timestamp::ZERO,
            leaving: Vec::new(),
        }
    }

    /// Announces an address from now on; begins anew if it is under way.
    pub(crate) fn start(&mut self, now: Timestamp, address: IpAddr, new: bool) {
        self.forget(address);
        self.plan_round(address, Waiting { round: 0, due: now, new });
        self.plan_refresh(now, address);
    }

    /// One round, if none is under way: a defence, or the repair of caches.
    pub(crate) fn once(&mut self, now: Timestamp, address: IpAddr) {
        if !self.waiting.contains_key(&address) {
            let last = usize::from(self.plan.rounds) - 1;
            self.plan_round(address, Waiting { round: last, due: now, new: false });
        }
    }

    /// One round now, in defence of an address; if rounds are under way, the next of them.
    pub(crate) fn defend(&mut self, now: Timestamp, address: IpAddr) {
        match self.waiting.get(&address).copied() {
            Some(waiting) if waiting.due > now => {
                self.forget(address);
                self.plan_round(address, Waiting { due: now, ..waiting });
            }
            Some(_) => {}
            None => self.once(now, address),
        }
    }

    /// Says no more of an address.
    pub(crate) fn stop(&mut self, address: IpAddr) {
        self.forget(address);
        if let Some(due) = self.refreshed.remove(&address) {
            self.refreshes.remove(&(due, address));
        }
    }

    /// Says no more of anything.
    pub(crate) fn clear(&mut self) {
        let (tokens, counted) = (self.tokens, self.counted);
        *self = Self { tokens, counted, ..Self::new(self.plan) };
    }

    fn forget(&mut self, address: IpAddr) {
        if let Some(waiting) = self.waiting.remove(&address) {
            self.rounds[waiting.round].remove(&(waiting.due, address));
        }
    }

    fn plan_round(&mut self, address: IpAddr, waiting: Waiting) {
        self.rounds[waiting.round].insert((waiting.due, address));
        self.waiting.insert(address, waiting);
    }

    fn plan_refresh(&mut self, now: Timestamp, address: IpAddr) {
        let Some(every) = self.plan.refresh else { return };
        if let Some(before) = self.refreshed.insert(address, now + every) {
            self.refreshes.remove(&(before, address));
        }
        self.refreshes.insert((now + every, address));
    }

    /// The next frame that may leave now.
    pub(crate) fn poll(&mut self, now: Timestamp, mac: MacAddr) -> Option<Vec<u8>> {
        if let Some(frame) = self.leaving.pop() {
            return Some(frame);
        }
        while let Some((due, address)) = self.refreshes.first().copied()
            && due <= now
        {
            self.once(now, address);
            self.plan_refresh(now, address);
        }
        let due = |round: &BTreeSet<(Timestamp, IpAddr)>| round.first().copied().filter(|(due, _)| *due <= now);
        let (_, address) = self.rounds.iter().find_map(due)?;
        self.refill(now);
        let waiting = *self.waiting.get(&address)?;
        let frames = frames::round(address, mac, waiting.new && waiting.round == 0);
        let cost = u32::try_from(frames.len()).map_or(f64::MAX, f64::from);
        // A pause long enough for a whole burst always suffices, so no round waits for ever.
        if self.tokens < cost.min(f64::from(self.plan.burst)) {
            return None;
        }
        self.tokens -= cost;
        self.forget(address);
        if waiting.round + 1 < usize::from(self.plan.rounds) {
            let due = now + self.plan.spacing;
            self.plan_round(address, Waiting { round: waiting.round + 1, due, new: false });
        }
        self.leaving = frames;
        self.leaving.reverse();
        self.leaving.pop()
    }

    fn refill(&mut self, now: Timestamp) {
        let gained = now.since(self.counted).as_secs_f64() * f64::from(self.plan.max_pps);
        self.tokens = (self.tokens + gained).min(f64::from(self.plan.burst));
        self.counted = self.counted.max(now);
    }

    /// When the next frame may leave.
    pub(crate) fn timeout(&self) -> Timestamp {
        if !self.leaving.is_empty() {
            return Timestamp::ZERO;
        }
        let rounds = self.rounds.iter().filter_map(|round| round.first()).chain(self.refreshes.first());
        let due = rounds.map(|(due, _)| *due).min().unwrap_or(Timestamp::FAR_FUTURE);
        // The cap may be what is waited for: two frames make a round.
        let lacking = (2.0_f64.min(f64::from(self.plan.burst)) - self.tokens).max(0.0) / f64::from(self.plan.max_pps);
        due.max(self.counted + Duration::from_secs_f64(lacking) + Duration::from_nanos(u64::from(lacking > 0.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    fn address(n: u32) -> IpAddr {
        IpAddr::from((0x0a00_0000 + n).to_be_bytes())
    }

    /// What leaves, and when, if it is polled exactly when it asks to be.
    fn run(schedule: &mut Schedule, from: Timestamp, until: Timestamp) -> Vec<(Timestamp, Vec<u8>)> {
        let (mut now, mut out) = (from, Vec::new());
        while now <= until {
            while let Some(frame) = schedule.poll(now, MAC) {
                out.push((now, frame));
            }
            let next = schedule.timeout();
            assert!(next > now, "it waits for something: {next:?} at {now:?}");
            now = next;
        }
        out
    }

    #[test]
    fn at_once_then_more_than_a_second_apart() {
        let mut schedule = Schedule::new(Announcing::default());
        schedule.start(Timestamp::from_millis(7), address(1), true);
        let sent = run(&mut schedule, Timestamp::from_millis(7), Timestamp::from_millis(20_000));
        let times: Vec<_> = sent.iter().map(|(at, _)| at.as_nanos() / 1_000_000).collect();
        assert_eq!(times, [7, 7, 1107, 1107, 2207, 2207]);
    }

    #[test]
    fn many_addresses_share_a_cap_fairly() {
        let plan = Announcing::default();
        let mut schedule = Schedule::new(plan);
        let began = Timestamp::from_millis(1000);
        for n in 0..500 {
            schedule.start(began, address(n), false);
        }
        let sent = run(&mut schedule, began, Timestamp::from_millis(30_000));
        assert_eq!(sent.len(), 3000);
        let first: BTreeSet<_> = sent[..1000].iter().map(|(_, frame)| frame[28..32].to_vec()).collect();
        assert_eq!(first.len(), 500, "everyone's first round goes before anyone's second");
        assert!(sent[999].0 < began + Duration::from_secs(1), "{:?}", sent[999].0);
        for (n, (at, _)) in sent.iter().enumerate() {
            let within = sent[n..].iter().take_while(|(later, _)| later.since(*at) < Duration::from_secs(1)).count();
            assert!(within <= (plan.max_pps + plan.burst) as usize, "{within} frames in a second");
        }
    }

    #[test]
    fn stopped_is_stopped() {
        let mut schedule =
            Schedule::new(Announcing { refresh: Some(Duration::from_secs(60)), ..Announcing::default() });
        schedule.start(Timestamp::ZERO, address(1), false);
        run(&mut schedule, Timestamp::ZERO, Timestamp::from_millis(500));
        schedule.stop(address(1));
        assert_eq!(schedule.timeout(), Timestamp::FAR_FUTURE);
    }

    #[test]
    fn a_refresh_is_one_round() {
        let mut schedule =
            Schedule::new(Announcing { refresh: Some(Duration::from_secs(60)), ..Announcing::default() });
        schedule.start(Timestamp::ZERO, address(1), false);
        let sent = run(&mut schedule, Timestamp::ZERO, Timestamp::from_millis(185_000));
        assert_eq!(sent.len(), 3 * 2 + 3 * 2);
        schedule.once(Timestamp::from_millis(185_500), address(1));
        schedule.once(Timestamp::from_millis(185_501), address(1));
        assert_eq!(run(&mut schedule, Timestamp::from_millis(185_501), Timestamp::from_millis(190_000)).len(), 2);
    }
}
