//! Elsewhere: what `pnet_datalink` tells. It knows neither carrier nor MTU: Ethernet's usual is assumed.

use super::Interface;
use crate::error::Result;
use crate::wire::MacAddr;

/// All interfaces with their addresses.
pub fn interfaces() -> Result<Vec<Interface>> {
    let describe = |found: pnet_datalink::NetworkInterface| {
        let mac = found.mac.map_or(MacAddr::ZERO, |mac| MacAddr(mac.octets()));
        Interface {
            index: found.index,
            mac,
            mtu: 1500,
            up: found.is_up(),
            carrier: found.is_running(),
            loopback: found.is_loopback(),
            ethernet: mac.is_unicast(),
            addresses: found.ips.iter().filter_map(|net| ipnet::IpNet::new(net.ip(), net.prefix()).ok()).collect(),
            name: found.name,
        }
    };
    Ok(pnet_datalink::interfaces().into_iter().map(describe).collect())
}
