//! An update starts a second pod while the first still holds a volume that one node can hold.
//!
//! ## Why is this bad?
//!
//! A volume with `ReadWriteOnce` is attached to one node at a time. A rolling update starts the new pod before it stops the
//! old one; when the new one lands on another node it waits for the volume, and the old one waits for the new one to be
//! ready: `Multi-Attach error`, until somebody ends it by hand. For an ingress that is an outage of everything behind it.
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
//!     type: RollingUpdate # warning: [rolling-update-deadlock]
//!   selector:
//!     matchLabels: {app: traefik}
//!   template:
//!     metadata:
//!       labels: {app: traefik}
//!     spec:
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
//! Kubernetes, Deployment `spec.strategy` and Persistent Volumes, Access Modes; Longhorn, Volume recovery.

use poolcheck_manifest::kinds::workload::Surge;

use crate::{Fact, Findings, Level, Rule, World};

pub(crate) const RULE: Rule =
    Rule { id: "rolling-update-deadlock", level: Level::Warning, needs: &[], since: "0.1.0", check };

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    if world.pools.is_empty() {
        return;
    }
    for pods in world.all_pods() {
        let place = match pods.surge() {
            Surge::None => continue,
            Surge::Some(place) => place.map(|place| place.span()),
            Surge::Unknown => {
                let reason = "how it is updated is filled in later";
                if !pods.claims(world).is_empty() {
                    findings.not_checked(Fact::Values, Some(pods.title.clone()), reason, Some(pods.place));
                }
                continue;
            }
        };
        for held in pods.claims(world) {
            let Some(mode) = held.one_at_a_time else { continue };
            let message = format!(
                "an update of {} starts a second pod while the first holds volume {}, which one node can hold at a time",
                pods.title, held.name
            );
            let label = "a new pod starts before the old one stops";
            let finding = findings.report(place.unwrap_or(held.place), label, message);
            finding.subject(&pods.title).identity(held.name);
            if place.is_some() && held.place != mode {
                finding.related(held.place, "held by its pods");
            }
            finding.related(mode, "by one node at a time");
            finding.help("write `type: Recreate` (or use a StatefulSet, or a volume with ReadWriteMany)");
        }
    }
}
