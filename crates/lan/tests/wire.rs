//! What is written is read back, any bytes are survived, and a second implementation reads the same.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pnet_packet::{
    Packet as _, arp::ArpPacket, ethernet::EthernetPacket, icmpv6, ipv4::Ipv4Packet, ipv6::Ipv6Packet, udp,
};
use poolcheck_lan::wire::ndp::{NdpOption, PrefixInformation};
use poolcheck_lan::wire::{MacAddr, Payload, arp, compose, dhcpv4, dhcpv6, dissect, dns, ethernet, ipv6, mld, ndp};
use proptest::prelude::*;

fn mac() -> impl Strategy<Value = MacAddr> {
    any::<[u8; 6]>().prop_map(|mut octets| {
        octets[0] &= 0xfe;
        MacAddr(octets)
    })
}

fn unicast6() -> impl Strategy<Value = Ipv6Addr> {
    any::<u128>().prop_map(|bits| Ipv6Addr::from_bits(bits >> 1))
}

fn link_local() -> impl Strategy<Value = Ipv6Addr> {
    any::<u64>().prop_map(|id| Ipv6Addr::from_bits(0xfe80_u128 << 112 | u128::from(id)))
}

fn ndp_option() -> impl Strategy<Value = NdpOption> {
    prop_oneof![
        mac().prop_map(NdpOption::SourceLinkLayer),
        mac().prop_map(NdpOption::TargetLinkLayer),
        any::<u32>().prop_map(NdpOption::Mtu),
        (any::<u128>(), 0..=128_u8, any::<[bool; 2]>(), any::<[u32; 2]>()).prop_map(
            |(prefix, length, flags, times)| {
                NdpOption::Prefix(PrefixInformation {
                    prefix: Ipv6Addr::from_bits(prefix),
                    length,
                    on_link: flags[0],
                    autonomous: flags[1],
                    valid_lifetime: times[0],
                    preferred_lifetime: times[1],
                })
            }
        ),
        (0..4_usize, any::<u8>()).prop_map(|(n, byte)| NdpOption::Nonce(vec![byte; 6 + 8 * n])),
        (any::<u32>(), prop::collection::vec(any::<u128>().prop_map(Ipv6Addr::from_bits), 1..4))
            .prop_map(|(lifetime, servers)| NdpOption::RecursiveDns { lifetime, servers }),
        (30..=255_u8, 0..4_usize, any::<u8>())
            .prop_map(|(kind, n, byte)| NdpOption::Unknown { kind, data: vec![byte; 6 + 8 * n] }),
    ]
}

fn ndp_message() -> impl Strategy<Value = ndp::Repr> {
    let options = || prop::collection::vec(ndp_option(), 0..5);
    prop_oneof![
        options().prop_map(|options| ndp::Repr::RouterSolicitation { options }),
        (any::<u8>(), any::<[bool; 2]>(), any::<u16>(), any::<[u32; 2]>(), options()).prop_map(
            |(hop_limit, flags, router_lifetime, times, options)| ndp::Repr::RouterAdvertisement {
                hop_limit,
                managed: flags[0],
                other_config: flags[1],
                router_lifetime,
                reachable_time: times[0],
                retrans_timer: times[1],
                options,
            }
        ),
        (unicast6(), options()).prop_map(|(target, options)| ndp::Repr::NeighborSolicitation { target, options }),
        (unicast6(), any::<[bool; 2]>(), options()).prop_map(|(target, flags, options)| {
            ndp::Repr::NeighborAdvertisement {
                router: flags[0],
                solicited: false,
                override_cache: flags[1],
                target,
                options,
            }
        }),
    ]
}

fn host_name() -> impl Strategy<Value = dns::HostName> {
    prop_oneof![
        "[a-zA-Z0-9_-]{1,63}(\\.[a-z0-9ü-]{1,20}){0,3}".prop_map(|text| dns::HostName::new(&text).expect("a name")),
        any::<u32>().prop_map(|bits| dns::HostName::reverse(IpAddr::V4(bits.into()))),
        any::<u128>().prop_map(|bits| dns::HostName::reverse(IpAddr::V6(bits.into()))),
    ]
}

