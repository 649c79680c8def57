//! A BGPPeer has fields that contradict each other, or an address that cannot be read.
//!
//! ## Why is this bad?
//!
//! MetalLB refuses its whole configuration and goes on with the last good one.
//!
//! A peer needs the cluster's AS number, the router's (or `dynamicASN`, not both), and an address or an interface, not
//! both. The hold time is 0 or at least 3 seconds and not shorter than the keepalive time; when only one of the two is
//! given, the other follows at a third or three times of it.
//!
//! ## Example
//!
//! ```yaml peer.yaml
//! apiVersion: metallb.io/v1beta2
//! kind: BGPPeer
//! metadata:
//!   name: router
//!   namespace: metallb-system
//! spec:
//!   myASN: 64512
//!   peerASN: 64512
//!   ebgpMultiHop: true # error: [bgp-peer-invalid]
//!   peerAddress: 192.168.1.1/24 # error: [bgp-peer-invalid]
//!   holdTime: 2s # error: [bgp-peer-invalid]
//! ```
//!
//! ## Use instead
//!
//! ```yaml peer.yaml
//! apiVersion: metallb.io/v1beta2
//! kind: BGPPeer
//! metadata:
//!   name: router
//!   namespace: metallb-system
//! spec:
//!   myASN: 64512
//!   peerASN: 64512
//!   peerAddress: 192.168.1.1
//!   holdTime: 9s
//! ```
//!
//! ## References
//!
//! RFC 4271 sections 4.2 and 6.2; MetalLB 0.16 `internal/config` and `config/crd/bases`.

use std::net::IpAddr;

use poolcheck_manifest::schema::parse_duration;
use poolcheck_manifest::{Object, Value};
use poolcheck_plan::Span;

use crate::metallb::{field, number, objects, text, unknown_yet};
use crate::{Finding, Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "bgp-peer-invalid", level: Level::Error, needs: &[], since: "0.1.0", check };

const SECOND: i64 = 1_000_000_000;

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for object in objects(world).filter(|object| object.kind() == "BGPPeer") {
        let mut peer = Peer { object, findings };
        peer.numbers();
        peer.ends();
        peer.timers();
        peer.connect_time();
        peer.line_breaks();
    }
}

struct Peer<'p, 'a, 'f> {
    object: &'p Object<'a>,
    findings: &'p mut Findings<'f>,
}

impl<'a> Peer<'_, 'a, '_> {
    fn report(&mut self, span: Span, label: &str, what: &str) -> &mut Finding {
        let message = format!("{} {what}", self.object.reference());
        self.findings.report(span, label, message).about(self.object)
    }

    /// Where a field that is not there would stand.
    fn spec_span(&self) -> Span {
        let key = self.object.value.get("spec").and_then(|spec| spec.key_span());
        key.unwrap_or_else(|| self.object.kind_span())
    }

    fn numbers(&mut self) {
        let asn = |name: &str| field(self.object, name).and_then(|value| Some((value, number(value)?)));
        let (mine, theirs) = (asn("myASN"), asn("peerASN").filter(|(_, n)| *n != 0));
        let (written, zero) = (field(self.object, "peerASN"), asn("peerASN").filter(|(_, n)| *n == 0));
        let dynamic = text(self.object, "dynamicASN");
        match mine {
            Some((value, 0)) => {
                self.report(value.span(), "0 is no AS number", "has no AS number of its own")
                    .help("write the cluster's AS number, a private one like 64512");
            }
            None if self.object.spec().is_none() => {
                let span = self.spec_span();
                self.report(span, "needs `spec.myASN`", "has no AS number of its own")
                    .help("write `spec` with `myASN`, `peerASN` and `peerAddress`");
            }
            _ => {}
        }
        if let (Some((value, _)), Some((dynamic, _))) = (theirs, &dynamic) {
            self.report(dynamic.span(), "and this", "has both peerASN and dynamicASN")
                .related(value.span(), "this")
                .help("keep one of the two");
        }
        // v1beta1 has no dynamicASN and requires the field: the schema has said so already.
        let required = self.object.version() == "v1beta1" && written.is_none();
        if dynamic.is_none() && (zero.is_some() || written.is_none()) && self.object.spec().is_some() && !required {
            let span = zero.map_or_else(|| self.spec_span(), |(value, _)| value.span());
            self.report(span, "needs `peerASN` or `dynamicASN`", "has no AS number of the other side")
                .help("write `peerASN`, or `dynamicASN: external` (or `internal`)");
        }
        let multihop = field(self.object, "ebgpMultiHop").filter(|value| value.as_bool() == Some(true));
        if let (Some((mine, a)), Some((theirs, b)), Some(multihop)) = (mine, theirs, multihop)
            && a == b
        {
            self.report(multihop.span(), "for EBGP only", "has ebgpMultiHop between two ends of one AS")
                .related(mine.span(), "this side")
                .related(theirs.span(), "the other side")
                .help("remove `ebgpMultiHop`: IBGP needs none");
        }
    }

