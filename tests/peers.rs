//! The address rules judge the pools of every load balancer, and the rules about MetalLB's objects only MetalLB's.

use poolcheck_manifest::{Limits, ManifestFile};
use poolcheck_plan::{Facts, SourceKind, Sources};
use poolcheck_router_adapters as adapters;
use poolcheck_rules::{World, WorldInput};

const LAN: &str = "[[segment]]\nsubnet = \"192.168.1.0/24\"\ngateway = \"192.168.1.1\"\ndhcp = \"192.168.1.2-192.168.1.120\"\n[cluster]\npods = [\"10.244.0.0/16\"]\n";

/// `level rule` of every finding, in order of places.
fn judged(yaml: &str) -> Vec<String> {
    let mut sources = Sources::new();
    let page = adapters::Page { name: "lan.toml", text: LAN };
    let manual = adapters::find("manual").expect("the manual adapter");
    let mut facts = Facts::default();
    facts.merge(manual.parse(&adapters::Input { pages: &[page], read_at: None }, &mut sources).expect("facts"));
    let source = sources.add("case.yaml", SourceKind::File, yaml);
    let files = [ManifestFile::parse(source, yaml.into(), &Limits::default())];
    let world = World::build(WorldInput::new(&sources, &files, &facts));
    let outcome = poolcheck_rules::check(&world);
    outcome.findings.iter().map(|finding| format!("{} {}", finding.level.name(), finding.rule)).collect()
}

fn cilium(block: &str) -> String {
    format!(
        "apiVersion: cilium.io/v2\nkind: CiliumLoadBalancerIPPool\nmetadata: {{name: lan}}\nspec:\n  blocks:\n  - {block}\n"
    )
}

fn kube_vip(data: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: kubevip, namespace: kube-system}}\ndata:\n  {data}\n")
}

fn purelb(kind: &str, range: &str) -> String {
    format!(
        "apiVersion: purelb.io/v2\nkind: ServiceGroup\nmetadata: {{name: lan, namespace: purelb-system}}\nspec:\n  {kind}:\n    v4pool: {{pool: {range}, subnet: 192.168.1.0/24}}\n"
    )
}

fn openelb(protocol: &str, range: &str) -> String {
    format!(
        "apiVersion: network.kubesphere.io/v1alpha2\nkind: Eip\nmetadata: {{name: lan}}\nspec: {{address: {range}, protocol: {protocol}, interface: eth0}}\n"
    )
}

fn calico(uses: &str, cidr: &str) -> String {
    format!(
        "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {{name: lan}}\nspec: {{cidr: {cidr}, allowedUses: [{uses}]}}\n"
    )
}

#[test]
fn a_pool_in_the_dhcp_range_is_found_whoever_hands_it_out() {
    let cases = [
        cilium("{start: 192.168.1.50, stop: 192.168.1.60}"),
        cilium("cidr: 192.168.1.48/28"),
        kube_vip("range-global: 192.168.1.50-192.168.1.60"),
        kube_vip("cidr-media: 192.168.1.48/28"),
        purelb("local", "192.168.1.50-192.168.1.60"),
        purelb("remote", "192.168.1.48/28"),
        openelb("layer2", "192.168.1.50"),
        calico("LoadBalancer", "192.168.1.48/28"),
    ];
    for case in cases {
        assert_eq!(judged(&case), ["error pool-in-dhcp-range"], "{case}");
    }
}

#[test]
fn a_safe_pool_is_clean() {
    let cases = [
        cilium("{start: 192.168.1.200, stop: 192.168.1.210}"),
        kube_vip("range-global: 192.168.1.200-192.168.1.210"),
        purelb("local", "192.168.1.200-192.168.1.210"),
        purelb("remote", "10.9.9.0/28"),
        openelb("layer2", "192.168.1.200"),
        openelb("bgp", "10.9.9.0/28"),
        calico("LoadBalancer", "10.9.9.0/28"),
        calico("Workload", "10.42.0.0/16"),
    ];
    for case in cases {
        assert_eq!(judged(&case), [""; 0], "{case}");
    }
}

