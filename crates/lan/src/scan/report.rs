//! What a scan found, and how much that is worth.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::How;
use crate::time::Timestamp;
use crate::wire::MacAddr;

/// One machine that uses an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its hardware address.
    pub mac: MacAddr,
    /// The hardware address its frames came from: another than `mac` where somebody answers for others.
    pub sender: MacAddr,
    /// When it was first seen.
    pub first: Timestamp,
    /// When it was last seen.
    pub last: Timestamp,
    /// How it was first seen.
    pub how: How,
    /// How often it was seen.
    pub count: u32,
    /// How long after the last question it first answered.
    pub delay: Option<Duration>,
}

/// How the LAN treats questions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WireState {
    /// Nobody answered, so that nothing can be said.
    Unknown,
    /// Repeated questions are answered.
    Clean,
    /// Questions or answers are lost, whatever the rate; this share of questions is not answered.
    Lossy {
        /// 0 to 1.
        unanswered: f64,
    },
    /// What exceeds about this many frames a second is dropped.
    Policed {
        /// Frames a second.
        rate: f64,
    },
}

/// Why a scan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// Every address was asked as often as the accepted chance of a miss demands.
    Complete,
    /// The time budget was used. Addresses not found are *not checked*, never free.
    BudgetUsed,
    /// Whoever drove the scan ended it. Addresses not found are *not checked*, never free.
    Cancelled,
}

/// What a scan found.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Why the scan ended.
    pub ending: Ending,
    /// Addresses in use, and everyone who uses them, in the order of their appearance.
    pub found: BTreeMap<IpAddr, Vec<Owner>>,
    /// Addresses asked for, found or not.
    pub addresses: usize,
    /// Addresses for which no question is believed to have reached the LAN.
    pub unasked: usize,
    /// How the LAN treated the questions.
    pub wire: WireState,
    /// Share of repeated questions that were answered; `None` without any.
    pub success: Option<f64>,
    /// How many repeats that rests on.
    pub repeats: u32,
    /// The most questions a silent address was asked.
    pub asks: u8,
    /// Live hosts that were probably missed, on average over such scans; `None` where nothing is known of the LAN.
    pub expected_missed: Option<f64>,
    /// Frames sent.
    pub frames: u64,
    /// The highest rate allowed during the scan, frames a second.
    pub top_rate: f64,
    /// From the first frame to the end.
    pub duration: Duration,
}

impl Report {
    /// Addresses that more than one machine uses.
    pub fn conflicts(&self) -> impl Iterator<Item = (IpAddr, &[Owner])> {
        self.found.iter().filter(|(_, owners)| owners.len() > 1).map(|(address, owners)| (*address, owners.as_slice()))
    }

    /// Machines that use more than `limit` addresses: a router with proxy ARP or a node with many service addresses, and
    /// not as many squatters.
    pub fn holders_of_many(&self, limit: usize) -> BTreeMap<MacAddr, Vec<IpAddr>> {
        let mut holders: BTreeMap<MacAddr, Vec<IpAddr>> = BTreeMap::new();
        for (address, owners) in &self.found {
            for owner in owners {
                holders.entry(owner.mac).or_default().push(*address);
            }
        }
        holders.retain(|_, addresses| addresses.len() > limit);
        holders
    }
}
