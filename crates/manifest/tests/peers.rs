//! The pools of MetalLB's peers, in the forms in which people keep them.

use poolcheck_manifest::kinds::pool::{Implementation, Meaning, Pool};
use poolcheck_manifest::kinds::{self, calico, cilium, kube_vip};
use poolcheck_manifest::{Limits, ManifestFile, apply};
use poolcheck_plan::SourceId;
use poolcheck_plan::syntax::parse_range;

fn file(text: &str) -> ManifestFile {
    ManifestFile::parse(SourceId(0), text.into(), &Limits::default())
}

/// `name: range range | name: …`, a wrong entry as `!`, one that is filled in later as `?`.
fn read(text: &str) -> String {
    let file = file(text);
    let pools: Vec<String> = file.objects().iter().flat_map(kinds::pools).map(|pool| shown(&pool)).collect();
    pools.join(" | ")
}

fn shown(pool: &Pool<'_>) -> String {
    let entry = |meaning: &Meaning| match meaning {
        Meaning::Range(parsed) => parsed.range.to_string(),
        Meaning::Wrong(_) => "!".to_owned(),
        Meaning::Placeholder(_) => "?".to_owned(),
        Meaning::NotText => "#".to_owned(),
    };
    let entries: Vec<String> = pool.entries.iter().map(|e| entry(&e.meaning)).collect();
    format!("{}: {}", pool.name, entries.join(" "))
}

/// The text after the only pool's entry was given another range.
fn moved(text: &str, entry: usize, range: &str) -> Option<String> {
    let file = file(text);
    let objects = file.objects();
    let pools: Vec<_> = objects.iter().flat_map(kinds::pools).collect();
    let edits = pools[0].entries[entry].rewrite(parse_range(range).expect("a range"))?;
    Some(apply(text, &edits).expect("the edits fit"))
}

const CILIUM: &str = "\
apiVersion: cilium.io/v2
kind: CiliumLoadBalancerIPPool
metadata:
  name: lan
spec:
  allowFirstLastIPs: \"No\"
  blocks:
  - cidr: 192.168.1.240/28
  - start: \"192.168.1.20\" # first
    stop: 192.168.1.29
  - start: fd00::5
  serviceSelector:
    matchLabels:
      io.kubernetes.service.namespace: media
";

#[test]
fn cilium_blocks() {
    assert_eq!(read(CILIUM), "lan: 192.168.1.241-192.168.1.254 192.168.1.20-192.168.1.29 fd00::5");
    let ends = CILIUM.replace("\"No\"", "\"Yes\"");
    assert_eq!(read(&ends), "lan: 192.168.1.240-192.168.1.255 192.168.1.20-192.168.1.29 fd00::5");
    let small = CILIUM.replace("192.168.1.240/28", "192.168.1.240/31");
    assert!(read(&small).starts_with("lan: 192.168.1.240-192.168.1.241 "), "no middle, no ends kept");
    let moved = moved(CILIUM, 1, "192.168.1.200-192.168.1.209").expect("a pair holds any range");
    assert!(moved.contains("start: \"192.168.1.200\" # first\n    stop: 192.168.1.209\n"), "{moved}");
}

#[test]
fn cilium_old_list_and_who_may_take() {
    let old = "apiVersion: cilium.io/v2alpha1\nkind: CiliumLoadBalancerIPPool\nmetadata: {name: lan}\nspec:\n  disabled: true\n  cidrs:\n  - cidr: 10.9.0.0/24\n";
    assert_eq!(read(old), "lan: 10.9.0.0-10.9.0.255");
    let old = file(old);
    let objects = old.objects();
    let pool = cilium::pool(&objects[0]).expect("a pool");
    assert!(!pool.auto_assign && pool.allocation.is_none() && pool.implementation == Implementation::Cilium);
    let new = file(CILIUM);
    let objects = new.objects();
    let selectors = cilium::pool(&objects[0]).and_then(|pool| pool.allocation).expect("a selector").service_selectors;
    let labels = |namespace: &str| [("io.kubernetes.service.namespace".to_owned(), namespace.to_owned())];
    assert!(selectors[0].matches(&labels("media")) && !selectors[0].matches(&labels("default")));
}