#[test]
fn the_first_and_last_address_of_a_cidr() {
    let whole = cilium("cidr: 192.168.1.128/25");
    assert_eq!(judged(&whole), ["error pool-contains-network-address"]);
    assert_eq!(judged(&format!("{whole}  allowFirstLastIPs: \"No\"\n")), [""; 0]);
}

#[test]
fn outside_the_segment_counts_where_arp_is_the_way() {
    let outside = cilium("cidr: 10.9.9.0/28");
    assert_eq!(judged(&outside), ["error pool-outside-segment"]);
    let bgp = "---\napiVersion: cilium.io/v2\nkind: CiliumBGPClusterConfig\nmetadata: {name: bgp}\n";
    assert_eq!(judged(&format!("{outside}{bgp}")), [""; 0]);
    assert_eq!(judged(&openelb("layer2", "10.9.9.0/28")), ["error pool-outside-segment"]);
}

#[test]
fn networks_of_pods_and_the_control_plane_are_claims() {
    let pods = calico("Workload, Tunnel", "192.168.1.128/25");
    let pool = cilium("{start: 192.168.1.200, stop: 192.168.1.210}");
    assert_eq!(judged(&format!("{pods}---\n{pool}")), ["error pool-in-cluster-network"]);
    let vip = "apiVersion: v1\nkind: Pod\nmetadata: {name: kube-vip}\nspec:\n  containers:\n  - image: ghcr.io/kube-vip/kube-vip:v0.8.9\n    env:\n    - {name: address, value: 192.168.1.205}\n";
    assert_eq!(judged(&format!("{vip}---\n{pool}")), ["error pool-contains-host"]);
}

#[test]
fn pools_of_two_implementations_overlap() {
    let a = cilium("{start: 192.168.1.200, stop: 192.168.1.210}");
    let b = purelb("local", "192.168.1.205-192.168.1.220");
    let mut both = judged(&format!("{a}---\n{b}"));
    both.sort();
    assert_eq!(both, ["error pool-overlap", "warning several-load-balancers"]);
    let namespaced = kube_vip("range-global: 192.168.1.200-192.168.1.210\n  range-media: 192.168.1.210-192.168.1.211");
    assert_eq!(judged(&namespaced), ["error pool-overlap"]);
}

#[test]
fn each_syntax_is_its_own() {
    assert_eq!(judged(&cilium("cidr: 192.168.1.200-192.168.1.210")), ["error bad-range-syntax"]);
    assert_eq!(judged(&cilium("{start: 192.168.1.210, stop: 192.168.1.200}")), ["warning bad-range-syntax"]);
    assert_eq!(judged(&kube_vip("range-global: 192.168.1.200")), ["error bad-range-syntax"]);
    assert_eq!(judged(&kube_vip("range-global: 192.168.1.200 - 192.168.1.210")), ["warning bad-range-syntax"]);
    assert_eq!(judged(&purelb("local", "192.168.1.200")), ["error bad-range-syntax"]);
    assert_eq!(judged(&openelb("layer2", "192.168.1.200-210")), ["error bad-range-syntax"]);
}

#[test]
fn addresses_that_services_ask_for() {
    let service = |address: &str| {
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: media\n  annotations: {{lbipam.cilium.io/ips: {address}}}\nspec: {{type: LoadBalancer}}\n"
        )
    };
    let pool = cilium("{start: 192.168.1.200, stop: 192.168.1.210}");
    assert_eq!(judged(&format!("{pool}{}", service("192.168.1.205"))), [""; 0]);
    assert_eq!(judged(&format!("{pool}{}", service("192.168.1.215"))), ["error requested-address-in-no-pool"]);
    let open = |namespace: &str| {
        format!(
            "{pool}  serviceSelector: {{matchLabels: {{io.kubernetes.service.namespace: {namespace}}}}}\n{}",
            service("192.168.1.205")
        )
    };
    assert_eq!(judged(&open("media")), [""; 0]);
    assert_eq!(judged(&open("other")), ["error requested-address-not-open"]);
    let taken =
        service("192.168.1.215").replace("annotations: {lbipam.cilium.io/ips: 192.168.1.215}", "annotations: {}");
    let taken = taken.replace("type: LoadBalancer", "type: LoadBalancer, loadBalancerIP: 192.168.1.215");
    let kube_vip = kube_vip("range-global: 192.168.1.200-192.168.1.210");
    assert_eq!(judged(&format!("{kube_vip}{taken}")), [""; 0], "kube-vip takes any address");
}

