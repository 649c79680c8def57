//! The world that rules judge: every object, every pool, every claim of one run.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::OnceLock;

use jiff::civil::Date;
use poolcheck_manifest::helm::Release;
use poolcheck_manifest::kinds;
use poolcheck_manifest::kinds::metallb::{self, Advertisement};
use poolcheck_manifest::kinds::node::{self, Node};
use poolcheck_manifest::kinds::platform;
use poolcheck_manifest::kinds::pool::{Pool, PoolEntry};
use poolcheck_manifest::kinds::service::{self, Requested, Service};
use poolcheck_manifest::kinds::workload::{self, VolumeClaim, Workload};
use poolcheck_manifest::tree::{Clusters, Substitution, Together};
use poolcheck_manifest::{ManifestFile, Object};
use poolcheck_plan::facts::{Completeness, DhcpServer, DhcpState, OriginId};
use poolcheck_plan::observed::Observed;
use poolcheck_plan::{
    AddrRange, AddrSet, AddressPlan, Claim, ClaimId, ClaimKind, Confidence, Facts, SourceId, Sources, Span,
};

use crate::cure::{Cure, Cures};
use crate::ignores::Ignore;
use crate::releases::{self, Library, ValuesFile};
use crate::rule::Fact;

/// What is not known of a DHCP server of which something is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// Who said what is known: `dnsmasq dnsmasq.conf`.
    pub of: String,
    /// What is missing, in one clause.
    pub why: String,
    /// Where that can be told.
    pub place: Span,
}

/// What a world is built from.
#[derive(Debug, Clone, Copy)]
pub struct WorldInput<'a> {
    /// All texts.
    pub sources: &'a Sources,
    /// The manifests.
    pub files: &'a [ManifestFile],
    /// What is known of the LAN.
    pub facts: &'a Facts,
    /// The namespace MetalLB runs in; `None` to see it from its release, `metallb-system` where there is none.
    pub metallb_namespace: Option<&'a str>,
    /// Which text belongs to which cluster.
    pub clusters: &'a Clusters,
    /// Values files of which the user said which chart they are for.
    pub values_files: &'a [ValuesFile],
    /// The day of the run; `None` where age does not matter.
    pub today: Option<Date>,
    /// How old facts read from a router may be, in days.
    pub facts_max_age: u16,
    /// What was seen on the wire; `None` when nobody looked: then the rules of the family `wire` judge nothing.
    pub observed: Option<&'a Observed>,
    /// What routers say now; `None` when none was asked.
    pub now: Option<&'a Facts>,
}

/// The age in days beyond which facts are stale, unless the user says another.
pub const FACTS_MAX_AGE: u16 = 90;

impl<'a> WorldInput<'a> {
    /// Texts and facts of one cluster, with MetalLB where its manifests put it.
    pub const fn new(sources: &'a Sources, files: &'a [ManifestFile], facts: &'a Facts) -> Self {
        let (clusters, values_files) = (Clusters::ONE, &[]);
        let (metallb_namespace, today, facts_max_age, observed, now) = (None, None, FACTS_MAX_AGE, None, None);
        Self { sources, files, facts, metallb_namespace, clusters, values_files, today, facts_max_age, observed, now }
    }
}

