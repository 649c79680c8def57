//! What the cluster is set up with, as files people keep: kubeadm and k3s.

use std::process::Command;

const POOL: &str = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: main-pool, namespace: metallb-system}\nspec:\n  addresses: [RANGE]\n---\napiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: l2, namespace: metallb-system}\n";

/// The rules found in a folder with a pool and another file.
fn rules(range: &str, name: &str, text: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("pool.yaml"), POOL.replace("RANGE", range)).expect("written");
    std::fs::write(folder.path().join(name), text).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_poolcheck"))
        .args(["check", "--no-config", "-o", "concise"])
        .arg(folder.path())
        .output()
        .expect("the program was built");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn networks_and_endpoint_of_kubeadm_are_claims() {
    let kubeadm = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\ncontrolPlaneEndpoint: 10.0.0.5:6443\nnetworking:\n  podSubnet: 10.244.0.0/16\n  serviceSubnet: 10.96.0.0/12,fd00:10:96::/112\n";
    assert!(rules("10.244.1.0/24", "kubeadm.yaml", kubeadm).contains("pool-in-cluster-network"));
    assert!(rules("10.100.0.0/24", "kubeadm.yaml", kubeadm).contains("pool-in-cluster-network"));
    assert!(rules("fd00:10:96::/120", "kubeadm.yaml", kubeadm).contains("pool-in-cluster-network"));
    assert!(rules("10.0.0.1-10.0.0.9", "kubeadm.yaml", kubeadm).contains("pool-contains-host"));
    let clear = rules("192.168.1.240/29", "kubeadm.yaml", kubeadm);
    assert!(!clear.contains("pool-in-cluster-network") && !clear.contains("pool-contains-host"), "{clear}");
}

#[test]
fn networks_of_k3s_are_claims() {
    let k3s = "write-kubeconfig-mode: \"0644\"\ncluster-cidr: 10.50.0.0/16\nservice-cidr: 10.51.0.0/16\ndisable: [servicelb]\n";
    assert!(rules("10.50.0.0/24", "config.yaml", k3s).contains("pool-in-cluster-network"));
    assert!(!rules("10.52.0.0/24", "config.yaml", k3s).contains("pool-in-cluster-network"));
}

#[test]
fn the_times_of_an_election_are_judged_where_they_are_said() {
    let kube_vip = |lease: &str, renew: &str, retry: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: kube-vip, namespace: kube-system}}\nspec:\n  containers:\n  - name: kube-vip\n    image: ghcr.io/kube-vip/kube-vip:v1.0.0\n    env:\n    - {{name: vip_leaseduration, value: \"{lease}\"}}\n    - {{name: vip_renewdeadline, value: \"{renew}\"}}\n    - {{name: vip_retryperiod, value: \"{retry}\"}}\n"
        )
    };
    let found = |times: [&str; 3]| rules("192.168.1.240/29", "vip.yaml", &kube_vip(times[0], times[1], times[2]));
    assert!(!found(["5", "3", "1"]).contains("lease-timing"), "{}", found(["5", "3", "1"]));
    assert!(found(["5", "5", "1"]).contains("vip.yaml:9"), "{}", found(["5", "5", "1"]));
    assert!(found(["15", "10", "9"]).contains("lease-timing"), "10 s is less than 1.2 times 9 s");
}

#[test]
fn cilium_renews_as_many_leases_as_its_client_may() {
    let release = |values: &str| {
        let release = format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: cilium, namespace: kube-system}}\nspec:\n  chart: {{spec: {{chart: cilium, version: 1.18.2}}}}\n  values:\n{values}\n"
        );
        let service = |number: u8| {
            format!(
                "---\napiVersion: v1\nkind: Service\nmetadata: {{name: s{number}, namespace: web}}\nspec: {{type: LoadBalancer}}\n"
            )
        };
        let text = release + &(0..30).map(service).collect::<String>();
        rules("192.168.1.0/24", "cilium.yaml", &text)
    };
    let found = release(
        "    l2announcements: {enabled: true, leaseDuration: 3s, leaseRenewDeadline: 1s, leaseRetryPeriod: 200ms}\n    k8sClientRateLimit: {qps: 10}",
    );
    assert!(found.contains("30 requests a second"), "{found}");
    let enough = release("    l2announcements: {enabled: true}\n    k8sClientRateLimit: {qps: 10}");
    assert!(!enough.contains("lease-timing"), "{enough}");
    let later = release("    l2announcements: {enabled: true, leaseDuration: \"${LEASE}\"}");
    assert!(!later.contains("lease-timing"), "{later}");
}

#[test]
fn each_family_has_its_own_demand() {
    let service = |name: &str, families: &str| {
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: web}}\nspec: {{type: LoadBalancer{families}}}\n"
        )
    };
    let two = |families: &str| service("a", families) + &service("b", families);
    let range = "192.168.1.240/29, fd00::10/128";
    assert!(rules(range, "services.yaml", &two(", ipFamilies: [IPv6]")).contains("2 addresses of IPv6"));
    let both = rules(range, "services.yaml", &two(", ipFamilyPolicy: RequireDualStack"));
    assert!(both.contains("demand-above-capacity"), "{both}");
    assert!(!rules(range, "services.yaml", &two("")).contains("demand-above-capacity"));
}
