//! The BGP objects together suit none of MetalLB's BGP modes, or only the native one.
//!
//! ## Why is this bad?
//!
//! MetalLB speaks BGP by itself (native mode) or through FRR. Native mode refuses IPv6, BFD, VRFs, large communities and a
//! few fields of a peer. FRR refuses two peers with one address, peers with different router IDs, and different own AS
//! numbers in one VRF. When both refuse, there is no mode in which the configuration works.
//!
//! What only native mode takes is a warning: FRR is the usual mode.
//!
//! ## Example
//!
//! ```yaml peers.yaml
//! apiVersion: metallb.io/v1beta2
//! kind: BGPPeer
//! metadata:
//!   name: a
//!   namespace: metallb-system
//! spec:
//!   myASN: 64512
//!   peerASN: 64513
//!   peerAddress: 192.168.1.1
//!   vrf: red
//! ---
//! apiVersion: metallb.io/v1beta2
//! kind: BGPPeer
//! metadata:
//!   name: b
//!   namespace: metallb-system
//! spec:
//!   myASN: 64512
//!   peerASN: 64513
//!   peerAddress: 192.168.1.1 # error: [bgp-mode-conflict]
//!   vrf: red
//! ```
//!
//! ## Use instead
//!
//! ```yaml peers.yaml
//! apiVersion: metallb.io/v1beta2
//! kind: BGPPeer
//! metadata:
//!   name: a
//!   namespace: metallb-system
//! spec:
//!   myASN: 64512
//!   peerASN: 64513
//!   peerAddress: 192.168.1.1
//!   vrf: red
//! ---
//! apiVersion: metallb.io/v1beta2
//! kind: BGPPeer
//! metadata:
//!   name: b
//!   namespace: metallb-system
//! spec:
//!   myASN: 64512
//!   peerASN: 64513
//!   peerAddress: 192.168.1.2
//!   vrf: red
//! ```
//!
//! ## References
//!
//! MetalLB 0.16 `internal/config`; MetalLB, The FRR mode.

use poolcheck_manifest::Object;
use poolcheck_manifest::schema::{filled_in_later, parse_duration};
use poolcheck_plan::{Family, Span};

use crate::bgp::{Community, advertisements, community, pools};
use crate::metallb::{applied, field, number, strings, text};
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "bgp-mode-conflict", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let peers = applied(world, "BGPPeer");
    let native = native_refuses(world, &peers);
    for conflict in frr_refuses(&peers) {
        let object = conflict.object;
        let rest =
            if native.is_some() { "and the rest is nothing for native mode" } else { "only native mode takes both" };
        let message = format!(
            "{} {} {}, which FRR refuses; {rest}",
            object.reference(),
            conflict.what,
            conflict.other.reference()
        );
        let finding = findings.report(conflict.span, "FRR refuses this", message);
        finding.about(object).related(conflict.other_span, "beside this");
        match &native {
            Some((span, what)) => finding.related(*span, format!("native mode refuses {what}")),
            None => finding.level(Level::Warning),
        };
        finding.help(conflict.help);
    }
}

/// The first thing that native mode refuses.
fn native_refuses(world: &World<'_>, peers: &[&Object<'_>]) -> Option<(Span, &'static str)> {
    let in_peers = peers.iter().find_map(|peer| {
        let words = ["bfdProfile", "vrf", "dynamicASN", "interface"].into_iter().find_map(|name| text(peer, name));
        let connect = field(peer, "connectTime");
        let keepalive =
            field(peer, "keepaliveTime").filter(|value| parse_duration(&value.text()).is_some_and(|t| t != 0));
        let asn = field(peer, "localASN").filter(|value| number(*value).is_some_and(|n| n != 0));
        let flags = ["enableGracefulRestart", "disableMP", "dualStackAddressFamily"];
        let flag = flags.into_iter().filter_map(|name| field(peer, name)).find(|value| value.as_bool() == Some(true));
        words.map(|(value, _)| value).or(connect).or(keepalive).or(asn).or(flag)
    });
    if let Some(value) = in_peers {
        return Some((value.place(), "this field"));
    }
    if let Some(profile) = applied(world, "BFDProfile").first() {
        return Some((profile.kind_span(), "BFD"));
    }
    let ads = advertisements(world);
    for pool in pools(world).into_iter().filter(|pool| ads.iter().any(|ad| ad.announces(pool))) {
        if let Some((entry, _)) = pool.ranges().find(|(_, range)| range.family() == Family::V6) {
            return Some((entry.value.span(), "IPv6"));
        }
    }
    let is_large = |text: &str| community(text) == Ok(Community::Large);
    let used = ads.iter().flat_map(|ad| strings(&ad.object, "communities")).find(|(_, text)| is_large(text));
    let defined = applied(world, "Community").into_iter().find_map(|object| {
        let aliases = field(object, "communities")?.items().collect::<Vec<_>>();
        aliases.into_iter().filter_map(|alias| alias.get("value")).find(|value| is_large(&value.text()))
    });
    used.map(|(value, _)| value).or(defined).map(|value| (value.place(), "large communities"))
}

/// Two peers that FRR does not take together.
struct Conflict<'p, 'a> {
    object: &'p Object<'a>,
    span: Span,
    other: &'p Object<'a>,
    other_span: Span,
    what: &'static str,
    help: &'static str,
}

fn frr_refuses<'p, 'a>(peers: &[&'p Object<'a>]) -> Vec<Conflict<'p, 'a>> {
    let word = |peer: &Object<'_>, name: &str| text(peer, name).map(|(_, text)| text.into_owned()).unwrap_or_default();
    let span =
        |peer: &Object<'_>, name: &str| field(peer, name).map_or_else(|| peer.name_span(), |value| value.place());
    let asn = |peer: &Object<'_>| field(peer, "myASN").and_then(number);
    let end = |peer: &Object<'_>| if word(peer, "peerAddress").is_empty() { "interface" } else { "peerAddress" };
    let mut found = Vec::new();
    for (index, object) in peers.iter().enumerate() {
        let mut add = |other: &'p Object<'a>, names: [&str; 2], what, help| {
            let (span, other_span) = (span(object, names[0]), span(other, names[1]));
            found.push(Conflict { object, span, other, other_span, what, help });
        };
        let ids = [word(object, "routerID"), word(peers[0], "routerID")];
        if ids[0] != ids[1] && ids.iter().all(|id| filled_in_later(id).is_none()) {
            let help = "give all peers the same `routerID`, or none of them";
            add(peers[0], ["routerID"; 2], "has another router ID than", help);
        }
        let earlier = &peers[..index];
        let same_vrf = |other: &&&'p Object<'a>| word(object, "vrf") == word(other, "vrf");
        let same_end = |other: &&&'p Object<'a>| word(object, end(object)) == word(other, end(other));
        if let Some(other) = earlier.iter().filter(same_vrf).find(same_end) {
            let help = "join the two, or give each the address of its own router";
            add(other, [end(object), end(other)], "has the same address as", help);
        }
        let other_asn = |other: &&&'p Object<'a>| asn(object).zip(asn(other)).is_some_and(|(a, b)| a != b);
        if let Some(other) = earlier.iter().filter(same_vrf).find(other_asn) {
            let help = "write the same `myASN` in both, or `localASN` in one of them";
            add(other, ["myASN"; 2], "has another AS number of its own than", help);
        }
    }
    found
}
