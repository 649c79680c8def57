//! Verdicts beside the oracle's: which rule speaks, for what follows from MetalLB's source and the API server's rules.
//!
//! Each case is a fragment put into a valid object. The left column is the fragment, the right one the rule that must be
//! the only error, or `ok` when nothing may be an error.

use std::collections::BTreeSet;

use poolcheck_manifest::{Limits, ManifestFile};
use poolcheck_plan::{Facts, SourceKind, Sources};
use poolcheck_rules::{Fact, Level, World, WorldInput};

/// The rules with errors, without those about conflicts; and whether values were said to be unknown.
fn errors(yaml: &str) -> (BTreeSet<&'static str>, bool) {
    let mut sources = Sources::new();
    let source = sources.add("case.yaml", SourceKind::File, yaml);
    let files = [ManifestFile::parse(source, yaml.into(), &Limits::default())];
    let facts = Facts::default();
    let world = World::build(WorldInput::new(&sources, &files, &facts));
    let outcome = poolcheck_rules::check(&world);
    let of_level = outcome.findings.iter().filter(|finding| finding.level == Level::Error);
    let about_validity =
        of_level.filter(|f| !["pool-not-advertised", "advertisement-names-missing-pool"].contains(&f.rule));
    let unknown = !world.skipped().is_empty() || outcome.not_checked.iter().any(|n| n.fact == Fact::Values);
    (about_validity.map(|finding| finding.rule).collect(), unknown)
}

