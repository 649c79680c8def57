//! Workloads: what runs, where it may run, what it holds.
//!
//! Source: apps/v1 Deployment, StatefulSet, DaemonSet; core/v1 Pod, PersistentVolumeClaim; the defaults of
//! `RollingUpdateDeployment` (25 % surge, rounded up; 25 % unavailable, rounded down).

use poolcheck_plan::Span;

use crate::object::Object;
use crate::value::{Kind, Scalar, Value};

/// The words without which no file says something of workloads that matters beside a pool.
pub const SUPPORT_WORDS: &[&str] =
    &["hostNetwork", "metallb", "PersistentVolumeClaim", "persistentVolumeClaim", "taints:"];

/// A workload as written.
#[derive(Debug, Clone, Copy)]
pub struct Workload<'a> {
    /// The object.
    pub object: Object<'a>,
    /// Its pods' `spec`.
    pub pod: Value<'a>,
}

/// A taint of a node, or what a toleration tolerates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taint {
    /// `key`.
    pub key: String,
    /// `value`; empty when none is said.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

/// The workload that an object is, if it is one.
pub fn workload<'a>(object: &Object<'a>) -> Option<Workload<'a>> {
    let spec = object.spec()?;
    let pod = match (&*object.group(), &*object.kind()) {
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet") => spec.get("template")?.get("spec")?,
        ("", "Pod") => spec,
        _ => return None,
    };
    Some(Workload { object: *object, pod }).filter(|workload| workload.pod.kind() == Kind::Mapping)
}

impl<'a> Workload<'a> {
    /// The images of its containers.
    pub fn images(&self) -> impl Iterator<Item = Value<'a>> {
        list(self.pod.get("containers")).into_iter().filter_map(|container| container.get("image"))
    }

    /// The claims that its pods share: (name, place). A StatefulSet's own templates make one a pod.
    pub fn claims(&self) -> Vec<(String, Span)> {
        let claim = |volume: Value<'a>| volume.get("persistentVolumeClaim")?.get("claimName");
        let names = list(self.pod.get("volumes")).into_iter().filter_map(claim);
        names.map(|name| (name.text().into_owned(), name.span())).collect()
    }

    /// Whether its pods tolerate a taint.
    pub fn tolerates(&self, taint: &Taint) -> bool {
        tolerates(list(self.pod.get("tolerations")).into_iter(), taint)
    }

    /// How many pods may run at once during an update beyond `replicas`, for a Deployment that updates by rolling.
    pub fn surge(&self) -> Surge<'a> {
        if self.object.kind() != "Deployment" {
            return Surge::None;
        }
        let spec = self.object.spec();
        let replicas = spec.and_then(|spec| spec.get("replicas")).map_or(Some(1), whole);
        let strategy = spec.and_then(|spec| spec.get("strategy"));
        surge(replicas, strategy)
    }

    /// The first place that says that its pods do not run as root, when nothing of it runs as root to prepare the volume.
    pub fn runs_as_other_than_root(&self) -> Option<Value<'a>> {
        let own = self.pod.get("securityContext");
        let contexts = list(self.pod.get("containers")).into_iter().filter_map(|c| c.get("securityContext"));
        own.into_iter().chain(contexts).find_map(not_root)
    }

    /// Whether something hands a volume over to the user of the pods: `fsGroup`, or a container that runs before them.
    pub fn hands_volumes_over(&self) -> bool {
        let group = self.pod.get("securityContext").and_then(|context| context.get("fsGroup"));
        group.is_some_and(|group| !group.is_null()) || !list(self.pod.get("initContainers")).is_empty()
    }
}

/// What an update may do with a volume that one node can hold at a time.
#[derive(Debug, Clone, Copy)]
pub enum Surge<'a> {
    /// A pod of the new form starts only after one of the old has gone.
    None,
    /// A pod more than wanted may start; the place that says so, when one does.
    Some(Option<Value<'a>>),
    /// A value that cannot be read.
    Unknown,
}

