//! Pods that do not run as root hold a volume that nobody hands over to them.
//!
//! ## Why is this bad?
//!
//! A new volume belongs to root. A process of another user cannot write to it, or cannot read what an earlier pod wrote as
//! root: `permission denied` on `acme.json`. `fsGroup` hands a volume over where the storage driver supports it; files that
//! are there already may need an init container that changes their owner.
//!
//! ## Example
//!
//! ```yaml deployment.yaml
//! apiVersion: apps/v1
//! kind: Deployment
//! metadata: {name: traefik, namespace: traefik}
//! spec:
//!   replicas: 1
//!   strategy:
//!     type: Recreate
//!   selector:
//!     matchLabels: {app: traefik}
//!   template:
//!     metadata:
//!       labels: {app: traefik}
//!     spec:
//!       securityContext:
//!         runAsUser: 65532 # note: [volume-not-handed-over]
//!       containers:
//!       - name: traefik
//!         image: traefik:v3.6
//!       volumes:
//!       - name: data
//!         persistentVolumeClaim:
//!           claimName: traefik
//! ```
//!
//! ```yaml claim.yaml
//! apiVersion: v1
//! kind: PersistentVolumeClaim
//! metadata: {name: traefik, namespace: traefik}
//! spec:
//!   accessModes: [ReadWriteOnce]
//!   storageClassName: longhorn
//! ```
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses: [192.168.1.240-192.168.1.245]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata: {name: l2-adv, namespace: metallb-system}
//! spec:
//!   ipAddressPools: [main-pool]
//! ```
//!
//! ## Use instead
//!
//! ```yaml deployment.yaml
//! apiVersion: apps/v1
//! kind: Deployment
//! metadata: {name: traefik, namespace: traefik}
//! spec:
//!   replicas: 1
//!   strategy:
//!     type: Recreate
//!   selector:
//!     matchLabels: {app: traefik}
//!   template:
//!     metadata:
//!       labels: {app: traefik}
//!     spec:
//!       securityContext:
//!         runAsUser: 65532
//!         fsGroup: 65532
//!       containers:
//!       - name: traefik
//!         image: traefik:v3.6
//!       volumes:
//!       - name: data
//!         persistentVolumeClaim:
//!           claimName: traefik
//! ```
//!
//! ```yaml claim.yaml
//! apiVersion: v1
//! kind: PersistentVolumeClaim
//! metadata: {name: traefik, namespace: traefik}
//! spec:
//!   accessModes: [ReadWriteOnce]
//!   storageClassName: longhorn
//! ```
//!
//! ```yaml pool.yaml
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: {name: main-pool, namespace: metallb-system}
//! spec:
//!   addresses: [192.168.1.240-192.168.1.245]
//! ---
//! apiVersion: metallb.io/v1beta1
//! kind: L2Advertisement
//! metadata: {name: l2-adv, namespace: metallb-system}
//! spec:
//!   ipAddressPools: [main-pool]
//! ```
//!
//! ## References
//!
//! Kubernetes, Configure a Security Context for a Pod, `fsGroup`; Traefik chart issue 396.

use crate::{Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "volume-not-handed-over", level: Level::Note, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    if world.pools.is_empty() {
        return;
    }
    for pods in world.all_pods() {
        let Some(user) = pods.runs_as_other_than_root().filter(|_| pods.hands_volumes_over() == Some(false)) else {
            continue;
        };
        let Some(held) = pods.claims(world).into_iter().next() else { continue };
        let who = match user.as_bool() {
            None => format!("user {}", user.text()),
            Some(_) => "a user other than root".to_owned(),
        };
        let message = format!("{} runs as {who}, and nothing hands volume {} over to it", pods.title, held.name);
        let finding = findings.report(user.span(), "not root", message);
        finding.subject(&pods.title).identity(held.name).related(held.place, "the volume");
        finding.help("write `fsGroup` beside it, or let an init container that runs as root change the owner:");
        finding.help("chown -R 65532:65532 /data && chmod 600 /data/acme.json");
    }
}
