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
