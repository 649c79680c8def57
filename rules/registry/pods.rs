//! What runs beside the pools: workloads as written, and those that known charts make of their values.
//!
//! Of a chart, only what its values say and what its defaults are known to be is told; the rest is unknown, and a rule
//! that needs it says *not checked*.

use poolcheck_manifest::helm::{Chart, ChartVersion, Release, Setting};
use poolcheck_manifest::kinds::workload::{self, Surge, Taint, VolumeClaim, Workload, whole};
use poolcheck_manifest::{Kind, Object, Value};
use poolcheck_plan::Span;

use crate::world::World;

/// The pods of one workload, or of one release.
#[derive(Debug)]
pub struct Pods<'w, 'a> {
    /// What they are of: `Deployment traefik/traefik`.
    pub title: String,
    /// The object that holds them.
    pub object: Object<'a>,
    /// Where they are said.
    pub place: Span,
    /// The namespace they run in, where said.
    pub namespace: Option<String>,
    from: From<'w, 'a>,
}

#[derive(Debug)]
enum From<'w, 'a> {
    Workload(Workload<'a>),
    Release(&'w Release<'a>),
}

/// A claim that pods hold.
#[derive(Debug)]
pub struct Held<'w, 'a> {
    /// Where the pods say that they hold it.
    pub place: Span,
    /// The claim, when its manifest is here.
    pub claim: Option<&'w VolumeClaim<'a>>,
    /// Its name.
    pub name: String,
    /// Whether one node at a time can hold it: the place that says so; `None` when several can, or nothing is known.
    pub one_at_a_time: Option<Span>,
}

/// The charts of ingress controllers whose values are known.
const CHARTS: [&str; 2] = ["traefik", "ingress-nginx"];

impl<'a> World<'a> {
    /// All ingress controllers.
    ///
    /// A workload is one by its images; a release by its chart.
    pub fn ingress_controllers(&self) -> Vec<Pods<'_, 'a>> {
        const IMAGES: [&str; 7] = [
            "traefik",
            "ingress-nginx/controller",
            "nginx/nginx-ingress",
            "haproxytech/kubernetes-ingress",
            "projectcontour/contour",
            "kong/kubernetes-ingress-controller",
            "voyagermesh/haproxy",
        ];
        let is_image = |image: Value<'_>| {
            let text = image.text();
            let name = text.split(['@']).next().unwrap_or(&text);
            let name = name.rsplit_once(':').map_or(name, |(name, tag)| if tag.contains('/') { &text } else { name });
            IMAGES.iter().any(|known| name == *known || name.ends_with(&format!("/{known}")))
        };
        self.all_pods()
            .into_iter()
            .filter(|pods| match &pods.from {
                From::Workload(workload) => workload.images().any(is_image),
                From::Release(_) => true,
            })
            .collect()
    }

    /// All workloads, and the releases of charts that are known.
    pub fn all_pods(&self) -> Vec<Pods<'_, 'a>> {
        let of_workload = |workload: &Workload<'a>| Pods {
            title: workload.object.reference(),
            object: workload.object,
            place: workload.object.name_span(),
            namespace: workload.object.namespace().map(std::borrow::Cow::into_owned),
            from: From::Workload(*workload),
        };
        let mut all: Vec<_> = self.workloads.iter().map(of_workload).collect();
        for release in self.releases.iter().filter(|release| CHARTS.iter().any(|chart| release.is_of(chart))) {
            let Some(object) = release.holder() else { continue };
            let (title, place, namespace) = (release.title(), release.place, release.namespace.clone());
            all.push(Pods { title, object, place, namespace, from: From::Release(release) });
        }
        all
    }
}

impl<'w, 'a> Pods<'w, 'a> {
    /// Whether they are those of a release, and of which chart.
    pub fn release(&self) -> Option<&'w Release<'a>> {
        match &self.from {
            From::Release(release) => Some(release),
            From::Workload(_) => None,
        }
    }

    fn is_nginx(&self) -> bool {
        self.release().is_some_and(|release| release.is_of("ingress-nginx"))
    }

