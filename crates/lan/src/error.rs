//! The one error of this crate.

use std::io;

/// What can go wrong on the way to the wire and back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A frame ends before the header or option that it announces.
    #[error("{layer}: the frame ends too early")]
    Truncated {
        /// The protocol that was being read.
        layer: &'static str,
    },
    /// A field holds what its protocol forbids.
    #[error("{layer}: {reason}")]
    Malformed {
        /// The protocol that was being read.
        layer: &'static str,
        /// What is wrong, in lower case.
        reason: &'static str,
    },
    /// A checksum does not fit the bytes it covers.
    #[error("{layer}: the checksum is wrong")]
    Checksum {
        /// The protocol that was being read.
        layer: &'static str,
    },
    /// A hardware address that is not six hexadecimal octets.
    #[error("{text:?} is not a MAC address: write six octets, such as 02:00:5e:10:00:01")]
    Mac {
        /// What was given.
        text: String,
    },
    /// More addresses than one scan asks: see [`crate::scan::MAX_TARGETS`].
    #[error("{count} addresses are too many for one scan (at most {limit}): name the ranges that matter")]
    TooManyTargets {
        /// How many were asked for; `u128::MAX` stands for more.
        count: u128,
        /// How many are accepted.
        limit: usize,
    },
    /// Nothing to ask.
    #[error("there is no address to ask")]
    NoTargets,
    /// A rate or a time outside what a scan accepts.
    #[error("{what} must be {range}")]
    Setting {
        /// The setting's name.
        what: &'static str,
        /// What is accepted.
        range: &'static str,
    },
    /// No interface of this name.
    #[error("there is no interface {name}")]
    NoInterface {
        /// The name that was asked for.
        name: String,
    },
    /// An interface that cannot carry Ethernet frames now: it is down, has no carrier, or is not Ethernet.
    #[error("interface {name} cannot be used: {reason}")]
    Interface {
        /// The interface.
        name: String,
        /// What is in the way.
        reason: &'static str,
    },
    /// The system refused a packet socket.
    #[error("opening a packet socket on {name} needs the capability CAP_NET_RAW")]
    Permission {
        /// The interface.
        name: String,
    },
    /// A capture file that is not classic pcap with Ethernet frames.
    #[error("the capture cannot be read: {reason}")]
    Capture {
        /// What is wrong.
        reason: &'static str,
    },
    /// A system call failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// A closure for `map_err` that remembers what was being done.
    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}

/// A result with this crate's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;