/// How many pods an update may start beyond what is wanted, from `replicas` and the update strategy of a Deployment.
pub fn surge(replicas: Option<i128>, strategy: Option<Value<'_>>) -> Surge<'_> {
    let Some(replicas) = replicas else { return Surge::Unknown };
    if replicas == 0 || strategy.and_then(|s| s.get("type")).is_some_and(|kind| kind.text() == "Recreate") {
        return Surge::None;
    }
    let rolling = strategy.and_then(|strategy| strategy.get("rollingUpdate"));
    let Some(max) = rolling.and_then(|rolling| rolling.get("maxSurge")).filter(|max| !max.is_null()) else {
        return Surge::Some(strategy.and_then(|strategy| strategy.get("type")));
    };
    let text = max.text();
    let pods = match (whole(max), text.strip_suffix('%').and_then(|percent| percent.parse::<i128>().ok())) {
        (Some(pods), _) => Some(pods),
        // Rounded up: one per cent of one pod is one pod.
        (None, Some(percent)) => Some((replicas * percent + 99) / 100),
        (None, None) => None,
    };
    match pods {
        Some(0) => Surge::None,
        Some(_) => Surge::Some(Some(max)),
        None => Surge::Unknown,
    }
}

/// The place in a security context that says that a process does not run as root.
pub fn not_root(context: Value<'_>) -> Option<Value<'_>> {
    let user = context.get("runAsUser").filter(|user| !user.is_null());
    match user.and_then(whole) {
        Some(0) => None,
        Some(_) => user,
        None => context.get("runAsNonRoot").filter(|non_root| non_root.as_bool() == Some(true)),
    }
}

/// Whether tolerations cover a taint, as the scheduler matches them.
pub fn tolerates<'a>(tolerations: impl Iterator<Item = Value<'a>>, taint: &Taint) -> bool {
    let text = |toleration: Value<'a>, key: &str| {
        toleration.get(key).filter(|value| !value.is_null()).map(|value| value.text().into_owned()).unwrap_or_default()
    };
    tolerations.into_iter().any(|toleration| {
        let (key, effect) = (text(toleration, "key"), text(toleration, "effect"));
        let exists = text(toleration, "operator") == "Exists";
        let same_key = if key.is_empty() { exists } else { key == taint.key };
        let same_effect = effect.is_empty() || effect == taint.effect;
        same_key && same_effect && (exists || text(toleration, "value") == taint.value)
    })
}

/// A PersistentVolumeClaim as written.
#[derive(Debug, Clone)]
pub struct VolumeClaim<'a> {
    /// The object.
    pub object: Object<'a>,
    /// `spec.accessModes`, each with its place.
    pub modes: Vec<Value<'a>>,
    /// `spec.storageClassName`.
    pub class: Option<String>,
}

impl<'a> VolumeClaim<'a> {
    /// Where it says that one node at a time can hold it; `None` when several can.
    pub fn one_node_at_a_time(&self) -> Option<Value<'a>> {
        let shared = self.modes.iter().any(|mode| matches!(&*mode.text(), "ReadWriteMany" | "ReadOnlyMany"));
        self.modes.first().copied().filter(|_| !shared)
    }

    /// Whether its storage lies on one node, so that all pods with it run there: then they never fight over it.
    pub fn is_bound_to_a_node(&self) -> bool {
        const LOCAL: [&str; 6] =
            ["local-path", "local-storage", "local", "hostpath", "standard-hostpath", "openebs-hostpath"];
        self.class.as_deref().is_some_and(|class| LOCAL.contains(&class))
    }
}

/// The PersistentVolumeClaim that an object is, if it is one.
pub fn volume_claim<'a>(object: &Object<'a>) -> Option<VolumeClaim<'a>> {
    if object.api_version() != "v1" || object.kind() != "PersistentVolumeClaim" {
        return None;
    }
    let spec = object.spec()?;
    let class = spec.get("storageClassName").filter(|class| !class.is_null()).map(|class| class.text().into_owned());
    Some(VolumeClaim { object: *object, modes: list(spec.get("accessModes")), class })
}

/// A whole number, also one that is written as a string.
pub fn whole(value: Value<'_>) -> Option<i128> {
    match value.resolve()? {
        Scalar::Int(number) => Some(number),
        Scalar::Str(text) => text.parse().ok(),
        _ => None,
    }
}

fn list(value: Option<Value<'_>>) -> Vec<Value<'_>> {
    value.iter().flat_map(Value::items).collect()
}