    /// What is said at a path of the pods' spec, or of the chart's values.
    fn setting(&self, workload: &str, traefik: &str, nginx: &str) -> Setting<'a> {
        match &self.from {
            From::Workload(own) => own.pod.get(workload).map_or(Setting::Default, Setting::Said),
            From::Release(release) if release.is_of("traefik") => release.get(traefik),
            From::Release(release) => release.get(nginx),
        }
    }

    /// Whether they take the network of their node.
    pub fn host_network(&self) -> Setting<'a> {
        match self.setting("hostNetwork", "hostNetwork", "controller.hostNetwork") {
            Setting::Said(value) if value.as_bool() == Some(true) => Setting::Said(value),
            Setting::Said(_) => Setting::Default,
            other => other,
        }
    }

    /// The labels that a node must have for them, those that every Linux node has left out.
    pub fn node_selector(&self) -> Vec<(Value<'a>, String)> {
        let selector = self.setting("nodeSelector", "nodeSelector", "controller.nodeSelector").said();
        let entries = selector.map(|selector| selector.entries()).unwrap_or_default();
        let pins = entries
            .into_iter()
            .filter(|entry| !matches!(&*entry.key.text(), "kubernetes.io/os" | "kubernetes.io/arch"));
        pins.map(|entry| (entry.value, format!("{}={}", entry.key.text(), entry.value.text()))).collect()
    }

    /// How an update goes about.
    pub fn surge(&self) -> Surge<'a> {
        let release = match &self.from {
            From::Workload(workload) => return workload.surge(),
            From::Release(release) if release.is_of("traefik") => release,
            From::Release(_) => return Surge::None,
        };
        match release.get("deployment.kind") {
            Setting::Said(kind) if kind.text() != "Deployment" => return Surge::None,
            Setting::Unknown(..) => return Surge::Unknown,
            _ => {}
        }
        let replicas = match release.get("deployment.replicas") {
            Setting::Said(replicas) => whole(replicas),
            Setting::Default => Some(1),
            Setting::Unknown(..) => None,
        };
        match release.get("updateStrategy") {
            Setting::Unknown(..) => Surge::Unknown,
            // The chart's own default: one pod more, none less.
            Setting::Default => workload::surge(replicas, None),
            Setting::Said(strategy) => workload::surge(replicas, Some(strategy)),
        }
    }

    /// The claims that they share.
    pub fn claims(&self, world: &'w World<'a>) -> Vec<Held<'w, 'a>> {
        let find = |name: &str| {
            let same_space = |claim: &&VolumeClaim<'a>| match (claim.object.namespace(), &self.namespace) {
                (Some(a), Some(b)) => a == b.as_str(),
                _ => true,
            };
            let named = world.claims.iter().filter(|claim| claim.object.name().is_some_and(|own| own == name));
            named.filter(same_space).find(|c| world.same_cluster(c.object.name_span().source, self.place.source))
        };
        let held = |name: String, place: Span| {
            let claim = find(&name);
            let one = claim.filter(|claim| !claim.is_bound_to_a_node()).and_then(VolumeClaim::one_node_at_a_time);
            Held { place, claim, name, one_at_a_time: one.map(|mode| mode.span()) }
        };
        match &self.from {
            From::Workload(workload) => workload.claims().into_iter().map(|(name, place)| held(name, place)).collect(),
            From::Release(release) if release.is_of("traefik") => {
                let Setting::Said(enabled) = release.get("persistence.enabled") else { return Vec::new() };
                if enabled.as_bool() != Some(true) {
                    return Vec::new();
                }
                let existing = release.get("persistence.existingClaim").said().filter(|name| !name.text().is_empty());
                if let Some(existing) = existing {
                    return vec![held(existing.text().into_owned(), existing.span())];
                }
                // The chart makes the claim itself; its default is ReadWriteOnce.
                let mode = release.get("persistence.accessMode").said();
                let shared = mode.is_some_and(|mode| mode.text().contains("Many"));
                let class = release.get("persistence.storageClass").said().map(|class| class.text().into_owned());
                let local =
                    class.is_some_and(|class| matches!(class.as_str(), "local-path" | "local-storage" | "hostpath"));
                let place = enabled.key_span().unwrap_or_else(|| enabled.span());
                let one_at_a_time = (!shared && !local).then(|| mode.map_or(place, |mode| mode.span()));
                vec![Held { place, claim: None, name: release.name.clone(), one_at_a_time }]
            }
            From::Release(_) => Vec::new(),
        }
    }

    /// Where it is said that they do not run as root.
    pub fn runs_as_other_than_root(&self) -> Option<Value<'a>> {
        match &self.from {
            From::Workload(workload) => workload.runs_as_other_than_root(),
            From::Release(release) => {
                release.get("podSecurityContext").said().and_then(workload::not_root).filter(|_| !self.is_nginx())
            }
        }
    }

    /// Whether something hands volumes over to them; `None` when it cannot be known.
    pub fn hands_volumes_over(&self) -> Option<bool> {
        match &self.from {
            From::Workload(workload) => Some(workload.hands_volumes_over()),
            From::Release(release) => {
                let group = release.get("podSecurityContext.fsGroup");
                let before = release.get("deployment.initContainers");
                if matches!((&group, &before), (Setting::Unknown(..), _) | (_, Setting::Unknown(..))) {
                    return None;
                }
                let has_group = group.said().is_some_and(|group| !group.is_null());
                Some(has_group || before.said().is_some_and(|list| list.items().next().is_some()))
            }
        }
    }
}

