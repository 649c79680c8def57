//! The interfaces of this machine, its neighbours and its default routes.
//!
//! On Linux everything comes from the kernel over netlink. Elsewhere only [`interfaces`] exists. All is read only, but for
//! [`lend_address`], which an owner of shared addresses calls.

#[cfg(target_os = "linux")]
mod netlink;
#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(target_os = "linux")]
mod watch;

#[cfg(target_os = "linux")]
pub use netlink::{default_routes, interfaces, lend_address, neighbours, take_back_address};
#[cfg(not(target_os = "linux"))]
pub use portable::interfaces;
#[cfg(target_os = "linux")]
pub use watch::Watch;

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use crate::error::{Error, Result};
use crate::wire::MacAddr;

/// An interface as the system describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The system's number for it.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Hardware address; all zeros where it has none.
    pub mac: MacAddr,
    /// Largest payload, in octets.
    pub mtu: usize,
    /// Administratively up.
    pub up: bool,
    /// A cable or an access point is there.
    pub carrier: bool,
    /// Talks to the machine itself only.
    pub loopback: bool,
    /// Carries Ethernet frames.
    pub ethernet: bool,
    /// Addresses with their prefix lengths.
    pub addresses: Vec<IpNet>,
}

impl Interface {
    /// Whether frames can leave it now.
    pub fn usable(&self) -> Result<()> {
        let refuse = |reason| Err(Error::Interface { name: self.name.clone(), reason });
        match self {
            Self { loopback: true, .. } => refuse("it is the loopback interface"),
            Self { ethernet: false, .. } => refuse("it does not carry Ethernet frames"),
            Self { up: false, .. } => refuse("it is down"),
            Self { carrier: false, .. } => refuse("it has no carrier: is the cable plugged in?"),
            _ => Ok(()),
        }
    }
}

impl Interface {
    /// Whether an address lies in one of the interface's subnets: whether it can be asked for here.
    pub fn reaches(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|net| net.contains(&address))
    }

    /// The interface's link-local IPv6 address, if IPv6 is on.
    pub fn link_local(&self) -> Option<Ipv6Addr> {
        self.addresses.iter().find_map(|net| match net.addr() {
            IpAddr::V6(address) if address.is_unicast_link_local() => Some(address),
            _ => None,
        })
    }
}

/// An entry of the kernel's neighbour table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Number of the interface it is on.
    pub interface: u32,
    /// Its address.
    pub address: IpAddr,
    /// Its hardware address; `None` while nobody answers.
    pub mac: Option<MacAddr>,
    /// Confirmed lately, or set by hand; otherwise it may be stale.
    pub fresh: bool,
}

/// Where packets go that no other route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultRoute {
    /// Number of the interface.
    pub interface: u32,
    /// The router.
    pub gateway: IpAddr,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_carry_frames_is_refused() {
        let good = Interface {
            index: 2,
            name: "eth0".to_owned(),
            mac: MacAddr([2, 0, 0, 0, 0, 1]),
            mtu: 1500,
            up: true,
            carrier: true,
            loopback: false,
            ethernet: true,
            addresses: vec!["192.168.1.7/24".parse().unwrap(), "fe80::1/64".parse().unwrap()],
        };
        assert!(good.usable().is_ok());
        for bad in [
            Interface { up: false, ..good.clone() },
            Interface { carrier: false, ..good.clone() },
            Interface { loopback: true, ..good.clone() },
            Interface { ethernet: false, ..good.clone() },
        ] {
            assert!(matches!(bad.usable(), Err(Error::Interface { .. })), "{bad:?}");
        }
        assert!(good.reaches([192, 168, 1, 50].into()) && !good.reaches([192, 168, 2, 50].into()));
        assert_eq!(good.link_local(), "fe80::1".parse().ok());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_tells_of_the_loopback_interface() {
        let found = interfaces().unwrap();
        let loopback = found.iter().find(|interface| interface.loopback).unwrap();
        assert_eq!((loopback.name.as_str(), loopback.ethernet), ("lo", false));
        assert!(loopback.mtu > 1500 && loopback.usable().is_err());
        neighbours().unwrap();
        default_routes().unwrap();
    }
}
