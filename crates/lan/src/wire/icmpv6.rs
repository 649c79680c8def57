//! ICMPv6 messages (RFC 4443): type, code, checksum, body.

use std::net::Ipv6Addr;

use super::checksum::Sum;
use super::{at_least, ipv6};
use crate::error::{Error, Result};

const LAYER: &str = "ICMPv6";
/// Length of type, code and checksum.
pub const HEADER_LEN: usize = 4;

/// A view of an ICMPv6 message.
#[derive(Debug, Clone, Copy)]
pub struct Packet<T> {
    buffer: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// Checks the length and the checksum, which covers the addresses of the IPv6 header.
    pub fn new_checked(buffer: T, source: Ipv6Addr, destination: Ipv6Addr) -> Result<Self> {
        let bytes = buffer.as_ref();
        at_least(bytes, HEADER_LEN, LAYER)?;
        if Sum::pseudo_v6(source, destination, ipv6::ICMPV6, bytes.len()).bytes(bytes).finish() != 0 {
            return Err(Error::Checksum { layer: LAYER });
        }
        Ok(Self { buffer })
    }

    /// Type of the message.
    pub fn kind(&self) -> u8 {
        self.buffer.as_ref()[0]
    }

    /// Code of the message.
    pub fn code(&self) -> u8 {
        self.buffer.as_ref()[1]
    }

    /// What follows the checksum.
    pub fn body(&self) -> &[u8] {
        &self.buffer.as_ref()[HEADER_LEN..]
    }
}

/// Appends a message with code 0 whose body `emit_body` writes, and its checksum.
pub(super) fn emit_message(
    kind: u8,
    source: Ipv6Addr,
    destination: Ipv6Addr,
    out: &mut Vec<u8>,
    emit_body: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&[kind, 0, 0, 0]);
    emit_body(out);
    let message = &out[start..];
    let sum = Sum::pseudo_v6(source, destination, ipv6::ICMPV6, message.len()).bytes(message).finish();
    out[start + 2..start + 4].copy_from_slice(&sum.to_be_bytes());
}