fn assert_cases(before: &str, after: &str, cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (fragment, expected) in cases {
        let yaml = format!("{before}{fragment}\n{after}");
        let (found, unknown) = errors(&yaml);
        let right = match *expected {
            "ok" => found.is_empty(),
            "unknown" => found.is_empty() && unknown,
            rule => found.iter().copied().eq([rule]),
        };
        if !right {
            wrong.push(format!("{fragment:?}: expected {expected}, found {found:?}, unknown {unknown}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

const POOL: &str = "\
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata:
  name: home
  namespace: metallb-system
  labels: {zone: a}
spec:
  addresses: [192.168.7.240/29]
";

#[test]
fn pool_fields() {
    assert_cases(
        POOL,
        "",
        &[
            ("  autoAssign: on", "ok"),
            ("  autoAssign: Off", "ok"),
            ("  autoAssign: !!bool \"true\"", "ok"),
            ("  autoAssign: \"yes\"", "wrong-type"),
            ("  autoAssign: t", "wrong-type"),
            ("  autoAssign: [true]", "wrong-type"),
            ("  autoAssign: ${AUTO}", "unknown"),
            ("  avoidBuggyIPs: ~", "ok"),
            ("  Autoassign: true", "unknown-field"),
            ("  protocol: layer2", "unknown-field"),
            ("  nodeSelectors: []", "unknown-field"),
            ("  serviceAllocation: {priority: 0b11}", "ok"),
            ("  serviceAllocation: {priority: 1_000}", "ok"),
            ("  serviceAllocation: {priority: 5.}", "ok"),
            ("  serviceAllocation: {priority: \"5\"}", "wrong-type"),
            ("  serviceAllocation: {priority: 5.5}", "wrong-type"),
            ("  serviceAllocation: {priority: 9223372036854775808}", "invalid-value"),
            ("  serviceAllocation: {priority: .inf}", "wrong-type"),
            ("  serviceAllocation: {namespaces: [a, a]}", "duplicate-entry"),
            ("  serviceAllocation: {namespaces: [yes]}", "wrong-type"),
            ("  serviceAllocation: {namespaces: [\"${NS}\"]}", "unknown"),
            ("  serviceAllocation: {namespaces: {a: b}}", "wrong-type"),
            ("  serviceAllocation: text", "wrong-type"),
            ("  serviceAllocation: {serviceSelectors: [null]}", "wrong-type"),
            (
                "  serviceAllocation: {serviceSelectors: [{matchLabels: {a: b}}, {matchLabels: {a: b}}]}",
                "duplicate-entry",
            ),
            ("status: {availableIPv6: 3, assignedIPv6: 0}", "ok"),
            ("status: {ready: true}", "unknown-field"),
            ("addresses: [10.0.0.0/8]", "unknown-field"),
            ("spec: {addresses: [10.0.0.0/28]}", "duplicate-key"),
        ],
    );
}

#[test]
fn metadata() {
    let before = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nspec: {addresses: [10.0.0.0/28]}\n";
    assert_cases(
        before,
        "",
        &[
            ("metadata: {generateName: home-}", "ok"),
            ("metadata: {name: home.lan}", "ok"),
            ("metadata: {name: home, creationTimestamp: null}", "ok"),
            ("metadata: {name: home, creationTimestamp: 2026-01-31T12:00:00Z}", "ok"),
            ("metadata: {name: home, creationTimestamp: now}", "invalid-value"),
            ("metadata: {name: home, annotations: {\"example.org/Note\": \"$x\"}}", "ok"),
            ("metadata: {name: home, labels: {tier: null}}", "ok"),
            ("metadata: {name: home, labels: {tier: yes}}", "wrong-type"),
            ("metadata: {name: home, labels: {tier: -a}}", "invalid-metadata"),
            ("metadata: {name: home, labels: [tier]}", "wrong-type"),
            ("metadata: {name: home, annotations: {\"a b\": c}}", "invalid-metadata"),
            ("metadata: {name: home, namespace: Bad_Name}", "invalid-metadata"),
            ("metadata: {name: home_pool}", "invalid-metadata"),
            ("metadata: {name: \"${NAME}\"}", "unknown"),
            ("metadata: {name: home, clusterName: x}", "unknown-field"),
            ("metadata: {name: home, generation: 1, resourceVersion: \"7\", uid: x}", "ok"),
            ("metadata: {name: home, resourceVersion: 7}", "wrong-type"),
            ("metadata: {name: home, ownerReferences: [{kind: A, name: b}]}", "missing-field"),
            ("metadata: {name: home, finalizers: [\"a b\"]}", "invalid-metadata"),
            ("metadata: null", "invalid-metadata"),
            ("metadata: {name: home, namespace: ~}", "ok"),
            ("metadata:\n  name: home\n  namespace:", "ok"),
            ("metadata:\n  name: ~", "invalid-metadata"),
        ],
    );
}

#[test]
fn l2_advertisements() {
    let before = "apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: home}\n";
    assert_cases(
        before,
        "",
        &[
            ("spec: null", "ok"),
            ("spec: []", "wrong-type"),
            ("spec: {ipAddressPools: home}", "wrong-type"),
            ("spec: {ipAddressPools: [a, a]}", "duplicate-entry"),
            ("spec: {ipAddressPools: [\"${POOL}\"]}", "unknown"),
            ("spec: {interfaces: eth0}", "wrong-type"),
            ("spec: {addresses: [10.0.0.0/8]}", "unknown-field"),
            ("spec: {ipAddressPoolSelectors: [{matchLabels: {a: b}}, {matchLabels: {a: b}}]}", "duplicate-entry"),
            ("spec: {nodeSelectors: [{matchLabels: {a: null}}]}", "ok"),
            (
                "spec: {nodeSelectors: [{matchExpressions: [{key: a, operator: In, values: [y1, x, x]}]}]}",
                "duplicate-entry",
            ),
            (
                "spec: {nodeSelectors: [{matchExpressions: [{key: a, operator: In, values: [b, c]}]}, \
             {matchExpressions: [{key: a, operator: In, values: [c, b]}]}]}",
                "duplicate-entry",
            ),
            (
                "spec: {nodeSelectors: [{matchExpressions: [{key: a, operator: Exists}, {key: a, operator: Exists}]}]}",
                "duplicate-entry",
            ),
            ("spec: {nodeSelectors: [{matchExpressions: [{key: a, operator: DoesNotExist, values: []}]}]}", "ok"),
            (
                "spec: {nodeSelectors: [{matchExpressions: [{key: a, operator: DoesNotExist, values: [b]}]}]}",
                "invalid-selector",
            ),
            ("spec: {nodeSelectors: [{matchExpressions: [{key: a, operator: NotIn}]}]}", "invalid-selector"),
            ("spec: {nodeSelectors: [{matchExpressions: [{key: a, operator: \"\"}]}]}", "invalid-selector"),
            ("spec: {nodeSelectors: [{matchExpressions: [{key: \"\", operator: Exists}]}]}", "invalid-selector"),
            ("spec: {nodeSelectors: [{matchLabels: {a: \"b c\"}}]}", "invalid-selector"),
            ("spec: {nodeSelectors: [{matchLabels: {\"a/b/c\": d}}]}", "invalid-selector"),
            ("spec: {preferredNodeSelectors: [{weight: 100, preference: {}}]}", "ok"),
            ("spec: {preferredNodeSelectors: [{weight: null, preference: {}}]}", "wrong-type"),
            (
                "spec: {preferredNodeSelectors: [{weight: 1, preference: {matchExpressions: [{key: a, operator: Gt}]}}]}",
                "invalid-selector",
            ),
            (
                "spec: {preferredNodeSelectors: [{weight: 1, preference: {matchLabels: {a: b}}}, \
             {weight: 2, preference: {matchLabels: {a: b}}}]}",
                "ok",
            ),
        ],
    );
}

#[test]
fn bgp_advertisements() {
    let before =
        format!("{POOL}---\napiVersion: metallb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {{name: home}}\n");
    assert_cases(
        &before,
        "",
        &[
            ("spec: {aggregationLength: 33}", "bgp-aggregation-impossible"),
            ("spec: {aggregationLength: 24, ipAddressPools: [other]}", "ok"),
            (
                "spec: {aggregationLength: 24, ipAddressPoolSelectors: [{matchLabels: {zone: a}}]}",
                "bgp-aggregation-impossible",
            ),
            ("spec: {aggregationLength: 24, ipAddressPoolSelectors: [{matchLabels: {zone: b}}]}", "ok"),
            ("spec: {aggregationLength: 29.0}", "ok"),
            ("spec: {aggregationLength: ${LENGTH}}", "unknown"),
            ("spec: {aggregationLength: \"${LENGTH}\"}", "unknown"),
            ("spec: {aggregationLength: 30, serviceSelectors: [{matchLabels: {a: b}}]}", "bgp-aggregation-impossible"),
            ("spec: {aggregationLength: 32, serviceSelectors: [{matchLabels: {a: b}}]}", "ok"),
            ("spec: {localPref: 4294967295}", "ok"),
            ("spec: {localPref: -1}", "invalid-value"),
            ("spec: {asPathPrepend: 10}", "ok"),
            ("spec: {peers: [a, a]}", "duplicate-entry"),
            ("spec: {communities: [65000]}", "wrong-type"),
            ("spec: {communities: ['large:1:2:4294967296']}", "bgp-community-invalid"),
            ("spec: {communities: ['0x1:1']}", "bgp-community-invalid"),
            ("spec: {communities: ['1:2:3:4:5']}", "ok"),
            ("spec: {communities: ['${C}']}", "unknown"),
        ],
    );
}

#[test]
fn local_preferences() {
    let ad = |name: &str, spec: &str| {
        format!(
            "---\napiVersion: metallb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"
        )
    };
    let node =
        |name: &str| format!("---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}, labels: {{rack: {name}}}}}\n");
    let rack = |name: &str| format!("nodeSelectors: [{{matchLabels: {{rack: {name}}}}}]");
    let nodes = node("n1") + &node("n2");
    let case = |a: &str, b: &str, after: &str| errors(&(POOL.to_owned() + &ad("a", a) + &ad("b", b) + after)).0;
    let conflict = BTreeSet::from(["bgp-local-pref-conflict"]);
    assert_eq!(case("localPref: 1", "localPref: 2", &nodes), conflict);
    assert_eq!(case("localPref: 1", "localPref: 2", ""), BTreeSet::new(), "a warning when no node is known");
    assert_eq!(case(&format!("localPref: 1, {}", rack("n1")), "localPref: 2", &nodes), conflict);
    let apart = [format!("localPref: 1, {}", rack("n1")), format!("localPref: 2, {}", rack("n2"))];
    assert_eq!(case(&apart[0], &apart[1], &nodes), BTreeSet::new());
    assert_eq!(case("localPref: 1, peers: [x]", "localPref: 2, peers: [z, x]", &nodes), conflict);
    assert_eq!(case("localPref: 1, peers: [x]", "localPref: 2", &nodes), conflict);
    assert_eq!(case("localPref: 1, ipAddressPools: [other]", "localPref: 2", &nodes), BTreeSet::new());
    assert_eq!(case("localPref: 1, aggregationLengthV6: 64", "localPref: 2", &nodes), conflict);
}

#[test]
fn peers() {
    let before = "apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: tor}\nspec:\n  myASN: 64512\n";
    let usual = "  peerASN: 64513\n  peerAddress: 192.168.7.1\n";
    assert_cases(
        before,
        "",
        &[
            (&format!("{usual}  holdTime: 90"), "wrong-type"),
            (&format!("{usual}  holdTime: 1d"), "invalid-value"),
            (&format!("{usual}  holdTime: \"${{HOLD}}\""), "unknown"),
            (&format!("{usual}  holdTime: 500ms"), "ok"),
            (&format!("{usual}  keepaliveTime: 1s"), "ok"),
            (&format!("{usual}  keepaliveTime: 0s"), "ok"),
            (&format!("{usual}  holdTime: 0s\n  keepaliveTime: 1s"), "bgp-peer-invalid"),
            (&format!("{usual}  connectTime: 0s"), "bgp-peer-invalid"),
            (&format!("{usual}  connectTime: 65536s"), "bgp-peer-invalid"),
            (&format!("{usual}  connectTime: 2m"), "ok"),
            (&format!("{usual}  peerPort: \"179\""), "wrong-type"),
            (&format!("{usual}  peerPort: 0xB3"), "ok"),
            (&format!("{usual}  password: |\n    secret"), "bgp-peer-invalid"),
            (&format!("{usual}  password: \"a\\nb\""), "bgp-peer-invalid"),
            (&format!("{usual}  password: \"${{PASSWORD}}\""), "unknown"),
            (&format!("{usual}  passwordSecret: router"), "wrong-type"),
            (&format!("{usual}  passwordSecret: {{name: elsewhere}}"), "ok"),
            (&format!("{usual}  routerID: 10.0.0.1/32"), "bgp-peer-invalid"),
            ("  peerAddress: 192.168.7.1\n  dynamicASN: Internal", "invalid-value"),
            ("  peerASN: 64513\n  peerAddress: router.lan", "bgp-peer-invalid"),
            ("  peerASN: 64513\n  peerAddress: \"\"", "bgp-peer-invalid"),
            ("  peerASN: 64513\n  peerAddress: \"\"\n  interface: eth0", "ok"),
            ("  peerAddress: 192.168.7.1", "bgp-peer-invalid"),
            ("  peerAddress: 192.168.7.1\n  dynamicASN: internal", "ok"),
            ("  peerASN: 4294967296\n  peerAddress: 192.168.7.1", "invalid-value"),
            ("  peerASN: \"${ASN}\"\n  peerAddress: 192.168.7.1", "unknown"),
        ],
    );
    let v1beta1 = before.replace("v1beta2", "v1beta1");
    assert_cases(
        &v1beta1,
        "",
        &[
            ("  peerASN: 64513", "missing-field"),
            (&format!("{usual}  vrf: red"), "unknown-field"),
            (
                &format!("{usual}  nodeSelectors: [{{matchExpressions: [{{key: a, operator: Exists}}]}}]"),
                "missing-field",
            ),
        ],
    );
    assert_cases(
        "apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: tor}\n",
        "",
        &[("", "bgp-peer-invalid")],
    );
}

#[test]
fn peers_together() {
    let peer = |name: &str, rest: &str| {
        format!(
            "---\napiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {{name: {name}}}\n\
             spec: {{peerASN: 64513, {rest}}}\n"
        )
    };
    let both = |a: &str, b: &str, more: &str| errors(&(peer("a", a) + &peer("b", b) + more)).0;
    let conflict = BTreeSet::from(["bgp-mode-conflict"]);
    let bfd = "---\napiVersion: metallb.io/v1beta1\nkind: BFDProfile\nmetadata: {name: fast}\n";
    let (one, two) = ("myASN: 64512, peerAddress: 10.0.0.1", "myASN: 64512, peerAddress: 10.0.0.2");
    assert_eq!(both(one, one, ""), BTreeSet::new(), "native mode takes it");
    assert_eq!(both(one, one, bfd), conflict);
    assert_eq!(both(one, two, bfd), BTreeSet::new());
    assert_eq!(both(&format!("{one}, routerID: 1.1.1.1"), two, bfd), conflict);
    assert_eq!(both("myASN: 1, peerAddress: 10.0.0.1", two, bfd), conflict);
    assert_eq!(both("myASN: 1, peerAddress: 10.0.0.1, vrf: red", two, ""), BTreeSet::new());
    assert_eq!(both(&format!("{one}, vrf: red"), one, ""), BTreeSet::new());
}

#[test]
fn other_kinds() {
    let before = "apiVersion: metallb.io/v1beta1\nmetadata: {name: x}\n";
    assert_cases(
        before,
        "",
        &[
            ("kind: BFDProfile\nspec: null", "ok"),
            ("kind: BFDProfile\nspec: {minimumTtl: 0}", "invalid-value"),
            ("kind: BFDProfile\nspec: {echoMode: \"true\"}", "wrong-type"),
            ("kind: BFDProfile\nspec: {receiveIntervall: 300}", "unknown-field"),
            (
                "kind: Community\nspec: {communities: [{name: a, value: '1:2'}, {name: a, value: '1:3'}]}",
                "community-defined-twice",
            ),
            ("kind: Community\nspec: {communities: [{value: '1:2'}]}", "ok"),
            ("kind: Community\nspec: {communities: [null]}", "wrong-type"),
            ("kind: Community\nspec: {communities: [{name: a, value: 65000}]}", "wrong-type"),
            ("kind: Community\nspec: {communities: [{name: a, value: '${V}'}]}", "unknown"),
            ("kind: ServiceL2Status\nstatus: {anything: true}", "ok"),
            ("kind: MetalLB", "ok"),
            ("kind: Communities", "unknown-kind"),
            ("kind:", "unknown-kind"),
            ("spec: {addresses: [10.0.0.0/28]}", "unknown-kind"),
            ("kind: ${KIND}", "unknown"),
        ],
    );
}

#[test]
fn text() {
    let before = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: home}\n";
    assert_cases(
        before,
        "",
        &[
            ("spec: {addresses: [!!str 10.0.0.0/28]}", "ok"),
            ("spec:\n  <<: {autoAssign: false}\n  addresses: [10.0.0.0/28]", "ok"),
            ("spec:\n  <<: [{autoAssign: false}, {autoAssign: true}]\n  addresses: [10.0.0.0/28]", "duplicate-key"),
            ("spec: {addresses: [10.0.0.0/28], \"addresses\": [10.0.1.0/28]}", "duplicate-key"),
            ("spec: {addresses: [*nowhere]}", "kubernetes-cannot-parse"),
            ("spec: {addresses: [\"10.0.0.0/28]}", "kubernetes-cannot-parse"),
            ("spec: {addresses: [10.0.0.0/28]", "kubernetes-cannot-parse"),
            ("spec: {addresses: [@x]}", "kubernetes-cannot-parse"),
            ("spec: {addresses: {{ .Values.a }}}", "unknown"),
        ],
    );
}