/// Who announces for MetalLB: the speakers, as a DaemonSet or as the chart makes it.
#[derive(Debug)]
pub enum Speakers<'w, 'a> {
    /// A DaemonSet.
    Workload(&'w Workload<'a>),
    /// The chart `metallb`.
    Release(&'w Release<'a>),
}

impl<'a> World<'a> {
    /// All speakers.
    pub fn speakers(&self) -> Vec<Speakers<'_, 'a>> {
        let is_speaker = |workload: &&Workload<'a>| {
            let image = |image: Value<'_>| image.text().contains("metallb") && image.text().contains("speaker");
            workload.object.kind() == "DaemonSet" && workload.images().any(image)
        };
        let written = self.workloads.iter().filter(is_speaker).map(Speakers::Workload);
        written.chain(self.releases.iter().filter(|r| r.is_of("metallb")).map(Speakers::Release)).collect()
    }
}

impl<'a> Speakers<'_, 'a> {
    /// Whether they run on a node with a taint; `Err` with a place and a reason when it cannot be known.
    pub fn tolerate(&self, taint: &Taint) -> Result<bool, (Span, String)> {
        let release = match self {
            Self::Workload(workload) => return Ok(workload.tolerates(taint)),
            Self::Release(release) => release,
        };
        let said = match release.get("speaker.tolerations") {
            Setting::Said(list) if list.kind() == Kind::Sequence => workload::tolerates(list.items(), taint),
            Setting::Unknown(place, reason) => return Err((place, reason)),
            _ => false,
        };
        if said || !taint.key.starts_with("node-role.kubernetes.io/") {
            return Ok(said);
        }
        match release.get("speaker.tolerateMaster") {
            Setting::Unknown(place, reason) => Err((place, reason)),
            Setting::Said(value) if value.as_bool() == Some(false) => Ok(false),
            _ => {
                // The chart's default since it came into the project: it tolerates both names of the control plane.
                let version = release.chart.as_ref().and_then(Chart::exact_version);
                if version.is_some_and(|version| version < ChartVersion::new(0, 13, 0)) {
                    let place =
                        release.chart.as_ref().and_then(|chart| chart.version).map_or(release.place, |v| v.span());
                    return Err((place, "what charts before 0.13 tolerate by default is not known".to_owned()));
                }
                Ok(matches!(
                    taint.key.as_str(),
                    "node-role.kubernetes.io/control-plane" | "node-role.kubernetes.io/master"
                ))
            }
        }
    }

    /// Where their tolerations are said, or should be.
    pub fn place(&self) -> Span {
        match self {
            Self::Workload(workload) => workload.object.name_span(),
            Self::Release(release) => {
                let key = |path| release.get(path).said().and_then(|value| value.key_span());
                key("speaker.tolerateMaster")
                    .or_else(|| key("speaker.tolerations"))
                    .or_else(|| key("speaker"))
                    .unwrap_or(release.place)
            }
        }
    }

    /// What they are: `DaemonSet metallb-system/speaker`.
    pub fn title(&self) -> String {
        match self {
            Self::Workload(workload) => workload.object.reference(),
            Self::Release(release) => release.title(),
        }
    }

    /// The object that holds them.
    pub fn object(&self) -> Option<Object<'a>> {
        match self {
            Self::Workload(workload) => Some(workload.object),
            Self::Release(release) => release.holder(),
        }
    }
}
