//! Frames, read and made: Ethernet, ARP, Neighbor Discovery, MLD reports, DHCP, DHCPv6 and Multicast DNS.
//!
//! Every protocol has two layers. A *view* (`Packet`, `Frame`, `Datagram`) lays names over bytes: `new_checked` looks at
//! the lengths once, and after that no accessor panics. A *representation* (`Repr`) is a plain value: `parse` checks all
//! that the protocol demands (checksums included) and copies, `emit` appends the bytes to a buffer, and parsing what was
//! emitted gives the same value back. Reading is total: any bytes give a value or an [`Error`].
//!
//! [`dissect`](dissect()) goes through all layers of one frame, and [`compose`] builds whole frames.

pub mod arp;
mod checksum;
pub mod compose;
pub mod dhcpv4;
pub mod dhcpv6;
pub mod dissect;
pub mod dns;
pub mod ethernet;
pub mod icmpv6;
pub mod ipv4;
pub mod ipv6;
mod mac;
pub mod mld;
pub mod ndp;
pub mod udp;

pub use dissect::{Dissected, Payload, dissect};
pub use mac::MacAddr;

use crate::error::{Error, Result};

/// The 16-bit number at `at`. Callers have checked the length.
fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// The 32-bit number at `at`. Callers have checked the length.
fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// `N` octets at `at`. Callers have checked the length.
fn octets<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

/// Refuses bytes shorter than a header.
fn at_least(bytes: &[u8], len: usize, layer: &'static str) -> Result<()> {
    if bytes.len() < len { Err(Error::Truncated { layer }) } else { Ok(()) }
}