/// Everything one run knows.
#[derive(Debug)]
pub struct World<'a> {
    /// All texts.
    pub sources: &'a Sources,
    /// The manifests.
    pub files: &'a [ManifestFile],
    /// What is known of the LAN.
    pub facts: &'a Facts,
    /// The day of the run; `None` where age does not matter.
    pub today: Option<Date>,
    /// How old facts read from a router may be, in days.
    pub facts_max_age: u16,
    /// What was seen on the wire, when somebody looked.
    pub observed: Option<&'a Observed>,
    /// What routers say now, when they were asked.
    pub now: Option<&'a Facts>,
    /// The namespace MetalLB runs in.
    pub metallb_namespace: String,
    /// Every Kubernetes object, lists taken apart, in the order of files and documents. Templates are not among them.
    pub objects: Vec<Object<'a>>,
    /// Every pool.
    pub pools: Vec<Pool<'a>>,
    /// Every MetalLB advertisement.
    pub advertisements: Vec<Advertisement<'a>>,
    /// Every Service of type LoadBalancer.
    pub services: Vec<Service<'a>>,
    /// Every Node.
    pub nodes: Vec<Node<'a>>,
    /// Every workload.
    pub workloads: Vec<Workload<'a>>,
    /// Every PersistentVolumeClaim.
    pub claims: Vec<VolumeClaim<'a>>,
    /// Every Helm release.
    pub releases: Vec<Release<'a>>,
    /// All claims of manifests and facts.
    pub plan: AddressPlan,
    /// Documents that were not looked into.
    skipped: Vec<SkippedDocument>,
    /// Which text belongs to which cluster.
    pub clusters: &'a Clusters,
    substitutions: BTreeMap<Span, &'a Substitution>,
    subjects: BTreeMap<ClaimId, Subject>,
    cures: OnceLock<Cures>,
    ignores: OnceLock<Vec<Ignore>>,
}

/// What a claim of a manifest came from, by index into the world's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    /// Entry `entry` of pool `pool`.
    Pool {
        /// Index into [`World::pools`].
        pool: usize,
        /// Index into the pool's entries.
        entry: usize,
    },
    /// Request `request` of Service `service`.
    Service {
        /// Index into [`World::services`].
        service: usize,
        /// Index into the Service's requested addresses.
        request: usize,
    },
}

/// A document that was not looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedDocument {
    /// The place that shows why.
    pub place: Span,
    /// What it is, for people.
    pub what: String,
}

/// A pool's range meeting somebody else's claim.
#[derive(Debug, Clone, Copy)]
pub struct PoolMeeting<'w, 'a> {
    /// The pool's index in [`World::pools`].
    pub index: usize,
    /// The pool.
    pub pool: &'w Pool<'a>,
    /// The entry that meets.
    pub entry: &'w PoolEntry<'a>,
    /// The entry's range.
    pub range: AddrRange,
    /// What it meets.
    pub other: &'w Claim,
    /// The addresses both claim.
    pub overlap: AddrRange,
}

impl<'a> World<'a> {
    /// Reads the objects and lays all claims on one plan.
    pub fn build(input: WorldInput<'a>) -> Self {
        let WorldInput { sources, files, facts, metallb_namespace, clusters, values_files, .. } = input;
        let mut objects = Vec::new();
        let mut skipped = Vec::new();
        for file in files {
            objects.extend(file.objects());
            skipped.extend(
                file.templates().map(|(place, template)| SkippedDocument { place, what: template.what().to_owned() }),
            );
        }
        let mut pools: Vec<Pool<'a>> = objects.iter().flat_map(kinds::pools).collect();
        pools.extend(files.iter().flat_map(ManifestFile::config_map_pools));
        let library = Library { sources, files, objects: &objects, clusters };
        let releases = releases::read(&library, values_files);
        let mut services: Vec<Service<'a>> = objects.iter().filter_map(service::load_balancer).collect();
        for release in &releases {
            let (Some(holder), Some(chart)) = (release.holder(), release.chart.as_ref()) else { continue };
            for values in release.values() {
                pools.extend(kinds::pools_of_values(&chart.name, &holder, values));
                services.extend(service::of_values(&holder, values));
            }
        }
        let metallb_namespace = metallb_namespace.map_or_else(|| installed_in(&releases), str::to_owned);
        let mut world = Self {
            workloads: objects.iter().filter_map(workload::workload).collect(),
            claims: objects.iter().filter_map(workload::volume_claim).collect(),
            releases,
            sources,
            files,
            facts,
            today: input.today,
            facts_max_age: input.facts_max_age,
            observed: input.observed,
            now: input.now,
            metallb_namespace,
            advertisements: objects.iter().filter_map(metallb::advertisement).collect(),
            services,
            nodes: objects.iter().filter_map(node::node).collect(),
            objects,
            pools,
            plan: AddressPlan::new(Vec::new()),
            skipped,
            clusters,
            substitutions: files.iter().flat_map(ManifestFile::substitutions).map(|s| (s.place, s)).collect(),
            subjects: BTreeMap::new(),
            cures: OnceLock::new(),
            ignores: OnceLock::new(),
        };
        world.lay_claims();
        world
    }

