//! What an announcer reports: one line each, for logs, metrics and people.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use poolcheck_lan::Timestamp;
use poolcheck_lan::wire::MacAddr;

pub use crate::conflict::Action;

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// By the clock of the link.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// Why a node owns an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Nobody had it: probed, and free.
    Probed,
    /// Its owner is gone.
    TakenOver {
        /// The owner before.
        from: String,
        /// For how long it was not heard; zero if it said goodbye or gave the address up.
        silent: Duration,
    },
    /// Its owner handed it over.
    HandedOver {
        /// The owner before.
        from: String,
    },
}

/// Why a node owns an address no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// Another node owns it.
    To {
        /// Which.
        node: String,
    },
    /// It is none of this node's addresses any more.
    Withdrawn,
    /// It is ready nowhere, and not to be held.
    NotReady,
    /// A machine that is no node claims it, and the policy is to give way.
    Squatter {
        /// Which.
        by: MacAddr,
    },
    /// The node leaves, and nobody takes the address.
    Left,
    /// The node was away for so long that it must probe before it owns the address again.
    Stale,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The node has heard the segment and takes part.
    Active,
    /// The node sent nothing for so long, and answers nothing until it has heard the segment again.
    StoodStill {
        /// Since its last beat.
        missing: Duration,
    },
    /// The interface has lost its carrier, or is down.
    LinkDown,
    /// The interface is back.
    LinkUp,
    /// The interface has another hardware address.
    MacChanged {
        /// The new one.
        mac: MacAddr,
    },
    /// Asks whether anyone has the address.
    Probing {
        /// The address.
        address: IpAddr,
    },
    /// Owns the address, and announces it.
    Owned {
        /// The address.
        address: IpAddr,
        /// How it came.
        cause: Cause,
    },
    /// Owns the address no more.
    Released {
        /// The address.
        address: IpAddr,
        /// Why.
        why: Release,
    },
    /// Somebody answered a probe: the address is not taken.
    InUse {
        /// The address.
        address: IpAddr,
        /// Who.
        by: MacAddr,
    },
    /// A machine that is no node asks whether it may take an owned address; it was told that it may not.
    Probed {
        /// The address.
        address: IpAddr,
        /// Who.
        by: MacAddr,
    },
    /// A machine that is no node claims an owned address.
    Conflict {
        /// The address.
        address: IpAddr,
        /// Who.
        by: MacAddr,
        /// What is done about it.
        action: Action,
    },
    /// A node that is thought dead claims an owned address: it lives, and perhaps something filters its messages.
    Unheard {
        /// The address.
        address: IpAddr,
        /// The other node.
        node: String,
    },
    /// Another node claims the address, too, and its messages do not come: something filters them. The one that ranks higher
    /// keeps the address.
    Split {
        /// The address.
        address: IpAddr,
        /// The other node.
        node: String,
        /// Whether this node keeps it.
        kept: bool,
    },
    /// Another node owned the address, too, and gives way: it is announced again.
    SplitHealed {
        /// The address.
        address: IpAddr,
        /// The other node.
        node: String,
    },
    /// A node went before it had said what it owned, and may have owned the same: all that this node owns is announced again.
    GoneUnheard {
        /// The other node.
        node: String,
    },
    /// A node is there.
    PeerUp {
        /// Which.
        node: String,
    },
    /// A node is gone.
    PeerDown {
        /// Which.
        node: String,
        /// Not heard for so long; zero if it said goodbye.
        silent: Duration,
    },
    /// A node runs anew, so soon that it was not missed.
    PeerRestarted {
        /// Which.
        node: String,
        /// Not heard for so long.
        silent: Duration,
    },
    /// Nobody took an address that was offered.
    NotTaken {
        /// The address.
        address: IpAddr,
    },
    /// Another machine speaks under this node's name.
    Namesake {
        /// Who.
        mac: MacAddr,
    },
    /// A machine that has the key, and is none of the peers that are listened to.
    Unlisted {
        /// From where.
        mac: MacAddr,
    },
    /// Messages that our key did not make: another key, another cluster name, or an attacker. At most once in 10 s.
    Unproven {
        /// From where.
        mac: MacAddr,
    },
    /// More nodes than one segment may have.
    TooManyNodes,
    /// The node has left.
    Left,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active => f.write_str("has heard the segment and takes part"),
            Self::StoodStill { missing } => {
                write!(f, "stood still for {}: answers nothing until it has heard the segment", millis(*missing))
            }
            Self::LinkDown => f.write_str("has lost its link"),
            Self::LinkUp => f.write_str("has its link back: listens first"),
            Self::MacChanged { mac } => write!(f, "has another hardware address: {mac}"),
            Self::Probing { address } => write!(f, "probes {address}"),
            Self::Owned { address, cause } => write!(f, "owns {address}: {cause}"),
            Self::Released { address, why } => write!(f, "gives {address} up: {why}"),
            Self::InUse { address, by } => write!(f, "does not take {address}: {by} has it"),
            Self::Probed { address, by } => write!(f, "tells {by}, which asked, that {address} is taken"),
            Self::Conflict { address, by, action } => {
                let done = match action {
                    Action::Defend => "announces it again",
                    Action::Endure => "defended it a moment ago, and keeps it",
                    Action::Yield => "gives way",
                };
                write!(f, "reports a conflict: {by} claims {address}; {done}")
            }
            Self::Unheard { address, node } => {
                write!(f, "hears {node}, which was silent, claim {address}: announces it")
            }
            Self::Split { address, node, kept } => {
                let done = if *kept { "keeps" } else { "leaves it" };
                write!(f, "hears {node} claim {address}, but none of its messages: filtered? {done}")
            }
            Self::GoneUnheard { node } => {
                write!(f, "announces all again: {node} went before it had said what it owned")
            }
            Self::SplitHealed { address, node } => write!(f, "keeps {address}, which {node} owned as well"),
            Self::PeerUp { node } => write!(f, "hears {node}"),
            Self::PeerDown { node, silent } if silent.is_zero() => write!(f, "hears that {node} leaves"),
            Self::PeerDown { node, silent } => write!(f, "misses {node}: silent for {}", millis(*silent)),
            Self::PeerRestarted { node, silent } => write!(f, "hears {node} anew after {}", millis(*silent)),
            Self::NotTaken { address } => write!(f, "keeps {address}: nobody took it"),
            Self::Namesake { mac } => write!(f, "hears {mac} under its own name: names must differ"),
            Self::Unlisted { mac } => write!(f, "does not listen to {mac}: it has the key, and is none of the peers"),
            Self::Unproven { mac } => write!(f, "does not believe {mac}: another key or cluster"),
            Self::TooManyNodes => f.write_str("hears more nodes than one segment may have"),
            Self::Left => f.write_str("has left"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Probed => f.write_str("probed, nobody has it"),
            Self::TakenOver { from, silent } if silent.is_zero() => write!(f, "{from} gave it up"),
            Self::TakenOver { from, silent } => write!(f, "taken over from {from}, silent for {}", millis(*silent)),
            Self::HandedOver { from } => write!(f, "handed over by {from}"),
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::To { node } => write!(f, "{node} owns it"),
            Self::Withdrawn => f.write_str("withdrawn"),
            Self::NotReady => f.write_str("ready nowhere"),
            Self::Squatter { by } => write!(f, "{by} claims it"),
            Self::Left => f.write_str("this node leaves"),
            Self::Stale => f.write_str("away for too long"),
        }
    }
}

fn millis(duration: Duration) -> String {
    if duration < Duration::from_secs(10) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{} s", duration.as_secs())
    }
}
