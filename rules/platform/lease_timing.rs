//! The lease by which nodes agree who announces cannot be held, or is lost for nothing.
//!
//! ## Why is this bad?
//!
//! kube-vip, and Cilium for each Service, elect who announces by a Lease in the API server. The leader must renew it before it
//! runs out, and must have time for more than one try: Kubernetes' election refuses a duration that is not longer than the
//! renew deadline, and a deadline that is not longer than 1.2 retry periods. Then nobody announces at all.
//!
//! Cilium renews one lease for each Service within each deadline. Where that is more than `k8sClientRateLimit.qps` lets
//! through, leases are lost and addresses wander from node to node.
//!
//! What is not said is judged by Cilium's documented defaults (15 s, 5 s, 2 s); of kube-vip only what is said.
//!
//! ## Example
//!
//! ```yaml values.yaml chart-cilium namespace-kube-system
//! l2announcements:
//!   enabled: true
//!   leaseDuration: 3s # warning: [lease-timing]
//! ```
//!
//! ```yaml pool.yaml
//! apiVersion: cilium.io/v2
//! kind: CiliumLoadBalancerIPPool
//! metadata: {name: main-pool}
//! spec:
//!   blocks:
//!   - {start: 192.168.1.240, stop: 192.168.1.245}
//! ```
//!
//! ## Use instead
//!
//! ```yaml values.yaml chart-cilium namespace-kube-system
//! l2announcements:
//!   enabled: true
//!   leaseDuration: 3s
//!   leaseRenewDeadline: 1s
//!   leaseRetryPeriod: 200ms
//! k8sClientRateLimit:
//!   qps: 50
//! ```
//!
//! ```yaml pool.yaml
//! apiVersion: cilium.io/v2
//! kind: CiliumLoadBalancerIPPool
//! metadata: {name: main-pool}
//! spec:
//!   blocks:
//!   - {start: 192.168.1.240, stop: 192.168.1.245}
//! ```
//!
//! ## References
//!
//! client-go `tools/leaderelection` (`NewLeaderElector`); Cilium, L2 Announcements, "Sizing client rate limit"; Cilium issue
//! 26586; kube-vip `vip_leaseduration`, `vip_renewdeadline`, `vip_retryperiod`.

use poolcheck_manifest::Value;
use poolcheck_manifest::helm::{Release, Setting};
use poolcheck_manifest::kinds::kube_vip;
use poolcheck_manifest::schema::parse_duration;
use poolcheck_manifest::tree::Together;

use crate::{Fact, Findings, Level, Rule, World};

pub(crate) const RULE: Rule = Rule { id: "lease-timing", level: Level::Warning, needs: &[], since: "0.1.0", check };

const SECOND: i64 = 1_000_000_000;

/// A time of the election in nanoseconds, and where it is said; `None` for a default.
type Time<'a> = (i64, Option<Value<'a>>);

/// The times of one election.
struct Timing<'a> {
    lease: Option<Time<'a>>,
    renew: Option<Time<'a>>,
    retry: Option<Time<'a>>,
}

fn check(world: &World<'_>, findings: &mut Findings<'_>) {
    for object in &world.objects {
        for variables in kube_vip::environments(object) {
            let time = |name: &str| {
                let value = *variables.get(name)?;
                Some((value.text().trim().parse::<i64>().ok()?.checked_mul(SECOND)?, Some(value)))
            };
            let names = ["vip_leaseduration", "vip_renewdeadline", "vip_retryperiod"];
            let timing = Timing { lease: time(names[0]), renew: time(names[1]), retry: time(names[2]) };
            judge(&timing, names, findings, |finding| {
                finding.about(object);
            });
        }
    }
    for release in world.releases.iter().filter(|release| release.is_of("cilium")) {
        cilium(world, release, findings);
    }
}

fn cilium(world: &World<'_>, release: &Release<'_>, findings: &mut Findings<'_>) {
    if release.get("l2announcements.enabled").or_default(false) != Some(true) {
        return;
    }
    let mut unknown = None;
    let mut time = |key: &str, default: i64| match release.get(&format!("l2announcements.{key}")) {
        Setting::Said(value) => Some((parse_duration(&value.text())?, Some(value))),
        Setting::Default => Some((default * SECOND, None)),
        Setting::Unknown(place, reason) => {
            unknown = Some((place, reason));
            None
        }
    };
    let names = ["leaseDuration", "leaseRenewDeadline", "leaseRetryPeriod"];
    let timing = Timing { lease: time(names[0], 15), renew: time(names[1], 5), retry: time(names[2], 2) };
    if let Some((place, reason)) = unknown {
        findings.not_checked(Fact::Values, Some(release.title()), reason, Some(place));
    }
    judge(&timing, names, findings, |finding| {
        finding.subject(&release.title());
    });
    let (Some((renew, _)), Some(limit)) = (timing.renew, release.get("k8sClientRateLimit.qps").said()) else { return };
    let source = release.place.source;
    let services = world.services.iter().filter(|service| {
        service.class.as_deref().is_none_or(|class| class == "io.cilium/l2-announcer")
            && world.together(service.object.name_span().source, source) == Together::Yes
    });
    let (leases, Ok(allowed)) = (services.count() as i128, limit.text().trim().parse::<i128>()) else { return };
    let needed = (leases * i128::from(SECOND)).div_euclid(i128::from(renew.max(1)));
    if needed > allowed {
        let message = format!(
            "Cilium renews {leases} leases every {}, {needed} requests a second, and {allowed} are let through",
            seconds(renew)
        );
        let finding = findings.report(limit.span(), "leases are lost, addresses wander", message);
        finding.subject(&release.title());
        let enough = needed * 2;
        finding.help(format!("write `qps: {enough}` or more, or lengthen `leaseRenewDeadline` and `leaseDuration`"));
    }
}

/// `15 s`, `0.2 s`.
fn seconds(nanoseconds: i64) -> String {
    format!("{} s", std::time::Duration::from_nanos(nanoseconds.unsigned_abs()).as_secs_f64())
}

/// Reports the two relations that Kubernetes' election demands.
fn judge(
    timing: &Timing<'_>,
    names: [&'static str; 3],
    findings: &mut Findings<'_>,
    subject: impl Fn(&mut crate::Finding),
) {
    let mut report = |long: (Time<'_>, &str), short: (Time<'_>, &str), factor: &str| {
        let Some(place) = long.0.1.or(short.0.1) else { return };
        let said = |time: Time<'_>| {
            let default = if time.1.is_some() { "" } else { ", the default" };
            format!("{}{default}", seconds(time.0))
        };
        let message = format!(
            "`{}` ({}) is not longer than {factor}`{}` ({}): nobody can hold the lease, nobody announces",
            long.1,
            said(long.0),
            short.1,
            said(short.0)
        );
        let finding = findings.report(place.span(), "the election refuses this", message);
        subject(finding);
        if let Some(other) = short.0.1.filter(|other| other.span() != place.span()) {
            finding.related(other.span(), "compared with this");
        }
        finding.help(format!("for example: {} 15 s, {} 10 s, {} 2 s", names[0], names[1], names[2]));
    };
    if let (Some(lease), Some(renew)) = (timing.lease, timing.renew)
        && lease.0 <= renew.0
    {
        report((lease, names[0]), (renew, names[1]), "");
    }
    if let (Some(renew), Some(retry)) = (timing.renew, timing.retry)
        && renew.0.saturating_mul(10) <= retry.0.saturating_mul(12)
    {
        report((renew, names[1]), (retry, names[2]), "1.2 times ");
    }
}