    fn lay_claims(&mut self) {
        let mut claims = self.facts.claims();
        claims.extend(crate::peers::claims(&self.objects, &|source| self.cluster(source)));
        claims.extend(crate::peers::claims_of_values(&self.releases));
        for (network, services, place) in self.files.iter().flat_map(platform::networks) {
            claims.push(Claim {
                range: AddrRange::from_net(network),
                kind: if services { ClaimKind::ServiceCidr } else { ClaimKind::PodCidr },
                owner: "the cluster".to_owned(),
                place: Some(place),
                confidence: Confidence::High,
                cluster: self.cluster(place.source),
            });
        }
        for (address, place) in self.files.iter().filter_map(platform::control_plane_endpoint) {
            claims.push(Claim {
                range: AddrRange::single(address),
                kind: ClaimKind::Host,
                owner: "the control plane's endpoint".to_owned(),
                place: Some(place),
                confidence: Confidence::High,
                cluster: self.cluster(place.source),
            });
        }
        let mut subjects = Vec::new();
        for (pool, p) in self.pools.iter().enumerate() {
            for (entry, e) in p.entries.iter().enumerate() {
                let Some(range) = e.range() else { continue };
                subjects.push((claims.len(), Subject::Pool { pool, entry }));
                claims.push(Claim {
                    range,
                    kind: ClaimKind::Pool,
                    owner: p.title(),
                    place: Some(e.value.span()),
                    confidence: self.sure(e.value.span()),
                    cluster: self.cluster(e.value.span().source),
                });
            }
        }
        for (service, s) in self.services.iter().enumerate() {
            for (request, r) in s.requested.iter().enumerate() {
                let Some(address) = r.address() else { continue };
                subjects.push((claims.len(), Subject::Service { service, request }));
                claims.push(Claim {
                    range: AddrRange::single(address),
                    kind: ClaimKind::Requested,
                    owner: s.object.title(),
                    place: Some(r.span),
                    confidence: self.sure(r.span),
                    cluster: self.cluster(r.span.source),
                });
            }
        }
        for node in &self.nodes {
            let claim = |range, kind, span| Claim {
                range,
                kind,
                owner: format!("node {}", node.object.title()),
                place: Some(span),
                confidence: Confidence::High,
                cluster: self.cluster(span.source),
            };
            claims.extend(node.addresses.iter().map(|(a, span)| claim(AddrRange::single(*a), ClaimKind::Node, *span)));
            claims.extend(
                node.pod_cidrs.iter().map(|(net, span)| claim(AddrRange::from_net(*net), ClaimKind::PodCidr, *span)),
            );
        }
        self.plan = AddressPlan::new(claims);
        self.subjects = subjects.into_iter().map(|(index, subject)| (ClaimId(index as u32), subject)).collect();
    }

    /// The cluster of a text, when it belongs to one.
    fn cluster(&self, source: SourceId) -> Option<u32> {
        let clusters = self.clusters.of.get(&source)?;
        clusters.first().copied().filter(|_| clusters.len() == 1)
    }

    /// Every ignore and what became of it; none before the other rules have judged.
    pub(crate) fn ignores(&self) -> &[Ignore] {
        self.ignores.get().map_or(&[], Vec::as_slice)
    }

    /// What the rules about ignores look at, once for a world.
    pub(crate) fn set_ignores(&self, ignores: Vec<Ignore>) {
        self.ignores.get_or_init(|| ignores);
    }

