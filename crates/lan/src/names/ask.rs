//! Asks for names by Multicast DNS.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::{MAX_NAMES, Named, named};
use crate::machine::Machine;
use crate::time::Timestamp;
use crate::wire::dns::{MAX_QUESTIONS, Repr};
use crate::wire::{MacAddr, compose, dissect};

/// So long after its last question it waits at most, and so much longer it can make a scan. RFC 6762 section 6 lets a machine wait up to 120 ms before it
/// answers, and as long again where it answers several questions at once.
pub const PATIENCE: Duration = Duration::from_millis(250);
/// Addresses that answer soon after one another are asked for in one frame.
const GATHER: Duration = Duration::from_millis(30);
/// RFC 6762 section 5.2: a second at least before the same is asked again, and longer each time.
const AGAIN: Duration = Duration::from_secs(1);
/// Nobody is asked more often than this.
const MAX_ASKS: u8 = 3;

#[derive(Debug)]
struct Pending {
    due: Timestamp,
    asks: u8,
}

/// Asks for the names of addresses, from when they are [handed over](Asker::ask) until it is told to [end](Asker::end) and
/// all have answered, or have had [`PATIENCE`]. Whoever never tells it so keeps it for ever.
#[derive(Debug)]
pub struct Asker {
    from: (MacAddr, IpAddr),
    pending: BTreeMap<IpAddr, Pending>,
    answered: usize,
    /// When the latest frame left.
    last: Timestamp,
    /// When it is over in any case; `None` until it is told to end.
    until: Option<Timestamp>,
    over: bool,
    frames: u64,
    events: Vec<Named>,
}

impl Asker {
    /// An asker with this hardware address and this address, which must be one of the link: others are not answered
    /// (RFC 6762 section 11).
    pub fn new(mac: MacAddr, address: IpAddr) -> Self {
        Self {
            from: (mac, address),
            pending: BTreeMap::new(),
            answered: 0,
            last: Timestamp::ZERO,
            until: None,
            over: false,
            frames: 0,
            events: Vec::new(),
        }
    }

    /// Asks for the name of an address, too, unless there are [`MAX_NAMES`] already.
    pub fn ask(&mut self, address: IpAddr, now: Timestamp) {
        if self.pending.len() + self.answered < MAX_NAMES && self.until.is_none() {
            self.pending.entry(address).or_insert(Pending { due: now + GATHER, asks: 0 });
        }
    }

    /// Asks nothing again from now on, and waits only for the last answers.
    pub fn end(&mut self, now: Timestamp) {
        if self.until.is_none() {
            self.until = Some(now + PATIENCE);
            for pending in self.pending.values_mut().filter(|pending| pending.asks == 0) {
                pending.due = now;
            }
        }
    }

    /// Whether a frame waits to leave now.
    pub fn is_due(&self, now: Timestamp) -> bool {
        !self.over && self.next().is_some_and(|due| due <= now)
    }

    /// Frames sent so far.
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    fn may_be_asked(&self, pending: &Pending) -> bool {
        pending.asks < if self.until.is_some() { 1 } else { MAX_ASKS }
    }

    /// When it is over, once it was told to end: who was asked long ago and is silent has no name.
    fn end_of_patience(&self) -> Option<Timestamp> {
        let until = self.until?;
        Some(if self.next().is_none() { until.min(self.last + PATIENCE) } else { until })
    }

    /// When the next frame is to leave.
    fn next(&self) -> Option<Timestamp> {
        self.pending.values().filter(|pending| self.may_be_asked(pending)).map(|pending| pending.due).min()
    }
}

impl Machine for Asker {
    type Event = Named;

    fn handle(&mut self, at: Timestamp, frame: &[u8]) {
        let Ok(found) = dissect(frame) else { return };
        for named in named(at, &found) {
            let asked = named.address.and_then(|address| self.pending.remove(&address));
            self.answered += usize::from(asked.is_some());
            self.events.push(named);
        }
    }

