//! The LAN: who reaches whom, and how well.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use poolcheck_lan::wire::MacAddr;

use super::scenario::Conditions;
use crate::liveness::is_message;

/// The router, which also leases addresses.
pub(super) const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
/// How many clients use the addresses.
pub(super) const CLIENTS: u8 = 2;

/// The addresses of a client.
pub(super) const fn client(n: u8) -> (Ipv4Addr, Ipv6Addr) {
    (Ipv4Addr::new(192, 168, 1, 200 + n), Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0xc000 + n as u16))
}

/// The subnets of the LAN.
pub(super) fn subnets() -> [IpNet; 2] {
    [
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 1, 0), 24)),
        IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0), 64)),
    ]
}

/// Whether nodes of a [scenario](super::Scenario) may share an address: it is a host's address on the simulated LAN
/// (192.168.1.0/24 and fd00::/64), and neither the router's nor a client's.
pub fn is_open(address: IpAddr) -> bool {
    let taken = address == IpAddr::V4(ROUTER)
        || (0..CLIENTS).map(client).any(|(v4, v6)| address == IpAddr::V4(v4) || address == IpAddr::V6(v6));
    let host = |net: &IpNet| {
        net.contains(&address) && (address.is_ipv6() || ![net.network(), net.broadcast()].contains(&address))
    };
    !taken && subnets().iter().any(host)
}

/// The switch and the cables.
pub(super) struct Network {
    conditions: Conditions,
    macs: Vec<MacAddr>,
    /// Row: who sends; column: who does not hear it.
    cut: Vec<Vec<bool>>,
    up: Vec<bool>,
    /// No message of a node passes here.
    mute: Vec<bool>,
}

impl Network {
    pub(super) const fn new(conditions: Conditions) -> Self {
        Self { conditions, macs: Vec::new(), cut: Vec::new(), up: Vec::new(), mute: Vec::new() }
    }

    pub(super) fn plug(&mut self, mac: MacAddr) -> usize {
        self.macs.push(mac);
        self.up.push(true);
        self.mute.push(false);
        for row in &mut self.cut {
            row.push(false);
        }
        self.cut.push(vec![false; self.macs.len()]);
        self.macs.len() - 1
    }

    pub(super) fn mac(&self, port: usize) -> MacAddr {
        self.macs[port]
    }

    pub(super) fn set_mac(&mut self, port: usize, mac: MacAddr) {
        self.macs[port] = mac;
    }

    pub(super) fn set_up(&mut self, port: usize, up: bool) {
        self.up[port] = up;
    }

    pub(super) fn set_mute(&mut self, port: usize, mute: bool) {
        self.mute[port] = mute;
    }

    pub(super) fn is_up(&self, port: usize) -> bool {
        self.up[port]
    }

    /// Cuts off one side from the other. Ports without a side (hosts) are on the `false` one.
    pub(super) fn split(&mut self, sides: &[bool]) {
        let side = |port: usize| sides.get(port).copied().unwrap_or(false);
        for from in 0..self.macs.len() {
            for to in 0..self.macs.len() {
                self.cut[from][to] = side(from) != side(to);
            }
        }
    }

    pub(super) fn one_way(&mut self, from: usize, to: usize) {
        self.cut[from][to] = true;
    }

    pub(super) fn heal(&mut self) {
        self.cut.iter_mut().for_each(|row| row.fill(false));
    }

    /// Whether something passes in one direction only.
    pub(super) fn is_lopsided(&self) -> bool {
        let ports = 0..self.macs.len();
        ports.clone().any(|a| ports.clone().any(|b| self.cut[a][b] != self.cut[b][a]))
    }

    pub(super) fn passes(&self, from: usize, to: usize) -> bool {
        self.up[from] && self.up[to] && !self.cut[from][to]
    }

    /// Whether two hear each other.
    pub(super) fn connected(&self, a: usize, b: usize) -> bool {
        a == b || (self.passes(a, b) && self.passes(b, a))
    }

    /// To whom a frame comes, and when.
    pub(super) fn deliveries(&self, from: usize, frame: &[u8], random: &mut fastrand::Rng) -> Vec<(usize, Duration)> {
        let mut destination = MacAddr::ZERO;
        if let Some(octets) = frame.get(..6) {
            destination.0.copy_from_slice(octets);
        }
        let mut out = Vec::new();
        let message = is_message(frame);
        for to in 0..self.macs.len() {
            if message && (self.mute[from] || self.mute[to]) {
                continue;
            }
            let heard = destination.is_multicast() || destination == self.macs[to];
            if to == from || !heard || !self.passes(from, to) {
                continue;
            }
            if self.conditions.loss > 0.0 && random.f64() < self.conditions.loss {
                continue;
            }
            let twice = self.conditions.duplication > 0.0 && random.f64() < self.conditions.duplication;
            for _ in 0..=usize::from(twice) {
                let most = self.conditions.delay.as_nanos() as u64;
                out.push((to, Duration::from_nanos(random.u64(20_000..=most.max(20_000)))));
            }
        }
        out
    }
}