#[test]
fn cilium_slips() {
    let pool = |block: &str| {
        read(&format!(
            "apiVersion: cilium.io/v2\nkind: CiliumLoadBalancerIPPool\nmetadata: {{name: p}}\nspec:\n  blocks:\n  - {block}\n"
        ))
    };
    assert_eq!(pool("cidr: 192.168.1.1-192.168.1.9"), "p: !");
    assert_eq!(pool("{start: 192.168.1.9, stop: 192.168.1.1}"), "p: !");
    assert_eq!(pool("{start: 192.168.1.9, stop: fd00::1}"), "p: !");
    assert_eq!(pool("{start: 192.168.1.9, stop: \"${LAST}\"}"), "p: ?");
    assert_eq!(pool("cidr: ${LB_CIDR}"), "p: ?");
}

#[test]
fn kube_vip_config_map() {
    let map = |data: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: kubevip, namespace: kube-system}}\ndata:\n{data}")
    };
    let both = map(
        "  range-global: 192.168.1.200-192.168.1.209,fd00::10-fd00::1f\n  range-media: 192.168.1.50-192.168.1.51\n  interface-global: eth0\n  allow-share-media: \"true\"\n",
    );
    assert_eq!(read(&both), "global: 192.168.1.200-192.168.1.209 fd00::10-fd00::1f | media: 192.168.1.50-192.168.1.51");
    let first = map("  cidr-global: 192.168.1.240/29\n  range-media: 192.168.1.50-192.168.1.51\n");
    assert_eq!(read(&first), "global: 192.168.1.240-192.168.1.247", "a range is not looked at beside a global CIDR");
    let skipping = map("  cidr-global: 192.168.1.240/29,10.0.0.1/32\n  skip-end-ips-in-cidr: \"true\"\n");
    assert_eq!(read(&skipping), "global: 192.168.1.241-192.168.1.246 10.0.0.1");
    assert_eq!(read(&map("  cidr-global: 0.0.0.0/32\n")), "", "each address comes from DHCP");
    assert_eq!(read(&map("  range-global: 192.168.1.200 - 192.168.1.209\n")), "global: !");
    assert_eq!(read(&map("  range-global: ${VIP_RANGE}\n")), "global: ?");
    let moved = moved(&both, 1, "fd00::40-fd00::4f").expect("a part of a list");
    assert!(moved.contains("range-global: 192.168.1.200-192.168.1.209,fd00::40-fd00::4f\n"), "{moved}");
    assert_eq!(read(&both.replace("name: kubevip", "name: other")), "");
}

#[test]
fn kube_vip_control_plane() {
    let pod = |image: &str, enabled: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: kube-vip, namespace: kube-system}}\nspec:\n  containers:\n  - name: kube-vip\n    image: {image}\n    env:\n    - {{name: vip_arp, value: \"true\"}}\n    - {{name: cp_enable, value: \"{enabled}\"}}\n    - {{name: address, value: 192.168.1.5}}\n"
        )
    };
    let addresses = |text: &str| -> Vec<String> {
        let file = file(text);
        file.objects().iter().flat_map(kube_vip::control_plane).map(|(address, _)| address.to_string()).collect()
    };
    assert_eq!(addresses(&pod("ghcr.io/kube-vip/kube-vip:v0.8.9", "true")), ["192.168.1.5"]);
    assert_eq!(addresses(&pod("registry.lan:5000/kube-vip@sha256:00", "true")), ["192.168.1.5"]);
    assert!(addresses(&pod("ghcr.io/kube-vip/kube-vip:v0.8.9", "false")).is_empty());
    assert!(addresses(&pod("ghcr.io/kube-vip/kube-vip-cloud-provider:v0.0.12", "true")).is_empty());
}

