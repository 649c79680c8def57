//! The portable link, on `pnet_datalink` (BPF devices on macOS and the BSDs, Npcap on Windows).
//!
//! Promiscuous mode is switched off, which pnet would switch on. There is no kernel filter: frames are dropped here.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use pnet_datalink::{Channel, Config, DataLinkReceiver, DataLinkSender};

use super::{Filter, Link, Received, Wanted};
use crate::error::{Error, Result};
use crate::interface::Interface;
use crate::time::Timestamp;
use crate::wire::{MacAddr, Payload, dissect};

/// How long one read may wait: pnet fixes it when the channel is opened.
const TICK: Duration = Duration::from_millis(1);

/// A channel of pnet on one interface.
pub struct PacketLink {
    sender: Box<dyn DataLinkSender>,
    receiver: Box<dyn DataLinkReceiver>,
    filter: Filter,
    mac: MacAddr,
    mtu: usize,
    began: Instant,
}

impl PacketLink {
    /// Opens the channel; see [`super::open`].
    pub(super) fn open(interface: &Interface, filter: &Filter) -> Result<Self> {
        let found = pnet_datalink::interfaces().into_iter().find(|i| i.name == interface.name);
        let found = found.ok_or_else(|| Error::NoInterface { name: interface.name.clone() })?;
        let config = Config { promiscuous: false, read_timeout: Some(TICK), ..Config::default() };
        let channel = pnet_datalink::channel(&found, config).map_err(|source| match source.kind() {
            ErrorKind::PermissionDenied => Error::Permission { name: interface.name.clone() },
            _ => Error::Io { what: "opening the link", source },
        })?;
        let Channel::Ethernet(sender, receiver) = channel else {
            return Err(Error::Interface { name: interface.name.clone(), reason: "it does not carry Ethernet frames" });
        };
        let (filter, mac, mtu) = (filter.clone(), interface.mac, interface.mtu);
        Ok(Self { sender, receiver, filter, mac, mtu, began: Instant::now() })
    }

    fn wants(&self, frame: &[u8]) -> bool {
        let Ok(found) = dissect(frame) else { return false };
        let kind = match found.payload {
            Payload::Arp(_) => Wanted::ARP,
            Payload::Ndp(..) => Wanted::NDP,
            Payload::Mld(..) => Wanted::MLD,
            Payload::Dhcpv4(..) => Wanted::DHCPV4,
            Payload::Dhcpv6(..) => Wanted::DHCPV6,
            Payload::Mdns(..) => Wanted::MDNS,
            Payload::Other => {
                let ethertype = u16::from(found.ethernet.ethertype);
                return found.ethernet.source != self.mac
                    && self.filter.ethertypes.iter().any(|(kind, _)| *kind == ethertype);
            }
        };
        found.ethernet.source != self.mac && found.ethernet.vlan.is_none() && self.filter.wanted.has(kind)
    }
}

impl Link for PacketLink {
    fn mac(&self) -> MacAddr {
        self.mac
    }

    fn mtu(&self) -> usize {
        self.mtu
    }

    fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.began.elapsed()
    }

    /// Only all-nodes is heard, which the system itself has joined; pnet has no door to more.
    fn join(&mut self, _group: MacAddr) -> Result<()> {
        Ok(())
    }

    fn filter(&mut self, filter: &Filter) -> Result<()> {
        self.filter = filter.clone();
        Ok(())
    }

    fn send(&mut self, frames: &[Vec<u8>]) -> Result<usize> {
        for (sent, frame) in frames.iter().enumerate() {
            match self.sender.send_to(frame, None) {
                None => return Ok(sent),
                Some(Err(source)) if source.kind() == ErrorKind::WouldBlock => return Ok(sent),
                Some(result) => result.map_err(Error::io("sending frames"))?,
            }
        }
        Ok(frames.len())
    }

    fn receive(&mut self, until: Timestamp, frames: &mut Vec<Received>) -> Result<()> {
        loop {
            match self.receiver.next() {
                Ok(frame) => {
                    let frame = frame.to_vec();
                    if self.wants(&frame) {
                        frames.push(Received { at: self.now(), frame });
                        return Ok(());
                    }
                }
                Err(source) if matches!(source.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {}
                Err(source) => return Err(Error::Io { what: "receiving frames", source }),
            }
            if self.now() >= until {
                return Ok(());
            }
        }
    }
}