    fn poll_output(&mut self, now: Timestamp) -> Option<Vec<u8>> {
        self.over = self.end_of_patience().is_some_and(|end| now >= end || self.pending.is_empty());
        if self.over || !self.is_due(now) {
            return None;
        }
        // Whoever is due soon comes along.
        let mut batch: Vec<(Timestamp, IpAddr)> = self
            .pending
            .iter()
            .filter(|(_, pending)| self.may_be_asked(pending) && pending.due <= now + GATHER)
            .map(|(address, pending)| (pending.due, *address))
            .collect();
        batch.sort_unstable();
        batch.truncate(MAX_QUESTIONS);
        for (_, address) in &batch {
            if let Some(pending) = self.pending.get_mut(address) {
                pending.due = now + AGAIN * (1 << pending.asks);
                pending.asks += 1;
            }
        }
        self.last = now;
        self.frames += 1;
        Some(compose::mdns(self.from, &Repr::multicast_query(batch.into_iter().map(|(_, address)| address))))
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        if self.over {
            return None;
        }
        let until = self.end_of_patience().unwrap_or(Timestamp::FAR_FUTURE);
        Some(self.next().map_or(until, |next| next.min(until)))
    }

    fn poll_event(&mut self) -> Option<Named> {
        if self.events.is_empty() { None } else { Some(self.events.remove(0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Link;
    use crate::sim::{Conditions, Host, Lan};
    use crate::wire::Payload;
    use crate::{Cancel, drive};

    const OWN: MacAddr = MacAddr([2, 0x5c, 0, 0, 0, 1]);

    fn address(n: u8) -> IpAddr {
        [10, 77, 0, n].into()
    }

    fn lan(conditions: Conditions) -> Lan {
        let lan = Lan::new(1, conditions);
        for n in 1..=40 {
            let host = Host::new(MacAddr([2, 2, 0, 0, 0, n]), [address(n)]);
            lan.add(if n % 2 == 0 { host.named(&format!("h{n}.local")) } else { host });
        }
        lan
    }

    #[test]
    fn who_has_a_name_says_it_and_the_others_are_awaited_for_a_while() {
        let lan = lan(Conditions::default());
        let mut link = lan.attach(OWN);
        let mut asker = Asker::new(OWN, address(250));
        (1..=40).for_each(|n| asker.ask(address(n), link.now()));
        asker.end(link.now());
        let mut names = BTreeMap::new();
        drive(&mut asker, &mut link, &Cancel::default(), |named| {
            names.insert(named.address.unwrap(), (named.mac, named.name.to_string()));
        })
        .unwrap();
        assert_eq!(names.len(), 20);
        assert_eq!(names[&address(8)], (MacAddr([2, 2, 0, 0, 0, 8]), "h8.local".to_owned()));
        assert_eq!((lan.sent().len(), asker.frames()), (3, 3), "40 questions in three frames");
        assert!(link.now() <= Timestamp::ZERO + PATIENCE + Duration::from_millis(1));
        assert!(lan.learned().is_empty(), "no neighbour cache learned anything");
        for sent in lan.sent() {
            let Payload::Mdns(from, message) = dissect(&sent.frame).unwrap().payload else { panic!() };
            assert!(from == address(250) && message.questions.iter().all(|question| !question.unicast));
        }
    }

    #[test]
    fn it_ends_at_once_when_all_have_answered_or_nobody_was_asked_for() {
        for wanted in [vec![], vec![2, 4]] {
            let lan = lan(Conditions::default());
            let mut link = lan.attach(OWN);
            let mut asker = Asker::new(OWN, address(250));
            for n in &wanted {
                asker.ask(address(*n), link.now());
            }
            asker.end(link.now());
            drive(&mut asker, &mut link, &Cancel::default(), drop).unwrap();
            assert!(link.now() < Timestamp::from_millis(100), "{:?}", link.now());
        }
    }

    #[test]
    fn who_was_asked_long_ago_is_not_awaited() {
        let mut asker = Asker::new(OWN, address(250));
        asker.ask(address(1), Timestamp::ZERO);
        assert!(asker.poll_output(Timestamp::from_millis(30)).is_some());
        asker.end(Timestamp::from_millis(700));
        assert!(asker.poll_output(Timestamp::from_millis(700)).is_none());
        assert_eq!(asker.poll_timeout(), None);
    }

    #[test]
    fn the_silent_are_asked_again_but_not_for_ever() {
        let mut asker = Asker::new(OWN, address(250));
        asker.ask(address(1), Timestamp::ZERO);
        let mut sent = Vec::new();
        for ms in 0..20_000 {
            let now = Timestamp::from_millis(ms);
            while asker.poll_output(now).is_some() {
                sent.push(ms);
            }
        }
        assert_eq!(sent, [30, 1030, 3030]);
        (0..2000_u16).for_each(|n| asker.ask([10, 78, (n >> 8) as u8, n as u8].into(), Timestamp::ZERO));
        assert_eq!(asker.pending.len(), MAX_NAMES, "a flood of addresses is no flood of questions");
    }
}