#[test]
fn purelb_service_groups() {
    let two = "\
apiVersion: purelb.io/v2
kind: ServiceGroup
metadata: {name: default, namespace: purelb-system}
spec:
  local:
    v4pools:
    - {pool: 192.168.1.230-192.168.1.240, subnet: 192.168.1.0/24, aggregation: default}
    - {pool: 192.168.2.9/29, subnet: 192.168.2.0/24}
    v6pool: {pool: fd00::/120, subnet: fd00::/64}
";
    assert_eq!(read(two), "default: fd00::-fd00::ff 192.168.1.230-192.168.1.240 192.168.2.9-192.168.2.15");
    let routed = |text: &str| {
        let file = file(text);
        let objects = file.objects();
        kinds::pools(&objects[0])[0].routed
    };
    assert!(!routed(two) && routed(&two.replace("local:", "remote:")) && routed(&two.replace("v2", "v1")));
    let old = "apiVersion: purelb.io/v1\nkind: ServiceGroup\nmetadata: {name: default}\nspec:\n  local:\n    aggregation: default\n    pool: 192.168.1.9\n    subnet: 192.168.1.0/24\n";
    assert_eq!(read(old), "default: !", "a bare address is no range for PureLB");
}

#[test]
fn openelb_eips() {
    let eip = |spec: &str| {
        format!("apiVersion: network.kubesphere.io/v1alpha2\nkind: Eip\nmetadata: {{name: lan}}\nspec:\n  {spec}\n")
    };
    assert_eq!(read(&eip("address: 192.168.0.91-192.168.0.100")), "lan: 192.168.0.91-192.168.0.100");
    assert_eq!(read(&eip("address: 192.168.0.91")), "lan: 192.168.0.91");
    assert_eq!(read(&eip("address: 192.168.0.96/30")), "lan: 192.168.0.96-192.168.0.99");
    assert_eq!(read(&eip("address: 192.168.0.100-192.168.0.91")), "lan: !");
    let moved = moved(&eip("address: 192.168.0.91"), 0, "192.168.0.7").expect("one address");
    assert!(moved.ends_with("address: 192.168.0.7\n"), "{moved}");
}

#[test]
fn calico_ip_pools() {
    let pool = |rest: &str| {
        format!(
            "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {{name: p}}\nspec:\n  cidr: 10.42.0.0/16\n{rest}"
        )
    };
    let network = |text: &str| {
        let file = file(text);
        let objects = file.objects();
        calico::pod_network(&objects[0]).map(|(range, _)| range.to_string())
    };
    let services = pool("  allowedUses: [LoadBalancer]\n");
    assert_eq!((read(&services).as_str(), network(&services)), ("p: 10.42.0.0-10.42.255.255", None));
    let pods = pool("");
    assert_eq!((read(&pods).as_str(), network(&pods).as_deref()), ("", Some("10.42.0.0-10.42.255.255")));
    assert_eq!(moved(&services, 0, "10.50.0.1-10.50.0.9"), None, "a CIDR cannot hold it");
    let stored = services.replace("projectcalico.org/v3", "crd.projectcalico.org/v1");
    assert!(moved(&stored, 0, "10.50.0.0-10.50.0.255").is_some_and(|text| text.contains("cidr: 10.50.0.0/24\n")));
}

#[test]
fn pools_in_the_values_of_charts() {
    let release = |values: &str| {
        let indented = values.replace('\n', "\n    ");
        file(&format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: lb}}\nspec:\n  values:\n    {indented}\n"
        ))
    };
    let release = release(
        "configInline:\n  address-pools:\n  - {name: old, protocol: layer2, addresses: [10.0.0.1-10.0.0.9]}\ncm:\n  data:\n    range-global: 10.0.1.1-10.0.1.9\nserviceGroup:\n  name: private\n  create: true\n  spec:\n    local: {subnet: 10.0.2.0/24, pool: 10.0.2.1-10.0.2.9}\nconfig:\n  address: 10.0.0.5",
    );
    let objects = release.objects();
    let values = objects[0].spec().and_then(|spec| spec.get("values")).expect("values");
    let shown_all = |pools: Vec<Pool<'_>>| pools.iter().map(shown).collect::<Vec<_>>();
    assert_eq!(shown_all(release.config_map_pools()), ["old: 10.0.0.1-10.0.0.9"]);
    assert_eq!(shown_all(kube_vip::pools_from_values(&objects[0], values)), ["global: 10.0.1.1-10.0.1.9"]);
    assert_eq!(shown_all(kinds::purelb::pools_from_values(&objects[0], values)), ["private: 10.0.2.1-10.0.2.9"]);
    let address = kube_vip::control_plane_from_values(values).map(|(address, _)| address.to_string());
    assert_eq!(address.as_deref(), Some("10.0.0.5"));
}
