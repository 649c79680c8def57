//! The list: every row by name, with what it demands and who demands it.

use super::stage::Stage;
use super::{Outcome, arp, conflict, failover, garp, lifecycle, ndp, others, owner};

/// The ten parts of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Answers,
    Others,
    Announcements,
    Ndp,
    OneOwner,
    Failover,
    Conflict,
    Lifecycle,
    Kubernetes,
    Withdraw,
}

impl Part {
    pub(super) const ALL: [Self; 10] = [
        Self::Answers,
        Self::Others,
        Self::Announcements,
        Self::Ndp,
        Self::OneOwner,
        Self::Failover,
        Self::Conflict,
        Self::Lifecycle,
        Self::Kubernetes,
        Self::Withdraw,
    ];

    pub(super) fn number(self) -> usize {
        Self::ALL.iter().position(|part| *part == self).unwrap_or_default() + 1
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Answers => "Which ARP packets are answered, byte for byte",
            Self::Others => "Nobody speaks for what is not its own",
            Self::Announcements => "Announcements",
            Self::Ndp => "Neighbor Discovery and multicast listeners",
            Self::OneOwner => "One owner",
            Self::Failover => "Failover",
            Self::Conflict => "Conflict",
            Self::Lifecycle => "What interfaces go through",
            Self::Kubernetes => "Kubernetes",
            Self::Withdraw => "Withdrawing",
        }
    }
}

/// One demand.
pub(super) struct Row {
    /// Stable.
    pub(super) name: &'static str,
    pub(super) part: Part,
    /// What is demanded, in one sentence.
    pub(super) demand: &'static str,
    /// Who demands it.
    pub(super) said_in: &'static str,
    /// How it is looked at; `None` where only an announcer of Kubernetes can have it.
    pub(super) check: Option<fn(&mut Stage) -> Outcome>,
}

const fn row(
    part: Part,
    name: &'static str,
    demand: &'static str,
    said_in: &'static str,
    check: fn(&mut Stage) -> Outcome,
) -> Row {
    Row { name, part, demand, said_in, check: Some(check) }
}

const fn kubernetes(name: &'static str, demand: &'static str) -> Row {
    Row { name, part: Part::Kubernetes, demand, said_in: "Kubernetes' API", check: None }
}

/// Where no standard sets a bound, this list does.
const HERE: &str = "this list";

use Part::{Announcements, Answers, Conflict, Failover, Lifecycle, Ndp, OneOwner, Others, Withdraw};