/// The rules about MetalLB's Services that have more than one side.
#[test]
fn services_and_what_serves_them() {
    let pool = |name: &str, range: &str, rest: &str| {
        format!(
            "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {{name: {name}, namespace: metallb-system}}\nspec:\n  addresses: [{range}]\n{rest}---\napiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {{name: {name}, namespace: metallb-system}}\nspec: {{ipAddressPools: [{name}]}}\n---\n"
        )
    };
    let service = |name: &str, annotations: &str, spec: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: web, annotations: {{{annotations}}}}}\nspec: {{type: LoadBalancer{spec}}}\n---\n"
        )
    };
    let one = pool("one", "192.168.1.200/32", "");
    let shared = "metallb.io/allow-shared-ip: key";
    let both = |annotations: &str| format!("{one}{}{}", service("a", annotations, ""), service("b", annotations, ""));
    assert_eq!(judged(&both("")), ["warning demand-above-capacity"]);
    assert_eq!(judged(&both(shared)), [""; 0], "one address for both");
    let classed = format!("{one}{}{}", service("a", "", ""), service("b", "", ", loadBalancerClass: other"));
    assert_eq!(judged(&classed), [""; 0], "the other one is somebody else's");

    let allocation = |text: &str| judged(&pool("one", "192.168.1.200/32", &format!("  serviceAllocation: {text}\n")));
    assert_eq!(allocation("{}"), ["warning vague-allocation"]);
    assert_eq!(allocation("{priority: 10}"), ["note vague-allocation"]);
    assert_eq!(allocation("{namespaces: [web]}"), [""; 0]);

    let kept = |name: &str, range: &str, priority: u8| {
        pool(name, range, &format!("  serviceAllocation: {{priority: {priority}, namespaces: [web]}}\n"))
    };
    let first = kept("one", "192.168.1.200/32", 10);
    assert_eq!(judged(&format!("{first}{}", kept("two", "192.168.1.201/32", 10))), ["warning allocation-priority-tie"]);
    assert_eq!(judged(&format!("{first}{}", kept("two", "192.168.1.201/32", 20))), [""; 0]);

    let dual = |pools: &str| judged(&format!("{pools}{}", service("a", "", ", ipFamilyPolicy: RequireDualStack")));
    assert_eq!(dual(&one), ["error dual-stack-impossible"]);
    assert_eq!(dual(&one.replace("192.168.1.200/32", "\"${RANGE}\"")), [""; 0], "the value may be of the other family");
    let peer = cilium("{start: 192.168.1.210, stop: 192.168.1.211}");
    let left_over = judged(&format!("{one}{peer}"));
    assert_eq!(left_over, ["warning several-load-balancers"]);
    assert_eq!(judged(&format!("{one}{peer}  disabled: true\n")), [""; 0]);
}

#[test]
fn a_pool_for_namespaces_with_a_label() {
    let case = |namespaces: &str| {
        judged(&format!(
            "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {{name: one, namespace: metallb-system}}\nspec:\n  addresses: [192.168.1.200/32]\n  serviceAllocation: {{namespaceSelectors: [{{matchLabels: {{lan: \"yes\"}}}}]}}\n---\napiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {{name: all, namespace: metallb-system}}\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: a, namespace: web}}\nspec: {{type: LoadBalancer, loadBalancerIP: 192.168.1.200}}\n---\n{namespaces}"
        ))
    };
    let namespace =
        |labels: &str| format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: web, labels: {{{labels}}}}}\n");
    assert_eq!(case(""), [""; 0], "the namespace is not known");
    assert_eq!(case(&namespace("lan: \"yes\"")), [""; 0]);
    assert_eq!(case(&namespace("lan: \"no\"")), ["error requested-address-not-open"]);
}
