//! One round of announcements, as frames.

use std::net::IpAddr;

use poolcheck_lan::wire::arp::{Operation, Repr as Arp};
use poolcheck_lan::wire::{MacAddr, compose};

/// IPv4: the request form of RFC 5227 section 2.3, target hardware address zero, and the reply form of RFC 5944 section 4.6,
/// target hardware address the sender's: some hosts heed only one of them. IPv6: RFC 4861 section 7.2.6; and for an address
/// that nobody had before, one to the routers that creates an entry without overriding any (RFC 9131 section 6.1.1).
pub(super) fn round(address: IpAddr, mac: MacAddr, new: bool) -> Vec<Vec<u8>> {
    match address {
        IpAddr::V4(address) => {
            let request = Arp::announcement(mac, address);
            let reply = Arp { operation: Operation::Reply, target_mac: mac, ..request };
            vec![compose::arp(MacAddr::BROADCAST, &request), compose::arp(MacAddr::BROADCAST, &reply)]
        }
        IpAddr::V6(target) => {
            let mut frames = vec![compose::ndp_announcement(mac, target, true)];
            frames.extend(new.then(|| compose::ndp_announcement_to_routers(mac, target)));
            frames
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    #[test]
    fn both_forms_of_arp() {
        let frames = round([192, 168, 1, 50].into(), MAC, true);
        #[rustfmt::skip]
        let form = |operation, target: [u8; 6]| {
            let mut frame = vec![0xff; 6];
            frame.extend_from_slice(&[2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, operation]);
            frame.extend_from_slice(&[2, 0, 0, 0, 0, 1, 192, 168, 1, 50]);
            frame.extend_from_slice(&target);
            frame.extend_from_slice(&[192, 168, 1, 50]);
            frame.resize(60, 0);
            frame
        };
        assert_eq!(frames, [form(1, [0; 6]), form(2, MAC.0)]);
    }

    #[test]
    fn routers_are_told_of_new_addresses_without_overriding() {
        let vip: IpAddr = "fd00::50".parse().unwrap();
        let frames = round(vip, MAC, true);
        assert_eq!(frames[0][..6], [0x33, 0x33, 0, 0, 0, 1]);
        assert_eq!(frames[0][58], 0b0010_0000, "override, not solicited");
        assert_eq!(frames[1][..6], [0x33, 0x33, 0, 0, 0, 2]);
        assert_eq!(frames[1][58], 0);
        assert_eq!(round(vip, MAC, false).len(), 1);
    }
}