fn dns_message() -> impl Strategy<Value = dns::Repr> {
    let question = (host_name(), any::<bool>()).prop_map(|(name, unicast)| dns::Question { name, unicast });
    let data = prop_oneof![
        host_name().prop_map(dns::Data::Pointer),
        any::<u32>().prop_map(|bits| dns::Data::Address(IpAddr::V4(bits.into()))),
        any::<u128>().prop_map(|bits| dns::Data::Address(IpAddr::V6(bits.into()))),
    ];
    let record = (host_name(), any::<u32>(), data).prop_map(|(name, ttl, data)| dns::Record { name, ttl, data });
    let lists = (prop::collection::vec(question, 0..5), prop::collection::vec(record, 0..5));
    (any::<u16>(), any::<[bool; 2]>(), lists).prop_map(|(id, [response, recursion], (questions, records))| dns::Repr {
        id,
        response,
        recursion,
        questions,
        records,
    })
}

proptest! {
    #[test]
    fn ethernet_round_trips(destination in any::<[u8; 6]>(), source in mac(), tci in any::<u16>(), tagged: bool, kind in 0x0600_u16..) {
        prop_assume!(!matches!(kind, 0x8100 | 0x88a8));
        let vlan = tagged.then_some(ethernet::VlanTag {
            priority: (tci >> 13) as u8,
            drop_eligible: tci & 0x1000 != 0,
            id: tci & 0xfff,
        });
        let repr = ethernet::Repr { destination: MacAddr(destination), source, vlan, ethertype: kind.into() };
        let mut out = Vec::new();
        repr.emit(&mut out);
        prop_assert_eq!(out.len(), repr.buffer_len());
        prop_assert_eq!(ethernet::Repr::parse(&ethernet::Frame::new_checked(&out).unwrap()).unwrap(), repr);
    }

    #[test]
    fn arp_round_trips_and_pnet_agrees(operation: u16, macs in (mac(), mac()), ips in any::<[u32; 2]>()) {
        let repr = arp::Repr {
            operation: operation.into(),
            sender_mac: macs.0,
            sender_ip: ips[0].into(),
            target_mac: macs.1,
            target_ip: ips[1].into(),
        };
        let frame = compose::arp(MacAddr::BROADCAST, &repr);
        prop_assert_eq!(&dissect(&frame).unwrap().payload, &Payload::Arp(repr));
        let outer = EthernetPacket::new(&frame).unwrap();
        let other = ArpPacket::new(outer.payload()).unwrap();
        prop_assert_eq!(other.get_operation().0, operation);
        prop_assert_eq!(other.get_sender_hw_addr().octets(), macs.0.0);
        prop_assert_eq!(other.get_sender_proto_addr(), Ipv4Addr::from(ips[0]));
        prop_assert_eq!(other.get_target_proto_addr(), Ipv4Addr::from(ips[1]));
    }

    #[test]
    fn neighbor_discovery_round_trips_and_pnet_agrees(from in (mac(), link_local()), message in ndp_message()) {
        let frame = compose::ndp(from, (MacAddr::ZERO, ipv6::ALL_NODES), &message);
        let payload = dissect(&frame).unwrap().payload;
        prop_assert!(matches!(payload, Payload::Ndp(_, found) if found == message));
        let outer = EthernetPacket::new(&frame).unwrap();
        let header = Ipv6Packet::new(outer.payload()).unwrap();
        let inner = icmpv6::Icmpv6Packet::new(header.payload()).unwrap();
        let sum = icmpv6::checksum(&inner, &header.get_source(), &header.get_destination());
        prop_assert_eq!(inner.get_checksum(), sum);
    }

    #[test]
    fn mld_round_trips(from in (mac(), link_local()), kinds in prop::collection::vec((any::<u8>(), any::<u128>(), 0..3_usize), 0..4)) {
        let records = kinds.into_iter().map(|(kind, group, sources)| mld::Record {
            kind: kind.into(),
            group: Ipv6Addr::from_bits(group),
            sources: vec![Ipv6Addr::LOCALHOST; sources],
        });
        let report = mld::Repr::V2 { records: records.collect() };
        let frame = compose::mld(from, ipv6::ALL_MLDV2_ROUTERS, &report);
        prop_assert!(matches!(dissect(&frame).unwrap().payload, Payload::Mld(_, found) if found == report));
    }

    #[test]
    fn dhcp_round_trips_and_pnet_agrees(
        from in mac(), xid: u32, addresses in any::<[u32; 4]>(),
        options in prop::collection::btree_map((1..=254_u8).prop_filter("overload is resolved", |n| *n != 52), prop::collection::vec(any::<u8>(), 0..300), 0..5),
    ) {
        let mut message = dhcpv4::Repr::from_client(dhcpv4::MessageType::Discover, from, xid);
        let [client, your, next, relay] = addresses.map(Ipv4Addr::from);
        (message.client_address, message.your_address) = (client, your);
        (message.next_server, message.relay) = (next, relay);
        for (number, data) in &options {
 message.options.append(*number, data);
 }
        let frame = compose::dhcpv4_from_client(from, &message);
        let payload = dissect(&frame).unwrap().payload;
        prop_assert!(matches!(payload, Payload::Dhcpv4(_, _, found) if found == message));
        let outer = EthernetPacket::new(&frame).unwrap();
        let header = Ipv4Packet::new(outer.payload()).unwrap();
        prop_assert_eq!(header.get_checksum(), pnet_packet::ipv4::checksum(&header));
        let datagram = udp::UdpPacket::new(header.payload()).unwrap();
        let sum = udp::ipv4_checksum(&datagram, &header.get_source(), &header.get_destination());
        prop_assert_eq!(datagram.get_checksum(), sum);
    }

    #[test]
    fn dhcpv6_round_trips(from in (mac(), link_local()), xid: u32, options in prop::collection::vec((any::<u16>(), prop::collection::vec(any::<u8>(), 0..50)), 0..5)) {
        let mut message = dhcpv6::Repr::solicit(from.0, xid);
        message.options.extend(options);
        let frame = compose::dhcpv6_from_client(from, &message);
        prop_assert!(matches!(dissect(&frame).unwrap().payload, Payload::Dhcpv6(_, _, found) if found == message));
    }

    #[test]
    fn multicast_dns_round_trips(from in mac(), v6: bool, message in dns_message()) {
        let source: IpAddr = if v6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
        let frame = compose::mdns((from, source), &message);
        prop_assert_eq!(dissect(&frame).unwrap().payload, Payload::Mdns(source, message));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = dissect(&bytes);
        let _ = dns::Repr::parse(&bytes);
    }

    #[test]
    fn no_damage_to_names_makes_it_panic(message in dns_message(), at in 0..500_usize, byte: u8, cut in 0..500_usize) {
        let mut bytes = Vec::new();
        message.emit(&mut bytes);
        let len = bytes.len();
        bytes[at % len] = byte;
        bytes.truncate(len.saturating_sub(cut).max(1));
        let _ = dns::Repr::parse(&bytes);
    }

    /// Damage behind a valid beginning reaches deeper than noise does.
    #[test]
    fn no_damage_makes_it_panic(message in ndp_message(), from in (mac(), link_local()), at in 0..200_usize, byte: u8, cut in 0..200_usize) {
        let mut frame = compose::ndp(from, (MacAddr::ZERO, ipv6::ALL_NODES), &message);
        let len = frame.len();
        frame[at % len] = byte;
        frame.truncate(len.saturating_sub(cut));
        let _ = dissect(&frame);
        let _ = ndp::Repr::parse(&ipv6::Repr { source: from.1, destination: ipv6::ALL_NODES, next_header: 58, hop_limit: 255, payload_len: 0 }, &frame);
    }
}