    fn ends(&mut self) {
        let (address, interface) = (text(self.object, "peerAddress"), text(self.object, "interface"));
        match (&address, &interface) {
            (None, None) if self.object.spec().is_some() => {
                let written = field(self.object, "peerAddress").filter(|value| value.as_str().is_some());
                let required = self.object.version() == "v1beta1" && written.is_none();
                let other_type = field(self.object, "peerAddress").is_some() && written.is_none();
                if !required && !other_type {
                    let span = written.map_or_else(|| self.spec_span(), |value| value.place());
                    self.report(span, "needs `peerAddress` or `interface`", "has neither an address nor an interface")
                        .help("write the router's address in `peerAddress`");
                }
            }
            (Some((address, _)), Some((interface, _))) => {
                self.report(interface.span(), "and this", "has both peerAddress and interface")
                    .related(address.span(), "this")
                    .help("keep one of the two: `interface` is for unnumbered BGP");
            }
            _ => {}
        }
        for name in ["peerAddress", "sourceAddress", "routerID"] {
            let Some((value, text)) = text(self.object, name) else { continue };
            if unknown_yet(self.findings, self.object, value) || is_address(&text) {
                continue;
            }
            let what = format!("has `{}` as {name}, which is no IP address", text.escape_debug());
            let finding = self.report(value.span(), "not an IP address", &what);
            match address_cure(&text) {
                Some(meant) => finding.help(format!("write `{meant}`")),
                None => finding.help("write one address without a prefix length, port or zone"),
            };
        }
    }

    fn timers(&mut self) {
        let duration = |name: &str| field(self.object, name).and_then(|v| Some((v, parse_duration(&v.as_str()?)?)));
        let (hold, keepalive) = (duration("holdTime"), duration("keepaliveTime"));
        let (value, hold_time, keepalive_time) = match (hold, keepalive) {
            (Some((value, hold)), Some((_, keepalive))) => (value, hold, keepalive),
            (Some((value, hold)), None) => (value, hold, hold / 3),
            (None, Some((value, keepalive))) => (value, keepalive.saturating_mul(3), keepalive),
            (None, None) => return,
        };
        let whole = hold_time / SECOND;
        if whole != 0 && whole < 3 {
            let what = if hold.is_some() {
                "has a hold time that is neither 0 nor at least 3 seconds"
            } else {
                "has a keepalive time whose hold time, three times as long, is under 3 seconds"
            };
            self.report(value.span(), "0, or at least 3s", what).help(if hold.is_some() {
                "write `3s` or more; 90s is usual"
            } else {
                "write `1s` or more"
            });
        } else if keepalive_time > hold_time {
            let (hold, keepalive) = (hold.map(|(v, _)| v), keepalive.map_or(value, |(v, _)| v));
            let finding = self.report(keepalive.span(), "longer than the hold time", "keeps alive later than it holds");
            if let Some(hold) = hold.filter(|hold| hold.span() != keepalive.span()) {
                finding.related(hold.span(), "the hold time");
            }
            finding.help("write a keepalive time of a third of the hold time");
        }
    }

    fn connect_time(&mut self) {
        let duration = |value: Value<'a>| Some((value, parse_duration(&value.as_str()?)?));
        let Some((value, time)) = field(self.object, "connectTime").and_then(duration) else { return };
        let seconds = time / SECOND;
        let what = if !(1..=65535).contains(&seconds) {
            "has a connect time outside 1 to 65535 seconds"
        } else if time / 1_000_000 % 1000 != 0 {
            "has a connect time that is no whole number of seconds"
        } else {
            return;
        };
        self.report(value.span(), "whole seconds, 1s to 65535s", what)
            .help(format!("write `{}s`", seconds.clamp(1, 65535)));
    }

    fn line_breaks(&mut self) {
        for name in ["interface", "password", "vrf"] {
            let Some((value, text)) = text(self.object, name) else { continue };
            if text.contains(['\n', '\r']) {
                let what = format!("has a line break in {name}");
                self.report(value.span(), "no line breaks", &what).help("write it on one line, without `|`");
            }
        }
    }
}

/// Go's `net.ParseIP`: no zone, no leading zeros, no blanks.
fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

fn address_cure(text: &str) -> Option<String> {
    let bare = text.trim().split(['/', '%']).next()?;
    let decimal = |part: &str| part.parse::<u8>().map(|number| number.to_string()).ok();
    let octets: Option<Vec<String>> = bare.split('.').map(decimal).collect();
    let joined = octets.filter(|octets| octets.len() == 4).map(|octets| octets.join("."));
    joined.or_else(|| Some(bare.to_owned())).filter(|meant| is_address(meant))
}

#[cfg(test)]
mod tests {
    use super::address_cure;

    #[test]
    fn addresses_are_mended() {
        assert_eq!(address_cure("192.168.7.1/24").as_deref(), Some("192.168.7.1"));
        assert_eq!(address_cure("192.168.07.1 ").as_deref(), Some("192.168.7.1"));
        assert_eq!(address_cure("fe80::1%eth0").as_deref(), Some("fe80::1"));
        assert_eq!(address_cure("ten"), None);
        assert_eq!(address_cure("192.168.7.999"), None);
    }
}