    /// Documents that were not looked into.
    pub fn skipped(&self) -> &[SkippedDocument] {
        &self.skipped
    }

    /// How many nodes have a known address.
    pub fn nodes_known(&self) -> usize {
        self.plan.claims().iter().filter(|claim| claim.kind == ClaimKind::Node).count()
    }

    /// Whether a kind of fact is known at all.
    pub fn knows(&self, fact: Fact) -> bool {
        let any = |kinds: &[ClaimKind]| self.plan.claims().iter().any(|claim| kinds.contains(&claim.kind));
        let servers = || self.facts.segments.iter().flat_map(|segment| &segment.dhcp);
        match fact {
            Fact::Dhcp => servers().any(DhcpServer::knows_ranges),
            Fact::Reservations => servers().any(DhcpServer::knows_reservations),
            Fact::Subnet => self.facts.segments.iter().any(|segment| !segment.subnets.is_empty()),
            Fact::Gateway => any(&[ClaimKind::Gateway, ClaimKind::DnsServer]),
            Fact::Nodes => any(&[ClaimKind::Node]),
            Fact::Networks => any(&[ClaimKind::PodCidr, ClaimKind::ServiceCidr]),
            Fact::Values | Fact::OwnAnswers => true,
        }
    }

    /// What is not known of DHCP servers of which something is known: of the ranges that were read, more may be missing.
    pub fn unseen(&self) -> impl Iterator<Item = Unseen> + '_ {
        let of = |origin: OriginId, why: &str, place| Unseen {
            of: self.facts.origins.get(origin.0 as usize).map_or("a DHCP server", |origin| &origin.title).to_owned(),
            why: why.to_owned(),
            place,
        };
        let servers = self.facts.segments.iter().flat_map(|segment| &segment.dhcp);
        // Where something was missing, that says best why.
        let explained = |origin| self.facts.gaps.iter().any(|gap| gap.origin == origin);
        let servers = servers.filter(move |server| !explained(server.state.origin)).filter_map(move |server| {
            let why = match (server.knows_ranges(), server.completeness, server.state.value) {
                (true, Completeness::Partial, _) => "not all that it leases is known",
                (false, _, DhcpState::On | DhcpState::Unknown) => "what it leases is not known",
                _ => return None,
            };
            Some(of(server.state.origin, why, server.state.place))
        });
        self.facts.gaps.iter().map(move |gap| of(gap.origin, &gap.value, gap.place)).chain(servers)
    }

    /// Where pools meet claims of a kind, ordered by pool and address.
    pub fn pool_meetings(&self, kind: ClaimKind) -> Vec<PoolMeeting<'_, 'a>> {
        let mut meetings: Vec<_> = self
            .plan
            .meetings(ClaimKind::Pool, kind)
            .into_iter()
            .filter_map(|meeting| {
                let (index, entry) = self.pool_entry(meeting.a)?;
                let pool = &self.pools[index];
                let other = self.plan.claim(meeting.b);
                let range = entry.range()?;
                Some(PoolMeeting { index, pool, entry, range, other, overlap: meeting.overlap })
            })
            .collect();
        meetings.sort_by_key(|m| (m.index, m.entry.span(), m.overlap));
        meetings
    }

    /// The pool entry that made a claim.
    pub fn pool_entry(&self, id: ClaimId) -> Option<(usize, &PoolEntry<'a>)> {
        match self.subjects.get(&id)? {
            Subject::Pool { pool, entry } => Some((*pool, &self.pools[*pool].entries[*entry])),
            Subject::Service { .. } => None,
        }
    }

    /// The Service request that made a claim.
    pub fn service_request(&self, id: ClaimId) -> Option<(&Service<'a>, &Requested<'a>)> {
        match self.subjects.get(&id)? {
            Subject::Service { service, request } => {
                let service = &self.services[*service];
                Some((service, &service.requested[*request]))
            }
            Subject::Pool { .. } => None,
        }
    }

    /// The pools whose ranges hold an address.
    pub fn pools_holding(&self, address: IpAddr) -> impl Iterator<Item = (usize, &Pool<'a>)> {
        self.pools.iter().enumerate().filter(move |(_, pool)| pool.ranges().any(|(_, range)| range.contains(address)))
    }

    /// The advertisements that a pool's cluster may have.
    pub fn advertisements_of(&self, pool: &Pool<'a>) -> impl Iterator<Item = &Advertisement<'a>> {
        let own = pool.name_span.source;
        self.advertisements.iter().filter(move |ad| self.clusters.meet(ad.object.name_span().source, own))
    }

    /// The pools that a text's cluster may have.
    pub fn pools_for(&self, text: SourceId) -> impl Iterator<Item = &Pool<'a>> {
        self.pools.iter().filter(move |pool| self.clusters.meet(pool.addresses_span.source, text))
    }

    /// The cure of a pool in trouble, computed once for all pools together so that no two cures meet.
    pub fn cure(&self, pool: usize) -> Option<&Cure> {
        self.cures.get_or_init(|| Cures::compute(self)).of(pool)
    }

    /// Whether two texts belong to one cluster, so that what they say holds together.
    ///
    /// A text that no cluster lays claim to belongs to all of them.
    pub fn same_cluster(&self, a: SourceId, b: SourceId) -> bool {
        self.clusters.meet(a, b)
    }

    /// How sure it is that two texts are applied to one cluster.
    pub fn together(&self, a: SourceId, b: SourceId) -> Together {
        self.clusters.together(a, b)
    }

    /// The variables that were put into some bytes.
    pub fn substitutions_in(&self, span: Span) -> impl Iterator<Item = &'a Substitution> {
        let within = self.substitutions.range(Span { end: 0, ..span }..);
        let within = within
            .take_while(move |(place, _)| place.source == span.source && place.start < span.end.max(span.start + 1));
        within.filter(move |(place, _)| place.end > span.start).map(|(_, substitution)| *substitution)
    }

    /// How sure what is written at a place is: less sure when a variable is only thought to say it.
    fn sure(&self, span: Span) -> Confidence {
        self.substitutions_in(span).map(|s| s.definition.confidence).min().unwrap_or(Confidence::High)
    }

    /// Whether two pools are one object said twice.
    pub fn same_object(&self, a: &Pool<'a>, b: &Pool<'a>) -> bool {
        a.implementation == b.implementation && a.name == b.name && a.object.namespace() == b.object.namespace()
    }

    /// What is left of a range without another.
    pub fn without(&self, range: AddrRange, other: AddrRange) -> impl Iterator<Item = AddrRange> {
        AddrSet::from(range).difference(&AddrSet::from(other)).into_iter()
    }

    /// Whether a pool is announced by BGP and not by Layer 2: then its addresses need not lie on the segment.
    pub fn only_bgp(&self, pool: &Pool<'a>) -> bool {
        if !pool.implementation.is_metallb() {
            return crate::peers::only_routed(&self.objects, pool);
        }
        let announced =
            |kind: &str| self.advertisements_of(pool).any(|ad| ad.object.kind() == kind && ad.announces(pool));
        announced("BGPAdvertisement") && !announced("L2Advertisement")
    }

    /// The title of what said a fact: `sky-hub 192.168.1.1`, or the file's name.
    pub fn said_by(&self, source: SourceId) -> &str {
        &self.sources.get(source).name
    }
}

/// Where a release installs MetalLB; where its documentation does, when several do or none.
fn installed_in(releases: &[Release<'_>]) -> String {
    let namespaces = releases.iter().filter(|release| release.is_of("metallb")).filter_map(|r| r.namespace.as_deref());
    let all: std::collections::BTreeSet<&str> =
        namespaces.filter(|namespace| !namespace.contains(['$', '{'])).collect();
    let one = all.first().filter(|_| all.len() == 1);
    (*one.unwrap_or(&"metallb-system")).to_owned()
}
