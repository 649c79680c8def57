//! What is to happen.

use std::net::IpAddr;
use std::time::Duration;

use super::Mutation;
use crate::settings::{Announcing, Defence, Rebalance, Timing};

/// What the LAN does to every delivery.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// Share of deliveries that are lost, each receiver on its own.
    pub loss: f64,
    /// Share of deliveries that come twice.
    pub duplication: f64,
    /// The longest time a delivery takes; drawn evenly from 20 µs on, so that a long one reorders.
    pub delay: Duration,
}

impl Default for Conditions {
    /// A quiet wired LAN.
    fn default() -> Self {
        Self { loss: 0.0, duplication: 0.0, delay: Duration::from_micros(60) }
    }
}

/// Something that happens to the nodes or the LAN. Nodes and addresses are named by their place in the scenario.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// The power is cut.
    Crash(usize),
    /// The process is killed; whoever outlives it says its [last words](crate::Announcer::last_words).
    Kill(usize),
    /// It is started anew.
    Restart(usize),
    /// The process stops; what arrives waits in its socket.
    Freeze(usize),
    /// It goes on.
    Thaw(usize),
    /// The process runs, but each step of it comes up to so late. Zero: it is well again.
    Slow(usize, Duration),
    /// The interface loses its carrier.
    LinkDown(usize),
    /// It has one again.
    LinkUp(usize),
    /// The nodes with a `true` are cut off from those with a `false`, in both directions. Clients stay with `false`.
    Split(Vec<bool>),
    /// Nothing that the first sends reaches the second.
    OneWay(usize, usize),
    /// The nodes' messages are filtered from and to this node, and everything else passes.
    Mute(usize),
    /// They are not filtered any more.
    Unmute(usize),
    /// All is connected again.
    Heal,
    /// The interface gets another hardware address.
    NewMac(usize),
    /// The node is told to leave.
    Drain(usize),
    /// The owner of the address is told to hand it over.
    HandOver(usize),
    /// The node's service for the address is ready, or not.
    Ready(usize, usize, bool),
    /// A machine that is no node takes the address without asking.
    Squat(usize),
    /// It is gone.
    Unsquat(usize),
    /// A phone joins and is leased an address; a careful one probes it first, and is leased the next if that is taken.
    Phone {
        /// What the DHCP server leases first.
        leased: std::net::Ipv4Addr,
        /// Whether it probes.
        careful: bool,
    },
    /// Somebody sends again what a node has sent so far, again and again.
    Replay(usize),
}

/// A run: who is there, and what happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// What cannot be told from the rest.
    pub title: String,
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// Names of the nodes.
    pub nodes: Vec<String>,
    /// When each node is started.
    pub starts: Vec<Duration>,
    /// The addresses, all nodes' alike.
    pub addresses: Vec<IpAddr>,
    /// Whether all others follow the first address.
    pub together: bool,
    /// Every beat wakes every node, where the driver lets beats wait until something is due.
    pub eager: bool,
    /// The LAN.
    pub conditions: Conditions,
    /// How far the rates of the nodes' clocks are off, in parts per million; their moments have nothing in common anyway.
    pub clock_error: u32,
    /// The nodes' settings.
    pub timing: Timing,
    /// What nodes do about foreign claims.
    pub defence: Defence,
    /// Whether addresses move without need.
    pub rebalance: Rebalance,
    /// How nodes announce.
    pub announcing: Announcing,
    /// What happens, in order of time.
    pub faults: Vec<(Duration, Fault)>,
    /// How long it lasts.
    pub duration: Duration,
    /// How the nodes are broken, if they are.
    pub mutation: Option<Mutation>,
}

impl Scenario {
    /// A quiet LAN with these nodes and addresses, on which nothing happens.
    pub fn new(nodes: &[&str], addresses: &[IpAddr], duration: Duration) -> Self {
        Self {
            title: String::new(),
            seed: 0,
            starts: vec![Duration::ZERO; nodes.len()],
            nodes: nodes.iter().map(|name| (*name).to_owned()).collect(),
            addresses: addresses.to_vec(),
            together: false,
            eager: false,
            conditions: Conditions::default(),
            clock_error: 0,
            timing: Timing::DEFAULT,
            defence: Defence::default(),
            rebalance: Rebalance::default(),
            announcing: Announcing::default(),
            faults: Vec::new(),
            duration,
            mutation: None,
        }
    }

    /// The scenario that a seed stands for: see the source for what is drawn.
    pub fn random(seed: u64) -> Self {
        super::random::scenario(seed)
    }
}