/// All rows. Rows that take the LAN apart stand behind those that do not, so that little is started anew.
#[rustfmt::skip]
pub(super) static ROWS: &[Row] = &[
    row(Answers, "arp-broadcast-request", "A broadcast request is answered by one frame, to the asker alone.", "RFC 826, Packet Reception", arp::broadcast_request),
    row(Answers, "arp-unicast-request", "A request to the owner's hardware address is answered the same.", "RFC 1122 section 2.3.2.1", arp::unicast_request),
    row(Answers, "arp-probe", "A probe (sender 0.0.0.0) is answered, with target 0.0.0.0.", "RFC 5227 section 2.1.1", arp::probe),
    row(Answers, "arp-sender-elsewhere", "A sender of another subnet is answered.", "RFC 826, Packet Reception", arp::sender_elsewhere),
    row(Answers, "arp-target-hardware-ignored", "What a request says of the target's hardware address means nothing.", "RFC 826, Packet Generation", arp::target_hardware_ignored),
    row(Answers, "arp-unpadded", "A request of 42 octets, as virtual machines send it, is answered.", "RFC 826", arp::unpadded),
    row(Answers, "arp-padded", "A request with 1,472 octets of padding is answered; the answer's padding is zero.", "RFC 894; RFC 1042", arp::padded),
    row(Answers, "arp-priority-tagged", "A request with VLAN identifier 0, a priority alone, is answered.", "IEEE 802.1Q section 9.6", arp::priority_tagged),
    row(Answers, "arp-to-another", "A request to another hardware address is ignored.", HERE, arp::to_another),
    row(Answers, "arp-reply-ignored", "A reply is not answered.", "RFC 826, Packet Reception", arp::reply_ignored),
    row(Answers, "arp-unknown-operation", "Operations 0, 3, 8 and 65535 are not answered.", "RFC 826, Packet Reception", arp::unknown_operation),
    row(Answers, "arp-not-ours", "A request for an address that is not announced is not answered.", "RFC 826, Packet Reception", arp::not_ours),
    row(Answers, "arp-announcement-ignored", "A stranger's announcement of its own address is not answered.", "RFC 5227 section 2.3", arp::own_announcement_of_another),
    row(Answers, "arp-short", "A packet that ends too early is ignored.", "RFC 826", arp::short),
    row(Answers, "arp-other-vlan", "A request of another VLAN is ignored.", "IEEE 802.1Q", arp::other_vlan),
    row(Answers, "arp-hardware-type", "Hardware types 0, 2 and 65535 are ignored.", "RFC 826, Packet Reception", arp::hardware_type),
    row(Answers, "arp-protocol-type", "Protocol types that are not IPv4 are ignored.", "RFC 826, Packet Reception", arp::protocol_type),
    row(Answers, "arp-hardware-length", "Hardware lengths other than 6 are ignored.", "RFC 826, Packet Reception", arp::hardware_length),
    row(Answers, "arp-protocol-length", "Protocol lengths other than 4 are ignored.", "RFC 826, Packet Reception", arp::protocol_length),

    row(Others, "others-whole-subnet", "All 65,534 addresses of the subnet asked for: answers only by owners, and by nodes for their own.", "RFC 826, Packet Reception", others::whole_subnet),
    row(Others, "others-same-group", "512 addresses of IPv6 beside the announced one, 256 of its solicited-node group: no answer.", "RFC 4861 section 7.2.3", others::same_group),
    row(Others, "others-changed-frames", "9,000 questions with octets changed at random: nobody speaks for another, and the owners stay.", "RFC 826; RFC 4861 section 7.1", others::changed_frames),

    row(Ndp, "ndp-multicast", "A solicitation to the group is answered to the asker, S 1, with hop limit 255.", "RFC 4861 section 7.2.4", ndp::multicast),
    row(Ndp, "ndp-override", "The answer has O 1 and the target's hardware address.", "RFC 4861 section 7.2.4", ndp::override_flag),
    row(Ndp, "ndp-unicast", "A solicitation to the address itself (a neighbour's check) is answered.", "RFC 4861 sections 7.2.4, 7.3.3", ndp::unicast),
    row(Ndp, "ndp-unicast-without-option", "The same without source link-layer address, which may be left out there.", "RFC 4861 sections 4.3, 7.2.4", ndp::unicast_without_option),
    row(Ndp, "ndp-multicast-without-option", "A solicitation to the group without source link-layer address is valid, and answered.", "RFC 4861 section 7.1.1", ndp::multicast_without_option),
    row(Ndp, "ndp-duplicate-detection", "A probe (source ::) is answered to ff02::1, S 0.", "RFC 4861 section 7.2.4; RFC 4862 section 5.4.3", ndp::duplicate_detection),
    row(Ndp, "ndp-nonce", "A probe with a stranger's nonce is answered the same.", "RFC 7527 section 4.2", ndp::nonce),
    row(Ndp, "ndp-real-host", "A Linux host that assigns the address finds that it is in use.", "RFC 4862 section 5.4", ndp::real_host),
    row(Ndp, "ndp-hop-limit", "Hop limits 254, 64 and 1 are ignored.", "RFC 4861 section 7.1.1", ndp::hop_limit),
    row(Ndp, "ndp-checksum", "A wrong checksum is ignored.", "RFC 4861 section 7.1.1", ndp::checksum),
    row(Ndp, "ndp-code", "A code other than 0 is ignored.", "RFC 4861 section 7.1.1", ndp::code),
    row(Ndp, "ndp-empty-option", "An option of length 0 makes the message invalid.", "RFC 4861 section 7.1.1", ndp::empty_option),
    row(Ndp, "ndp-unspecified-with-option", "Source :: with a source link-layer address is invalid.", "RFC 4861 section 7.1.1", ndp::unspecified_with_option),
    row(Ndp, "ndp-probe-to-all", "Source :: to another destination than the solicited-node group is invalid.", "RFC 4861 section 7.1.1", ndp::probe_to_one),
    row(Ndp, "mld-query", "A general query of MLDv2 is answered in time with the solicited-node group.", "RFC 3810 section 6.2; RFC 4861 section 7.2.1", ndp::queried),

    row(OneOwner, "one-owner-at-rest", "Every question for every address has exactly one answer.", "RFC 5227 section 1", owner::at_rest),

    row(Announcements, "garp-both-forms", "A takeover is announced as request and as reply: some hosts heed only one.", "this list; RFC 5227 section 3, RFC 5944 section 4.6", garp::both_forms),
    row(Announcements, "garp-to-everyone", "Announcements are broadcast, sender and target address the same, from the owner's hardware address.", "RFC 5227 section 2.3", garp::to_everyone),
    row(Announcements, "garp-target-hardware-address", "Zero in the request form, the sender's own in the reply form.", "RFC 5227 sections 2.1.1, 2.3; RFC 5944 section 4.6", garp::target_hardware_address),
    row(Announcements, "garp-promptly", "The first leaves at most 10 ms after the new owner's first answer.", HERE, garp::promptly),
    row(Announcements, "garp-twice", "At least two rounds more than 1 s apart: Linux heeds no second change within 1 s (locktime).", "RFC 5227 section 2.3; arp(7)", garp::twice_a_second_apart),
    row(Announcements, "garp-bounded", "At most 20 frames for one address after one takeover.", HERE, garp::bounded),
    row(Announcements, "garp-none-on-unrelated-change", "A node without addresses ends and starts: no frame for addresses that stay.", HERE, garp::none_on_unrelated_change),
    row(Announcements, "garp-capped", "500 addresses taken at once: all announced in 12 s, at most 400 frames in a tenth of a second.", HERE, garp::capped),

    row(Ndp, "na-unsolicited", "A takeover is advertised to ff02::1, O 1, S 0, with the hardware address.", "RFC 4861 section 7.2.6", ndp::advertised),
    row(Ndp, "na-bounded", "At most three advertisements, 1 s or more apart.", "RFC 4861 sections 7.2.6, 10", ndp::advertised_within_bounds),
    row(Ndp, "na-to-routers", "A new address is advertised to ff02::2 with O 0.", "RFC 9131 section 6.1", ndp::routers_are_told),
    row(Ndp, "mld-joined", "The new owner reports the solicited-node group.", "RFC 4861 section 7.2.1; RFC 3810", ndp::reported),
    row(Ndp, "mld-left", "The former owner leaves the group.", "RFC 3810 section 6.1", ndp::group_left),
    row(Ndp, "mld-rejoined", "After the link was down the group is reported again.", "RFC 3810 section 6.1; RFC 4541", ndp::rejoined),

    row(OneOwner, "one-owner-while-joining", "Nodes join one after another, the last in order first: never two owners for longer than 0.5 s.", HERE, owner::while_joining),
    row(OneOwner, "one-owner-while-leaving", "Owners end one after another: never two for longer than 0.5 s.", HERE, owner::while_leaving),
    row(OneOwner, "split-one-owner-in-each-half", "The LAN is split with the owner cut off alone: each half has one owner.", HERE, owner::in_each_half),
    row(OneOwner, "split-healed", "Two halves that become one have two owners for 0.5 s at most.", HERE, owner::after_healing),
    row(OneOwner, "split-healed-announced", "The owner that remains announces within 1 s: caches are repaired.", HERE, owner::healing_repairs_caches),
    row(OneOwner, "membership-filtered", "All but ARP, Neighbor Discovery and MLD is filtered at the owner, for good: two owners for 0.5 s at most.", HERE, owner::membership_filtered),

    row(Failover, "failover-terminated", "SIGTERM to the owner: at most one packet each 10 ms is lost, and one.", HERE, failover::terminated),
    row(Failover, "failover-killed", "The process that was started is killed, as by the system without memory: another answers within the budget.", HERE, failover::killed),
    row(Failover, "failover-all-killed", "All of the announcer's processes are killed at once: another answers within the budget.", HERE, failover::all_killed),
    row(Failover, "failover-killed-one-owner", "… and their machine does not answer on beside it.", HERE, failover::killed_alone),
    row(Failover, "failover-powered-off", "Cable and processes are gone at once: another answers within the budget.", HERE, failover::powered_off),
    row(Failover, "failover-link-down", "Only the cable is pulled: another answers within the budget.", HERE, failover::link_down),
    row(Failover, "failover-link-returns", "The cable is back: two owners for 0.5 s at most.", HERE, failover::link_returns),
    row(Failover, "failover-frozen", "The owner's processes are stopped (SIGSTOP): another answers within the budget.", HERE, failover::frozen),
    row(Failover, "failover-frozen-is-silent", "… and the frozen owner answers nothing beside it.", HERE, failover::frozen_is_silent),
    row(Failover, "failover-thawed-is-silent", "Going on (SIGCONT), it answers none of the questions asked while it slept, and none that another answers.", HERE, failover::thawed_is_silent),
    Row { name: "failover-api-outage", part: Failover, demand: "The API server is gone: announcing and failing over go on.", said_in: "Kubernetes' API", check: None },

    row(Conflict, "conflict-request-defended", "A stranger's claim in the request form is met by an announcement within 1 s.", "RFC 5227 section 2.4 (b), (c)", conflict::request_defended),
    row(Conflict, "conflict-reply-defended", "The same in the reply form.", "RFC 5227 section 2.4 (b), (c)", conflict::reply_defended),
    row(Conflict, "conflict-defence-rate", "Claims four times a second for 9 s are met once.", "RFC 5227 section 2.4, DEFEND_INTERVAL", conflict::rate_limited),
    row(Conflict, "conflict-claim-is-no-question", "A claim is not answered to the claimant alone.", "RFC 5227 section 2.4", conflict::not_answered),
    row(Conflict, "conflict-address-kept", "One claim does not take the address away.", "RFC 5227 section 2.4 (b), (c)", conflict::kept),
    row(Conflict, "conflict-probed-first", "Before an address is claimed for the first time, it is probed.", "RFC 5227 section 2.1", conflict::probed_v4),
    row(Conflict, "conflict-probed-first-ipv6", "The same by Duplicate Address Detection.", "RFC 4862 section 5.4", conflict::probed_v6),
    row(Conflict, "conflict-in-use-not-taken", "An address that another host answers for is not claimed; the others are.", "RFC 5227 section 2.1.1", conflict::not_taken_v4),
    row(Conflict, "conflict-in-use-not-taken-ipv6", "The same of IPv6.", "RFC 4862 section 5.4.4", conflict::not_taken_v6),

    row(Lifecycle, "lifecycle-hardware-address", "The interface's hardware address changes: announced within 1 s, and no answer tells the old one.", HERE, lifecycle::hardware_address),
    row(Lifecycle, "lifecycle-renamed", "The interface gets another name: still answered after 1 s.", HERE, lifecycle::renamed),
    row(Lifecycle, "lifecycle-appears-late", "The interface appears after the start: answered after 5 s.", HERE, lifecycle::appears_late),
    row(Lifecycle, "lifecycle-link-flap", "The link is down for 2 s: announced within 1 s of its return.", HERE, lifecycle::flaps),
    row(Lifecycle, "lifecycle-node-address", "The node's own address is replaced (DHCP): still answered after 1 s.", HERE, lifecycle::node_address),
    row(Lifecycle, "lifecycle-vlan-child", "On a VLAN's interface: announced and answered in that VLAN alone.", "IEEE 802.1Q", lifecycle::vlan_child),

    kubernetes("kubernetes-local-endpoints", "externalTrafficPolicy Local: only nodes with a ready endpoint own the address."),
    kubernetes("kubernetes-no-endpoints", "Without endpoints the address is held: it never looks free."),
    kubernetes("kubernetes-terminating-endpoints", "Endpoints that end but still serve count while there are no others."),
    kubernetes("kubernetes-shared-address", "Services that share an address have one owner."),
    kubernetes("kubernetes-dual-stack", "Both families of a Service are allocated as its policy says."),
    kubernetes("kubernetes-class", "Services of another loadBalancerClass are left alone."),
    kubernetes("kubernetes-exclude-label", "Nodes excluded from external load balancers own nothing."),
    kubernetes("kubernetes-restart", "Any component restarts without an address moving."),
    kubernetes("kubernetes-resync", "1,000 Services are looked at again without a frame."),

    row(Withdraw, "withdraw-make-before-break", "A planned handover: of the questions, one each 2 ms to everyone and one to the owner known last, at most one each is unanswered.", HERE, owner::make_before_break),
    row(Withdraw, "withdraw-silence", "All nodes end: nobody answers 1 s later.", HERE, owner::withdraw_silence),
    row(Withdraw, "withdraw-nothing-left", "A single node's processes are killed: 10 s later nothing answers for the address.", HERE, owner::nothing_left),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_every_part_has_rows() {
        let names: BTreeSet<&str> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), ROWS.len());
        for part in Part::ALL {
            assert!(ROWS.iter().any(|row| row.part == part), "{}", part.title());
        }
        for row in ROWS {
            let kebab = row.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            assert!(kebab && row.demand.ends_with('.') && !row.said_in.is_empty(), "{}", row.name);
        }
    }
}
