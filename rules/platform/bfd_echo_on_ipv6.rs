//! An IPv6 pool is announced to a BGP peer with BFD echo mode.
//!
//! ## Why is this bad?
//!
//! FRR cannot run BFD echo over IPv6, and MetalLB refuses its whole configuration.
//!
//! ## Example
//!
//! ```yaml bgp.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: six
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - fd00:7::/120
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: BGPAdvertisement
//! metadata:
//!   name: six
//!   namespace: metallb-system
//! ---
//! apiVersion: metallb.io/v1beta2
//! kind: BGPPeer
//! metadata:
//!   name: router
//!   namespace: metallb-system
//! spec:
//!   myASN: 64512
//!   peerASN: 64513
//!   peerAddress: 192.168.1.1
//!   bfdProfile: fast # error: [bfd-echo-on-ipv6]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: BFDProfile
//! metadata:
//!   name: fast
//!   namespace: metallb-system
//! spec:
//!   echoMode: true
//! ```
//!
//! ## Use instead
//!
//! ```yaml bgp.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata:
//!   name: six
//!   namespace: metallb-system
//! spec:
//!   addresses:
//!   - fd00:7::/120
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: BGPAdvertisement
//! metadata:
//!   name: six
//!   namespace: metallb-system
//! ---
//! apiVersion: metallb.io/v1beta2
//! kind: BGPPeer
//! metadata:
//!   name: router
//!   namespace: metallb-system
//! spec:
//!   myASN: 64512
//!   peerASN: 64513
//!   peerAddress: 192.168.1.1
//!   bfdProfile: fast
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: BFDProfile
//! metadata:
//!   name: fast
//!   namespace: metallb-system
//! spec:
//!   echoMode: false
//! ```
//!
//! ## References
//!
//! MetalLB 0.16 `internal/config`; RFC 5881 section 4 (echo packets).

use poolcheck_plan::Family;

use crate::bgp::{advertisements, pools};
use crate::metallb::{applied, field, strings, text};
use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "bfd-echo-on-ipv6", level: Level::Error, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    let (ads, pools) = (advertisements(world), pools(world));
    let profiles = applied(world, "BFDProfile");
    for peer in applied(world, "BGPPeer") {
        let Some((value, profile)) = text(peer, "bfdProfile") else { continue };
        let echo = profiles
            .iter()
            .filter(|object| object.name().is_some_and(|name| name == profile))
            .find_map(|object| field(object, "echoMode").filter(|echo| echo.as_bool() == Some(true)));
        let Some(echo) = echo else { continue };
        let reaching = ads.iter().filter(|ad| {
            let named = strings(&ad.object, "peers");
            named.is_empty() || named.iter().any(|(_, name)| peer.name().is_some_and(|own| own == *name))
        });
        let six = reaching.flat_map(|ad| pools.iter().filter(|pool| ad.announces(pool)).map(move |pool| (ad, pool)));
        let first = six.into_iter().find_map(|(ad, pool)| {
            let (entry, range) = pool.ranges().find(|(_, range)| range.family() == Family::V6)?;
            Some((ad, pool, entry, range))
        });
        let Some((ad, pool, entry, range)) = first else { continue };
        let message = format!(
            "{} has BFD echo mode, but {} announces the IPv6 range {range} of pool {} to it",
            peer.reference(),
            ad.object.reference(),
            pool.name
        );
        let finding = findings.report(value.span(), "this profile has echo mode", message);
        finding.about(peer).related(echo.span(), "echo mode").related(entry.value.span(), "IPv6");
        finding.help("set `echoMode: false`, or announce the IPv6 pool to other peers by `peers`");
    }
}
