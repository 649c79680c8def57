//! Probing an address before it is owned for the first time: Address Conflict Detection (RFC 5227 section 2.1) and Duplicate
//! Address Detection (RFC 4862 section 5.4) with a nonce, so that our own probe, come back, is no conflict (RFC 7527).

use std::net::IpAddr;

use poolcheck_lan::Timestamp;
use poolcheck_lan::wire::{MacAddr, arp, compose};

use crate::settings::Probing;

/// One address being probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probe {
    sent: u8,
    next: Timestamp,
    nonce: [u8; 6],
}

/// What a probe wants to do now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing yet.
    Wait,
    /// Send this.
    Send(Vec<u8>),
    /// Nobody answered.
    Free,
}

impl Probe {
    pub(crate) fn new(now: Timestamp, random: &mut fastrand::Rng) -> Self {
        let mut nonce = [0; 6];
        random.fill(&mut nonce);
        Self { sent: 0, next: now, nonce }
    }

    pub(crate) fn poll(
        &mut self,
        now: Timestamp,
        (address, mac): (IpAddr, MacAddr),
        plan: &Probing,
        random: &mut fastrand::Rng,
    ) -> Step {
        if now < self.next {
            return Step::Wait;
        }
        if self.sent == plan.count {
            return Step::Free;
        }
        self.sent += 1;
        // Never less than the spacing: the last answer needs its time. Jitter keeps nodes apart that boot together.
        self.next = now + plan.spacing + plan.spacing.mul_f64(random.f64() / 5.0);
        Step::Send(self.frame(address, mac))
    }

    fn frame(&self, address: IpAddr, mac: MacAddr) -> Vec<u8> {
        match address {
            IpAddr::V4(address) => compose::arp(MacAddr::BROADCAST, &arp::Repr::probe(mac, address)),
            IpAddr::V6(address) => compose::ndp_probe_with_nonce(mac, address, &self.nonce),
        }
    }

    /// Whether a probe that arrived is this one, come back.
    pub(crate) fn is_own(&self, nonce: Option<&[u8]>) -> bool {
        nonce == Some(&self.nonce[..])
    }

    pub(crate) const fn timeout(&self) -> Timestamp {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    #[test]
    fn three_probes_and_a_time_to_answer_each() {
        for address in ["192.168.1.50", "fd00::50"] {
            let (mut random, plan) = (fastrand::Rng::with_seed(1), Probing::default());
            let address = address.parse().unwrap();
            let mut probe = Probe::new(Timestamp::from_millis(5), &mut random);
            let mut sent: Vec<Timestamp> = Vec::new();
            let free = loop {
                let now = probe.timeout();
                match probe.poll(now, (address, MAC), &plan, &mut random) {
                    Step::Send(frame) => {
                        let claim = poolcheck_lan::wire::dissect(&frame).unwrap();
                        assert_eq!(crate::conflict::claim(&claim).unwrap().how, crate::conflict::How::Probes);
                        sent.push(now);
                    }
                    Step::Free => break now,
                    Step::Wait => unreachable!("it was due"),
                }
            };
            assert_eq!(sent.len(), 3);
            assert!(sent.windows(2).all(|two| two[1].since(two[0]) >= plan.spacing));
            assert!(free.since(sent[2]) >= plan.spacing && free.since(sent[0]) < Duration::from_millis(400));
        }
    }

    #[test]
    fn its_own_probe_come_back_is_known() {
        let probe = Probe::new(Timestamp::ZERO, &mut fastrand::Rng::with_seed(1));
        assert!(probe.is_own(Some(&probe.nonce)) && !probe.is_own(None) && !probe.is_own(Some(&[0; 6])));
    }
}
