//! The Internet checksum (RFC 1071).

use std::net::{Ipv4Addr, Ipv6Addr};

/// One's complement sum that goes over several slices. Every slice but the last must have an even length.
#[derive(Clone, Copy, Default)]
pub(super) struct Sum(u32);

impl Sum {
    /// Adds bytes, an odd last one padded by zero.
    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        let mut pairs = bytes.chunks_exact(2);
        for pair in &mut pairs {
            self.0 += u32::from(u16::from_be_bytes([pair[0], pair[1]]));
            self.0 = (self.0 & 0xffff) + (self.0 >> 16);
        }
        if let [last] = pairs.remainder() {
            self.0 += u32::from(*last) << 8;
            self.0 = (self.0 & 0xffff) + (self.0 >> 16);
        }
        self
    }

    /// The pseudo-header of upper layers over IPv6 (RFC 8200 section 8.1).
    pub(super) fn pseudo_v6(source: Ipv6Addr, destination: Ipv6Addr, protocol: u8, len: usize) -> Self {
        let len = (len as u32).to_be_bytes();
        Self::default().bytes(&source.octets()).bytes(&destination.octets()).bytes(&len).bytes(&[0, 0, 0, protocol])
    }

    /// The pseudo-header of upper layers over IPv4 (RFC 768).
    pub(super) fn pseudo_v4(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, len: usize) -> Self {
        let len = (len as u16).to_be_bytes();
        Self::default().bytes(&source.octets()).bytes(&destination.octets()).bytes(&[0, protocol]).bytes(&len)
    }

    /// The checksum to write; zero when what was summed held a right one.
    pub(super) fn finish(self) -> u16 {
        !((self.0 & 0xffff) as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn example_of_rfc_1071() {
        // Section 3: 0001 f203 f4f5 f6f7 sums to ddf2.
        let sum = Sum::default().bytes(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!(sum.finish(), !0xddf2);
    }

    #[test]
    fn odd_lengths_are_padded() {
        assert_eq!(Sum::default().bytes(&[1, 2, 3]).finish(), Sum::default().bytes(&[1, 2, 3, 0]).finish());
    }
}
