//! Looks names up at a DNS server: its questions and answers, without the socket.

use super::MAX_NAMES;
use crate::time::Timestamp;
use crate::wire::dns::{Data, HostName, Repr};
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

/// Asks for the names of addresses, each once, until all is answered or its time is over. A server on the segment answers
/// within a few milliseconds for the machines it knows.
#[derive(Debug)]
pub struct Lookup {
    waiting: VecDeque<(u16, IpAddr)>,
    asked: BTreeMap<u16, IpAddr>,
    names: BTreeMap<IpAddr, HostName>,
    until: Timestamp,
    frames: u64,
}

impl Lookup {
    /// The names of these addresses, at most [`MAX_NAMES`], until a moment. The numbers of the questions come from `seed`: who cannot see
    /// them cannot answer.
    pub fn new(addresses: impl IntoIterator<Item = IpAddr>, until: Timestamp, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut waiting: BTreeMap<u16, IpAddr> = BTreeMap::new();
        for address in addresses.into_iter().take(MAX_NAMES) {
            let mut id = random.u16(..);
            while waiting.contains_key(&id) {
                id = random.u16(..);
            }
            waiting.insert(id, address);
        }
        let waiting = waiting.into_iter().collect();
        Self { waiting, asked: BTreeMap::new(), names: BTreeMap::new(), until, frames: 0 }
    }

    /// Whether a question waits to leave now.
    pub fn is_due(&self, now: Timestamp) -> bool {
        !self.waiting.is_empty() && now < self.until
    }

    /// The next message to send now.
    pub fn poll_output(&mut self, now: Timestamp) -> Option<Vec<u8>> {
        if !self.is_due(now) {
            return None;
        }
        let (id, address) = self.waiting.pop_front()?;
        self.asked.insert(id, address);
        self.frames += 1;
        let mut out = Vec::new();
        Repr::query(id, address).emit(&mut out);
        Some(out)
    }

    /// A message came from the server. What answers no question, or another one, is left alone.
    pub fn handle(&mut self, message: &[u8]) {
        let Ok(answer) = Repr::parse(message) else { return };
        let Some(address) = self.asked.get(&answer.id).copied().filter(|_| answer.response) else { return };
        let asked = HostName::reverse(address);
        if answer.questions.iter().any(|question| question.name == asked) {
            self.asked.remove(&answer.id);
            let name = answer.records.into_iter().find_map(|record| match record.data {
                Data::Pointer(target) if record.name == asked => Some(target),
                _ => None,
            });
            self.names.extend(name.map(|name| (address, name)));
        }
    }

    /// When to look again at the latest; `None` when all is answered or the time for answers is over.
    pub fn poll_timeout(&self, now: Timestamp) -> Option<Timestamp> {
        if self.is_due(now) {
            return Some(now);
        }
        (!self.asked.is_empty() && now < self.until).then_some(self.until)
    }

    /// The names found.
    pub const fn names(&self) -> &BTreeMap<IpAddr, HostName> {
        &self.names
    }

    /// Messages sent so far.
    pub const fn frames(&self) -> u64 {
        self.frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::dns::Record;

    const UNTIL: Timestamp = Timestamp::from_millis(250);

    fn address(n: u8) -> IpAddr {
        [10, 77, 0, n].into()
    }

    fn answer(question: &[u8], target: Option<&str>) -> Vec<u8> {
        let mut repr = Repr::parse(question).unwrap();
        let target = target.map(|target| HostName::new(target).unwrap());
        repr.records =
            // Servers say 0 of what they know themselves.
            target.map(|target| Record { name: repr.questions[0].name.clone(), ttl: 0, data: Data::Pointer(target) }).into_iter().collect();
        repr.response = true;
        let mut out = Vec::new();
        repr.emit(&mut out);
        out
    }

    #[test]
    fn answers_are_taken_for_the_questions_they_belong_to() {
        let mut lookup = Lookup::new([1, 2, 3].map(address), UNTIL, 7);
        let questions: Vec<Vec<u8>> = std::iter::from_fn(|| lookup.poll_output(Timestamp::ZERO)).collect();
        assert_eq!((questions.len(), lookup.frames(), lookup.is_due(Timestamp::ZERO)), (3, 3, false));
        let about = |question: &[u8]| Repr::parse(question).unwrap().questions[0].name.reversed().unwrap();
        for question in &questions {
            // Somebody who only guesses: a wrong number, and the right one with another question.
            let mut wrong = answer(question, Some("evil.lan"));
            wrong[0] ^= 0xff;
            lookup.handle(&wrong);
            let mut other = Repr::query(u16::from_be_bytes([question[0], question[1]]), address(99));
            other.response = true;
            let mut bytes = Vec::new();
            other.emit(&mut bytes);
            lookup.handle(&bytes);
            lookup.handle(question);
        }
        assert!(lookup.names().is_empty());
        for question in &questions {
            let name = (about(question) != address(2)).then_some("host.lan");
            lookup.handle(&answer(question, name));
        }
        assert_eq!(lookup.names().keys().copied().collect::<Vec<_>>(), [address(1), address(3)]);
        assert_eq!(lookup.poll_timeout(Timestamp::ZERO), None, "all is answered: that there is no name, too");
    }

    #[test]
    fn a_silent_server_holds_nobody_up() {
        let mut lookup = Lookup::new([address(1)], UNTIL, 7);
        let now = Timestamp::from_millis(5);
        assert_eq!(lookup.poll_timeout(now), Some(now));
        lookup.poll_output(now);
        assert_eq!(lookup.poll_timeout(now), Some(UNTIL));
        assert_eq!(lookup.poll_timeout(UNTIL), None);
        let mut late = Lookup::new([address(1)], UNTIL, 7);
        assert_eq!(
            (late.poll_output(UNTIL), late.poll_timeout(UNTIL)),
            (None, None),
            "nothing leaves when its time is over"
        );
        assert_eq!(Lookup::new((0..=255).flat_map(|_| (0..=255).map(address)), UNTIL, 1).waiting.len(), MAX_NAMES);
    }
}
